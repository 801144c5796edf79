"""The workers: each takes a batch from the window and stays with it until every row is settled.

One lock guards what the threads share: the window, the throttle, the outcomes. It guards memory
only: a worker holds it while it picks and while it settles, never while it sends, logs or waits.
Rows to be sent again stay with their worker, in its own queue of request parts, and their
identifiers stay leased: so no second request can hold the same identifier, and a newer value goes
afterwards.

Three conditions share the lock, so that notify() wakes the right kind of waiter: `_idle` for
workers without a batch, `_slots` for those that wait for permission to send, `_pause` for those
that wait out a back-off.

Invariants:
- An identifier stays leased until its row is answered.
- Every outcome is recorded.
- No request starts after a fatal error.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from target_tocobagus.api.item_json import encode_body
from target_tocobagus.core.errors import NO_THREAD, DeliveryError, TocobagusError
from target_tocobagus.delivery import reply_handler as followup
from target_tocobagus.delivery.reply_handler import ReplyHandler, Work
from target_tocobagus.delivery.retry import RequestPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.api.client import Clock
    from target_tocobagus.core.model import NoReply, Reply
    from target_tocobagus.delivery.reply_handler import Shared
    from target_tocobagus.window.buffer import RowBuffer
    from target_tocobagus.window.window import Lease

logger = logging.getLogger("target-tocobagus.delivery")


class Delivery:
    """The workers and the lock.

    Attributes:
        lock: Hold it to read or change what is shared.
        error: The first fatal error; then nothing more is sent.
    """

    def __init__(
        self,
        shared: Shared,
        send: Callable[[bytes], Reply | NoReply],
        clock: Clock,
        *,
        max_retry: float,
        tell: Callable[[], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take what is shared and how to send.

        Args:
            shared: The window and what goes with it.
            send: One attempt; called by several threads at once.
            clock: The server's clock, to be set when the server says so.
            max_retry: How long one batch may be tried, in seconds.
            tell: Called when something has changed that the main thread may wait for.
            jitter: Gives numbers from 0 to 1, to spread retries.
        """
        self._window = shared.window
        self._pacing = shared.pacing
        self._tally = shared.tally
        self._send = send
        self._follow_up = ReplyHandler(shared, clock, max_retry, jitter)
        self._tell = tell
        self.lock = threading.Lock()
        self._idle = threading.Condition(self.lock)
        self._slots = threading.Condition(self.lock)
        self._pause = threading.Condition(self.lock)
        self._hurry = False
        self._closing = False
        self._over = False
        self._watchers = 0  # workers that wait for a moment, and so will see a batch become due
        self._claims = 0  # workers that wait to send something again; they go before new batches
        self._deaf = False
        self.error: TocobagusError | None = None

    def start(self, workers: int) -> None:
        """Start the workers. They are daemons: a request that hangs keeps no process alive.

        Raises:
            DeliveryError: The machine allows not one thread.
        """
        for number in range(workers):
            thread = threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                if not number:
                    raise DeliveryError(NO_THREAD) from error
                text = "This machine allows only %d of max_in_flight %d requests at once"
                logger.warning(text, number, workers)
                return

    def put(self, gathering: RowBuffer) -> None:
        """Hand rows to the window; call it with the lock held."""
        now = time.monotonic()
        self._tally.superseded += self._window.put(gathering, now)
        self._nudge(now)

    def hurry(self, *, on: bool) -> None:
        """Say whether reading waits for room: then a batch goes though it is not full."""
        with self.lock:
            self._hurry = on
            if on and self._window.ready:
                self._idle.notify()

    def close(self) -> None:
        """Say that no more rows will come; the workers end when every row has its outcome."""
        with self.lock:
            self._closing = True
            self._idle.notify_all()

    @property
    def settled(self) -> bool:
        """Nothing waits and nothing is in flight, judged under the lock."""
        with self.lock:
            return self._window.idle

    def abandon(self) -> None:
        """Begin no further request; waits are given up, what is in flight may still settle."""
        with self.lock:
            self._over = True
            for condition in (self._idle, self._slots, self._pause):
                condition.notify_all()

    @property
    def quiet(self) -> bool:
        """No request is in flight."""
        with self.lock:
            return self._pacing.active == 0

    def deafen(self) -> None:
        """Let what comes back from now on change nothing: the sums are being closed."""
        with self.lock:
            self._deaf = True

    def _work(self) -> None:
        try:
            while (lease := self._next_lease()) is not None:
                self._deliver(lease)
        except _Abandoned:
            self._tell()
        except TocobagusError as error:
            self.fail(error)
        except Exception as error:  # a worker must not die unnoticed
            logger.critical("A worker failed", exc_info=True)
            self.fail(DeliveryError(f"internal error in delivery: {type(error).__name__}"))

    def fail(self, error: TocobagusError) -> None:
        """Send nothing more; of several errors the first counts."""
        with self.lock:
            self.error = self.error or error
        self.abandon()
        self._tell()

    def _next_lease(self) -> Lease | None:
        """Wait for a batch that is full or due, and for leave to send it: then its values are new.

        Returns:
            ``None`` at the end of the run.
        """
        with self.lock:
            while not self._over:
                now = time.monotonic()
                limits = self._pacing.limits
                wait = None
                if self._wants(now):
                    wait = None if self._claims else self._pacing.begin(now)
                    if wait == 0:
                        return self._pick(now)
                elif self._closing and self._window.idle:
                    self._idle.notify_all()
                    return None
                elif (due := self._window.due(limits)) is not None:
                    wait = due - now
                self._watchers += wait is not None
                self._idle.wait(wait)
                self._watchers -= wait is not None
        return None

    def _nudge(self, now: float) -> None:
        """Wake a worker if there is a batch for it, or if nobody watches for one to be due."""
        if self._window.ready and (not self._watchers or self._wants(now)):
            self._idle.notify()

    def _wants(self, now: float) -> bool:
        if self._closing or self._hurry:
            return self._window.ready > 0
        return self._window.wants(self._pacing.limits, now)

    def _pick(self, now: float) -> Lease | None:
        lease = self._window.pick(self._pacing.limits, now)
        self._nudge(now)
        self._tell()
        return lease

    def _deliver(self, lease: Lease) -> None:
        """Send a batch, and whatever becomes of it, until none of it is left."""
        work = Work(lease, deque([RequestPart(tuple(lease.items.values()), time.monotonic())]))
        allowed = True
        while work.pieces:
            if not allowed:
                self._await_slot()
            piece = work.pieces.popleft()
            reply = self._attempt(piece, work, again=not allowed)
            allowed = False
            self._wait(self._conclude(reply, piece, work))

    def _attempt(self, piece: RequestPart, work: Work, *, again: bool) -> Reply | NoReply:
        body = encode_body(item.encoded for item in piece.items)
        with self.lock:
            if self._over:
                self._pacing.end()
                raise _Abandoned
            self._tally.requests += 1
            work.request = self._tally.requests
            self._tally.retries += again
            self._tally.sent_bytes += len(body)
        try:
            return self._send(body)
        except BaseException:
            with self.lock:
                self._pacing.end()
            raise

    def _conclude(self, reply: Reply | NoReply, piece: RequestPart, work: Work) -> float:
        try:
            return self._follow(reply, piece, work)
        finally:
            followup.logger.flush()

    def _follow(self, reply: Reply | NoReply, piece: RequestPart, work: Work) -> float:
        with self.lock:
            self._pacing.end()
            if self._deaf:
                raise _Abandoned
            try:
                wait = self._follow_up.conclude(reply, piece, work)
            except TocobagusError as error:
                # Before the lock is given away: no other worker may begin a request in between.
                self.error = self.error or error
                self._over = True
                raise
            self._slots.notify()
            self._nudge(time.monotonic())
        self._tell()
        return wait

    def _await_slot(self) -> None:
        with self.lock:
            self._claims += 1
            try:
                while not self._over:
                    wait = self._pacing.begin(time.monotonic())
                    if wait == 0:
                        return
                    self._slots.wait(wait)
            finally:
                self._claims -= 1
                self._slots.notify()  # an acceptance may have made room for more than one
                self._idle.notify()
        raise _Abandoned

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self.lock:
            while not self._over and (left := until - time.monotonic()) > 0:
                self._pause.wait(left)


class _Abandoned(Exception):  # noqa: N818  # not an error: the word that ends a worker
    """The run is over; what this worker holds stays unsettled."""
