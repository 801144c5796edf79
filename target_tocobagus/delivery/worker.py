"""The workers: pick a batch, send it, handle the reply, until every row of it is settled.

Rows to be sent again stay in their worker's queue of request parts, and their identifiers stay
leased: no second request can hold the same identifier, and a newer value is sent afterwards.

Invariants:
- An identifier stays leased until its row is answered.
- Every outcome is recorded.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from target_tocobagus.api.item_json import encode_body
from target_tocobagus.core.errors import NO_THREAD, DeliveryError, LedgerError, TocobagusError
from target_tocobagus.delivery.permits import Abandoned, Permits
from target_tocobagus.delivery.reply_handler import Work
from target_tocobagus.delivery.reply_handler import logger as reply_log
from target_tocobagus.delivery.request_part import RequestPart, halves

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.core.model import NoReply, Reply
    from target_tocobagus.delivery.books import Books
    from target_tocobagus.delivery.reply_handler import ReplyHandler
    from target_tocobagus.delivery.scheduler import Scheduler
    from target_tocobagus.delivery.shared import Shared
    from target_tocobagus.delivery.verdict import Verdict
    from target_tocobagus.window.window import Lease

logger = logging.getLogger("target-tocobagus.delivery")


class Workers:
    """The threads that send."""

    def __init__(
        self,
        shared: Shared,
        scheduler: Scheduler,
        reply_handler: ReplyHandler,
        send: Callable[[bytes], Reply | NoReply],
        books: Books,
    ) -> None:
        """Connect the parts.

        Args:
            shared: What the threads share.
            scheduler: Gives the batches.
            reply_handler: Handles replies; called under the lock.
            send: One attempt; called by several threads at once.
            books: What the workers tell the ledger.
        """
        self._shared = shared
        self._scheduler = scheduler
        self._permits = Permits(shared, scheduler)
        self._reply_handler = reply_handler
        self._send = send
        self._books = books

    def start(self, count: int) -> None:
        """Start the threads. They are daemons, so that a hanging request does not keep the process.

        Raises:
            DeliveryError: The machine does not allow a single thread.
        """
        for number in range(count):
            thread = threading.Thread(
                target=self._work, args=(number,), name=f"worker-{number}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:
                if not number:
                    raise DeliveryError(NO_THREAD) from error
                text = "This machine allows only %d requests at once; max_in_flight is %d"
                logger.warning(text, number, count)
                return

    def _work(self, number: int) -> None:
        try:
            while (lease := self._scheduler.next_lease()) is not None:
                self._deliver(lease, number)
        except Abandoned:
            self._shared.notify_main()
        except TocobagusError as error:
            self._shared.fail(error)
        except Exception as error:  # a worker must not die unnoticed
            logger.critical("A worker failed", exc_info=True)
            self._shared.fail(DeliveryError(f"internal error in delivery: {type(error).__name__}"))

    def _deliver(self, lease: Lease, number: int) -> None:
        """Send a batch, and the parts that replies leave of it, until none is left."""
        work = Work(lease, deque(), number)
        with self._permits.kept_if_used(lease):
            self._books.open(work)
        if not lease.items:
            return
        work.parts.append(RequestPart(tuple(lease.items), time.monotonic()))
        in_flight: list[RequestPart] = []
        try:
            self._send_parts(work, in_flight)
        except LedgerError:
            raise
        except (Abandoned, TocobagusError):
            self._books.leave(work, in_flight)
            raise

    def _send_parts(self, work: Work, in_flight: list[RequestPart]) -> None:
        """Send one part after the other; `in_flight` has those without an outcome."""
        again = False  # the lease came with the permission for its first request
        while work.parts:
            if again:
                self._permits.await_slot()
            part, body = self._next_body(work)
            in_flight[:] = [part]
            with self._permits.sending(len(body), again=again):
                self._books.before(part, work)
                reply = self._send(body)
                verdict = self._reply_handler.decide(reply, part)
                self._record(verdict, part, work, reply.seconds)
            again = True
            if verdict.accepted or verdict.refused or verdict.again:
                in_flight[:] = verdict.again
            wait = self._settle(verdict, part, work, reply)
            in_flight.clear()
            self._permits.pause(wait)

    def _record(self, verdict: Verdict, part: RequestPart, work: Work, seconds: float) -> None:
        self._books.record(verdict, part, work, seconds)
        if verdict.blind and not self._reply_handler.accepted_items:
            self._reply_handler.know_accepted(self._books.last_accepted())

    def _next_body(self, work: Work) -> tuple[RequestPart, bytes]:
        """Encode the next part; if its body is too large, divide it, down to single items."""
        while True:
            part = work.parts.popleft()
            body = encode_body(part.items)
            if len(part.items) == 1 or self._permits.fits(len(body), part.items):
                return part, body
            work.parts.extendleft(reversed(halves(part)))

    def _settle(
        self, verdict: Verdict, part: RequestPart, work: Work, reply: Reply | NoReply
    ) -> float:
        """Settle the rows of a reply; returns how many seconds to wait before the next request."""
        try:
            with self._permits.settling(reply, work.parts):
                wait = self._reply_handler.conclude(verdict, part, work, reply.seconds)
        finally:
            reply_log.flush()
        return wait
