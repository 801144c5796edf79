"""Decides which worker may send now: batches, limits, back-off, backpressure.

One lock guards what the threads share: the window, the throttle, the outcomes, the totals. It
guards memory only: nobody sends, logs or writes while holding it.

Three conditions share the lock, so that notify() wakes the right kind of waiter: `_idle` for
workers without a batch, `_slots` for those that wait for permission to send again, `_pauses` for
those that wait out a back-off.

Invariants:
- No request starts after a fatal error.
- A request that is sent again goes before new batches.
- If rows wait, a worker is awake, or waits for the time at which they are due.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from target_tocobagus.core.errors import TocobagusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_tocobagus.delivery.reply_handler import Shared
    from target_tocobagus.window.buffer import RowBuffer
    from target_tocobagus.window.window import Lease


class Abandoned(Exception):  # noqa: N818  # not an error: it ends a worker
    """The run is over; the rows that this worker holds stay unsettled."""


class Scheduler:
    """The lock, and the workers that wait for it.

    Attributes:
        lock: Hold it to read or change what is shared.
        error: The first fatal error; then nothing more is sent.
        notify_main: Called when something has changed that the main thread may wait for.
    """

    def __init__(self, shared: Shared, notify_main: Callable[[], None]) -> None:
        self._window = shared.window
        self._throttle = shared.throttle
        self._totals = shared.totals
        self.notify_main = notify_main
        self.lock = threading.Lock()
        self._idle = threading.Condition(self.lock)
        self._slots = threading.Condition(self.lock)
        self._pauses = threading.Condition(self.lock)
        self._backpressure = False
        self._closing = False
        self._over = False
        self._watchers = 0  # workers that wait with a timeout, and so notice a batch that is due
        self._claims = 0  # workers that wait to send something again; they go before new batches
        self._ignores_replies = False
        self.error: TocobagusError | None = None

    # For the main thread

    def put(self, row_buffer: RowBuffer) -> None:
        """Hand rows to the window; call it with the lock held."""
        now = time.monotonic()
        self._totals.superseded += self._window.put(row_buffer, now)
        self._notify_one(now)

    def set_backpressure(self, *, on: bool) -> None:
        """Say whether reading waits for room; then batches are sent that are not full."""
        with self.lock:
            self._backpressure = on
            if on and self._window.ready:
                self._idle.notify()

    def close(self) -> None:
        """Say that no more rows will come; the workers end when every row has its outcome."""
        with self.lock:
            self._closing = True
            self._idle.notify_all()

    @property
    def settled(self) -> bool:
        """Whether nothing waits and nothing is in flight, judged under the lock."""
        with self.lock:
            return self._window.idle

    @property
    def quiet(self) -> bool:
        """Whether no request is in flight."""
        with self.lock:
            return self._throttle.active == 0

    def fits(self, size: int, levels: int) -> bool:
        """Whether a body of this size may be sent; learn from one that is too large."""
        with self.lock:
            fits = size <= self._throttle.most_bytes
            if not fits:
                self._throttle.learn_levels(levels, size)
        return fits

    def abandon(self) -> None:
        """Begin no further request and end all waits; requests in flight may still settle."""
        with self.lock:
            self._over = True
            for condition in (self._idle, self._slots, self._pauses):
                condition.notify_all()

    def fail(self, error: TocobagusError) -> None:
        """Send nothing more; of several errors the first counts."""
        with self.lock:
            self.error = self.error or error
        self.abandon()
        self.notify_main()

    def ignore_late_replies(self) -> None:
        """Ignore replies from now on; the totals are final."""
        with self.lock:
            self._ignores_replies = True

    # For the workers

    def next_lease(self) -> Lease | None:
        """Wait for a batch that is full or due, and for permission to send it.

        The batch is picked last, so that its values are the newest.

        Returns:
            ``None`` at the end of the run.
        """
        with self.lock:
            while not self._over:
                now = time.monotonic()
                wait = None
                if self._has_batch(now):
                    wait = None if self._claims else self._throttle.begin(now)
                    if wait == 0:
                        return self._pick(now)
                elif self._closing and self._window.idle:
                    self._idle.notify_all()
                    return None
                elif (due := self._window.ready.due(self._throttle.limits)) is not None:
                    wait = due - now
                self._watchers += wait is not None
                self._idle.wait(wait)
                self._watchers -= wait is not None
        return None

    def _notify_one(self, now: float) -> None:
        """Wake a worker if there is a batch, or if no worker waits for one to be due."""
        if self._window.ready and (not self._watchers or self._has_batch(now)):
            self._idle.notify()

    def _has_batch(self, now: float) -> bool:
        if self._closing or self._backpressure:
            return len(self._window.ready) > 0
        return self._window.ready.wants(self._throttle.limits, now)

    def _pick(self, now: float) -> Lease | None:
        lease = self._window.pick(self._throttle.limits, now)
        self._notify_one(now)
        self.notify_main()
        return lease

    @contextmanager
    def sending(self, size: int, *, again: bool) -> Iterator[None]:
        """Count a request, and give its permission back if sending raises.

        Args:
            size: Bytes of its body.
            again: Its rows were sent before.

        Raises:
            Abandoned: The run is over.
        """
        with self.lock:
            if self._over:
                self._throttle.end()
                raise Abandoned
            self._totals.requests += 1
            self._totals.retries += again
            self._totals.sent_bytes += size
        try:
            yield
        except BaseException:
            with self.lock:
                self._throttle.end()
            raise

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Hold the lock while a reply is handled; then wake the threads that wait for its outcomes.

        Raises:
            Abandoned: Replies are ignored now.
        """
        with self.lock:
            self._throttle.end()
            if self._ignores_replies:
                raise Abandoned
            try:
                yield
            except TocobagusError as error:
                # Before the lock is released, so that no other worker begins a request in between.
                self.error = self.error or error
                self._over = True
                raise
            self._slots.notify()
            self._notify_one(time.monotonic())
        self.notify_main()

    def await_slot(self) -> None:
        """Wait for permission to send something again.

        Raises:
            Abandoned: The run is over.
        """
        with self.lock:
            self._claims += 1
            try:
                while not self._over:
                    wait = self._throttle.begin(time.monotonic())
                    if wait == 0:
                        return
                    self._slots.wait(wait)
            finally:
                self._claims -= 1
                self._slots.notify()  # an acceptance may have made room for more than one
                self._idle.notify()
        raise Abandoned

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is over."""
        until = time.monotonic() + seconds
        with self.lock:
            while not self._over and (left := until - time.monotonic()) > 0:
                self._pauses.wait(left)
