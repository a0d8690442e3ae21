"""Whether the files that the store names are there, and are what they were."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from domain.errors import NotFoundError
from services.store import Store
from services.store.artifacts import ArtifactRecord
from services.uploads.artifacts import ArtifactFolder

_PAGE: Final = 1000
_CHUNK_BYTES: Final = 2**20
_READ_IN_SAMPLES_BYTES: Final = 2**20
"""A sampled file that is larger is measured and not read."""


class Fault(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    """It is not in the folder."""
    DAMAGED = "damaged"
    """Its bytes are not those that were handed in."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A file that is not what the store says."""

    artifact_id: int
    digest: str
    name: str
    """What whoever handed it in calls it."""
    fault: Fault

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        return f"artifact {self.artifact_id} ({self.name}, {self.digest[:12]}) is {self.fault}"


def named_files(store: Store) -> Iterator[ArtifactRecord]:
    """One record of every file that the store names, in the order in which they came."""
    seen: set[str] = set()
    after = 0
    while page := store.artifacts.page(after=after, limit=_PAGE):
        after = page[-1].id
        for record in page:
            if record.digest not in seen:
                seen.add(record.digest)
                yield record


def sampled_files(store: Store, n_files: int, random: Random) -> tuple[ArtifactRecord, ...]:
    """At most `n_files` files that the store names, drawn at random."""
    newest = store.artifacts.newest_id()
    numbers = random.sample(range(1, newest + 1), min(n_files, newest))
    return store.artifacts.some(numbers)


def find_flaws(records: Iterable[ArtifactRecord], folder: ArtifactFolder, *, is_sample: bool = False) -> list[Flaw]:
    """Looks at files and reads them; large ones of a sample are only measured."""
    faults = ((record, _fault(record, folder, is_sample=is_sample)) for record in records)
    return [Flaw(record.id, record.digest, record.name, fault) for record, fault in faults if fault is not None]


def _fault(record: ArtifactRecord, folder: ArtifactFolder, *, is_sample: bool) -> Fault | None:
    try:
        path = folder.path(record.digest)
        if path.stat().st_size != record.size:
            return Fault.DAMAGED
        is_left = is_sample and record.size > _READ_IN_SAMPLES_BYTES
        return None if is_left or _digest(path) == record.digest else Fault.DAMAGED
    except (NotFoundError, FileNotFoundError):
        return Fault.MISSING
    except OSError:  # a disk that cannot read it
        return Fault.DAMAGED


def _digest(path: Path) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
    return sha256.hexdigest()
