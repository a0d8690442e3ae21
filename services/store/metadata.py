"""What all tables share: one collection, one way of naming keys and indexes, one version."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, MetaData

SCHEMA_VERSION: Final = "0003"
"""Revision of the newest migration."""
VERSION_TABLE: Final = "petalite_schema_version"
"""Where the revision is kept; its own name, because other software keeps an `alembic_version` of its own."""

_NAMING: Final = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
METADATA: Final = MetaData(naming_convention=_NAMING)


def id_column() -> Column[int]:
    """The number of a row; grows with every row."""
    return Column("id", Integer, primary_key=True)


def reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    """A column that names a row of another table, `table.column`."""
    return Column(name, Integer, ForeignKey(target), nullable=nullable)
