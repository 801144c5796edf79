"""Rows that are parts, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_tocobagus.completion.completed import Completed
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Level, Part, Place, Stream


class PartRecord(msgspec.Struct, frozen=True, gc=False):
    """What a record says of a part."""

    part: Part
    position: int
    stream: Stream
    line: bytes


class Resolved(Completed, eq=False):
    """What became of rows that are parts: each of one stock counts, and its sum is one level.

    Attributes:
        waiting: Updates that wait for the end of the input.
        unnamed: Updates whose item is looked up and not known: each with its record.
    """

    waiting: int = 0
    unnamed: list[tuple[Place, PartRecord]] = msgspec.field(default_factory=list)
    _by_identifier: dict[tuple[Identifier, bool], Item] = msgspec.field(default_factory=dict)

    @property
    def updates(self) -> int:
        """How many updates these are, without those of unknown items."""
        settled = sum(map(len, self.unsent.values())) + self.superseded + self.stale + self.skipped
        return self.rows + self.waiting + settled + len(self.failed)

    def put(self, place: Place, level: Level, low: int) -> None:
        """Add a sum to what is to be sent; `low` is the lowest position of its rows."""
        identifier, location = place
        key = (identifier, location is None)
        item = self._by_identifier.get(key)
        if item is None:
            self._by_identifier[key] = item = Item(identifier, {}, low)
            self.items.append(item)
        item.levels[location] = level
        item.low = min(item.low, low)
        item.urgent |= level.quantity == 0
