"""Rows on their way into the window, those of one item together.

The rows of one item mostly follow one another in a stream. Collected here as they are read, they
cost the window one step for each item and not one for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from target_tocobagus.core.model import Identifier, Level
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Iterable

Row: TypeAlias = tuple[Identifier, str | None, Level]
"""The stock of one item at one location in one record."""


class RowBuffer:
    """What has been taken in and not yet handed over.

    Attributes:
        items: Consecutive rows of one identifier each, in the order of reading; several of one
            identifier if rows of another came between.
        rows: How many rows were added; more than the items hold, if newer values replaced older
            ones.
    """

    __slots__ = ("items", "rows")

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.items: list[Item] = []
        self.rows = 0
        for row in rows:
            self.add(*row)

    def add(self, identifier: Identifier, location: str | None, level: Level) -> None:
        """Add a row to the latest item, if it fits there, else to a new one."""
        self.rows += 1
        item = self.items[-1] if self.items else None
        if item is None or not _admits(item, identifier, location, level):
            item = Item(identifier, {}, level.position)
            self.items.append(item)
        item.levels[location] = level
        item.urgent |= level.quantity == 0
        item.broadcast |= level.broadcast

    def clear(self) -> None:
        """Forget rows that were handed over."""
        self.items.clear()
        self.rows = 0


def _admits(item: Item, identifier: Identifier, location: str | None, level: Level) -> bool:
    """Whether a row is of this item and stream; global and per-warehouse stock are kept apart."""
    if item.identifier != identifier or (None in item.levels) != (location is None):
        return False
    return next(iter(item.levels.values())).stream is level.stream
