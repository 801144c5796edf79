"""Handles replies: settles rows, queues parts to be sent again, sets limits and the clock.

`retry` decides, and this carries it out on the window, the throttle, the outcomes and the totals
that the workers share. Nothing here waits, writes or sends. The caller holds the shared lock,
so that a row's outcome, its count and the release of its identifier are one step. Log lines are
kept until the lock is released (`logger.flush`).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.api.item_json import encode_body
from target_tocobagus.core.deferred_log import DeferredLog
from target_tocobagus.core.plural import counted
from target_tocobagus.delivery.accepted_items import AcceptedItems
from target_tocobagus.delivery.request_part import RequestPart
from target_tocobagus.delivery.retry import Again, Settle, Situation, Stop, answer
from target_tocobagus.delivery.verdict import judge

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Sequence

    from target_tocobagus.api.client import Clock
    from target_tocobagus.core.model import NoReply, Reply
    from target_tocobagus.delivery.shared import Shared
    from target_tocobagus.delivery.verdict import Verdict
    from target_tocobagus.ledger.batches.flight import Flight
    from target_tocobagus.window.pending import Item
    from target_tocobagus.window.window import Lease

logger: Final = DeferredLog("target-tocobagus.delivery")


class Work(msgspec.Struct, eq=False):
    """A worker's batch in progress.

    Attributes:
        lease: The identifiers that it holds.
        parts: The request parts still to be sent, in order.
        worker: The number of the worker.
        flight: Its marks in the ledger.
        retest: Those of an item that tests the request.
    """

    lease: Lease
    parts: deque[RequestPart]
    worker: int = 0
    flight: Flight | None = None
    retest: Flight | None = None


class ReplyHandler:
    """Handles the replies of all workers.

    Attributes:
        accepted_items: What the API has accepted last.
    """

    def __init__(
        self, shared: Shared, clock: Clock, max_retry: float, jitter: Callable[[], float]
    ) -> None:
        """Begin; `max_retry` is in seconds, and `jitter` returns numbers from 0 to 1."""
        self._shared = shared
        self._window = shared.window
        self._throttle = shared.throttle
        self._outcomes = shared.outcomes
        self._totals = shared.totals
        self._clock = clock
        self._max_retry = max_retry
        self._jitter = jitter
        self.accepted_items = AcceptedItems()
        self._retesting = False
        self._accepted_at: float | None = None
        self._failures = 0
        self._failures_in_search = 0

    def decide(self, reply: Reply | NoReply, part: RequestPart) -> Verdict:
        """Decide what a reply means for the items of the part; takes the lock for a moment."""
        with self._shared.lock:
            self._totals.latency.add(reply.seconds)
            situation = self._situation(part)
        return judge(answer(reply, part, situation), reply, part)

    def conclude(self, verdict: Verdict, part: RequestPart, work: Work, seconds: float) -> float:
        """Carry out a verdict; `seconds` is how long the attempt took.

        Returns:
            How many seconds the worker must wait before its next part.

        Raises:
            TocobagusError: Nothing more can be sent.
        """
        decision = verdict.decision
        if isinstance(decision, Again):
            return self._again(decision, part, work)
        if isinstance(decision, Stop):
            raise decision.error
        if isinstance(decision, Settle):
            self._log_batch(decision, part, seconds)
        if part.retest:
            self._judge(verdict, part, work)
        else:
            self._settle(verdict, part, work)
        return 0.0

    def know_accepted(self, items: Sequence[Item]) -> None:
        """Take over items that the API accepted in an earlier run; takes the lock for a moment."""
        with self._shared.lock:
            if not self.accepted_items:
                self.accepted_items.accept(items)

    def _situation(self, part: RequestPart) -> Situation:
        searched = part.probing or len(part.items) > 1
        server_ms = self._clock.now_ms()
        return Situation(
            now=time.monotonic(),
            wall=server_ms / 1000,
            machine=(server_ms - self._clock.offset_ms) / 1000,
            clock=self._clock.setting,
            accepted_at=self._accepted_at,
            failures=self._failures_in_search if searched else self._failures,
            max_retry=self._max_retry,
            jitter=self._jitter(),
        )

    def _again(self, decision: Again, part: RequestPart, work: Work) -> float:
        self._failures += 1
        self._failures_in_search += bool(decision.parts[0].probing)
        if decision.server_ms is not None:
            _follow_server(self._clock, decision.server_ms)
        if decision.last:
            _postpone(decision.parts, work)
        else:
            work.parts.extendleft(reversed(decision.parts))
        if decision.throttle:
            self._throttle.throttle()
        if decision.refused_size:
            sizes = [len(encode_body(each.items)) for each in decision.parts]
            self._throttle.learn_size(max(sizes))
        level = logging.WARNING if part.attempts == 0 else logging.DEBUG
        divided = f", in {len(decision.parts)} parts" if len(decision.parts) > 1 else ""
        text = "A batch of %s failed: %s; retry in %.1f s%s"
        items = counted(len(part.items), "item")
        logger.log(level, text, items, decision.cause, decision.after, divided)
        if decision.hold:
            self._throttle.hold(time.monotonic() + decision.hold)
        return decision.after

    def _settle(self, verdict: Verdict, part: RequestPart, work: Work) -> None:
        """Give each settled item its outcome, and queue the others to be sent again."""
        work.parts.extendleft(reversed(verdict.again))
        levels = sum([len(item.levels) for item in verdict.accepted])
        if verdict.accepted:
            self._note_acceptance(verdict.batch_id, part)
            self.accepted_items.accept(verdict.accepted)
            now_ms = self._clock.now_ms()
            self._totals.freshness.accept(verdict.accepted, levels, work.lease.low, now_ms)
        refused = [refusal.item for refusal in verdict.refused]
        self.accepted_items.forget(refused)
        items = [*verdict.accepted, *refused]
        if not part.single:
            self._window.release(work.lease, items)
        for item in items if part.single else ():  # one warehouse of it
            self._window.release_levels(work.lease, item)
        # A refusal that does not name the only item may be of the request.
        blind = [
            each
            for each in verdict.refused
            if verdict.blind and not self._outcomes.skips(each.error)
        ]
        for refusal in blind:
            self._outcomes.suspects.add(refusal, work.worker)
            self._retest(work, refusal.item.low)
        if not blind:
            self._outcomes.settle(levels, verdict.refused)

    def _retest(self, work: Work, low: int) -> None:
        """After many refusals one after the other, send an item again that was accepted before.

        If all such items wait or are in flight, their own answers will decide, or call this again.

        Raises:
            DeliveryError: Nothing is known to have been accepted.
        """
        if self._retesting or not self._outcomes.doubtful:
            return
        if not self.accepted_items:
            raise self._outcomes.suspects.error()
        for item in self.accepted_items.newest_first(low):
            if self._window.lend(work.lease, item):
                self._retesting = True
                work.parts.appendleft(RequestPart((item,), time.monotonic(), retest=True))
                return

    def _judge(self, verdict: Verdict, part: RequestPart, work: Work) -> None:
        """Decide by the item that was accepted before whether rows or the request are wrong.

        Raises:
            DeliveryError: The item is refused now: the request is wrong.
        """
        if verdict.again:
            work.parts.extendleft(verdict.again)
            return
        self._retesting = False
        (item,) = part.items
        self._window.release(work.lease, part.items)
        if verdict.accepted:
            self._note_acceptance(verdict.batch_id, part)
            self._outcomes.decide()
            return
        self.accepted_items.forget([item])
        if self._accepted_at is None or self._accepted_at < part.since:
            raise self._outcomes.suspects.error()
        self._retest(work, item.low)  # another worker's rows were accepted meanwhile

    def _note_acceptance(self, batch_id: str | None, part: RequestPart) -> None:
        self._accepted_at = time.monotonic()
        self._failures = 0
        self._failures_in_search = 0
        self._throttle.accepted()
        if len(part.items) < part.timed_out:
            self._throttle.learn_rows(len(part.items))
        self._totals.batches += 1
        if batch_id:
            self._totals.batch_ids.append(batch_id)

    def _log_batch(self, decision: Settle, part: RequestPart, seconds: float) -> None:
        settlement = decision.settlement
        for remark in settlement.remarks:
            logger.warning("The answer to requestId %s: %s", decision.request_id, remark)
        logger.info(
            "Batch %s: %s, %d rejected, %.0f ms, requestId %s",
            settlement.batch_id or "without id",
            counted(len(part.items), "item"),
            sum(not self._outcomes.skips(error) for _, error in settlement.refused),
            seconds * 1000,
            decision.request_id or "none",
        )


def _follow_server(clock: Clock, server_ms: int) -> None:
    clock.set(server_ms)
    seconds = clock.offset_ms / 1000
    text = "The server's clock is %.1f s %s this machine's; requests are signed with its time"
    logger.warning(text, abs(seconds), "ahead of" if seconds > 0 else "behind")


def _postpone(parts: tuple[RequestPart, ...], work: Work) -> None:
    """Put parts last, and after them the other parts of their items, so that order is kept."""
    identifiers = {item.identifier for part in parts for item in part.items}
    ahead: list[RequestPart] = []
    behind: list[RequestPart] = []
    for other in work.parts:
        others = identifiers.isdisjoint(item.identifier for item in other.items)
        (ahead if others else behind).append(other)
    work.parts.clear()
    work.parts.extend([*ahead, *parts, *behind])
