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
from target_tocobagus.delivery.outcomes import UNLISTED
from target_tocobagus.delivery.request_part import RequestPart, answered, one_by_one
from target_tocobagus.delivery.retry import (
    Again,
    RejectItem,
    Settle,
    Situation,
    answer,
)
from target_tocobagus.delivery.settle import FailedItem, RowError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from target_tocobagus.api.client import Clock
    from target_tocobagus.core.model import NoReply, Reply
    from target_tocobagus.delivery.shared import Shared
    from target_tocobagus.window.pending import Item
    from target_tocobagus.window.window import Lease

logger: Final = DeferredLog("target-tocobagus.delivery")

_UNACCOUNTED: Final = RowError("UNACCOUNTED", "the API's answer does not say what became of it", "")


class Work(msgspec.Struct, eq=False):
    """A worker's batch in progress.

    Attributes:
        lease: The identifiers that it holds.
        parts: The request parts still to be sent, in order.
        worker: The number of the worker.
    """

    lease: Lease
    parts: deque[RequestPart]
    worker: int = 0


class ReplyHandler:
    """Handles the replies of all workers; hold the lock to call it."""

    def __init__(
        self, shared: Shared, clock: Clock, max_retry: float, jitter: Callable[[], float]
    ) -> None:
        """Take what the threads share, and the facts that decisions depend on.

        Args:
            shared: The window, throttle, outcomes and totals.
            clock: The server's clock.
            max_retry: How long a batch may be tried, in seconds.
            jitter: Returns numbers from 0 to 1, to spread retries.
        """
        self._window = shared.window
        self._throttle = shared.throttle
        self._outcomes = shared.outcomes
        self._totals = shared.totals
        self._clock = clock
        self._max_retry = max_retry
        self._jitter = jitter
        self._accepted_items = AcceptedItems()
        self._retesting = False
        self._accepted_at: float | None = None
        self._failures = 0
        self._failures_in_search = 0

    def conclude(self, reply: Reply | NoReply, part: RequestPart, work: Work) -> float:
        """Handle a reply.

        Returns:
            How many seconds the worker must wait before its next part.

        Raises:
            TocobagusError: Nothing more can be sent.
        """
        decision = answer(reply, part, self._situation(part))
        if isinstance(decision, Again):
            return self._again(decision, part, work)
        if isinstance(decision, Settle):
            self._log_batch(decision, part, reply.seconds)
        elif not isinstance(decision, RejectItem):
            raise decision.error
        if part.retest:
            self._judge(decision, part, work)
        elif isinstance(decision, Settle):
            self._settle(decision, part, work)
        else:
            self._refuse(decision, part, work)
        return 0.0

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
            self._follow_clock(decision.server_ms)
        if decision.last:
            _postpone(decision.parts, work)
        else:
            work.parts.extendleft(reversed(decision.parts))
        if decision.throttle:
            self._throttle.throttle()
        if decision.refused_size:
            self._throttle.learn_size(max(map(_body_bytes, decision.parts)))
        level = logging.WARNING if part.attempts == 0 else logging.DEBUG
        divided = f", in {len(decision.parts)} parts" if len(decision.parts) > 1 else ""
        text = "A batch of %s failed: %s; retry in %.1f s%s"
        items = counted(len(part.items), "item")
        logger.log(level, text, items, decision.cause, decision.after, divided)
        if decision.hold:
            self._throttle.hold(time.monotonic() + decision.hold)
        return decision.after

    def _follow_clock(self, server_ms: int) -> None:
        self._clock.set(server_ms)
        seconds = self._clock.offset_ms / 1000
        text = "The server's clock is %.1f s %s this machine's; requests are signed with its time"
        logger.warning(text, abs(seconds), "ahead of" if seconds > 0 else "behind")

    def _settle(self, decision: Settle, part: RequestPart, work: Work) -> None:
        """Give each row of a reply its outcome, or queue it to be sent again."""
        settlement = decision.settlement
        accepted = [part.items[index] for index in settlement.accepted]
        if accepted:
            self._note_acceptance(settlement.batch_id, part)
            self._accepted_items.accept(accepted)
        refusals = []
        for index, error in settlement.refused:
            item = part.items[index]
            if self._divisible(item, error, part):
                work.parts.extendleft(reversed(one_by_one(item, part)))
            else:
                batch_id = settlement.batch_id
                refusals.append(FailedItem(item, error, decision.request_id, batch_id))
        forgotten = tuple(part.items[index] for index in settlement.unaccounted)
        if part.forgotten:
            refusals += [FailedItem(item, _UNACCOUNTED, decision.request_id) for item in forgotten]
        elif forgotten:
            work.parts.appendleft(answered(part, forgotten, forgotten=True))
        refused = [refusal.item for refusal in refusals]
        self._accepted_items.forget(refused)
        self._release([*accepted, *refused], part, work)
        self._outcomes.settle(accepted, refusals)

    def _refuse(self, decision: RejectItem, part: RequestPart, work: Work) -> None:
        """Reject the only item of a part; if it has several warehouses, try each of them first."""
        item = part.items[0]
        if self._divisible(item, decision.error, part):
            work.parts.extendleft(reversed(one_by_one(item, part)))
            return
        refusal = FailedItem(item, decision.error, decision.request_id)
        self._accepted_items.forget([item])
        self._release([item], part, work)
        if decision.blind and not self._outcomes.skips(decision.error):
            self._outcomes.suspects.add(refusal, work.worker)
            self._retest(work, item.low)
        else:
            self._outcomes.settle([], [refusal])

    def _retest(self, work: Work, low: int) -> None:
        """After many refusals one after the other, send an item again that was accepted before.

        If all such items wait or are in flight, their own answers will decide, or call this again.

        Raises:
            DeliveryError: Nothing is known to have been accepted.
        """
        if self._retesting or not self._outcomes.doubtful:
            return
        if not self._accepted_items:
            raise self._outcomes.suspects.error()
        for item in self._accepted_items.newest_first(low):
            if self._window.lend(work.lease, item):
                self._retesting = True
                work.parts.appendleft(RequestPart((item,), time.monotonic(), retest=True))
                return

    def _judge(self, decision: Settle | RejectItem, part: RequestPart, work: Work) -> None:
        """Decide by the item that was accepted before whether rows or the request are wrong.

        Raises:
            DeliveryError: The item is refused now: the request is wrong.
        """
        settlement = decision.settlement if isinstance(decision, Settle) else None
        if settlement and settlement.unaccounted and not part.forgotten:
            work.parts.appendleft(answered(part, part.items, forgotten=True))
            return
        self._retesting = False
        (item,) = part.items
        self._window.release(work.lease, part.items)
        if settlement and settlement.accepted:
            self._note_acceptance(settlement.batch_id, part)
            self._outcomes.decide()
            return
        self._accepted_items.forget([item])
        if self._accepted_at is None or self._accepted_at < part.since:
            raise self._outcomes.suspects.error()
        self._retest(work, item.low)  # another worker's rows were accepted meanwhile

    @staticmethod
    def _divisible(item: Item, error: RowError, part: RequestPart) -> bool:
        """Whether only some of an item's warehouses may be wrong."""
        return len(item.levels) > 1 and not part.single and error.code not in UNLISTED

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

    def _release(self, items: list[Item], part: RequestPart, work: Work) -> None:
        """Release items; of an item whose warehouses are sent one by one, only the warehouse."""
        if not part.single:
            self._window.release(work.lease, items)
        for item in items if part.single else ():
            self._window.release_levels(work.lease, item)


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


def _body_bytes(part: RequestPart) -> int:
    return len(encode_body(part.items))
