"""What entries of the index of structures hold: sites, and the values that count."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, or_, select

from domain.blueprint import Blueprint
from domain.measurement import Censoring
from domain.training import Observation
from services.store.intake_tables import structures
from services.store.records import RealizationRecord
from services.store.results import STANDING
from services.store.rows import realization_record, stored
from services.store.tables import candidates, measurements, realizations


@dataclass(frozen=True, slots=True)
class RealizationContents:
    """A realization with the blueprint that it realises and what was measured of its candidate."""

    record: RealizationRecord
    campaign_id: int
    blueprint: Blueprint
    values: tuple[Observation, ...]


def exact_value(fidelities: Mapping[str, Collection[int]]) -> ScalarSelect[float]:
    """The value measured of an entry's candidate, as a column; unknown where it is only a bound.

    Args:
        fidelities: Numbers of the campaigns in which each fidelity counts.
    """
    fits: list[ColumnElement[bool]] = [
        and_(measurements.c.fidelity == fidelity, measurements.c.campaign_id.in_(sorted(campaign_ids)))
        for fidelity, campaign_ids in fidelities.items()
    ]
    statement = (
        select(measurements.c.value)
        .where(
            measurements.c.candidate_id == structures.c.candidate_id,
            measurements.c.censoring == Censoring.NONE.value,
            or_(*fits),
            *STANDING,
        )
        .order_by(measurements.c.id.desc())
        .limit(1)
    )
    return statement.correlate(structures).scalar_subquery()


def read_realizations(connection: Connection, numbers: Sequence[int]) -> dict[int, RealizationContents]:
    """Reads realizations by number, inside a transaction."""
    statement = (
        select(
            realizations,
            candidates.c.digest.label("blueprint_digest"),
            candidates.c.campaign_id,
            candidates.c.blueprint,
        )
        .join(candidates, candidates.c.id == realizations.c.candidate_id)
        .where(realizations.c.id.in_(numbers))
    )
    rows = connection.execute(statement).mappings().all()
    blueprints = {row["candidate_id"]: stored(Blueprint, row["blueprint"]) for row in rows}
    values = _values(connection, blueprints)
    return {
        row["id"]: RealizationContents(
            record=realization_record(row, row["blueprint_digest"]),
            campaign_id=row["campaign_id"],
            blueprint=blueprints[row["candidate_id"]],
            values=tuple(values[row["candidate_id"]]),
        )
        for row in rows
    }


def _values(connection: Connection, blueprints: Mapping[int, Blueprint]) -> Mapping[int, list[Observation]]:
    statement = select(measurements).where(measurements.c.candidate_id.in_(sorted(blueprints)), *STANDING)
    found: defaultdict[int, list[Observation]] = defaultdict(list)
    for row in connection.execute(statement.order_by(measurements.c.id)).mappings():
        found[row["candidate_id"]].append(
            Observation(
                blueprint=blueprints[row["candidate_id"]],
                fidelity=row["fidelity"],
                value=row["value"],
                sigma=row["sigma"],
                censoring=Censoring(row["censoring"]),
                temperature_K=row["temperature_K"],
            )
        )
    return found
