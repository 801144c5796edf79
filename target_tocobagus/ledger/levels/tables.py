"""The tables of one store, and the connections to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_tocobagus.ledger.database.sources import SeenColumns, Sources
from target_tocobagus.ledger.levels.levels import Levels
from target_tocobagus.ledger.levels.named_days import NamedDays
from target_tocobagus.ledger.levels.rejections import OpenRejections

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.ledger.database.connections import Connections


class Tables:
    """What comparing and recording share.

    Attributes:
        now_ms: The API's time, as far as it is known.
    """

    def __init__(self, connections: Connections, store: int, now_ms: Callable[[], int]) -> None:
        self.connections = connections
        self.now_ms = now_ms
        self.named_days = NamedDays(connections, store, now_ms)
        self.levels = Levels(store, connections.dialect, self.named_days)
        self.rejections = OpenRejections(store, connections.dialect)
        with connections.reading() as reader:
            self.rejections.count(reader)
            self.sources = Sources(reader)
            self.seen_columns = SeenColumns(reader, store, self.sources)
