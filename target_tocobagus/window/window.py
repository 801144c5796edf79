"""The updates that have no outcome yet: one item per identifier, the newest value per location.

Stock is absolute, so of two values for one identifier and location only the newer one is worth
sending, and the older one must never arrive after it. Three rules follow:

- A newer value replaces an older one that waits. The older one is superseded: it shares the outcome
  of its successor, so the item keeps the lowest position that it ever had.
- An item in flight is *leased* and stays here: newer values for its identifier wait behind it
  (`after`) until `release`. So no more than one request ever holds an identifier.
- A global stock and a stock per warehouse cannot share an item. A global supersedes everything that
  waits for its identifier; a stock per warehouse that comes after a waiting global waits behind it.

No lock and no clock here: `delivery` holds the one and hands in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_tocobagus.window.newest import NewestValues
from target_tocobagus.window.pending import BEHIND, LEASED, SETTLED, Item

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_tocobagus.core.model import Identifier, Level
    from target_tocobagus.window.buffer import Unsent
    from target_tocobagus.window.ready import Limits


class Lease(msgspec.Struct, eq=False):
    """The items of one batch, from picking until each has its outcome.

    Attributes:
        items: Those still in flight.
        low: The lowest position among them.
    """

    items: list[Item]
    low: int


class Window(NewestValues):
    """Items by identifier; see the top of this file.

    Attributes:
        released: With a ledger, what was released since it was asked: its answer is outdated.
    """

    def __init__(self, *, keeps_lines: bool = False) -> None:
        """Begin empty; see `NewestValues`."""
        super().__init__(keeps_lines=keeps_lines)
        self._leases: list[Lease] = []
        self.released: set[Identifier] | None = None

    def holds(self, identifier: Identifier) -> bool:
        """Whether an update of this identifier waits or is in flight."""
        return identifier in self._items

    def levels(self, identifier: Identifier) -> dict[str | None, Level]:
        """Return the newest levels of an item that wait or are in flight."""
        levels: dict[str | None, Level] = {}
        item = self._items.get(identifier)
        while item is not None:
            levels |= item.levels
            item = item.after
        return levels

    @property
    def unsettled_items(self) -> int:
        """How many items wait or are in flight."""
        return self.waiting + sum([len(lease.items) for lease in self._leases])

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self._items

    def pick(self, limits: Limits, now: float) -> Lease | None:
        """Lease the next batch, full or not; ``None`` if nothing can be picked."""
        items = self.ready.pick(limits, now)
        if not items:
            return None
        self.waiting -= len(items)
        lease = Lease(items, _lowest(items))
        self._leases.append(lease)
        return lease

    def lend(self, lease: Lease, item: Item) -> bool:
        """Add an identifier to a lease, without an update of its own.

        Not possible while an update of it waits or is in flight; then the result is false.
        """
        if self.holds(item.identifier):
            return False
        lent = self._items[item.identifier] = Item(item.identifier, {}, item.low, state=LEASED)
        if not lease.items:
            self._leases.append(lease)
        lease.items.append(lent)
        lease.low = _lowest(lease.items)
        return True

    def release(self, lease: Lease, items: Collection[Item]) -> None:
        """Remove settled items, by their identifiers; items behind them can be picked then."""
        settled = [self._items.pop(item.identifier) for item in items]
        if self.released is not None:
            self.released.update([item.identifier for item in items])
        for behind in [item.after for item in settled if item.after is not None]:
            self._items[behind.identifier] = behind
            self.ready.add(behind)
        self._count([item.levels for item in settled], -1)
        if len(settled) == len(lease.items):
            lease.items = []
            self._leases.remove(lease)
            return
        for item in settled:
            item.state = SETTLED
        lease.items = [item for item in lease.items if item.state == LEASED]
        lease.low = _lowest(lease.items)

    def leave_out(self, lease: Lease, unsent: Unsent) -> None:
        """Release leased updates that are not sent."""
        found = [item for item in lease.items if item.identifier in unsent] if unsent else []
        whole = [item for item in found if len(item.levels) == len(unsent[item.identifier])]
        divided = [item for item in found if len(item.levels) != len(unsent[item.identifier])]
        if whole:
            self.release(lease, whole)
        for item in divided:
            levels = {place: item.levels[place] for place in unsent[item.identifier]}
            self.release_levels(lease, Item(item.identifier, levels, item.low))

    def release_levels(self, lease: Lease, part: Item) -> None:
        """Remove settled levels of an item that is sent in parts; the last one releases it."""
        item = self._items[part.identifier]
        self._count([part.levels], -1)
        for location in part.levels:
            del item.levels[location]
        if not item.levels:
            self.release(lease, [part])

    def lowest(self) -> int | None:
        """The lowest position that is not settled; ``None`` if all are.

        Items behind another one are newer, so only the heads count, and those that came late.
        """
        oldest, late = self.ready.oldest, self.late
        if late:
            late[:] = [item for item in late if item.state == BEHIND]
        lows = [lease.low for lease in self._leases] + [item.low for item in late]
        return min([*lows, oldest.low] if oldest else lows, default=None)

    def unsettled(self) -> int:
        """Count the rows that wait or are in flight."""
        rows = 0
        for first in self._items.values():
            item: Item | None = first
            while item is not None:
                rows += len(item.levels)
                item = item.after
        return rows


def _lowest(items: list[Item]) -> int:
    return min([item.low for item in items])
