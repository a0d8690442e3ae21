"""What is asked of a computed oracle, and what it answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from domain.blueprint import Blueprint, Realization
from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from domain.measurement import Censoring, SeriesPoint, require_short_series

MOST_FILES: Final = 32
"""Of one look."""
_FILE_NAME: Final = re.compile(r"[\w(][\w ().+,-]{0,119}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,99}")
_LONGEST_DESCRIPTION: Final = 500


@dataclass(frozen=True, slots=True)
class LookRequest:
    """One look at one crystal."""

    blueprint: Blueprint
    seed: int
    """Seed of every random draw of the look."""
    realizations: tuple[Realization, ...] = ()
    """Sites that are known already."""
    references: Mapping[str, float] = field(default_factory=dict)
    """Energy per atom (eV) of each element's reference structure, by symbol, from the same oracle and settings."""


@dataclass(frozen=True, slots=True)
class FileNote:
    """What is said of a file that a look produced."""

    name: str
    """Under which it is offered; no folders."""
    media_type: str
    description: str
    """One sentence."""

    def __post_init__(self) -> None:
        if not _FILE_NAME.fullmatch(self.name):
            raise InvalidValueError(
                f"'{self.name[:120]}' is no name of a file.",
                remedy="Give letters, digits, spaces and ( ) . + , - _ without any folder, 120 at most.",
            )
        if not _MEDIA_TYPE.fullmatch(self.media_type):
            raise InvalidValueError(
                f"'{self.media_type[:120]}' is no media type.", remedy="Give one such as application/json."
            )
        if not 0 < len(self.description) <= _LONGEST_DESCRIPTION:
            raise InvalidValueError(
                f"'{self.name}' is described in {len(self.description)} characters.",
                remedy=f"Say in one sentence what it holds, in at most {_LONGEST_DESCRIPTION}.",
            )


@dataclass(frozen=True, slots=True)
class LookFile:
    """A file that a look produced."""

    note: FileNote
    path: str
    """In the folder of the workbench, by slashes; it stays as it is until the look is answered."""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.path)
        if not path.name or path.is_absolute() or ".." in path.parts:
            raise InvalidValueError(
                f"'{self.path[:120]}' is no path inside a workbench.",
                remedy="Write files below the workbench's folder, and name them from there.",
            )


@dataclass(frozen=True, slots=True)
class LookResult:
    """What an oracle saw."""

    value: float
    """In the unit of the oracle's quantity."""
    sigma: float | None = None
    """Known standard deviation; None where nobody knows."""
    realizations: tuple[Realization, ...] = ()
    """Sites that were found on the way; the store keeps them all."""
    realization_digest: str | None = None
    """The sites that the value belongs to."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    censoring: Censoring = Censoring.NONE
    """Whether the value is only a bound, as where ions were too slow to be seen moving."""
    temperature_K: float | None = None
    """At which the value holds; None where it does not depend on it."""
    series: tuple[SeriesPoint, ...] = ()
    """The same quantity at the temperatures at which it was seen, where there are several. Nobody learns from them."""
    files: tuple[LookFile, ...] = ()
    """What was produced and is worth keeping; only where there is a workbench."""

    def __post_init__(self) -> None:
        require_short_series(self.series)
        if len(self.files) > MOST_FILES:
            raise InvalidValueError(
                f"A look produced {len(self.files)} files; at most {MOST_FILES} are kept.",
                remedy="Put what belongs together into one file.",
            )


@dataclass(frozen=True, slots=True)
class LookProgress:
    """How far a look has come that takes long."""

    share: float
    """Between 0 and 1."""
    note: str
    """In the user's words, such as `12 of 50 ps at 600 K`."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidValueError(
                f"A look cannot be {self.share} of the way.", remedy="Give a share between 0 and 1."
            )


@dataclass(frozen=True, slots=True)
class ReferenceEnergy:
    """Energy of an element's reference structure, by one oracle with one set of settings."""

    symbol: str
    energy_eV_per_atom: float
    structure: str
    """Which structure, in words, such as `bcc, 1 atom in the primitive cell`."""
    cif: str
    """That structure."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
