"""Rows on their way into the window, those of one item together.

The rows of one item mostly follow one another in a stream. Collected here as they are read, they
cost the window one step for each item and not one for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from target_tocobagus.core.model import Identifier, Level
from target_tocobagus.window.pending import Item, outdated, with_version

if TYPE_CHECKING:
    from collections.abc import Iterable

Unsent: TypeAlias = dict[Identifier, dict[str | None, str]]
"""Updates that are not sent, by item and location: ``unchanged``, ``stale`` or ``held``."""

Row: TypeAlias = tuple[Identifier, str | None, Level]
"""The stock of one item at one location in one record."""


class RowBuffer:
    """What has been taken in and not yet handed over.

    Attributes:
        items: Consecutive rows of one identifier each, in the order of reading; several of one
            identifier if rows of another came between.
        rows: How many rows were added; more than the items hold, if newer values replaced older
            ones.
        stale: How many more rows came, of an older version than one that is here.
        has_versions: One of the rows has a version.
        is_plain: The quantity of each row alone decides whether it is sent.
    """

    __slots__ = ("_is_sealed", "has_versions", "is_plain", "items", "rows", "stale")

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.items: list[Item] = []
        self.rows = 0
        self.stale = 0
        self.has_versions = False
        self.is_plain = True
        self._is_sealed = False
        for row in rows:
            self.add(*row)

    def add(self, identifier: Identifier, location: str | None, level: Level) -> None:
        """Add a row to the latest item, if it fits there, else to a new one."""
        self.rows += 1
        if level.version or level.rejected_at:
            self.has_versions |= bool(level.version)
            self.is_plain = False
        item = self.items[-1] if self.items and not self._is_sealed else None
        self._is_sealed = False
        if item is None or item.identifier != identifier or not _admits(item, location, level):
            item = Item(identifier, {}, level.position)
            self.items.append(item)
        if item.levels and outdated({location: level}, item.levels):
            self.rows -= 1
            self.stale += 1
            return
        if location in item.levels:
            level = with_version(level, item.levels[location])
        item.levels[location] = level
        item.urgent |= level.quantity == 0
        item.broadcast |= level.broadcast

    def seal(self) -> None:
        """Let the next row begin an item: another row, that is completed later, comes before it."""
        self._is_sealed = True

    def merge(self, items: Iterable[Item], rows: int) -> None:
        """Add items that were completed since, each in the place of its newest row.

        Args:
            items: The items.
            rows: How many rows they stand for.
        """
        new = list(items)
        levels = [level for item in new for level in item.levels.values()]
        self.has_versions |= any(level.version for level in levels)
        if any(level.version or level.rejected_at for level in levels):
            self.is_plain = False
        self.items += new
        self.items.sort(key=_newest)
        self.rows += rows

    def leave_out(self, unsent: Unsent) -> None:
        """Remove updates that need no request."""
        if not unsent:
            return
        for item in self.items:
            for place in unsent.get(item.identifier, ()):
                del item.levels[place]
                self.rows -= 1
        self.items[:] = [item for item in self.items if item.levels]

    def clear(self) -> None:
        """Forget rows that were handed over."""
        self.items.clear()
        self.rows = self.stale = 0
        self.has_versions = False
        self.is_plain = True


def _newest(item: Item) -> int:
    return max(level.position for level in item.levels.values())


def _admits(item: Item, location: str | None, level: Level) -> bool:
    """Whether a row is of an item's stream; global and per-warehouse stock are kept apart.

    So are rows of which the order cannot tell the newer one: only the ledger may know.
    """
    stream = next(iter(item.levels.values())).stream
    if stream is not level.stream or (None in item.levels) != (location is None):
        return False
    before = item.levels.get(location, level)
    is_same_kind = before.version[:1] == level.version[:1] or not level.version
    return is_same_kind and bool(before.rejected_at) == bool(level.rejected_at)
