"""Creates the tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "tocobagus_level",
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("quantity", NUMBER, nullable=True),
        sa.Column("accepted_at", NUMBER, nullable=True),
        sa.Column("batch", NUMBER, nullable=True),
        sa.Column("doubt", NUMBER, nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("source", NUMBER, nullable=True),
        sa.Column("zeroed_at", NUMBER, nullable=True),
        sa.Column("named_day", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("store", "kind", "identifier", "location"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tocobagus_pair",
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("source", NUMBER, nullable=False),
        sa.Column("match", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("store", "source", "match"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tocobagus_part",
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("source", NUMBER, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("run", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("store", "source", "part", "kind", "identifier", "location"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "tocobagus_part_level",
        "tocobagus_part",
        ["store", "kind", "identifier", "location"],
        unique=False,
    )
    op.create_table(
        "tocobagus_source",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tocobagus_source_name", "tocobagus_source", ["stream", "entry"], unique=True)
    op.create_table(
        "tocobagus_store",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("guard_from", NUMBER, nullable=True),
        sa.Column("guard_fired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "tocobagus_store_name", "tocobagus_store", ["api_url", "client_id"], unique=True
    )
    op.create_table("tocobagus_written_by", sa.Column("version", sa.Text(), nullable=False))
    op.create_table(
        "tocobagus_change",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("old", NUMBER, nullable=False),
        sa.Column("new", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("batch", NUMBER, nullable=False),
        sa.Column("source", NUMBER, nullable=False),
        sa.Column("columns", sa.Text(), nullable=True),
        sa.Column("time_extracted", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["store"], ["tocobagus_store.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tocobagus_change_at", "tocobagus_change", ["store", "at"], unique=False)
    op.create_index(
        "tocobagus_change_key", "tocobagus_change", ["store", "kind", "identifier"], unique=False
    )
    op.create_table(
        "tocobagus_rejection",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("batch", NUMBER, nullable=False),
        sa.Column("opened_at", NUMBER, nullable=False),
        sa.Column("tried_at", NUMBER, nullable=False),
        sa.Column("closed_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["store"], ["tocobagus_store.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "tocobagus_rejection_closed", "tocobagus_rejection", ["store", "closed_at"], unique=False
    )
    op.create_index(
        "tocobagus_rejection_open",
        "tocobagus_rejection",
        ["store", "kind", "identifier", "location"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "tocobagus_run",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("started_at", NUMBER, nullable=False),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["store"], ["tocobagus_store.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tocobagus_run_started", "tocobagus_run", ["store", "started_at"], unique=False)
    op.create_table(
        "tocobagus_batch",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("run", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["tocobagus_run.id"]),
        sa.ForeignKeyConstraint(["store"], ["tocobagus_store.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tocobagus_batch_at", "tocobagus_batch", ["store", "at"], unique=False)
    op.create_table(
        "tocobagus_flight",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("run", NUMBER, nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["tocobagus_run.id"]),
        sa.ForeignKeyConstraint(["store"], ["tocobagus_store.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tocobagus_flight_store", "tocobagus_flight", ["store"], unique=False)
