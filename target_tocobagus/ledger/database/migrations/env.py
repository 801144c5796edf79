"""Run by Alembic: applies the steps on the connection that `migrate` hands in."""

from __future__ import annotations

from alembic import context

from target_tocobagus.ledger.database.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,  # SQLite changes a table by making a new one
)
with context.begin_transaction():
    context.run_migrations()
