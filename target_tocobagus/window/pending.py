"""What waits for one identifier, and the line that it stands in."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from target_tocobagus.core.model import Item

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.core.model import Identifier, Level

ENTRY_BYTES: Final = 500
LEVEL_BYTES: Final = 250
"""What an entry and a level weigh in memory, about; measured on CPython 3.11."""

ITEM_SIZE: Final = 24
LEVEL_SIZE: Final = 48
"""What an item, beside its identifier, and a level add to a body, about."""


class EncodeItem(Protocol):
    """Writes one item as it stands in a request (`api.item_json.encode_item`)."""

    def __call__(
        self, identifier: Identifier, levels: Mapping[str | None, Level], *, broadcast: bool = False
    ) -> bytes:
        """Write an item of these levels."""
        ...


class Entry(msgspec.Struct, eq=False, gc=False):
    """What has come for one identifier and is not in flight.

    Attributes:
        identifier: The item.
        levels: By location: the one key ``None`` (global), or client ids.
        low: The lowest position that it ever held.
        urgent: One of its levels is a stock-out, or was.
        broadcast: One of its levels was said of a list of warehouses, or was.
        arrived: When the first of it came into the window, by the monotonic clock.
        size: Bytes of body that it makes, about.
        weight: Bytes of memory that it takes, about.
        ready: It stands in the queue and can be picked; neither leased nor behind a global. If it
            is urgent, it stands in that of stock-outs, too.
        after: What came for warehouses after this global.
    """

    identifier: Identifier
    levels: dict[str | None, Level]
    low: int
    urgent: bool = False
    broadcast: bool = False
    arrived: float = 0.0
    size: int = 0
    weight: int = 0
    ready: bool = False
    after: Entry | None = None

    def weigh(self) -> None:
        """Find its size and weight."""
        levels = self.levels
        self.size = ITEM_SIZE + len(self.identifier[1]) + len(levels) * LEVEL_SIZE
        self.weight = ENTRY_BYTES + len(levels) * LEVEL_BYTES
        for level in levels.values():
            if not level.line:
                break  # then the others have none, for all lines are kept, or none are
            self.weight += len(level.line)

    def is_broadcast(self) -> bool:
        """Whether all levels were said at once and are still equal."""
        said = {(level.broadcast, level.position, level.quantity) for level in self.levels.values()}
        return len(said) == 1 and next(iter(said))[0]

    def item(self, encode: EncodeItem) -> Item:
        """Make the row of a request of it."""
        broadcast = self.broadcast and self.is_broadcast()
        encoded = encode(self.identifier, self.levels, broadcast=broadcast)
        return Item(self.identifier, self.levels, self.low, encoded)


def holds_empty(levels: Mapping[str | None, Level]) -> bool:
    """Whether one of them is a stock-out."""
    return any(level.quantity == 0 for level in levels.values())


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
