"""What has come for one identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.core.versions import is_older

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Level

READY: Final = 0
BEHIND: Final = 1
LEASED: Final = 2
SETTLED: Final = 3
"""An item's state: it can be picked; it waits for another; it is in flight; it is settled. Items
that end a batch keep the state of those in flight: nothing asks for it again."""


def outdated(newer: dict[str | None, Level], older: dict[str | None, Level]) -> list[str | None]:
    """Find the levels that came later and have an older version (`newer_by`).

    Only versions of one stream and mapping can be compared.
    """
    return [
        place
        for place in newer.keys() & older
        if newer[place].version
        and is_older(newer[place].version, older[place].version)
        and newer[place].stream.source == older[place].stream.source
    ]


def with_version(newer: Level, older: Level) -> Level:
    """Give a level without a version that of the one before: a deleted row may have lost its own.

    So a later row that is older than that one stays so.
    """
    if newer.version or not older.version or newer.stream.source != older.stream.source:
        return newer
    return msgspec.structs.replace(newer, version=older.version)


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
        is_new: The ledger was asked when the item came, and knew nothing of it. That stays so while
            it waits: no request holds it.
    """

    identifier: Identifier
    levels: dict[str | None, Level]
    low: int
    urgent: bool = False
    broadcast: bool = False
    arrived: float = 0.0
    state: int = READY
    after: Item | None = None
    is_new: bool = False

    def is_broadcast(self) -> bool:
        """Whether all levels came at once, for a list of warehouses, and are still equal."""
        said = {(level.broadcast, level.position, level.quantity) for level in self.levels.values()}
        return len(said) == 1 and next(iter(said))[0]

    def is_out_of_stock(self) -> bool:
        """Whether one of its levels is a stock-out."""
        return any(level.quantity == 0 for level in self.levels.values())
