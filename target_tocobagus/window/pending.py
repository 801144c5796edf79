"""The item of one identifier, and the queue of items."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_tocobagus.core.model import Identifier, Level

READY: Final = 0
BEHIND: Final = 1
LEASED: Final = 2
SETTLED: Final = 3
"""An item's state: it can be picked; it waits for another; it is in flight; it is settled."""


class Item(msgspec.Struct, eq=False, gc=False):
    """The pending updates of one identifier: one row of a request, once it is sent.

    It changes while it waits in the window, and does not change in flight.

    Attributes:
        identifier: The item.
        levels: By location, in order of arrival: the single key ``None`` (global), or client ids.
        low: The lowest position of its rows, superseded ones included.
        urgent: One of its levels is a stock-out, or was.
        broadcast: One of its levels came for a list of warehouses, or did.
        arrived: When its first row came into the window, by the monotonic clock.
        state: One of the four above. A ready item is in the queue; an urgent one also in the
            queue of stock-outs.
        after: A newer item that must wait for this one, which is in flight or global.
    """

    identifier: Identifier
    levels: dict[str | None, Level]
    low: int
    urgent: bool = False
    broadcast: bool = False
    arrived: float = 0.0
    state: int = READY
    after: Item | None = None

    def is_broadcast(self) -> bool:
        """Whether all levels came at once, for a list of warehouses, and are still equal."""
        said = {(level.broadcast, level.position, level.quantity) for level in self.levels.values()}
        return len(said) == 1 and next(iter(said))[0]

    def is_out_of_stock(self) -> bool:
        """Whether one of its levels is a stock-out."""
        return any(level.quantity == 0 for level in self.levels.values())


class Queue:
    """Items by their lowest position.

    Nearly all come in this order; only those that waited for a lease come late. So this is a deque
    to append to, and a heap for the late ones.
    """

    __slots__ = ("_late", "_line", "_number")

    def __init__(self) -> None:
        self._line: deque[Item] = deque()
        self._late: list[tuple[int, int, Item]] = []
        self._number = count()

    def __len__(self) -> int:
        """Count its entries, including picked items that were not removed yet."""
        return len(self._line) + len(self._late)

    def extend(self, items: Iterable[Item]) -> None:
        """Append items that are newer than all in it."""
        self._line.extend(items)

    def push(self, item: Item) -> None:
        """Add an item."""
        if self._line and self._line[-1].low > item.low:
            heappush(self._late, (item.low, next(self._number), item))
        else:
            self._line.append(item)

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

    def __iter__(self) -> Iterator[Item]:
        """Go through the ready items; the caller must pick each (it is not ready then), or stop.

        The same as calling `head`, without a call for each item that came in order.
        """
        line = self._line
        while True:
            while line and not self._late:
                if line[0].state == READY:
                    yield line[0]
                else:
                    line.popleft()
            if (item := self.head()) is None:
                return
            yield item

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
