"""Hubbard terms: who says which U (and V) a crystal has, and from which source.

A value without its source is worth little, and energies with different values must not be mixed: the provider stands
in a fidelity's settings, so that another one is another fidelity, and the terms stand in every result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Protocol

from domain.digest import content_digest
from domain.elements import element
from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from domain.parsing import to_json_value
from oracles.dft.hubbard_tables import TABLES

_ORBITAL: Final = re.compile(r"[1-7][spdf]")


@dataclass(frozen=True, slots=True)
class OnSite:
    """A Hubbard U (minus J) on one orbital of every atom of an element."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    element: str
    orbital: str
    """Shell and letter, such as `3d`."""
    U_eV: float
    source: str
    """Where the value is from: a publication, or how it was computed."""

    def __post_init__(self) -> None:
        _require_orbital(self.element, self.orbital)
        _require_value("U", self.U_eV)
        _require_source(f"The U of {self.element}", self.source)

    @property
    def angular_momentum(self) -> int:
        """0 of s to 3 of f."""
        return "spdf".index(self.orbital[-1])


@dataclass(frozen=True, slots=True)
class InterSite:
    """A Hubbard V between the nearest atoms of two elements."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    element: str
    orbital: str
    neighbour: str
    neighbour_orbital: str
    V_eV: float
    source: str

    def __post_init__(self) -> None:
        _require_orbital(self.element, self.orbital)
        _require_orbital(self.neighbour, self.neighbour_orbital)
        _require_value("V", self.V_eV)
        _require_source(f"The V between {self.element} and {self.neighbour}", self.source)


@dataclass(frozen=True, slots=True)
class HubbardTerms:
    """The terms of one crystal."""

    on_site: tuple[OnSite, ...] = ()
    inter_site: tuple[InterSite, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.on_site or self.inter_site)

    @property
    def details(self) -> JsonObject:
        """What a result says of them; nothing where there are none."""
        return {"hubbard": to_json_value(self)} if self else {}


NO_TERMS: Final = HubbardTerms()


class HubbardProvider(Protocol):
    """Says which terms a crystal has."""

    @property
    def name(self) -> str:
        """Everything that determines the terms."""
        ...

    @property
    def every(self) -> HubbardTerms:
        """All terms that any crystal may have."""
        ...

    def terms(self, symbols: Collection[str]) -> HubbardTerms:
        """The terms of a crystal of these elements."""
        ...


@dataclass(frozen=True, slots=True)
class FromTable:
    """Published values for compounds of certain anions."""

    table: str

    @property
    def name(self) -> str:
        """The table, by its content."""
        return f"U of {self.table} {content_digest(to_json_value(TABLES[self.table]))[:16]}"

    @property
    def every(self) -> HubbardTerms:
        """The whole table."""
        table = TABLES[self.table]
        return HubbardTerms(tuple(OnSite(*value, table.source) for value in table.values))

    def terms(self, symbols: Collection[str]) -> HubbardTerms:
        """A U on every element of the table, where the crystal has one of the anions that it was made for."""
        if not set(TABLES[self.table].anions) & set(symbols):
            return HubbardTerms()
        return HubbardTerms(tuple(term for term in self.every.on_site if term.element in symbols))


@dataclass(frozen=True, slots=True)
class Explicit:
    """Values that the spec gives, each with its source; they hold wherever the element is."""

    on_site: tuple[OnSite, ...]
    inter_site: tuple[InterSite, ...]

    @property
    def name(self) -> str:
        """The values, by their content."""
        return f"U given {content_digest(to_json_value(self))[:16]}"

    @property
    def every(self) -> HubbardTerms:
        """All values."""
        return HubbardTerms(self.on_site, self.inter_site)

    def terms(self, symbols: Collection[str]) -> HubbardTerms:
        """Those whose elements the crystal has."""
        return HubbardTerms(
            tuple(term for term in self.on_site if term.element in symbols),
            tuple(term for term in self.inter_site if {term.element, term.neighbour} <= set(symbols)),
        )


@dataclass(frozen=True, slots=True)
class HubbardSettings:
    """Settings `hubbard` of the oracle `ase`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    provider: Literal["table", "explicit"]
    table: str | None = None
    """Name of a table of published values."""
    on_site: tuple[OnSite, ...] = ()
    inter_site: tuple[InterSite, ...] = ()

    def __post_init__(self) -> None:
        is_given = bool(self.on_site or self.inter_site)
        if self.provider == "table" and (self.table not in TABLES or is_given):
            raise InvalidValueError(
                f"'{self.table}' is no table of Hubbard values, or values are given beside it.",
                remedy=f"Name one of {', '.join(sorted(TABLES))} alone, or set 'provider: explicit'.",
            )
        if self.provider == "explicit" and (self.table is not None or not is_given):
            raise InvalidValueError(
                "The provider 'explicit' has no values, or a table beside them.",
                remedy="Give them as on_site: [{element: Fe, orbital: 3d, U_eV: 4.0, source: where it is from}].",
            )
        sites = [(term.element, term.orbital) for term in self.on_site]
        if len(set(sites)) < len(sites):
            raise InvalidValueError("An orbital has two values of U.", remedy="Give each orbital once.")

    @property
    def chosen(self) -> HubbardProvider:
        """The provider."""
        return Explicit(self.on_site, self.inter_site) if self.table is None else FromTable(self.table)


def _require_orbital(symbol: str, orbital: str) -> None:
    _ = element(symbol)
    if not _ORBITAL.fullmatch(orbital):
        raise InvalidValueError(
            f"'{orbital}' of {symbol} is no orbital.", remedy="Give the shell and the letter, such as 3d."
        )


def _require_value(letter: str, value_eV: float) -> None:
    if not (math.isfinite(value_eV) and abs(value_eV) < 20):
        raise InvalidValueError(
            f"A Hubbard {letter} of {value_eV} eV is implausible; less than 20 eV was expected.",
            remedy="Give it in eV.",
        )


def _require_source(what: str, source: str) -> None:
    if not source.strip():
        raise InvalidValueError(f"{what} has no source.", remedy="Say where the value is from, or how it was computed.")
