"""Pages by key: each begins after a number that the one before names, so that no page costs more than the first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, Protocol, TypeVar

from fastapi import Query

from services.api.dependencies import LARGEST_NUMBER

LARGEST_PAGE: Final = 500

After = Annotated[
    int, Query(ge=0, le=LARGEST_NUMBER, description="Begin after the item with this number: `next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Most items on the page.")]


class Numbered(Protocol):
    """Anything that has a number in the store."""

    @property
    def id(self) -> int:
        """The number."""
        ...


Record = TypeVar("Record", bound=Numbered)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items in ascending number, and where the next page begins."""

    items: tuple[Item, ...]
    next: int | None
    """Give it as `after` for the next page; null on the last one."""


def keyset(read: Callable[[int], Sequence[Record]], show: Callable[[Record], Item], *, limit: int) -> Page[Item]:
    """Cuts a page out of a list that the store reads on from a number.

    Args:
        read: Reads at most so many records, ascending in number.
        show: Turns a record into what the page lists.
        limit: Most items on the page.
    """
    # One more than the page holds, so that a full last page is known to be the last.
    found = read(limit + 1)
    has_more = len(found) > limit
    shown = found[:limit]
    return Page(tuple(show(record) for record in shown), shown[-1].id if has_more else None)


def same(record: Item) -> Item:
    """Lists a record as the store has it."""
    return record
