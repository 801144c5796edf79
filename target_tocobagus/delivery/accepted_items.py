"""The items that the API accepted last in this run, each with the accepted value.

If a refusal does not name a row, either a row or the request may be wrong. Sending one of these
items again shows which: the API accepted it before, and the same value does no harm.

Invariants: the value kept for an identifier is the last that the API accepted; an identifier that
was refused since is not kept, because the newer value may have been applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.core.model import Level, Stream
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_tocobagus.core.model import Identifier

_MOST: Final = 100
_NO_STREAM: Final = Stream("")


class AcceptedItems:
    """The last hundred."""

    def __init__(self) -> None:
        self._levels: dict[Identifier, dict[str | None, Level]] = {}

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._levels)

    def accept(self, items: Sequence[Item]) -> None:
        """Keep the items of a reply, and the older ones that still fit."""
        newest = items[-_MOST:]
        if len(newest) == _MOST:
            self._levels.clear()
        else:
            self.forget(newest)
        # A run keeps the records of all rows or of none; here they would only take memory.
        has_records = any(level.line for item in newest[:1] for level in item.levels.values())
        self._levels |= {
            item.identifier: _at(0, item.levels) if has_records else item.levels for item in newest
        }
        for identifier in list(self._levels)[:-_MOST]:
            del self._levels[identifier]

    def forget(self, items: Iterable[Item]) -> None:
        """Forget items that were refused."""
        for item in items:
            self._levels.pop(item.identifier, None)

    def newest_first(self, low: int) -> Iterator[Item]:
        """Make an item of each, at the position `low` of the row that it is sent for."""
        for identifier, levels in reversed(self._levels.items()):
            yield Item(identifier, _at(low, levels), low)


def _at(position: int, levels: Mapping[str | None, Level]) -> dict[str | None, Level]:
    """Copy levels without the records that they may hold."""
    return {place: Level(each.quantity, position, _NO_STREAM) for place, each in levels.items()}
