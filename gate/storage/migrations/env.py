"""Runs the steps on the connection that `gate.storage.migrate` hands in, inside its transaction."""

from alembic import context

from gate.storage.tables.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
