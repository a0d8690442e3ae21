"""The tables of people, machines and what they did. Secrets are kept as hashes only; the audit log is append-only."""

from typing import Final

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from services.store.column_types import UtcDateTime
from services.store.metadata import METADATA, id_column, reference

groups: Final = Table(
    "groups",
    METADATA,
    id_column(),
    Column("name", String(63), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
)

users: Final = Table(
    "users",
    METADATA,
    id_column(),
    Column("name", String(63), nullable=False, unique=True),
    Column("role", String(32), nullable=False),
    Column("password_hash", Text),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

memberships: Final = Table(
    "memberships",
    METADATA,
    id_column(),
    reference("user_id", "users.id"),
    reference("group_id", "groups.id"),
    UniqueConstraint("user_id", "group_id"),
)

tokens: Final = Table(
    "tokens",
    METADATA,
    id_column(),
    reference("user_id", "users.id"),
    Column("label", Text, nullable=False),
    Column("prefix", String(32), nullable=False, unique=True),
    Column("secret_hash", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

sessions: Final = Table(
    "sessions",
    METADATA,
    id_column(),
    reference("user_id", "users.id"),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)

invitations: Final = Table(
    "invitations",
    METADATA,
    id_column(),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("role", String(32), nullable=False),
    reference("group_id", "groups.id", nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

password_links: Final = Table(
    "password_links",
    METADATA,
    id_column(),
    reference("user_id", "users.id"),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "user_id"),
)

login_failures: Final = Table(
    "login_failures",
    METADATA,
    id_column(),
    Column("subject", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "subject", "at"),
)

identities: Final = Table(
    "identities",
    METADATA,
    id_column(),
    reference("user_id", "users.id"),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("is_mapped", Boolean, nullable=False),
    Column("given_groups", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("issuer", "subject"),
    Index(None, "user_id"),
)

oidc_attempts: Final = Table(
    "oidc_attempts",
    METADATA,
    id_column(),
    Column("state_hash", String(64), nullable=False, unique=True),
    Column("browser_hash", String(64), nullable=False),
    reference("user_id", "users.id", nullable=True),
    Column("next_path", Text, nullable=False),
    Column("failure_id", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

audit: Final = Table(
    "audit",
    METADATA,
    id_column(),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", JSON, nullable=False),
    Column("previous_hash", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False, unique=True),
)
