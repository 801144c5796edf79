"""Rejections: made of errors, and kept until they are written down."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.model import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_tocobagus.core.model import Identifier, RecordError, Stream
    from target_tocobagus.delivery.settle import FailedItem, RowError

_REJECTION_BYTES: Final = 2000
"""Approximate memory of a rejection, without its record."""


class UnwrittenRejections:
    """Rejections that `reject_writer` has not written yet, in order.

    Attributes:
        weight: Approximate bytes of memory of them.
    """

    def __init__(self, notify_writer: Callable[[], None]) -> None:
        """Begin empty.

        Args:
            notify_writer: Called when a rejection is to be written; it must not wait.
        """
        self._notify_writer = notify_writer
        self._queue: deque[tuple[int, Rejection]] = deque()
        self.weight = 0

    def __len__(self) -> int:
        """Count them."""
        return len(self._queue)

    @property
    def lows(self) -> list[int]:
        """The positions that no STATE may cover yet."""
        return [low for low, _ in self._queue]

    @property
    def updates(self) -> int:
        """How many updates they are."""
        return sum([len(rejection.updates) for _, rejection in self._queue])

    def extend(self, rejections: Iterable[tuple[int, Rejection]]) -> None:
        """Add rejections, each with the lowest position that shares its outcome."""
        for low, rejection in rejections:
            self._queue.append((low, rejection))
            self.weight += _weight(rejection)
        if self._queue:
            self._notify_writer()

    def oldest(self, most: int) -> list[Rejection]:
        """Return the oldest ones, at most so many."""
        return [rejection for _, rejection in islice(self._queue, most)]

    def pop(self) -> tuple[int, Rejection]:
        """Remove the oldest one, which is written now."""
        low, rejection = self._queue.popleft()
        self.weight -= _weight(rejection)
        return low, rejection


def _weight(rejection: Rejection) -> int:
    return _REJECTION_BYTES + len(rejection.line)


def by_cause(
    refused: Iterable[RecordError], position: int, stream: Stream, line: bytes
) -> list[Rejection]:
    """Group the errors of one record by their cause."""
    updates: dict[tuple[Any, ...], list[tuple[Identifier | None, str | None]]] = {}
    for outcome in refused:
        cause = (outcome.code, outcome.message, outcome.values)
        updates.setdefault(cause, []).append((outcome.identifier, outcome.location))
    return [
        Rejection(
            code=code,
            message=message,
            position=position,
            stream=stream,
            line=line,
            updates=tuple(of_cause),
            values=values,
        )
        for (code, message, values), of_cause in updates.items()
    ]


def by_record(refusals: Iterable[FailedItem]) -> list[tuple[int, Rejection]]:
    """Group refusals by record; each with the lowest position that shares its outcome."""
    lows: dict[tuple[int, RowError], int] = {}
    rejections: dict[tuple[int, RowError], Rejection] = {}
    for refusal in refusals:
        for location, level in refusal.item.levels.items():
            key = (level.position, refusal.error)
            update = (refusal.item.identifier, location)
            found = rejections.get(key)
            lows[key] = min(lows.get(key, refusal.item.low), refusal.item.low)
            rejections[key] = (
                msgspec.structs.replace(found, updates=(*found.updates, update))
                if found
                else Rejection(
                    code=refusal.error.code,
                    message=refusal.error.message,
                    reason=refusal.error.reason,
                    position=level.position,
                    stream=level.stream,
                    line=level.line,
                    updates=(update,),
                    batch_id=refusal.batch_id,
                    request_id=refusal.request_id or None,
                )
            )
    return [(lows[key], rejection) for key, rejection in rejections.items()]
