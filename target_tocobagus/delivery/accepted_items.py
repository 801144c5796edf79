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
    from collections.abc import Iterable, Iterator, Sequence

    from target_tocobagus.core.model import Identifier

_MOST: Final = 100
_NO_STREAM: Final = Stream("")


class AcceptedItems:
    """The last hundred."""

    def __init__(self) -> None:
        # Without the records that the levels may hold.
        self._stock: dict[Identifier, list[tuple[str | None, int]]] = {}

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._stock)

    def accept(self, items: Sequence[Item]) -> None:
        """Keep the items of a reply, and the older ones that still fit."""
        if len(items) >= _MOST:
            self._stock.clear()
        for item in items[-_MOST:]:
            self._stock.pop(item.identifier, None)
            stock = [(place, level.quantity) for place, level in item.levels.items()]
            self._stock[item.identifier] = stock
        for identifier in list(self._stock)[:-_MOST]:
            del self._stock[identifier]

    def forget(self, items: Iterable[Item]) -> None:
        """Forget items that were refused."""
        for item in items:
            self._stock.pop(item.identifier, None)

    def newest_first(self, low: int) -> Iterator[Item]:
        """Make an item of each, at the position `low` of the row that it is sent for."""
        for identifier, stock in reversed(self._stock.items()):
            levels = {place: Level(quantity, low, _NO_STREAM) for place, quantity in stock}
            yield Item(identifier, levels, low)
