"""The items that can be picked, in the order of sending.

They are in two queues by position: all of them in `_oldest`, and those with a 0 also in
`_stock_outs`, because a stock-out that arrives late is an oversale. Nothing is removed from the
middle of a queue: a picked item is marked, and skipped when it comes up. A queue is rebuilt when
most of its items are picked ones.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.window.pending import LEASED, READY, Item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_PATIENCE: Final = 1.0
"""Stock-outs may go first for at least this many seconds, even if batches wait less."""


class Limits(msgspec.Struct, frozen=True):
    """How much a batch may hold, and how long an item may wait for one.

    Attributes:
        rows: Items.
        levels: Levels of all of them; a single item may have more.
        wait: Seconds; an item older than twice that goes before everything else.
    """

    rows: int
    levels: int
    wait: float


class ReadyItems:
    """The two queues.

    Attributes:
        levels: Levels of all items in them.
    """

    def __init__(self) -> None:
        self._oldest = Queue()
        self._stock_outs = Queue()
        self._items = 0
        self.levels = 0

    def __len__(self) -> int:
        """Count the items that can be picked."""
        return self._items

    def extend(self, items: Collection[Item], levels: int) -> None:
        """Add items, with their number of levels."""
        self._oldest.extend(items)
        self._stock_outs.extend([item for item in items if item.urgent])
        self._items += len(items)
        self.levels += levels

    def add(self, item: Item) -> None:
        """Add an item that has waited for another."""
        item.state = READY
        self._items += 1
        self.levels += len(item.levels)
        self._oldest.push(item)
        if item.urgent:
            self._stock_outs.push(item)

    def hurry(self, item: Item) -> None:
        """Send an item that is here with the stock-outs."""
        item.urgent = True
        self._stock_outs.push(item)

    def move_up(self, item: Item) -> None:
        """Let an item that is here take the place of its position, which is lower now."""
        self._oldest.move_up(item)

    @property
    def oldest(self) -> Item | None:
        """The item of the lowest position."""
        return self._oldest.head()

    def due(self, limits: Limits) -> float | None:
        """When the oldest item will have waited long enough; ``None`` if there is none."""
        arrived = self._oldest.arrived()
        return None if arrived is None else arrived + limits.wait

    def is_full(self, limits: Limits) -> bool:
        """Whether there is a full batch."""
        return self._items >= limits.rows or self.levels >= limits.levels

    def is_due(self, limits: Limits, now: float) -> bool:
        """Whether the oldest item has waited long enough."""
        due = self.due(limits)
        return due is not None and due <= now

    def pick(self, limits: Limits, now: float) -> list[Item]:
        """Take the items of the next batch, full or not."""
        items: list[Item] = []
        levels = 0
        for item in self._urgent(now - max(2 * limits.wait, _PATIENCE)):
            if len(items) == limits.rows or (items and levels + len(item.levels) > limits.levels):
                break
            levels += len(item.levels)
            item.state = LEASED
            items.append(item)
        else:
            levels += self._oldest.take(items, limits, limits.levels - levels)
        self._items -= len(items)
        self.levels -= levels
        self._oldest.tidy(self._items)
        self._stock_outs.tidy(self._items)
        return items

    def _urgent(self, overdue: float) -> Iterator[Item]:
        """Go through what cannot be taken in line; the caller must lease each, or stop.

        First the items that arrived before `overdue`, then stock-outs, then the oldest, until those
        that came late have had their turn.
        """
        while (oldest := self._oldest.head()) is not None and oldest.arrived <= overdue:
            yield oldest
        while (stock_out := self._first_stock_out()) is not None:
            yield stock_out
        while self._oldest.has_late and (oldest := self._oldest.head()) is not None:
            yield oldest

    def _first_stock_out(self) -> Item | None:
        """Find the oldest stock-out, and remove items that are not stock-outs any more."""
        while (item := self._stock_outs.head()) is not None and not item.is_out_of_stock():
            item.urgent = False
            self._stock_outs.pop()
        return item


class Queue:
    """Items by their lowest position.

    Nearly all come in this order; only those that waited come late: for a lease, for their pair, or
    for the end of the input. So this is a deque to append to, and a heap for the late ones.
    """

    __slots__ = ("_highest", "_late", "_line", "_number")

    def __init__(self) -> None:
        self._line: deque[Item] = deque()
        self._late: list[tuple[int, int, Item]] = []
        self._number = count()
        self._highest = 0

    def __len__(self) -> int:
        """Count its entries, including picked items that were not removed yet."""
        return len(self._line) + len(self._late)

    def extend(self, items: Collection[Item]) -> None:
        """Add items."""
        lows = [item.low for item in items]
        if lows and (lows[0] >= self._highest or not self._line) and lows == sorted(lows):
            self._line.extend(items)
            self._highest = lows[-1]
            return
        for item in items:
            self.push(item)

    def push(self, item: Item) -> None:
        """Add an item."""
        if self._line and self._highest > item.low:
            self.move_up(item)
        else:
            self._line.append(item)
            self._highest = item.low

    def move_up(self, item: Item) -> None:
        """Add an item as one that has come late; it may be in line, too."""
        heappush(self._late, (item.low, next(self._number), item))

    def arrived(self) -> float | None:
        """When the first item came, of those in line and those that came late."""
        if self.head() is None:
            return None
        heads = [late[2] for late in self._late[:1]]
        if self._line:
            heads.append(self._line[0])
        return min([item.arrived for item in heads])

    def head(self) -> Item | None:
        """Return the first item that is still ready, and remove those before it."""
        line, late = self._line, self._late
        while line and line[0].state != READY:
            line.popleft()
        if not late:
            return line[0] if line else None
        while late and late[0][2].state != READY:
            heappop(late)
        if late and not (line and line[0].low <= late[0][0]):
            return late[0][2]
        return line[0] if line else None

    @property
    def has_late(self) -> bool:
        """Whether items came late, and may not be in line."""
        return bool(self._late)

    def take(self, items: list[Item], limits: Limits, room: int) -> int:
        """Lease items in line, if none came late, and add them to a batch.

        Args:
            items: The batch; the first item of one is taken, however many levels it has.
            limits: Those of the batch.
            room: For how many levels the batch has room.

        Returns:
            How many levels were added.
        """
        line, left, most = self._line, room, limits.rows - len(items)
        append = items.append
        while line and most > 0:
            item = line.popleft()
            if item.state != READY:
                continue
            levels = len(item.levels)
            if levels > left and items:
                line.appendleft(item)
                break
            left -= levels
            most -= 1
            item.state = LEASED
            append(item)
        return room - left

    def pop(self) -> None:
        """Remove the head."""
        if self._line and self.head() is self._line[0]:
            self._line.popleft()
        else:
            heappop(self._late)

    def tidy(self, ready: int) -> None:
        """Remove picked items, once they are most of the queue."""
        if len(self) > 2 * ready + 64:
            self._line = deque(item for item in self._line if item.state == READY)
            self._late = [place for place in self._late if place[2].state == READY]
            heapify(self._late)
