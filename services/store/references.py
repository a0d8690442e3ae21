"""Reference energies of the elements, computed once for an oracle, its version and its settings."""

from collections.abc import Mapping

from sqlalchemy import select

from domain.look import ReferenceEnergy
from domain.measurement import Provenance
from domain.parsing import to_json_value
from services.store.database import Database, insert_if_absent
from services.store.records import ReferenceRecord
from services.store.rows import reference_record
from services.store.tables import reference_energies


class References:
    """Energies per atom of elements' reference structures; all campaigns share them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, oracle: str, oracle_version: str, settings_digest: str) -> Mapping[str, ReferenceRecord]:
        """All that is known for an oracle, its version and its settings, by element symbol."""
        table = reference_energies.c
        statement = select(reference_energies).where(
            table.oracle == oracle,
            table.oracle_version == oracle_version,
            table.settings_digest == settings_digest,
        )
        with self._database.read() as connection:
            records = [reference_record(row) for row in connection.execute(statement).mappings()]
        return {record.reference.symbol: record for record in sorted(records, key=lambda r: r.reference.symbol)}

    def put(
        self, reference: ReferenceEnergy, *, provenance: Provenance, core_seconds: float | None = None
    ) -> ReferenceRecord:
        """Keeps a reference energy under its provenance's oracle, version and settings. The first one wins.

        Returns:
            What the store holds now, which is an earlier one where there was one.
        """
        row: dict[str, object] = {
            "oracle": provenance.oracle,
            "oracle_version": provenance.oracle_version,
            "settings_digest": provenance.settings_digest,
            "symbol": reference.symbol,
            "energy_eV_per_atom": reference.energy_eV_per_atom,
            "structure": reference.structure,
            "cif": reference.cif,
            "details": dict(reference.details),
            "provenance": to_json_value(provenance),
            "core_seconds": core_seconds,
            "recorded_at": self._database.now(),
        }
        with self._database.write() as connection:
            insert_if_absent(connection, reference_energies, [row])
        return self.get(provenance.oracle, provenance.oracle_version, provenance.settings_digest)[reference.symbol]
