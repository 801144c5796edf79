"""The updates that are not in flight: one entry per identifier, the newest value per location.

How to think about it. Stock is absolute, so of two values for one identifier and location only the
newer one is worth sending, and the older one must never arrive after it. Three rules follow:

- A newer value replaces the older one in its entry. The older one is superseded: it shares the
  outcome of its successor, so the entry keeps the lowest position that it ever held.
- An identifier that is in flight is *leased*: what comes for it meanwhile waits here, and cannot be
  picked until `release`. So there is never more than one request that holds an identifier.
- A global stock and a stock per warehouse cannot share an item. A global supersedes all that waits
  for its identifier; what comes for a warehouse after a waiting global stands behind it (`after`).

Entries that can be picked stand in two queues by position: all of them in `_oldest`, and those that
hold a 0 also in `_empty`, since a stock-out that arrives late is an oversale. Nothing is ever
removed from the middle of a queue: an entry that was picked is marked, and passed over when it
comes up. A queue is built anew when most of what it holds is such.

No lock and no clock here: `delivery` holds the one and hands in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.window.pending import LEVEL_BYTES, LEVEL_SIZE, Queue, holds_empty

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from target_tocobagus.core.model import Identifier, Item
    from target_tocobagus.window.buffer import RowBuffer
    from target_tocobagus.window.pending import EncodeItem, Entry

_PATIENCE: Final = 1.0
"""Seconds that stock-outs may go first at the least, however short the wait for a batch is."""


class Lease(msgspec.Struct, eq=False):
    """The identifiers of one batch, from its picking until each of them has its outcome.

    Attributes:
        items: Those that are still out, by identifier.
        low: The lowest position among them.
        weight: Bytes of memory that they take, about.
    """

    items: dict[Identifier, Item]
    low: int
    weight: int = 0


class Limits(msgspec.Struct, frozen=True):
    """How much a batch may hold, and how long an entry may wait for one.

    Attributes:
        rows: Items.
        size: Bytes of body; a single item goes whatever its size.
        wait: Seconds; an entry older than twice that goes before everything else.
    """

    rows: int
    size: int
    wait: float


class Window:
    """Entries by identifier; see the top of this file.

    Attributes:
        weight: Bytes of memory that the waiting entries take, about.
        leased_weight: The same of those that are out.
        ready: Entries that can be picked.
        ready_size: Bytes of body that these would make, about.
    """

    def __init__(self, encode: EncodeItem, frame_bytes: int) -> None:
        """Begin empty.

        Args:
            encode: Writes an item, so that a batch's size is known.
            frame_bytes: What a body weighs beside its items and the commas between them.
        """
        self._encode = encode
        self._frame_bytes = frame_bytes
        self._entries: dict[Identifier, Entry] = {}
        self._oldest = Queue()
        self._empty = Queue()
        self._leases: list[Lease] = []
        self._leased: set[Identifier] = set()
        self.weight = 0
        self.leased_weight = 0
        self.ready = 0
        self.ready_size = 0

    def __len__(self) -> int:
        """Count the entries, whether they can be picked or not."""
        return len(self._entries)

    def holds(self, identifier: Identifier) -> bool:
        """Tell whether something of an item waits or is out."""
        return identifier in self._entries or identifier in self._leased

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is out."""
        return not self._entries and not self._leases

    def put(self, gathering: RowBuffer, now: float) -> int:
        """Take rows in, in their order.

        Returns:
            How many older rows they superseded.
        """
        kept = 0
        for entry in gathering.entries:
            waiting = self._entries.get(entry.identifier)
            if waiting is None:
                self._entries[entry.identifier] = entry
                kept += self._enter(entry, now)
                if entry.identifier not in self._leased:
                    self._make_ready(entry)
            elif None in entry.levels:
                kept -= self._clear(waiting)
                kept += self._merge(waiting, entry)
            elif None not in waiting.levels:
                kept += self._merge(waiting, entry)
            elif waiting.after is not None:
                kept += self._merge(waiting.after, entry)
            else:
                waiting.after = entry
                kept += self._enter(entry, now)
        return gathering.rows - kept

    @property
    def waiting_since(self) -> float | None:
        """When the oldest entry that can be picked came; ``None`` where there is none."""
        oldest = self._oldest.head()
        return None if oldest is None else oldest.arrived

    def wants(self, limits: Limits, now: float) -> bool:
        """Tell whether a batch is full or due."""
        if self.ready >= limits.rows or self.ready_size >= limits.size:
            return True
        due = self.due(limits)
        return due is not None and due <= now

    def due(self, limits: Limits) -> float | None:
        """Tell when the oldest entry that can be picked has waited long enough."""
        since = self.waiting_since
        return None if since is None else since + limits.wait

    def pick(self, limits: Limits, now: float) -> Lease | None:
        """Take out the next batch, full or not; ``None`` where nothing can be picked."""
        items: dict[Identifier, Item] = {}
        size, ready_size, weight = self._frame_bytes - 1, 0, 0
        for entry in self._in_order(now - max(2 * limits.wait, _PATIENCE)):
            item = entry.item(self._encode)
            size += len(item.encoded) + 1
            if items and size > limits.size:
                break
            entry.ready = False
            ready_size += entry.size
            weight += entry.weight
            if entry.after is None:
                del self._entries[entry.identifier]
            else:
                self._entries[entry.identifier] = entry.after
            items[item.identifier] = item
            if len(items) == limits.rows:
                break
        self.ready -= len(items)
        self.ready_size -= ready_size
        self.weight -= weight
        self._oldest.tidy(self.ready)
        self._empty.tidy(self.ready)
        if not items:
            return None
        lease = Lease(items, min([item.low for item in items.values()]), weight)
        self.leased_weight += weight
        self._leases.append(lease)
        self._leased.update(items)
        return lease

    def lend(self, lease: Lease, item: Item) -> bool:
        """Let a lease hold one item more; refused where its identifier waits or is in flight."""
        identifier = item.identifier
        if identifier in self._entries or identifier in self._leased:
            return False
        if not lease.items:
            self._leases.append(lease)
        lease.items[identifier] = item
        lease.low = min([each.low for each in lease.items.values()])
        self._leased.add(identifier)
        return True

    def release(self, lease: Lease, identifiers: Collection[Identifier]) -> None:
        """Take back identifiers whose rows are settled; what waited for them can be picked."""
        share = lease.weight * len(identifiers) // (len(lease.items) or 1)
        lease.weight -= share
        self.leased_weight -= share
        if len(identifiers) == len(lease.items):
            self._leases.remove(lease)
            lease.items = {}
        else:
            for identifier in identifiers:
                del lease.items[identifier]
            lease.low = min(item.low for item in lease.items.values())
        self._leased.difference_update(identifiers)
        for waiting in [self._entries[each] for each in identifiers if each in self._entries]:
            self._make_ready(waiting)

    def lowest(self) -> int | None:
        """Tell the lowest position that is not settled; ``None`` where all are.

        What waits behind a lease or a global is younger than that, so only the heads count.
        """
        oldest = self._oldest.head()
        lows = [lease.low for lease in self._leases]
        return min([*lows, oldest.low] if oldest else lows, default=None)

    def unsettled(self) -> int:
        """Count the rows that wait or are out."""
        entries = [*self._entries.values()]
        entries += [entry.after for entry in entries if entry.after]
        waiting = sum(len(entry.levels) for entry in entries)
        out = sum(len(item.levels) for lease in self._leases for item in lease.items.values())
        return waiting + out

    def _enter(self, entry: Entry, now: float) -> int:
        """Take in an entry for which nothing waits where it comes to stand; tells how many rows."""
        entry.arrived = now
        entry.weigh()
        self.weight += entry.weight
        return len(entry.levels)

    def _merge(self, waiting: Entry, newer: Entry) -> int:
        """Let newer values replace what waits; tells how many are no older one's successors."""
        levels = waiting.levels
        before = len(levels)
        weight = 0
        for location, level in newer.levels.items():
            older = levels.get(location)
            levels[location] = level
            weight += len(level.line) - (len(older.line) if older else -LEVEL_BYTES)
        added = len(levels) - before
        waiting.weight += weight
        self.weight += weight
        waiting.size += added * LEVEL_SIZE
        if waiting.ready:
            self.ready_size += added * LEVEL_SIZE
            if newer.urgent and not waiting.urgent:
                self._empty.push(waiting)
        waiting.urgent |= newer.urgent
        waiting.broadcast |= newer.broadcast
        return added

    def _clear(self, entry: Entry) -> int:
        """Drop what a global supersedes; the entry keeps its place and its lowest position."""
        dropped = 0
        if entry.after is not None:
            dropped += len(entry.after.levels)
            self.weight -= entry.after.weight
            entry.after = None
        if None not in entry.levels:
            dropped += len(entry.levels)
            size, weight = entry.size, entry.weight
            entry.levels.clear()
            entry.weigh()
            self.weight += entry.weight - weight
            if entry.ready:
                self.ready_size += entry.size - size
        return dropped

    def _make_ready(self, entry: Entry) -> None:
        """Let an entry be picked."""
        entry.ready = True
        self.ready += 1
        self.ready_size += entry.size
        self._oldest.push(entry)
        if entry.urgent:
            self._empty.push(entry)

    def _in_order(self, overdue: float) -> Iterator[Entry]:
        """Go through the entries as they are to be sent; each must be taken, or be the last.

        First what arrived before a moment, for it has waited far too long, then stock-outs, then
        the oldest.
        """
        head = self._oldest.head
        while (entry := head()) is not None and entry.arrived <= overdue:
            yield entry
        while (entry := self._first_empty()) is not None:
            yield entry
        while (entry := head()) is not None:
            yield entry

    def _first_empty(self) -> Entry | None:
        """Find the oldest stock-out, and forget those that are none any more."""
        while (entry := self._empty.head()) is not None and not holds_empty(entry.levels):
            entry.urgent = False
            self._empty.pop()
        return entry
