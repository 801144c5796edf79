"""What has come for one identifier, and the line that it stands in."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Identifier, Level

READY: Final = 0
BEHIND: Final = 1
LEASED: Final = 2
SETTLED: Final = 3
"""Where an item is: it can be picked; it waits for another; it is in flight; it has its outcome."""


class Item(msgspec.Struct, eq=False, gc=False):
    """All that has come for one identifier: one row of a request, once it is sent.

    It changes while it waits in the window, and no more once it is in flight.

    Attributes:
        identifier: The item.
        levels: By location, in order of arrival: the one key ``None`` (global), or client ids.
        low: The lowest position that any of its rows, superseded ones too, came from.
        urgent: One of its levels is a stock-out, or was.
        broadcast: One of its levels was said of a list of warehouses, or was.
        arrived: When the first of it came into the window, by the monotonic clock.
        state: One of the four above. If it is ready, it stands in the queue; and if it is urgent,
            in that of stock-outs, too.
        after: What came after it and must wait for it: it is in flight, or a global.
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
        """Whether all levels were said at once and are still equal."""
        said = {(level.broadcast, level.position, level.quantity) for level in self.levels.values()}
        return len(said) == 1 and next(iter(said))[0]

    def is_out_of_stock(self) -> bool:
        """Whether one of its levels is a stock-out."""
        return any(level.quantity == 0 for level in self.levels.values())


class Queue:
    """Items by their lowest position.

    Nearly all come in that order, and only those that a lease has held come late; so this is a line
    that they join at its end, and a heap for the latecomers.
    """

    __slots__ = ("_late", "_line", "_number")

    def __init__(self) -> None:
        self._line: deque[Item] = deque()
        self._late: list[tuple[int, int, Item]] = []
        self._number = count()

    def __len__(self) -> int:
        """Count what stands in it, picked items that were not passed over yet included."""
        return len(self._line) + len(self._late)

    def extend(self, items: Iterable[Item]) -> None:
        """Let items join that are younger than all in it."""
        self._line.extend(items)

    def push(self, item: Item) -> None:
        """Let an item join."""
        if self._line and self._line[-1].low > item.low:
            heappush(self._late, (item.low, next(self._number), item))
        else:
            self._line.append(item)

    def head(self) -> Item | None:
        """Look at the first item that is still there, and forget those before it."""
        line, late = self._line, self._late
        while line and line[0].state:  # READY is 0
            line.popleft()
        if not late:
            return line[0] if line else None
        while late and late[0][2].state:
            heappop(late)
        if late and not (line and line[0].low <= late[0][0]):
            return late[0][2]
        return line[0] if line else None

    def pop(self) -> None:
        """Take the head away."""
        if self._line and self.head() is self._line[0]:
            self._line.popleft()
        else:
            heappop(self._late)

    def tidy(self, ready: int) -> None:
        """Forget what was picked, where it has come to be most of the queue."""
        if len(self) > 2 * ready + 64:
            self._line = deque(item for item in self._line if item.state == READY)
            self._late = [place for place in self._late if place[2].state == READY]
            heapify(self._late)
