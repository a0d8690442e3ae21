"""The tables of campaigns. `migrations/` must say the same; a test compares them.

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
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

import services.store.access_tables  # noqa: F401 - campaigns refer to its groups by name
from services.store.column_types import UtcDateTime
from services.store.metadata import METADATA, id_column, reference

campaigns: Final = Table(
    "campaigns",
    METADATA,
    id_column(),
    Column("name", String(63), nullable=False, unique=True),
    Column("spec", JSON, nullable=False),
    Column("spec_digest", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("runner", Text),
    Column("runner_until", UtcDateTime),
    reference("group_id", "groups.id", nullable=True),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("wake_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
)
"""One that was deleted before it began keeps its row without its name, so that its number is never given out again."""

rounds: Final = Table(
    "rounds",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
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
    id_column(),
    reference("campaign_id", "campaigns.id"),
    Column("round_index", Integer, nullable=False),
    Column("blueprint", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("generator_version", Text, nullable=False),
    Column("log_probability", Double),
    Column("created_at", UtcDateTime, nullable=False),
    Column("formula", Text, nullable=False, server_default=""),
    Column("space_group", Integer, nullable=False, server_default="0"),
    Column("elements", Text, nullable=False, server_default=""),
    Column("density_g_cm3", Double, nullable=False, server_default="0"),
    UniqueConstraint("campaign_id", "digest"),
    ForeignKeyConstraint(["campaign_id", "round_index"], ["rounds.campaign_id", "rounds.round_index"]),
    # All that crystals are sorted and narrowed down by, so that of thousands no blueprint is read.
    Index(
        "ix_candidates_sorted",
        "campaign_id",
        "space_group",
        "formula",
        "elements",
        "round_index",
        "density_g_cm3",
        "id",
    ),
)
"""Reduced formula, space group, elements and density stand beside the blueprint, so that a crystal is found among
thousands. Symbols of elements stand between spaces, so that none is found inside another."""

beliefs: Final = Table(
    "beliefs",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
    reference("candidate_id", "candidates.id"),
    Column("mean", Double, nullable=False),
    Column("sd", Double, nullable=False),
    UniqueConstraint("candidate_id"),
    Index(None, "campaign_id", "candidate_id", "mean", "sd"),
)
"""What the last closed round expects of each candidate at the target fidelity; its notes hold the same."""

realizations: Final = Table(
    "realizations",
    METADATA,
    id_column(),
    reference("candidate_id", "candidates.id"),
    Column("digest", String(64), nullable=False),
    Column("cif", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("energy_eV_per_atom", Double),
    Column("ranked_by", Text),
    Column("is_relaxed", Boolean, nullable=False),
    Column("arrangement", JSON(none_as_null=True)),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("candidate_id", "digest"),
)

queries: Final = Table(
    "queries",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
    Column("round_index", Integer, nullable=False),
    reference("candidate_id", "candidates.id"),
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
    Column("judged_by", Text),
    Column("judged_at", UtcDateTime),
    Column("judgement", Text),
    UniqueConstraint("campaign_id", "candidate_id", "fidelity"),
    ForeignKeyConstraint(["campaign_id", "round_index"], ["rounds.campaign_id", "rounds.round_index"]),
    Index(None, "campaign_id", "state", "id"),
    Index(None, "state", "lease_until"),
    Index(None, "campaign_id", "id", "fidelity"),
    Index(None, "campaign_id", "round_index"),
)
Index(
    "ix_queries_judged",
    queries.c.id,
    sqlite_where=text("judged_by IS NOT NULL"),
    postgresql_where=text("judged_by IS NOT NULL"),
)
"""Of the few whose price somebody had to judge."""
Index(
    "ix_queries_ended",
    queries.c.campaign_id,
    queries.c.fidelity,
    queries.c.finished_at,
    queries.c.id,
    sqlite_where=text("finished_at IS NOT NULL"),
    postgresql_where=text("finished_at IS NOT NULL"),
)
"""How the latest looks at a fidelity have ended."""

measurements: Final = Table(
    "measurements",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
    reference("query_id", "queries.id"),
    reference("candidate_id", "candidates.id"),
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
    Column("is_retracted", Boolean, nullable=False, server_default=false()),
    Column("payload_digest", String(64), nullable=False),
    UniqueConstraint("query_id", "fence", "payload_digest"),
    # All that figures, sorted tables and sums are made of, so that none of them reads a row.
    Index(
        "ix_measurements_values",
        "campaign_id",
        "fidelity",
        "value",
        "candidate_id",
        "query_id",
        "id",
        "censoring",
        "is_evidence",
        "is_retracted",
        "supersedes",
        "sigma",
        "amount",
        "core_seconds",
        "recorded_at",
    ),
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
    id_column(),
    reference("campaign_id", "campaigns.id"),
    reference("query_id", "queries.id"),
    reference("candidate_id", "candidates.id"),
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
    id_column(),
    reference("campaign_id", "campaigns.id"),
    reference("query_id", "queries.id"),
    Column("kind", String(32), nullable=False),
    Column("amount", Double, nullable=False),
    Column("core_seconds", Double),
    Column("money", Double),
    Column("at", UtcDateTime, nullable=False),
    reference("candidate_id", "candidates.id", nullable=True),
    UniqueConstraint("query_id", "kind"),
    CheckConstraint("amount >= 0", name="amount"),
    Index(None, "campaign_id", "kind", "amount"),
)
"""The candidate is the query's: what was paid for each of many crystals is summed without reading their queries."""
Index(
    "ix_ledger_booked",
    ledger.c.campaign_id,
    ledger.c.candidate_id,
    ledger.c.amount,
    ledger.c.query_id,
    ledger.c.id,
    sqlite_where=text("kind = 'book'"),
    postgresql_where=text("kind = 'book'"),
)

events: Final = Table(
    "events",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
    Column("kind", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "campaign_id", "id"),
)
Index(
    "ix_events_rare",
    events.c.campaign_id,
    events.c.kind,
    events.c.id,
    sqlite_where=text("kind = 'query.requeued' OR kind = 'campaign.halted'"),
    postgresql_where=text("kind = 'query.requeued' OR kind = 'campaign.halted'"),
)
"""Of the kinds that are looked for again and again among thousands of others."""

reference_energies: Final = Table(
    "reference_energies",
    METADATA,
    id_column(),
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
    reference("group_id", "groups.id", nullable=True),
    Column("holder", Integer, nullable=False, server_default="0"),
    Column("supersedes", Integer, ForeignKey("reference_energies.id"), unique=True),
    Column("is_retracted", Boolean, nullable=False, server_default=false()),
    Column("reason", Text, nullable=False, server_default=""),
    Column("said_by", Text, nullable=False, server_default=""),
    Column("remarks", JSON, nullable=False, server_default=text("'[]'")),
)
"""`holder` is the group's number, or 0 for the campaigns of no group. Each correction supersedes the row before it."""
Index(
    "uq_reference_energies_first",
    reference_energies.c.holder,
    reference_energies.c.oracle,
    reference_energies.c.oracle_version,
    reference_energies.c.settings_digest,
    reference_energies.c.symbol,
    unique=True,
    sqlite_where=text("supersedes IS NULL"),
    postgresql_where=text("supersedes IS NULL"),
)
