"""What became of rows that were completed; the pipeline takes it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from target_tocobagus.core.model import Place, RecordError, Stream
    from target_tocobagus.window.buffer import Unsent
    from target_tocobagus.window.pending import Item


class Failed(NamedTuple):
    """A row that cannot be sent, and its record.

    Attributes:
        low: The lowest position that is settled with it; its own, if ``None``.
    """

    error: RecordError
    stream: Stream
    line: bytes
    position: int
    low: int | None = None


class Completed(msgspec.Struct, eq=False):
    """What became of some rows.

    Attributes:
        items: What is to be sent.
        rows: How many updates they stand for: of those of one stock the newest counts.
        new: How many updates were not counted before.
        skipped: Updates that change nothing.
        superseded: Updates that have waited, and instead of which a sum goes out.
        stale: Updates of which a newer version is known.
        unsent: Updates that need no request.
        failed: Rows that cannot be sent.
        ended: Levels of which something was rejected before that is not to be sent again, each with
            the position of the record that says so.
    """

    items: list[Item] = []
    rows: int = 0
    new: int = 0
    skipped: int = 0
    superseded: int = 0
    stale: int = 0
    unsent: Unsent = {}
    failed: list[Failed] = []
    ended: dict[Place, int] = {}
