"""The items that the API accepted last in this run, each with the value that it accepted.

A refusal that names no row may be a row's fault or the request's. One of these items, sent once
more, tells which: the API took it before, and what it took does no harm again.

Invariants: what is kept of an identifier is the last value that the API accepted for it; one that
was refused since is not kept, for nobody knows then whether the newer value was applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.core.model import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_tocobagus.core.model import Identifier

_MOST: Final = 100


class AcceptedItems:
    """The last hundred."""

    def __init__(self) -> None:
        """Begin with none."""
        self._encoded: dict[Identifier, bytes] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._encoded)

    def accept(self, items: Sequence[Item]) -> None:
        """Keep the items of a reply; more than are kept at all leave nothing older behind."""
        for item in items[-_MOST:]:
            self._encoded.pop(item.identifier, None)
            self._encoded[item.identifier] = item.encoded
        for identifier in list(self._encoded)[:-_MOST]:
            del self._encoded[identifier]

    def forget(self, items: Iterable[Item]) -> None:
        """Keep these no longer: they were refused."""
        for item in items:
            self._encoded.pop(item.identifier, None)

    def newest_first(self, low: int) -> Iterator[Item]:
        """Make each the row of a request that holds no update, and no STATE before a position."""
        for identifier, encoded in reversed(self._encoded.items()):
            yield Item(identifier, {}, low, encoded)
