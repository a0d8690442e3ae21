"""The tables. `migrations/` must say the same; a test compares them.

JSON columns hold what `domain.parsing.to_json_value` writes. Ledger, events, measurements and failures are append-only.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from services.store.column_types import UtcDateTime

SCHEMA_VERSION: Final = "0001"
"""Revision of the newest migration."""
VERSION_TABLE: Final = "petalite_schema_version"
"""Where the revision is kept; its own name, because other software keeps an `alembic_version` of its own."""

NAMING: Final = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
METADATA: Final = MetaData(naming_convention=NAMING)


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _reference(name: str, target: str) -> Column[int]:
    return Column(name, Integer, ForeignKey(target), nullable=False)


campaigns: Final = Table(
    "campaigns",
    METADATA,
    _id(),
    Column("name", String(63), nullable=False, unique=True),
    Column("spec", JSON, nullable=False),
    Column("spec_digest", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("runner", Text),
    Column("runner_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

rounds: Final = Table(
    "rounds",
    METADATA,
    _id(),
    _reference("campaign_id", "campaigns.id"),
    Column("round_index", Integer, nullable=False),
    Column("state", String(32), nullable=False),
    Column("generator_version", Text, nullable=False),
    Column("surrogate_version", Text, nullable=False),
    Column("notes", JSON, nullable=False),
    Column("closing_notes", JSON, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    UniqueConstraint("campaign_id", "round_index"),
)

candidates: Final = Table(
    "candidates",
    METADATA,
    _id(),
    _reference("campaign_id", "campaigns.id"),
    Column("round_index", Integer, nullable=False),
    Column("blueprint", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("generator_version", Text, nullable=False),
    Column("log_probability", Double),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("campaign_id", "digest"),
    ForeignKeyConstraint(["campaign_id", "round_index"], ["rounds.campaign_id", "rounds.round_index"]),
)

realizations: Final = Table(
    "realizations",
    METADATA,
    _id(),
    _reference("candidate_id", "candidates.id"),
    Column("digest", String(64), nullable=False),
    Column("cif", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("energy_eV_per_atom", Double),
    Column("ranked_by", Text),
    Column("is_relaxed", Boolean, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("candidate_id", "digest"),
)

queries: Final = Table(
    "queries",
    METADATA,
    _id(),
    _reference("campaign_id", "campaigns.id"),
    Column("round_index", Integer, nullable=False),
    _reference("candidate_id", "candidates.id"),
    Column("fidelity", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("key", String(64), nullable=False, unique=True),
    Column("declared_amount", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", Text),
    Column("lease_until", UtcDateTime),
    Column("fence", Integer, nullable=False),
    Column("decision", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("claimed_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("campaign_id", "candidate_id", "fidelity"),
    ForeignKeyConstraint(["campaign_id", "round_index"], ["rounds.campaign_id", "rounds.round_index"]),
    Index(None, "campaign_id", "state", "fidelity"),
    Index(None, "state", "lease_until"),
)

measurements: Final = Table(
    "measurements",
    METADATA,
    _id(),
    _reference("campaign_id", "campaigns.id"),
    _reference("query_id", "queries.id"),
    _reference("candidate_id", "candidates.id"),
    Column("fidelity", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("value", Double, nullable=False),
    Column("unit", Text, nullable=False),
    Column("sigma", Double),
    Column("censoring", String(1), nullable=False),
    Column("temperature_K", Double),
    Column("reported_value", Double, nullable=False),
    Column("reported_unit", Text, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("amount", Double, nullable=False),
    Column("core_seconds", Double),
    Column("money", Double),
    Column("details", JSON, nullable=False),
    Column("measured_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("is_evidence", Boolean, nullable=False),
    Column("supersedes", Integer, ForeignKey("measurements.id"), unique=True),
    Column("payload_digest", String(64), nullable=False),
    UniqueConstraint("query_id", "fence", "payload_digest"),
    Index(None, "campaign_id", "fidelity", "value"),
)
Index(
    "uq_measurements_first_answer",
    measurements.c.query_id,
    unique=True,
    sqlite_where=text("NOT is_evidence AND supersedes IS NULL"),
    postgresql_where=text("NOT is_evidence AND supersedes IS NULL"),
)

failures: Final = Table(
    "failures",
    METADATA,
    _id(),
    _reference("campaign_id", "campaigns.id"),
    _reference("query_id", "queries.id"),
    _reference("candidate_id", "candidates.id"),
    Column("fidelity", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("amount", Double, nullable=False),
    Column("core_seconds", Double),
    Column("money", Double),
    Column("details", JSON, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("is_evidence", Boolean, nullable=False),
    Column("payload_digest", String(64), nullable=False),
    UniqueConstraint("query_id", "fence", "payload_digest"),
    Index(None, "campaign_id"),
)

ledger: Final = Table(
    "ledger",
    METADATA,
    _id(),
    _reference("campaign_id", "campaigns.id"),
    _reference("query_id", "queries.id"),
    Column("kind", String(32), nullable=False),
    Column("amount", Double, nullable=False),
    Column("core_seconds", Double),
    Column("money", Double),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("query_id", "kind"),
    CheckConstraint("amount >= 0", name="amount"),
    Index(None, "campaign_id"),
)

events: Final = Table(
    "events",
    METADATA,
    _id(),
    _reference("campaign_id", "campaigns.id"),
    Column("kind", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "campaign_id", "id"),
)

reference_energies: Final = Table(
    "reference_energies",
    METADATA,
    _id(),
    Column("oracle", Text, nullable=False),
    Column("oracle_version", Text, nullable=False),
    Column("settings_digest", Text, nullable=False),
    Column("symbol", String(2), nullable=False),
    Column("energy_eV_per_atom", Double, nullable=False),
    Column("structure", Text, nullable=False),
    Column("cif", Text, nullable=False),
    Column("details", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("core_seconds", Double),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("oracle", "oracle_version", "settings_digest", "symbol", name="uq_reference_energies_origin"),
)
