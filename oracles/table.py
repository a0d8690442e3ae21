"""The oracle `table`: answers that somebody has already, for campaigns that look back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from domain import quantity as quantities
from domain.blueprint import Blueprint
from domain.errors import (
    InvalidValueError,
    OracleUnavailableError,
    SpecError,
    UnsupportedCrystalError,
)
from domain.json_value import JsonObject
from domain.lattice import LatticeParameters
from domain.look import LookRequest, LookResult
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity
from oracles.table_file import Entry, read_table
from oracles.trusted_files import FileKind, trust_here, trusted_file
from oracles.versions import versions_of
from oracles.without_references import WithoutReferences


@dataclass(frozen=True, slots=True)
class TableSettings:
    """Settings of the oracle `table`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    path: str
    """Path of a CSV or JSON file, whole or within a trusted folder."""
    quantity: str
    """Name of the quantity that its values are of."""
    temperature_K: float | None = None
    """Takes the rows of this temperature alone; None: all rows, which may then name no crystal twice."""
    length_tolerance: float = 0.02
    """Largest relative difference of a, b and c where a row gives a cell."""
    angle_tolerance_deg: float = 1.0
    """The same of the angles."""

    def __post_init__(self) -> None:
        quantities.quantity(self.quantity)
        if not (self.length_tolerance >= 0 and self.angle_tolerance_deg >= 0):
            raise InvalidValueError("A tolerance of the table is below 0.", remedy="Give numbers of at least 0.")

    @property
    def file_name(self) -> str:
        """The last part of its path."""
        return Path(self.path).name


@dataclass(frozen=True, slots=True)
class _Answers:
    """The rows of a table by what names their crystals."""

    digest: str
    by_blueprint: dict[str, Entry]
    by_formula: dict[tuple[str, int], list[Entry]]


@dataclass(slots=True)
class TableOracle(WithoutReferences):
    """Looks crystals up in a file, which is read once."""

    _speaker: ClassVar = "The table"
    _needless: ClassVar = "it needs"

    settings: TableSettings
    name: str = "table"
    mode: OracleMode = OracleMode.COMPUTED
    _answers: _Answers | None = field(default=None, init=False, repr=False)

    @property
    def quantity(self) -> Quantity:
        """What the table's values are of."""
        return quantities.quantity(self.settings.quantity)

    @property
    def version(self) -> str:
        """The file's name and content, and Petalite's version."""
        try:
            digest = self._read().digest[:16]
        except OracleUnavailableError:
            digest = "unreadable"
        return f"{self.settings.file_name} sha256 {digest}, {versions_of('petalite')}"

    def check(self) -> None:
        """Checks that the table is here and trusted, and every row of it can be right.

        Raises:
            OracleUnavailableError: If not; a row that is wrong is named by its number.
        """
        self._read()

    def require_supported(self, blueprint: Blueprint) -> None:
        """Refuses crystals that the table does not know.

        Raises:
            UnsupportedCrystalError: If it is one.
        """
        self._find(blueprint)

    def look(self, request: LookRequest) -> LookResult:
        """Answers with the row of the crystal.

        Raises:
            UnsupportedCrystalError: If there is none.
        """
        entry = self._find(request.blueprint)
        return LookResult(
            value=entry.value,
            sigma=entry.sigma,
            censoring=entry.censoring,
            temperature_K=entry.temperature_K,
            details={"row": entry.row, **({"note": entry.note} if entry.note else {})},
        )

    def _read(self) -> _Answers:
        if self._answers is None:
            # The file is no part of the spec and may be put right, so what is wrong with it says nothing of a look.
            try:
                self._answers = self._read_anew()
            except (SpecError, InvalidValueError) as error:
                raise OracleUnavailableError(error.problem, remedy=error.remedy) from error
        return self._answers

    def _read_anew(self) -> _Answers:
        table = read_table(trusted_file(self.settings.path, trust_here(), kind=FileKind.TABLE), self.quantity)
        wanted = self.settings.temperature_K
        entries = [entry for entry in table.entries if wanted is None or entry.temperature_K == wanted]
        return _answers(entries, table.digest)

    def _find(self, blueprint: Blueprint) -> Entry:
        answers = self._read()
        found = answers.by_blueprint.get(blueprint.digest)
        if found is not None:
            return found
        named = answers.by_formula.get((blueprint.composition.reduced_formula, blueprint.space_group.number), [])
        near = [entry for entry in named if self._fits(entry.lattice, blueprint.lattice)]
        if near:
            return min(near, key=lambda entry: _difference(entry.lattice, blueprint.lattice))
        cells = f" ({len(named)} with another cell)" if named else ""
        raise UnsupportedCrystalError(
            f"The table {self.settings.file_name} has no row for {blueprint.title}{cells}.",
            remedy="Add a row, or ask for the crystals that it knows.",
        )

    def _fits(self, known: LatticeParameters | None, asked: LatticeParameters) -> bool:
        if known is None:
            return True
        lengths = [abs(ours - theirs) / theirs for ours, theirs in zip(asked.lengths, known.lengths, strict=True)]
        angles = [abs(ours - theirs) for ours, theirs in zip(asked.angles, known.angles, strict=True)]
        return max(lengths) <= self.settings.length_tolerance and max(angles) <= self.settings.angle_tolerance_deg


def _difference(known: LatticeParameters | None, asked: LatticeParameters) -> float:
    """How far a row's cell is from the one asked; a row without a cell is the last resort."""
    if known is None:
        return float("inf")
    return sum(abs(ours - theirs) / theirs for ours, theirs in zip(asked.parameters, known.parameters, strict=True))


def _answers(entries: Sequence[Entry], digest: str) -> _Answers:
    by_blueprint: dict[str, Entry] = {}
    by_formula: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.blueprint is not None:
            _require_new(entry, [by_blueprint[entry.blueprint]] if entry.blueprint in by_blueprint else [])
            by_blueprint[entry.blueprint] = entry
        elif entry.formula is not None and entry.space_group is not None:
            namesakes = by_formula[entry.formula, entry.space_group]
            _require_new(entry, [other for other in namesakes if other.lattice == entry.lattice])
            namesakes.append(entry)
    return _Answers(digest, by_blueprint, dict(by_formula))


def _require_new(entry: Entry, others: Sequence[Entry]) -> None:
    if others:
        raise SpecError(
            f"Rows {others[0].row} and {entry.row} of the table name the same crystal.",
            remedy="Keep one, give both their cells, or choose one temperature by 'temperature_K'.",
        )


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings; the table is read by the first check or look.

    Raises:
        SpecError: If a setting is unknown, missing or impossible.
    """
    return TableOracle(parse(TableSettings, dict(settings), what="The settings of oracle 'table'"))
