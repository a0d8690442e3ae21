"""Reading the parts of one file, crystals of a zip or spectra of a series, in a time that grows with their number."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self, TypeVar

from domain.errors import UnreadableFileError
from services.uploads.child import Readers

_FIRST_PARTS: Final = 4
"""Parts that are read in the time of one file."""
_MORE_S: Final[Mapping[str, float]] = MappingProxyType({"cif": 0.1, "spectrum": 0.75})
"""What each further part adds to that time, by task."""
_MOST_MORE_S: Final = 60.0

_Part = TypeVar("_Part")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class PartReading:
    """The time in which the parts of one file are read."""

    readers: Readers
    until: float
    """When all of them must have been read, on `time.monotonic`."""

    @classmethod
    def of(cls, readers: Readers, deadline: float, *, task: str, n_parts: int) -> Self:
        """The time for some parts.

        Args:
            readers: The processes that read.
            deadline: When a file of one part must have been read, on `time.monotonic`.
            task: What reads each.
            n_parts: How many there are.
        """
        return cls(readers, deadline + min(_MOST_MORE_S, _MORE_S[task] * max(0, n_parts - _FIRST_PARTS)))

    def deadline(self) -> float:
        """When a part that is begun now must have been read.

        Raises:
            UnreadableFileError: If the time of all parts is over.
        """
        now = time.monotonic()
        if now > self.until:
            raise UnreadableFileError(
                "It was not read: the files before it took the time that one upload may take.",
                remedy="Have the refused rows checked again, which goes on from here.",
            )
        return min(self.until, now + self.readers.limits.wall_s)

    def each(self, parts: Sequence[_Part], look: Callable[[_Part], _Found]) -> list[_Found]:
        """Looks at every part, as many at once as there are processes."""
        if len(parts) < 2:
            return [look(part) for part in parts]
        with ThreadPoolExecutor(self.readers.limits.n_children) as pool:
            return list(pool.map(look, parts))
