"""Bringing known materials into the store: again and again without harm, and on from where it stopped."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from domain.errors import InvalidValueError, SpecError
from domain.json_value import JsonObject, JsonValue
from domain.material import KnownMaterial
from services.materials.files import Reading
from services.materials.optimade_entry import material_from_optimade
from services.materials.provider import Provider, ProviderPage
from services.store import Store

MOST_PROBLEMS = 100
"""Problems that are told one by one; the rest are counted."""
_AT_ONCE = 100
"""Files that one transaction keeps."""


@dataclass(frozen=True, slots=True)
class Holder:
    """In whose hands materials come."""

    group_id: int | None
    """None for everyone's."""
    added_by: str


@dataclass(frozen=True, slots=True)
class ImportTally:
    """What came of an import so far."""

    n_read: int = 0
    """Structures that were looked at."""
    n_new: int = 0
    n_refused: int = 0
    problems: tuple[str, ...] = ()
    """Why, for the first of them."""
    n_found: int | None = None
    """How many there are to import, where the provider says."""

    @property
    def n_known(self) -> int:
        """Structures that were in the store already."""
        return self.n_read - self.n_new - self.n_refused

    def plus(self, *, n_read: int, n_new: int, problems: Sequence[str], n_found: int | None = None) -> "ImportTally":
        """The same with some more."""
        return ImportTally(
            n_read=self.n_read + n_read,
            n_new=self.n_new + n_new,
            n_refused=self.n_refused + len(problems),
            problems=(*self.problems, *problems)[:MOST_PROBLEMS],
            n_found=self.n_found if n_found is None else n_found,
        )

    def as_json(self) -> JsonObject:
        """The same as JSON."""
        return {
            "read": self.n_read,
            "new": self.n_new,
            "known": self.n_known,
            "refused": self.n_refused,
            "problems": list(self.problems),
            "found": self.n_found,
        }


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import of a provider's pages has come."""

    next: str | None
    """Address of the page to go on with; None at the end."""
    tally: ImportTally = field(default_factory=ImportTally)


@dataclass(frozen=True, slots=True)
class PageReading:
    """What one page of a provider's structures holds."""

    found: tuple[KnownMaterial, ...]
    problems: tuple[str, ...]
    """Why the rest was left out."""
    next: str | None
    """Address of the next page; None after the last one."""
    n_found: int | None
    """Structures that fulfil the filter, where the provider says."""


def import_readings(store: Store, readings: Iterable[Reading], holder: Holder) -> ImportTally:
    """Keeps what was read from files."""
    tally = ImportTally()
    waiting: list[Reading] = []
    for reading in readings:
        waiting.append(reading)
        if len(waiting) == _AT_ONCE:
            tally = _keep(store, waiting, holder, tally)
            waiting = []
    return _keep(store, waiting, holder, tally)


def import_from_provider(
    store: Store,
    provider: Provider,
    holder: Holder,
    *,
    begin: ImportProgress,
    told: Callable[[ImportProgress], None],
) -> ImportTally:
    """Keeps what a provider has, page by page.

    Args:
        store: The store.
        provider: Whom to ask.
        holder: In whose hands the materials come.
        begin: Where to begin or to go on.
        told: Hears of every page after it was kept, with where to go on.

    Raises:
        ProviderError: If the provider cannot be reached, answers nonsense, or too much. What was kept stays.
    """
    progress = begin
    if progress.next is None:
        return progress.tally
    for page in provider.pages(progress.next):
        reading = read_page(page, source=provider.name)
        progress = keep_page(store, reading, holder, tally=progress.tally)
        told(progress)
    return progress.tally


def read_page(page: ProviderPage, *, source: str) -> PageReading:
    """Reads one page of a provider's structures; those that cannot be read are told and left out."""
    found: list[KnownMaterial] = []
    problems: list[str] = []
    for entry in page.entries:
        try:
            found.append(material_from_optimade(entry, source=source))
        except (InvalidValueError, SpecError) as error:
            problems.append(f"{_name(entry)}: {error.problem}")
    return PageReading(tuple(found), tuple(problems), page.next, page.n_found)


def keep_page(store: Store, page: PageReading, holder: Holder, *, tally: ImportTally) -> ImportProgress:
    """Keeps what was read of one page."""
    n_new = store.materials.add_many(page.found, group_id=holder.group_id, added_by=holder.added_by)
    n_read = len(page.found) + len(page.problems)
    return ImportProgress(
        page.next, tally.plus(n_read=n_read, n_new=n_new, problems=page.problems, n_found=page.n_found)
    )


def _keep(store: Store, readings: Sequence[Reading], holder: Holder, tally: ImportTally) -> ImportTally:
    found = [reading.material for reading in readings if reading.material is not None]
    problems = [f"{reading.name}: {reading.problem}" for reading in readings if reading.problem is not None]
    n_new = store.materials.add_many(found, group_id=holder.group_id, added_by=holder.added_by)
    return tally.plus(n_read=len(readings), n_new=n_new, problems=problems)


def _name(entry: JsonValue) -> str:
    name = entry.get("id") if isinstance(entry, dict) else None
    return name[:60] if isinstance(name, str) else "a structure"
