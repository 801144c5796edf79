"""Lets the parts of an item be found by the item: SQLite went through all parts of the store."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Replace an index that began like the primary key."""
    op.drop_index("tocobagus_part_level", "tocobagus_part")
    op.create_index(
        "tocobagus_part_item",
        "tocobagus_part",
        ["kind", "identifier", "location", "store"],
        unique=False,
    )
