"""The tables of what people and machines hand in, of known materials, and of what is to happen when."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

import services.store.tables  # noqa: F401 - its tables are referred to by name
from services.store.column_types import UtcDateTime
from services.store.metadata import METADATA, id_column, reference

idempotency: Final = Table(
    "idempotency",
    METADATA,
    id_column(),
    Column("actor", Text, nullable=False),
    Column("key", String(255), nullable=False),
    Column("payload_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("actor", "key"),
)

look_progress: Final = Table(
    "look_progress",
    METADATA,
    id_column(),
    reference("query_id", "queries.id"),
    Column("fence", Integer, nullable=False),
    Column("share", Double, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("query_id"),
)

artifacts: Final = Table(
    "artifacts",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id", nullable=True),
    Column("digest", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("uploaded_by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("query_id", Integer, ForeignKey("queries.id"), index=True),
    Index(None, "digest"),
    Index(None, "campaign_id", "id"),
)

measurement_artifacts: Final = Table(
    "measurement_artifacts",
    METADATA,
    id_column(),
    reference("measurement_id", "measurements.id"),
    reference("artifact_id", "artifacts.id"),
    UniqueConstraint("measurement_id", "artifact_id"),
)

series_points: Final = Table(
    "series_points",
    METADATA,
    id_column(),
    reference("measurement_id", "measurements.id", nullable=True),
    reference("material_measurement_id", "material_measurements.id", nullable=True),
    reference("campaign_id", "campaigns.id"),
    Column("temperature_K", Double, nullable=False),
    Column("value", Double, nullable=False),
    Column("sigma", Double),
    Column("censoring", String(1), nullable=False),
    Index(None, "measurement_id"),
    Index(None, "material_measurement_id"),
    Index(None, "campaign_id", "id"),
)
"""The measured quantity at several temperatures, in the unit of the measurement that it stands beside."""

uploads: Final = Table(
    "uploads",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
    reference("artifact_id", "artifacts.id"),
    Column("kind", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("options", JSON, nullable=False),
    Column("report", JSON, nullable=False),
    Column("uploaded_by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    Index(None, "campaign_id", "id"),
)

upload_rows: Final = Table(
    "upload_rows",
    METADATA,
    id_column(),
    reference("upload_id", "uploads.id"),
    Column("number", Integer, nullable=False),
    Column("state", String(32), nullable=False),
    Column("cells", JSON, nullable=False),
    Column("understood", JSON, nullable=False),
    Column("remarks", JSON, nullable=False),
    Column("measurement_id", Integer, ForeignKey("measurements.id")),
    Column("material_id", Integer, ForeignKey("materials.id")),
    Column("material_measurement_id", Integer, ForeignKey("material_measurements.id")),
    Column("content", String(64), index=True),
    UniqueConstraint("upload_id", "number"),
)

materials: Final = Table(
    "materials",
    METADATA,
    id_column(),
    reference("group_id", "groups.id", nullable=True),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("formula", Text, nullable=False),
    Column("anonymous_formula", Text, nullable=False),
    Column("elements", JSON, nullable=False),
    Column("n_elements", Integer, nullable=False),
    Column("n_sites", Integer, nullable=False),
    Column("space_group", Integer),
    Column("blueprint", JSON),
    Column("digest", String(64)),
    Column("cif", Text),
    Column("properties", JSON, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("holder", Integer, nullable=False),
    UniqueConstraint("holder", "source", "source_id"),
    Index(None, "digest"),
    Index(None, "formula"),
)
"""`holder` is the group's number, or 0 for everyone's: two groups may know the same material without knowing it."""

structures: Final = Table(
    "structures",
    METADATA,
    id_column(),
    Column("name", String(63), nullable=False, unique=True),
    Column("material_id", Integer, ForeignKey("materials.id"), unique=True),
    Column("realization_id", Integer, ForeignKey("realizations.id"), unique=True),
    reference("candidate_id", "candidates.id", nullable=True),
    reference("campaign_id", "campaigns.id", nullable=True),
    Column("formula_reduced", Text),
    Column("formula_anonymous", Text),
    Column("formula_descriptive", Text, nullable=False),
    Column("elements", Text, nullable=False),
    Column("n_elements", Integer, nullable=False),
    Column("n_sites", Integer, nullable=False),
    Column("space_group", Integer),
    Column("features", Text, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    Index(None, "formula_reduced"),
    Index(None, "campaign_id", "id"),
)
"""What is searched of every known material and realization; lists are kept as words between spaces."""
Index(
    "ix_structures_composition",
    structures.c.n_elements,
    structures.c.elements,
    structures.c.formula_descriptive,
    structures.c.material_id,
    sqlite_where=text("material_id IS NOT NULL"),
    postgresql_where=text("material_id IS NOT NULL"),
)
"""Of the known materials, so that those of nearly the same elements are found without reading any."""

material_measurements: Final = Table(
    "material_measurements",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
    reference("material_id", "materials.id"),
    Column("fidelity", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("unit", Text, nullable=False),
    Column("sigma", Double),
    Column("censoring", String(1), nullable=False),
    Column("temperature_K", Double),
    Column("reported_value", Double, nullable=False),
    Column("reported_unit", Text, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("details", JSON, nullable=False),
    Column("measured_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("supersedes", Integer, ForeignKey("material_measurements.id"), unique=True),
    Column("is_retracted", Boolean, nullable=False),
    Column("payload_digest", String(64), nullable=False),
    UniqueConstraint("campaign_id", "material_id", "payload_digest", name="uq_material_measurements_answer"),
    Index(None, "campaign_id", "id"),
)

schedules: Final = Table(
    "schedules",
    METADATA,
    id_column(),
    reference("campaign_id", "campaigns.id"),
    Column("kind", String(16), nullable=False),
    Column("expression", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime),
    Column("last_at", UtcDateTime),
    Index(None, "campaign_id"),
    Index(None, "is_active", "next_at"),
)

cursors: Final = Table(
    "cursors",
    METADATA,
    id_column(),
    Column("name", String(63), nullable=False, unique=True),
    Column("event_id", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""How far down the list of events each reader has come, so that nothing is told twice or never."""
