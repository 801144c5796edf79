"""The streams of one pass whose rows are parts, and what of them has gone out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.mapping.summing import Summing

_MOST_WATCHED: Final = 1000
"""Of so many items it is watched whether all their parts come."""


class StreamSums:
    """A stream whose rows are parts.

    Attributes:
        waits: Its sums go out at the end of the input.
        low: The position of the first record whose sum waits for it.
        updates: How many updates wait for it.
        last: The position of its last record.
    """

    def __init__(self, stream: Stream, summing: Summing, *, was_read: bool) -> None:
        self.stream = stream
        self.summing = summing
        self.waits = summing.is_complete or not was_read
        self.low: int | None = None
        self.updates = 0
        self.last = 0
        self._watched: set[Identifier] = set()
        self._missing: dict[str, Identifier] = {}

    def wait(self, position: int, updates: int) -> None:
        """Let updates of a record wait for the end of the input."""
        self.updates += updates
        self.low = position if self.low is None else min(self.low, position)

    def went_out(self) -> int:
        """Wait no longer; returns how many updates have waited."""
        updates, self.updates, self.low = self.updates, 0, None
        return updates

    def is_whole(self, state_at: int) -> bool:
        """Whether a STATE has shown that the stream was read to its end."""
        return state_at >= self.last

    def see(self, keys: Iterable[str]) -> None:
        """Note that parts have come."""
        for key in keys if self._missing else ():
            self._missing.pop(key, None)

    @property
    def is_watching(self) -> bool:
        """Whether more items are to be watched."""
        is_meant = self.waits or self.summing.may_lack
        return not is_meant and len(self._watched) < _MOST_WATCHED

    def watch(self, identifier: Identifier, keys: Iterable[str]) -> None:
        """Watch whether the parts of an item come that have not come with its first one."""
        if identifier not in self._watched:
            self._watched.add(identifier)
            self._missing |= dict.fromkeys(keys, identifier)

    def doubt(self) -> str:
        """Say at the end of the input which parts have not come; empty if all have."""
        if not self._missing:
            return ""
        key, (kind, text) = next(iter(self._missing.items()))
        return (
            f"Stream {quoted(self.stream.name)}: {counted(len(self._missing), 'part')} of items"
            f" that this run has named did not come, and still count: part {quoted(key)} of {kind}"
            f" {quoted(text)}, for one. If a run brings all parts of an item that it names, set"
            " parts_complete to true; if the tap brings only what has changed, set it to false"
        )


def empty(stream: Stream) -> bytes:
    """Write a RECORD for a row that stands for others: it names its stream alone."""
    if not stream.schema_line:
        return b""
    return msgspec.json.encode({"type": "RECORD", "stream": stream.name, "record": {}})
