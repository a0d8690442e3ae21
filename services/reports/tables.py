"""Tables of a campaign as CSV: numbers stay numbers, and no text can be taken for a formula by a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO, TypeAlias

from domain.disorder import disorder_told
from services.spreadsheets import harmless_cell
from services.store import Store
from services.store.material_values import MaterialMeasurementRecord, standing_values
from services.store.records import CampaignRecord, MeasurementRecord

Cell: TypeAlias = str | int | float | bool | None

_MEASUREMENT_COLUMNS: Final = (
    "measurement", "query", "round", "candidate", "formula", "space_group", "blueprint_digest", "fidelity", "value",
    "unit", "sigma", "bound", "temperature_K", "counts", "corrects", "takes_back", "came_too_late", "reported_value",
    "reported_unit", "oracle", "oracle_version", "settings_digest", "worker", "seed", "realization_digest",
    "declared_cost", "cost_unit", "core_seconds", "money", "measured_at", "recorded_at", "disorder",
)  # fmt: skip
_MATERIAL_COLUMNS: Final = (
    "material_measurement", "material", "formula", "space_group", "source", "source_id", "blueprint_digest", "fidelity",
    "value", "unit", "sigma", "bound", "temperature_K", "counts", "corrects", "takes_back", "reported_value",
    "reported_unit", "oracle", "oracle_version", "settings_digest", "worker", "seed", "realization_digest",
    "measured_at", "recorded_at", "disorder",
)  # fmt: skip

_SERIES_COLUMNS: Final = (
    "measurement", "material_measurement", "temperature_K", "value", "unit", "sigma", "bound",
)  # fmt: skip
_PAGE: Final = 1000


def measurement_rows(store: Store, campaign: CampaignRecord) -> Iterator[Sequence[Cell]]:
    """Every measurement of a campaign with its provenance, a header first; corrected and late ones are marked."""
    candidates = {candidate.id: candidate for candidate in store.candidates.list(campaign.id)}
    queries = {query.id: query for query in store.queries.list(campaign.id)}
    standing = {record.id for record in store.measurements.standing(campaign.id)}
    yield _MEASUREMENT_COLUMNS
    for record in store.measurements.list(campaign.id, with_evidence=True):
        candidate, query = candidates[record.candidate_id], queries[record.query_id]
        blueprint = candidate.blueprint
        yield (
            record.id, record.query_id, query.round_index, candidate.id, blueprint.composition.reduced_formula,
            blueprint.space_group.number, candidate.digest, record.fidelity, *_value(record), record.id in standing,
            record.supersedes, record.is_retracted, record.is_evidence, record.reported_value, record.reported_unit,
            *_origin(record), query.declared.amount, campaign.spec.budget.unit,
            record.measurement.cost.core_seconds, record.measurement.cost.money,
            record.measurement.measured_at.isoformat(), record.recorded_at.isoformat(), _disorder(record),
        )  # fmt: skip


def material_rows(store: Store, campaign: CampaignRecord) -> Iterator[Sequence[Cell]]:
    """Every measurement of a known material for a campaign with its provenance, a header first."""
    values = tuple(store.material_values.every(campaign.id))
    standing = standing_values(values)
    known = store.materials.get_all({value.material_id for value in values})
    yield _MATERIAL_COLUMNS
    for value in values:
        record = known[value.material_id]
        yield (
            value.id, record.id, record.material.formula, record.material.space_group, record.material.source,
            record.material.source_id, record.digest, value.fidelity, *_value(value), value.id in standing,
            value.supersedes, value.is_retracted, value.reported_value, value.reported_unit, *_origin(value),
            value.measurement.measured_at.isoformat(), value.recorded_at.isoformat(), _disorder(value),
        )  # fmt: skip


def series_rows(store: Store, campaign: CampaignRecord) -> Iterator[Sequence[Cell]]:
    """Every point of a campaign's series, a header first; what it stands beside says whether it counts."""
    unit = campaign.spec.objective.measured.unit
    yield _SERIES_COLUMNS
    after = 0
    while page := store.series.page(campaign.id, after=after, limit=_PAGE):
        for record in page:
            point = record.point
            bound = point.censoring.value.strip("=")
            owner = (record.measurement_id, record.material_measurement_id)
            yield (*owner, point.temperature_K, point.value, unit, point.sigma, bound)
        after = page[-1].id


def write_csv(file: TextIO, rows: Iterable[Sequence[Cell]]) -> None:
    """Writes a table; texts that a spreadsheet would take for formulas are defused."""
    writer = csv.writer(file)
    for row in rows:
        writer.writerow([harmless_cell(cell) if isinstance(cell, str) else cell for cell in row])


def _value(record: MeasurementRecord | MaterialMeasurementRecord) -> tuple[Cell, ...]:
    measured = record.measurement
    bound = measured.censoring.value.strip("=")
    return (measured.value, measured.unit, measured.sigma, bound, measured.temperature_K)


def _disorder(record: MeasurementRecord | MaterialMeasurementRecord) -> str:
    return disorder_told(record.measurement.details) or ""


def _origin(record: MeasurementRecord | MaterialMeasurementRecord) -> tuple[Cell, ...]:
    origin = record.measurement.provenance
    return (
        origin.oracle, origin.oracle_version, origin.settings_digest, origin.worker, origin.seed,
        origin.realization_digest,
    )  # fmt: skip
