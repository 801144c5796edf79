"""What waits for one identifier, and the line that it stands in."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from target_tocobagus.encoding import encode_item
from target_tocobagus.model import Item

if TYPE_CHECKING:
    from target_tocobagus.model import Identifier, Level

ENTRY_BYTES: Final = 500
LEVEL_BYTES: Final = 250
"""What an entry and a level weigh in memory, about; measured on CPython 3.11."""

ITEM_SIZE: Final = 24
LEVEL_SIZE: Final = 32
"""What an item and a level add to a body, about, beside their own texts."""


class Entry:
    """All that waits for one identifier.

    Attributes:
        ready: It stands in the heaps and can be picked; neither leased nor behind a global.
        urgent: It stands in the heap of stock-outs, rightly or no longer so.
    """

    __slots__ = (
        "after",
        "arrived",
        "identifier",
        "levels",
        "low",
        "ready",
        "size",
        "urgent",
        "weight",
    )

    def __init__(self, identifier: Identifier, low: int, arrived: float) -> None:
        """Begin without levels, at the position and the moment of the first row."""
        self.identifier = identifier
        self.levels: dict[str | None, Level] = {}
        self.low = low
        self.arrived = arrived
        self.ready = False
        self.urgent = False
        self.size = ITEM_SIZE + len(identifier[1])
        self.weight = ENTRY_BYTES
        self.after: Entry | None = None

    def holds_empty(self) -> bool:
        """Whether one of its levels is a stock-out."""
        return 0 in [level.quantity for level in self.levels.values()]

    def is_broadcast(self) -> bool:
        """Whether all levels were said at once and are still equal."""
        levels = list(self.levels.values())
        if not levels[0].broadcast:
            return False
        said = {(level.broadcast, level.position, level.quantity) for level in levels}
        return len(said) == 1

    def item(self) -> Item:
        """Make the row of a request of it."""
        encoded = encode_item(self.identifier, self.levels, broadcast=self.is_broadcast())
        return Item(self.identifier, self.levels, self.low, encoded)


class Queue:
    """Entries by their lowest position.

    Nearly all come in that order, and only those that a lease has held come late; so this is a line
    that they join at its end, and a heap for the latecomers.
    """

    __slots__ = ("_late", "_line", "_number")

    def __init__(self) -> None:
        """Begin empty."""
        self._line: deque[Entry] = deque()
        self._late: list[tuple[int, int, Entry]] = []
        self._number = count()

    def __len__(self) -> int:
        """Count what stands in it, picked entries that were not passed over yet included."""
        return len(self._line) + len(self._late)

    def push(self, entry: Entry) -> None:
        """Let an entry join."""
        if self._line and self._line[-1].low > entry.low:
            heappush(self._late, (entry.low, next(self._number), entry))
        else:
            self._line.append(entry)

    def head(self) -> Entry | None:
        """Look at the first entry that is still there, and forget those before it."""
        line, late = self._line, self._late
        while line and not line[0].ready:
            line.popleft()
        if not late:
            return line[0] if line else None
        while late and not late[0][2].ready:
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
            self._line = deque(entry for entry in self._line if entry.ready)
            self._late = [place for place in self._late if place[2].ready]
            heapify(self._late)
