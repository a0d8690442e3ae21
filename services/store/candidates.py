"""Candidates and the sites that realise them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from domain.blueprint import Blueprint, Realization
from domain.errors import InvalidValueError, NotFoundError
from domain.parsing import to_json_value
from services.store.database import Database, insert_if_absent
from services.store.records import (
    CandidateRecord,
    FailureRecord,
    MeasurementRecord,
    QueryRecord,
    RealizationRecord,
)
from services.store.rows import (
    candidate_record,
    failure_record,
    measurement_record,
    query_record,
    realization_record,
)
from services.store.tables import candidates, failures, measurements, queries, realizations


@dataclass(frozen=True, slots=True)
class CandidateLooks:
    """What was asked and answered about a candidate."""

    queries: tuple[QueryRecord, ...]
    measurements: tuple[MeasurementRecord, ...]
    """Superseded ones and those that came too late among them."""
    failures: tuple[FailureRecord, ...]


class Candidates:
    """Blueprints that campaigns chose. They enter through `store.rounds.open`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, candidate_id: int) -> CandidateRecord:
        """Finds a candidate by number.

        Raises:
            NotFoundError: If there is none.
        """
        statement = select(candidates).where(candidates.c.id == candidate_id)
        with self._database.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"There is no candidate number {candidate_id}.", remedy="List the candidates.")
        return candidate_record(row)

    def get_all(self, numbers: Collection[int]) -> dict[int, CandidateRecord]:
        """Reads candidates by number; those that do not exist are left out."""
        statement = select(candidates).where(candidates.c.id.in_(sorted(numbers)))
        with self._database.read() as connection:
            return {row["id"]: candidate_record(row) for row in connection.execute(statement).mappings()}

    def list(self, campaign_id: int) -> tuple[CandidateRecord, ...]:
        """A campaign's candidates in the order in which they were chosen."""
        statement = select(candidates).where(candidates.c.campaign_id == campaign_id).order_by(candidates.c.id)
        with self._database.read() as connection:
            return tuple(candidate_record(row) for row in connection.execute(statement).mappings())

    def looks(self, candidate_id: int) -> CandidateLooks:
        """Everything that was asked and answered about a candidate, each in the order in which it came."""
        # By campaign too, because that is how queries are indexed.
        campaign_id = select(candidates.c.campaign_id).where(candidates.c.id == candidate_id).scalar_subquery()
        own = (queries.c.campaign_id == campaign_id, queries.c.candidate_id == candidate_id)
        asked = select(queries).where(*own).order_by(queries.c.id)
        with self._database.read() as connection:
            found = tuple(query_record(row) for row in connection.execute(asked).mappings())
            numbers = [query.id for query in found]
            answered = select(measurements).where(measurements.c.query_id.in_(numbers)).order_by(measurements.c.id)
            failed = select(failures).where(failures.c.query_id.in_(numbers)).order_by(failures.c.id)
            return CandidateLooks(
                queries=found,
                measurements=tuple(measurement_record(row) for row in connection.execute(answered).mappings()),
                failures=tuple(failure_record(row) for row in connection.execute(failed).mappings()),
            )


class Realizations:
    """Sites of candidates; a candidate has several."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, candidate_id: int, found: Sequence[Realization]) -> tuple[RealizationRecord, ...]:
        """Keeps sites; those that are known already stay as they are.

        Returns:
            All sites of the candidate.

        Raises:
            NotFoundError: If there is no such candidate.
            InvalidValueError: If the sites belong to another blueprint.
        """
        with self._database.write() as connection:
            write_realizations(connection, candidate_id, found, at=self._database.now())
        return self.list(candidate_id)

    def list(self, candidate_id: int) -> tuple[RealizationRecord, ...]:
        """A candidate's sites in the order in which they were found."""
        statement = (
            select(realizations, candidates.c.digest.label("blueprint_digest"))
            .join(candidates, candidates.c.id == realizations.c.candidate_id)
            .where(realizations.c.candidate_id == candidate_id)
            .order_by(realizations.c.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
        return tuple(realization_record(row, row["blueprint_digest"]) for row in rows)


def candidate_names(blueprint: Blueprint) -> dict[str, object]:
    """The columns by which a candidate is found and sorted."""
    return {
        "formula": blueprint.composition.reduced_formula,
        "space_group": blueprint.space_group.number,
        "elements": f" {' '.join(element.symbol for element in blueprint.composition.elements)} ",
        "density_g_cm3": blueprint.density_g_cm3,
    }


def write_realizations(
    connection: Connection, candidate_id: int, found: Sequence[Realization], *, at: datetime
) -> None:
    """Keeps sites inside a transaction.

    Raises:
        NotFoundError: If there is no such candidate.
        InvalidValueError: If the sites belong to another blueprint.
    """
    digest = connection.execute(select(candidates.c.digest).where(candidates.c.id == candidate_id)).scalar_one_or_none()
    if digest is None:
        raise NotFoundError(f"There is no candidate number {candidate_id}.", remedy="List the candidates.")
    for realization in found:
        if realization.blueprint_digest != digest:
            raise InvalidValueError(
                f"A realization of blueprint {realization.blueprint_digest[:12]} was handed in for candidate "
                f"{candidate_id}, whose blueprint is {digest[:12]}.",
                remedy="Hand in the sites of the crystal that was asked for.",
            )
    insert_if_absent(connection, realizations, [_row(candidate_id, realization, at) for realization in found])


def has_realization(connection: Connection, candidate_id: int, digest: str) -> bool:
    """Whether sites are kept for a candidate under this digest."""
    statement = select(realizations.c.id).where(
        realizations.c.candidate_id == candidate_id, realizations.c.digest == digest
    )
    return connection.execute(statement).first() is not None


def _row(candidate_id: int, realization: Realization, at: datetime) -> dict[str, object]:
    return {
        "candidate_id": candidate_id,
        "digest": realization.digest,
        "cif": realization.cif,
        "method": realization.method,
        "seed": realization.seed,
        "energy_eV_per_atom": realization.energy_eV_per_atom,
        "ranked_by": realization.ranked_by,
        "is_relaxed": realization.is_relaxed,
        "arrangement": None if realization.arrangement is None else to_json_value(realization.arrangement),
        "recorded_at": at,
    }
