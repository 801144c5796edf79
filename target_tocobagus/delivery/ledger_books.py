"""What the workers ask the ledger, and tell it; imported only if there is one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.model import Level, Stream
from target_tocobagus.delivery.books import Books
from target_tocobagus.ledger.batches.flight import Answered
from target_tocobagus.ledger.levels.rejections import NotAccepted
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.delivery.reply_handler import Work
    from target_tocobagus.delivery.request_part import RequestPart
    from target_tocobagus.delivery.settle import FailedItem
    from target_tocobagus.delivery.shared import Shared
    from target_tocobagus.delivery.verdict import Verdict
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.window.buffer import Unsent
    from target_tocobagus.window.window import Lease

logger = logging.getLogger("target-tocobagus.delivery")

_LAST: Final = 100


class LedgerBooks(Books):
    """With a ledger; each step may raise a `LedgerError`."""

    def __init__(self, ledger: Ledger, shared: Shared) -> None:
        self._ledger = ledger
        self._shared = shared

    def open(self, work: Work) -> None:
        """Leave out of a batch what needs no request, and mark the rest."""
        items = work.lease.items
        compared = self._ledger.compare(items)
        self._ledger.note_unsent(items, compared)
        with self._shared.lock:
            self._shared.window.leave_out(work.lease, compared.unsent)
            self._shared.outcomes.settle_unsent(compared.unsent)
        if work.lease.items:
            work.flight = self._ledger.mark(work.lease.items, compared.known)
        if work.flight is not None and work.flight.held:
            self._hold(work.lease, work.flight.held)

    def _hold(self, lease: Lease, held: Unsent) -> None:
        """Leave out of a batch what the guard holds."""
        with self._shared.lock:
            is_first = not self._shared.totals.held
            self._shared.outcomes.hold(lease.items, held)
            self._shared.window.leave_out(lease, held)
        if is_first:
            logger.warning(
                "The guard holds stock-outs: more levels would fall to 0 than max_zeroed_percent"
                " allows. They are not sent; all else is, and then the run fails"
            )

    def before(self, part: RequestPart, work: Work) -> None:
        """Mark an item that has joined the batch to test the request."""
        if part.retest and work.retest is None:
            work.retest = self._ledger.mark(part.items, self._ledger.compare(part.items).known)

    def record(self, verdict: Verdict, part: RequestPart, work: Work, seconds: float) -> None:
        """Record what an answer settles, in one transaction."""
        flight = work.retest if part.retest else work.flight
        if flight is None:
            return
        flight.unknown.update(verdict.unknown)
        if not (verdict.accepted or verdict.refused):
            return
        if part.retest:  # its value is as it was, unless a late attempt changes it
            gone = [each for each in map(self._not_accepted, verdict.refused) if each.is_unlisted]
            self._ledger.leave(flight, gone or [NotAccepted(item) for item in part.items])
            work.retest = None
            return
        answered = Answered(
            verdict.accepted,
            [self._not_accepted(each) for each in verdict.refused],
            verdict.request_id,
            verdict.batch_id,
            round(seconds * 1000),
        )
        last = not (verdict.again or any(not each.retest for each in work.parts))
        self._ledger.record(flight, answered, last=last)
        if last:
            work.flight = None

    def leave(self, work: Work, parts: Iterable[RequestPart]) -> None:
        """Give up a batch, with these parts in flight: only what is in doubt stays marked."""
        for flight, retest in ((work.flight, False), (work.retest, True)):
            if flight is not None:
                left = [part for part in (*parts, *work.parts) if part.retest == retest]
                self._ledger.leave(
                    flight, [NotAccepted(item) for part in left for item in part.items]
                )

    def _not_accepted(self, failed: FailedItem) -> NotAccepted:
        return NotAccepted(
            failed.item,
            failed.error.code,
            failed.error.message,
            failed.error.reason,
            is_unlisted=failed.error.is_unlisted,
            is_skipped=self._shared.outcomes.skips(failed.error),
        )

    def last_accepted(self) -> list[Item]:
        """Return items that the API accepted in an earlier run, to test a request with."""
        items: dict[object, Item] = {}
        for identifier, place, quantity in self._ledger.last_accepted(_LAST):
            item = items.setdefault(identifier, Item(identifier, {}, 0))
            item.levels[place] = Level(quantity, 0, Stream(""))
        return list(items.values())
