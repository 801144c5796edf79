"""Decides which worker sends the next batch, and when.

Invariants:
- No batch is picked after a fatal error.
- A request that is sent again goes before new batches.
- If rows wait, a worker is awake, or waits for the time at which they are due.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_tocobagus.delivery.shared import Shared
    from target_tocobagus.window.buffer import RowBuffer, Unsent
    from target_tocobagus.window.window import Lease


class Scheduler:
    """Takes rows from the main thread, and gives batches to the workers."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._window = shared.window
        self._throttle = shared.throttle
        self._backpressure = False
        self._silence = False
        self._closing = False
        self._watchers = 0  # workers that wait with a timeout, and so notice a batch that is due

    def put(self, row_buffer: RowBuffer, unsent: Unsent | None = None) -> None:
        """Hand rows to the window; call it with the lock held.

        Args:
            row_buffer: The rows.
            unsent: Those that need no request, by the ledger, unless something of their item waits
                or is in flight, or was when the ledger was asked.
        """
        now = time.monotonic()
        window, totals = self._window, self._shared.totals
        if window.released is not None:
            known = {
                identifier: places
                for identifier, places in (unsent or {}).items()
                if not window.holds(identifier) and identifier not in window.released
            }
            for item in row_buffer.items if window.released else ():
                item.is_new = item.is_new and item.identifier not in window.released
            row_buffer.leave_out(known)
            self._shared.outcomes.settle_unsent(known)
            window.released.clear()
        before = window.stale
        totals.superseded += window.put(row_buffer, now)
        totals.stale += window.stale - before + row_buffer.stale
        self.wake(now)

    def set_backpressure(self, *, on: bool) -> None:
        """Say whether reading waits for room; then batches are sent that are not full."""
        with self._shared.lock:
            self._backpressure = on
            if on and self._window.ready:
                self._shared.idle.notify()

    def set_silence(self, *, on: bool) -> None:
        """Say whether the tap is silent, so that the main thread waits for it.

        If it is not, and the API answers at once, a full batch waits until the window is full or
        the batch is due. Mapping and sending then want the interpreter's lock all the time, and the
        longer their turns at it, the less the changes cost.
        """
        with self._shared.lock:
            self._silence = on
            self.wake(time.monotonic())

    def close(self) -> None:
        """Say that no more rows will come; the workers end when every row has its outcome."""
        with self._shared.lock:
            self._closing = True
            self._shared.idle.notify_all()

    def next_lease(self) -> Lease | None:
        """Wait for a batch that is full or due, and for permission to send it.

        The batch is picked last, so that its values are the newest.

        Returns:
            ``None`` at the end of the run.
        """
        shared, throttle = self._shared, self._throttle
        with shared.lock:
            while not shared.over:
                now = time.monotonic()
                wait = None
                if self._has_batch(now):
                    wait = None if throttle.claims else throttle.begin(now)
                    if wait == 0:
                        return self._pick(now)
                elif self._closing and self._window.idle:
                    shared.idle.notify_all()
                    return None
                elif (due := self._window.ready.due(throttle.limits)) is not None:
                    wait = due - now
                self._watchers += wait is not None
                shared.idle.wait(wait)
                self._watchers -= wait is not None
        return None

    def wake(self, now: float) -> None:
        """Wake a worker if there is a batch, or if no worker waits for one to be due.

        None could begin a request while as many are in flight as may be; who ends one sees to it.
        """
        if self._throttle.is_full:
            return
        if self._window.ready and (not self._watchers or self._has_batch(now)):
            self._shared.idle.notify()

    def _has_batch(self, now: float) -> bool:
        ready, limits = self._window.ready, self._throttle.limits
        if self._closing or self._backpressure:
            return len(ready) > 0
        waits_for_turn = self._throttle.is_quick and not self._silence
        return (ready.is_full(limits) and not waits_for_turn) or ready.is_due(limits, now)

    def _pick(self, now: float) -> Lease | None:
        lease = self._window.pick(self._throttle.limits, now)
        self.wake(now)
        self._shared.notify_main()
        return lease
