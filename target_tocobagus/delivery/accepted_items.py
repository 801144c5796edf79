"""The items that the API accepted last in this run, each with the accepted value.

If a refusal does not name a row, either a row or the request may be wrong. Sending one of these
items again shows which: the API accepted it before, and the same value does no harm.

Invariants: the value kept for an identifier is the last that the API accepted; an identifier that
was refused since is not kept, because the newer value may have been applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_tocobagus.core.model import Identifier, Level

_MOST: Final = 100


class AcceptedItems:
    """The last hundred."""

    def __init__(self) -> None:
        self._levels: dict[Identifier, dict[str | None, Level]] = {}

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._levels)

    def accept(self, items: Sequence[Item]) -> None:
        """Keep the items of a reply, and the older ones that still fit."""
        if len(items) >= _MOST:
            self._levels.clear()
        for item in items[-_MOST:]:
            self._levels.pop(item.identifier, None)
            self._levels[item.identifier] = item.levels
        for identifier in list(self._levels)[:-_MOST]:
            del self._levels[identifier]

    def forget(self, items: Iterable[Item]) -> None:
        """Forget items that were refused."""
        for item in items:
            self._levels.pop(item.identifier, None)

    def newest_first(self, low: int) -> Iterator[Item]:
        """Make an item of each, at the position `low` of the row that it is sent for."""
        for identifier, levels in reversed(self._levels.items()):
            yield Item(identifier, levels, low)
