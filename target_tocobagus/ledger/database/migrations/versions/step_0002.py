"""Adds the columns that have come, and nests the marks of flights as levels are written now.

The index of closed rejections holds the open ones no more.
"""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLIGHT: Final = sa.table("tocobagus_flight", sa.column("id"), sa.column("marks"))


def upgrade() -> None:
    """Create a table and an index, and write the marks anew."""
    op.create_table(
        "tocobagus_seen",
        sa.Column("store", NUMBER, nullable=False),
        sa.Column("source", NUMBER, nullable=False),
        sa.Column("need", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store", "source", "need"),
        sqlite_with_rowid=False,
    )
    closed = "tocobagus_rejection_closed"
    op.drop_index(closed, "tocobagus_rejection")
    op.create_index(
        closed,
        "tocobagus_rejection",
        ["store", "closed_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    connection = op.get_bind()
    for number, marks in connection.execute(sa.select(FLIGHT.c.id, FLIGHT.c.marks)).all():
        nested = [[kind, source, _nest(rows)] for kind, source, rows in json.loads(marks)]
        change = sa.update(FLIGHT).where(FLIGHT.c.id == number)
        connection.execute(change.values(marks=json.dumps(nested)))


def _nest(rows: list[list[Any]]) -> dict[str, dict[str, dict[str, int]]]:
    """Nest identifier, location, quantity and version of each row."""
    places: dict[str, dict[str, dict[str, int]]] = {}
    for text, place, quantity, version in rows:
        places.setdefault(place, {}).setdefault(version or "", {})[text] = quantity
    return places
