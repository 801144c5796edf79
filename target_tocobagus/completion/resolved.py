"""Rows that are parts, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_tocobagus.core.model import Identifier, Level, Part, RecordError, Stream
    from target_tocobagus.ledger.part_rows import Place


class Row(msgspec.Struct, frozen=True, gc=False):
    """What a record says of a part."""

    part: Part
    position: int
    stream: Stream
    line: bytes


class Failed(NamedTuple):
    """A sum that cannot be sent, and the newest of its records."""

    error: RecordError
    row: Row


class Resolved(msgspec.Struct, eq=False):
    """What became of rows.

    Attributes:
        updates: How many updates the items stand for: of those of one stock the newest counts.
        waiting: Updates that wait for the end of the input.
        superseded: Updates that have waited for it; the sums of their stocks go out instead.
        stale: Updates of which a newer version is known.
        skipped: Records that change nothing.
        failed: Sums that cannot be sent.
        unnamed: Updates whose item is looked up and not known: each with its record.
    """

    updates: int = 0
    waiting: int = 0
    superseded: int = 0
    stale: int = 0
    skipped: int = 0
    failed: list[Failed] = []
    unnamed: list[tuple[Place, Row]] = []
    _items: dict[tuple[Identifier, bool], Item] = {}

    @property
    def items(self) -> Collection[Item]:
        """What is to be sent."""
        return self._items.values()

    def put(self, place: Place, level: Level, low: int) -> None:
        """Add a sum to what is to be sent; `low` is the lowest position of its rows."""
        identifier, location = place
        key = (identifier, location is None)
        item = self._items.get(key)
        if item is None:
            self._items[key] = item = Item(identifier, {}, low)
        item.levels[location] = level
        item.low = min(item.low, low)
        item.urgent |= level.quantity == 0
