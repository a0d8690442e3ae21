"""Run by Alembic: migrates over the connection, and inside the transaction, that `services.store.opening` holds."""

from alembic import context

from services.store.metadata import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
