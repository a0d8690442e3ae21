"""Reference energies of the elements: each group's own, computed once for an oracle, its version and its settings.

Rows are only ever added. A correction supersedes the row before it, so that all rows of one origin and element form a
chain whose last one counts, unless it takes the one before it back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, or_, select, true

from domain.errors import NotFoundError
from domain.look import ReferenceEnergy
from domain.measurement import Provenance
from domain.parsing import to_json_value
from services.store.database import Database
from services.store.records import ReferenceRecord
from services.store.resting import RestingMeasurement, measurements_resting_on
from services.store.rows import reference_record
from services.store.tables import reference_energies

NO_GROUP = 0
"""Who holds the energies of campaigns that belong to no group."""
_NEWER = reference_energies.alias()
_STANDING = (
    reference_energies.c.is_retracted.is_(False),
    ~select(_NEWER.c.id).where(_NEWER.c.supersedes == reference_energies.c.id).exists(),
)


@dataclass(frozen=True, slots=True)
class NewReference:
    """A reference energy, or its withdrawal, that is about to be kept."""

    reference: ReferenceEnergy
    provenance: Provenance
    """Names the oracle, its version and its settings."""
    group_id: int | None
    """Whose campaigns count from it; None for those of no group."""
    core_seconds: float | None = None
    supersedes: int | None = None
    is_retracted: bool = False
    reason: str = ""
    said_by: str = ""
    """Who corrects."""
    remarks: tuple[str, ...] = ()


class References:
    """Energies per atom of elements' reference structures. They enter and are corrected through `services.intake`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(
        self, oracle: str, oracle_version: str, settings_digest: str, *, group_id: int | None
    ) -> Mapping[str, ReferenceRecord]:
        """What counts for a group's campaigns and an oracle, its version and its settings, by element symbol."""
        condition = _of_origin(oracle, oracle_version, settings_digest, group_id)
        with self._database.read() as connection:
            records = _records(connection, *condition, *_STANDING)
        return {record.reference.symbol: record for record in sorted(records, key=lambda r: r.reference.symbol)}

    def history(
        self, oracle: str, oracle_version: str, settings_digest: str, *, group_id: int | None
    ) -> tuple[ReferenceRecord, ...]:
        """The same with all that was corrected, in the order in which it came."""
        with self._database.read() as connection:
            return _records(connection, *_of_origin(oracle, oracle_version, settings_digest, group_id))

    def by_id(self, number: int) -> ReferenceRecord:
        """Finds a reference energy by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return read_reference(connection, number)

    def resting_on(self, number: int) -> tuple[RestingMeasurement, ...]:
        """The measurements that count and were counted from a reference energy.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return measurements_resting_on(connection, read_reference(connection, number))

    def list(
        self,
        *,
        groups: Collection[int] | None,
        symbol: str | None = None,
        oracle: str | None = None,
        after_id: int = 0,
        limit: int = 100,
    ) -> tuple[ReferenceRecord, ...]:
        """Reads on through reference energies and their corrections.

        Args:
            groups: Of these groups; None for all there are.
            symbol: Of this element alone.
            oracle: By this oracle alone.
            after_id: Number of the last one that is known already.
            limit: Most to return.
        """
        table = reference_energies.c
        wanted = [table.id > after_id, true() if groups is None else table.group_id.in_(sorted(groups))]
        wanted += [column == value for column, value in ((table.symbol, symbol), (table.oracle, oracle)) if value]
        with self._database.read() as connection:
            return _records(connection, *wanted, limit=limit)


def read_reference(connection: Connection, number: int) -> ReferenceRecord:
    """Reads a reference energy inside a transaction.

    Raises:
        NotFoundError: If there is none.
    """
    found = _records(connection, reference_energies.c.id == number)
    if not found:
        raise NotFoundError(f"There is no reference energy number {number}.", remedy="List the reference energies.")
    return found[0]


def reference_chain(
    connection: Connection, provenance: Provenance, symbol: str, group_id: int | None
) -> tuple[ReferenceRecord, ...]:
    """An element's reference energy of one origin with its corrections, the newest last, inside a transaction."""
    origin = _of_origin(provenance.oracle, provenance.oracle_version, provenance.settings_digest, group_id)
    return _records(connection, *origin, reference_energies.c.symbol == symbol)


def comparable_references(
    connection: Connection, provenance: Provenance, symbol: str, group_id: int | None
) -> tuple[ReferenceRecord, ...]:
    """What counts for an element by the same oracle: others' of the same origin, and the group's own of others."""
    table = reference_energies.c
    is_same_origin = (table.oracle_version == provenance.oracle_version) & (
        table.settings_digest == provenance.settings_digest
    )
    is_own = table.holder == _holder(group_id)
    return _records(
        connection,
        table.oracle == provenance.oracle,
        table.symbol == symbol,
        or_(is_same_origin & ~is_own, is_own & ~is_same_origin),
        *_STANDING,
    )


def append_reference(connection: Connection, new: NewReference, *, at: datetime) -> ReferenceRecord:
    """Appends a reference energy inside a transaction."""
    reference, provenance = new.reference, new.provenance
    row = {
        "oracle": provenance.oracle,
        "oracle_version": provenance.oracle_version,
        "settings_digest": provenance.settings_digest,
        "symbol": reference.symbol,
        "energy_eV_per_atom": reference.energy_eV_per_atom,
        "structure": reference.structure,
        "cif": reference.cif,
        "details": dict(reference.details),
        "provenance": to_json_value(provenance),
        "core_seconds": new.core_seconds,
        "recorded_at": at,
        "group_id": new.group_id,
        "holder": _holder(new.group_id),
        "supersedes": new.supersedes,
        "is_retracted": new.is_retracted,
        "reason": new.reason,
        "said_by": new.said_by,
        "remarks": list(new.remarks),
    }
    statement = insert(reference_energies).values(row).returning(reference_energies)
    return reference_record(connection.execute(statement).mappings().one())


def _of_origin(
    oracle: str, oracle_version: str, settings_digest: str, group_id: int | None
) -> tuple[ColumnElement[bool], ...]:
    table = reference_energies.c
    return (
        table.holder == _holder(group_id),
        table.oracle == oracle,
        table.oracle_version == oracle_version,
        table.settings_digest == settings_digest,
    )


def _holder(group_id: int | None) -> int:
    return NO_GROUP if group_id is None else group_id


def _records(
    connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None
) -> tuple[ReferenceRecord, ...]:
    statement = select(reference_energies).where(*conditions).order_by(reference_energies.c.id).limit(limit)
    return tuple(reference_record(row) for row in connection.execute(statement).mappings())
