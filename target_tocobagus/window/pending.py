"""What has come for one identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
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
