"""Gives each row exactly one outcome, and tells which positions STATE must not cover yet.

A row that was refused without being named is a suspect (`suspects`). Rows that have an outcome may
hold a STATE back all the same (`HeldBack`).

The caller holds the lock, and nothing is written here. Rejections wait in `unwritten` until
`reject_writer` has written them; only then they count, and STATE may cover them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from target_tocobagus.delivery.rejections import UnwrittenRejections, by_record
from target_tocobagus.delivery.suspects import MANY, Suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_tocobagus.core.model import Rejection
    from target_tocobagus.delivery.settle import FailedItem, RowError
    from target_tocobagus.report.totals import Totals
    from target_tocobagus.window.buffer import Unsent
    from target_tocobagus.window.pending import Item

_HOLD_SECONDS: Final = 900.0


class Outcomes:
    """The outcomes of a run.

    Attributes:
        unwritten: Rejections that are not written down yet.
        suspects: Rows that were refused without being named.
    """

    def __init__(
        self,
        totals: Totals,
        notify_writer: Callable[[], None],
        *,
        skip_unlisted: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without outcomes.

        Args:
            totals: Where to count.
            notify_writer: Called when a rejection is to be written; it must not wait.
            skip_unlisted: Rows of items that the store does not list are skipped, not rejected.
            now: The monotonic clock, in seconds.
        """
        self._totals = totals
        self._skip_unlisted = skip_unlisted
        self._held_back = HeldBack(now)
        self.unwritten = UnwrittenRejections(notify_writer)
        self.suspects = Suspects()

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        lows = [*self.suspects.lows, *self.unwritten.lows, *self._held_back.lows]
        return min(lows, default=None)

    @property
    def undecided(self) -> int:
        """How many updates are suspects, were not written down, or are held by the guard."""
        return self.suspects.updates + self.unwritten.updates + self._totals.held

    def settle(self, accepted: int, refusals: Iterable[FailedItem]) -> None:
        """Settle the items of a reply: so many updates accepted, and those that were refused."""
        self._totals.accepted += accepted
        refusals = list(refusals)
        rejected = [refusal for refusal in refusals if not self.skips(refusal.error)]
        skipped = [len(each.item.levels) for each in refusals if self.skips(each.error)]
        self._totals.skipped += sum(skipped)
        self._totals.unlisted += sum(skipped)
        self._totals.listed |= bool(accepted or rejected)
        self.unwritten.extend(by_record(rejected))
        if accepted:
            self.decide()

    def settle_unsent(self, unsent: Unsent) -> None:
        """Settle updates that need no request, because of what the ledger knows."""
        verdicts = [verdict for places in unsent.values() for verdict in places.values()]
        if verdicts:
            self._totals.unchanged += verdicts.count("unchanged")
            self._totals.stale += verdicts.count("stale")
            self._held_back.be_certain()

    def hold(self, items: Iterable[Item], held: Unsent) -> None:
        """Leave updates without an outcome for good: the guard holds them."""
        self._held_back.note_guarded([item.low for item in items if item.identifier in held])
        self._totals.held += sum(map(len, held.values()))

    def decide(self) -> None:
        """The request is known to be right: reject the suspects."""
        self._held_back.be_certain()
        self.reject_suspects()

    def reject_suspects(self) -> None:
        """Reject the suspects: no further row can show that the request is wrong."""
        suspects = self.suspects.clear()
        self._totals.listed |= bool(suspects)
        self.unwritten.extend(by_record(suspects))

    def end_suspicion(self) -> None:
        """Decide about suspects at the end of the input: a few are rejected.

        Raises:
            DeliveryError: Nothing was accepted, and several different rows were refused.
        """
        if not self._totals.accepted and len(self.suspects.identifiers) >= MANY:
            raise self.suspects.error()
        self.reject_suspects()

    def skips(self, error: RowError) -> bool:
        """Whether a row with this error is skipped, not rejected."""
        return self._skip_unlisted and error.is_unlisted

    @property
    def doubtful(self) -> bool:
        """Whether so many different rows are suspects that the request may be wrong."""
        return self.suspects.are_many(accepted=bool(self._totals.accepted))

    def reject(self, rejection: Rejection, low: int | None = None) -> None:
        """Reject parts of a record that the mapping cannot use, for one cause.

        Args:
            rejection: What is rejected.
            low: The lowest position that shares its outcome, if it is not its own.
        """
        self.unwritten.extend([(low or rejection.position, rejection)])

    def written(self, count: int) -> None:
        """Count the oldest rejections, which are written now."""
        for _ in range(count):
            position, rejection = self.unwritten.pop()
            self._totals.rejected += len(rejection.updates)
            self._totals.codes[rejection.code] += len(rejection.updates)
            self._held_back.note_rejected(position)


class HeldBack:
    """The lowest positions that no STATE may cover, although their rows have an outcome.

    Until the API has accepted something, or a quarter of an hour has passed, a STATE that covers a
    rejected row is held back: the set-up may be wrong for all rows. One that covers a row that the
    guard holds is held back for good.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Hold back nothing; `now` is the monotonic clock, in seconds."""
        self._now = now
        self._certain = False
        self._rejected: int | None = None
        self._guarded: int | None = None
        self._until = 0.0

    @property
    def lows(self) -> list[int]:
        """The lowest positions."""
        rejected = self._rejected if self._now() < self._until else None
        return [low for low in (rejected, self._guarded) if low is not None]

    def note_rejected(self, position: int) -> None:
        """Hold back a row that was rejected, unless the request is known to be right."""
        if self._certain:
            return
        if self._rejected is None:
            self._rejected, self._until = position, self._now() + _HOLD_SECONDS
        self._rejected = min(self._rejected, position)

    def note_guarded(self, positions: Iterable[int]) -> None:
        """Hold back rows that the guard holds."""
        self._guarded = min([*positions, *([] if self._guarded is None else [self._guarded])])

    def be_certain(self) -> None:
        """The request is known to be right: hold back no rejected row."""
        self._certain = True
        self._rejected = None
