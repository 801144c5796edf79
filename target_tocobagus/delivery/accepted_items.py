"""The items that the API accepted last in this run, each with the value that it accepted.

A refusal that names no row may be a row's fault or the request's. One of these items, sent once
more, tells which: the API took it before, and what it took does no harm again.

Invariants: what is kept of an identifier is the last value that the API accepted for it; one that
was refused since is not kept, for nobody knows then whether the newer value was applied.
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
        """Begin with none."""
        self._levels: dict[Identifier, dict[str | None, Level]] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._levels)

    def accept(self, items: Sequence[Item]) -> None:
        """Keep the items of a reply; more than are kept at all leave nothing older behind."""
        if len(items) >= _MOST:
            self._levels.clear()
        for item in items[-_MOST:]:
            self._levels.pop(item.identifier, None)
            self._levels[item.identifier] = item.levels
        for identifier in list(self._levels)[:-_MOST]:
            del self._levels[identifier]

    def forget(self, items: Iterable[Item]) -> None:
        """Keep these no longer: they were refused."""
        for item in items:
            self._levels.pop(item.identifier, None)

    def newest_first(self, low: int) -> Iterator[Item]:
        """Make each the row of a request once more, at the position of what it is sent for."""
        for identifier, levels in reversed(self._levels.items()):
            yield Item(identifier, levels, low)
