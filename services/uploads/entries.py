"""What a row of an upload was taken for, before and until it enters the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from domain.blueprint import Blueprint
from domain.digest import content_digest
from domain.json_value import JsonObject, JsonValue
from domain.measurement import Censoring
from domain.parsing import to_json_object
from domain.structure import Structure
from services.store.records import QueryRecord
from services.store.uploads import RowState, UploadRow


class Destination(StrEnum):
    """What becomes of a row when it enters."""

    ANSWER = "answer"
    """The answer to a laboratory query."""
    AMENDMENT = "amendment"
    """The correction of a measurement."""
    UNSOLICITED = "unsolicited"
    """A measurement of a crystal that nobody asked for."""
    MATERIAL = "material"
    """A known material without a measurement."""
    REALIZATION = "realization"
    """Sites of a candidate."""
    PART = "part"
    """A spectrum of a series: it enters with the series."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured value as it was handed in."""

    value: float
    unit: str
    sigma: float | None = None
    censoring: Censoring = Censoring.NONE
    temperature_K: float | None = None
    measured_at: datetime | None = None
    """None where the row does not say."""
    note: str = ""
    details: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crystal:
    """A crystal as it was handed in."""

    name: str
    """What the laboratory calls it."""
    amounts: Mapping[str, float]
    """Atoms of each element in the cell, by symbol; fractions where sites are shared."""
    space_group: int | None
    blueprint: Blueprint | None
    """None where sites are shared or the cell is not in the standard setting."""
    structure: Structure | None = None
    cif: str | None = None
    properties: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """What would enter the store."""

    destination: Destination
    query_id: int | None = None
    measurement_id: int | None = None
    """The measurement that is corrected."""
    candidate_id: int | None = None
    crystal: Crystal | None = None
    reading: Reading | None = None
    reason: str = ""
    """Why a measurement is corrected."""
    fidelity: str = ""
    """The laboratory's rung of the ladder at which was measured; empty for the one that the upload is for."""

    @classmethod
    def answer(cls, query: QueryRecord, reading: Reading) -> Self:
        """The answer to a query."""
        return cls(
            Destination.ANSWER,
            query_id=query.id,
            candidate_id=query.candidate_id,
            reading=reading,
            fidelity=query.fidelity,
        )

    @property
    def content(self) -> str | None:
        """Names a measured value by all that is said of it, so that the same again is known; None for anything else."""
        return content_digest(to_json_object(self)) if self.destination in _MEASURED else None


_MEASURED: Final = frozenset({Destination.ANSWER, Destination.AMENDMENT, Destination.UNSOLICITED})


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of looking at a row."""

    state: RowState
    entry: Entry | None
    """None where the row is refused."""
    remarks: tuple[str, ...]

    @classmethod
    def refused(cls, problem: str, remedy: str) -> Self:
        """A row that cannot enter before it is corrected."""
        return cls(RowState.REFUSED, None, (f"{problem} {remedy}",))

    def row(self, number: int, cells: JsonObject) -> UploadRow:
        """The same as a row of the report."""
        if self.entry is None:
            return UploadRow(number, self.state, cells, {}, self.remarks)
        understood = to_json_object(self.entry)
        return UploadRow(number, self.state, cells, understood, self.remarks, content=self.entry.content)
