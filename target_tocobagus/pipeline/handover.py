"""Where the main thread hands rows to the workers, and waits for room."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from target_tocobagus.delivery.rejections import by_cause
from target_tocobagus.mapping import doubt_of_streams

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_tocobagus.core.model import Identifier, Level, RecordError, Stream
    from target_tocobagus.pipeline.poller import Poller
    from target_tocobagus.pipeline.stages import Stages
    from target_tocobagus.window.buffer import RowBuffer, Unsent
    from target_tocobagus.window.newest import Rivals

logger = logging.getLogger("target-tocobagus")

_TURN_BATCHES: Final = 32
"""How many batches are sent before a window that was full is read into again."""

_LOOK_SECONDS: Final = 0.05
"""How often a STATE is looked for while the window is full."""

_WINDOW_BYTES: Final = 64 << 20
"""Memory of the waiting items and those in flight together."""

_UNWRITTEN_BYTES: Final = 8 << 20


class Handover:
    """The main thread's side of delivery.

    Attributes:
        capacity: How many items may wait in the window.
        last_is_meant: Streams whose mapping has `combine: last`.
    """

    def __init__(self, stages: Stages, poller: Poller) -> None:
        self._stages, self._poller, settings = stages, poller, stages.settings
        self._shared, self._scheduler = stages.shared, stages.scheduler
        # A full batch for each worker stays, so that none sends one that is not full.
        self._left = settings.batch_size_rows * settings.max_in_flight
        self.capacity = settings.batch_size_rows * _TURN_BATCHES + self._left
        self.last_is_meant: set[str] = set()
        self._contradicted: set[str] = set()
        self._has_started = False

    def hand_over(self, rows: RowBuffer) -> None:
        """Hand rows to the workers.

        Raises:
            LedgerError: The ledger cannot tell which of them need no request.
        """
        if not rows.rows and not rows.stale:
            return
        if not self._has_started:
            self._has_started = True
            self._stages.reject_writer.start()
            self._stages.workers.start(self._stages.settings.max_in_flight)
        ledger, unsent = self._stages.ledger, None
        try:
            if ledger is not None and not self._shared.over:  # else nothing will be sent
                unsent = ledger.screen(rows)
        finally:  # what the ledger cannot tell is unsettled, and counted there
            self._put(rows, unsent)

    def _put(self, rows: RowBuffer, unsent: Unsent | None) -> None:
        with self._shared.lock:
            self._shared.totals.freshness.has_versions |= rows.has_versions
            self._scheduler.put(rows, unsent)
            rivals = self._shared.window.rivals
            new = [rivals[name] for name in rivals.keys() - self._contradicted]
        for each in new:
            self._warn_of_streams(each)
        rows.clear()

    def _warn_of_streams(self, rivals: Rivals) -> None:
        """Warn once a stream that its rows differ from another stream's unsettled ones."""
        names = (rivals.older.stream.name, rivals.newer.stream.name)
        self._contradicted.add(names[1])
        if self.last_is_meant.isdisjoint(names):
            quantities = (rivals.older.quantity, rivals.newer.quantity)
            text = doubt_of_streams(names, rivals.identifier, rivals.location, quantities)
            logger.warning(text)

    def reject(
        self,
        errors: Sequence[RecordError],
        stream: Stream,
        line: bytes,
        position: int,
        low: int | None = None,
    ) -> None:
        """Reject rows of one record; see `Outcomes.reject`."""
        self._stages.reject_writer.start()
        with self._shared.lock:
            for rejection in by_cause(errors, position, stream, line):
                self._shared.outcomes.reject(rejection, low)

    def settle_unsent(self, unsent: Unsent) -> None:
        """Settle updates that need no request."""
        with self._shared.lock:
            self._shared.outcomes.settle_unsent(unsent)

    def unsettled(
        self, identifiers: Collection[Identifier]
    ) -> dict[Identifier, dict[str | None, Level]]:
        """Return the levels of items that wait or are in flight."""
        with self._shared.lock:
            return {each: self._shared.window.levels(each) for each in identifiers}

    def settle(self) -> None:
        """Wait until each row that was handed over has its outcome."""
        if self._shared.settled:
            return
        self._scheduler.set_backpressure(on=True)
        self._poller.wait_until(lambda: self._shared.settled)
        self._scheduler.set_backpressure(on=False)

    def await_room(self) -> None:
        """Once the window is full, wait until only `_left` items can be sent.

        So sending, too, has a long turn at the interpreter's lock; see `Scheduler.set_silence`.
        Items that wait for a request in flight do not count: that one may be tried for minutes, and
        the other workers must not wait with it.
        """
        if not self._is_full():
            return
        window = self._shared.window

        def has_room() -> bool:
            return len(window.ready) <= self._left and not self._is_full()

        self._scheduler.set_backpressure(on=True)
        self._shared.enough = self._left
        try:
            self._poller.wait_until(has_room, look_seconds=_LOOK_SECONDS)
        finally:
            self._shared.enough = math.inf
        self._scheduler.set_backpressure(on=False)

    def _is_full(self) -> bool:
        window = self._shared.window
        return (
            window.waiting >= self.capacity
            or window.weight >= _WINDOW_BYTES
            or self._shared.outcomes.unwritten.weight >= _UNWRITTEN_BYTES
        )
