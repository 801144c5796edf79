"""Gives rows their outcome, each exactly one, and knows what that means for STATE.

A row that was refused without being named is a suspect (`suspects`). Until the API has accepted
something, or a quarter of an hour has passed, a STATE that covers a rejected row is held back: the
set-up may be wrong for all.

No lock here, and nothing is written: the caller holds the lock. What is rejected waits in a queue
until `reject_writer` has written it down; only then it counts, and STATE may cover it.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.model import Rejection
from target_tocobagus.delivery.suspects import MANY, Suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_tocobagus.core.errors import DeliveryError
    from target_tocobagus.core.model import Identifier, RecordError, Stream
    from target_tocobagus.delivery.settle import FailedItem, RowError
    from target_tocobagus.report.totals import Totals
    from target_tocobagus.window.pending import Item

_HOLD_SECONDS: Final = 900.0
_REJECTION_BYTES: Final = 2000
"""What a rejection weighs in memory beside its record, about."""

UNLISTED: Final = frozenset({"INV_001", "INV_002"})
"""The store does not list the item, whatever its warehouses."""


class Outcomes:
    """The outcomes of a run.

    Attributes:
        weight: Bytes of memory that the unwritten rejections take, about.
    """

    def __init__(
        self,
        tally: Totals,
        notify_writer: Callable[[], None],
        *,
        skip_unlisted: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with none.

        Args:
            tally: Where to count.
            notify_writer: Called when there is something to be written down; it must not wait.
            skip_unlisted: Rows of items that the store does not list are skipped, not rejected.
            now: The monotonic clock, in seconds.
        """
        self._tally = tally
        self._notify_writer = notify_writer
        self._skip_unlisted = skip_unlisted
        self._now = now
        self._certain = False
        self.weight = 0
        self._suspects = Suspects()
        self._unwritten: deque[tuple[int, Rejection]] = deque()
        self._rejected_low: int | None = None
        self._held_until = 0.0

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        lows = [*self._suspects.lows, *[low for low, _ in self._unwritten]]
        if self._rejected_low is not None and self._now() < self._held_until:
            lows.append(self._rejected_low)
        return min(lows, default=None)

    @property
    def undecided(self) -> int:
        """How many updates are suspects, or could not be written down."""
        return self._suspects.updates + sum(
            len(rejection.updates) for _, rejection in self._unwritten
        )

    def settle(self, accepted: Iterable[Item], refusals: Iterable[FailedItem]) -> None:
        """The API took some items on, and refused others."""
        taken = sum([len(item.levels) for item in accepted])
        self._tally.accepted += taken
        refusals = list(refusals)
        rejected = [refusal for refusal in refusals if not self.skips(refusal.error)]
        if len(rejected) < len(refusals):
            self._skip([each.item for each in refusals if self.skips(each.error)])
        self._tally.listed |= bool(taken or rejected)
        self._queue(_by_record(rejected))
        if taken:
            self.decide()

    def decide(self) -> None:
        """The request as a whole is not to blame: whatever was refused is rejected."""
        self._certain = True
        self._rejected_low = None
        self.reject_suspects()

    def reject_suspects(self) -> None:
        """No further row can tell who is to blame: the suspects are rejected."""
        suspects = self._suspects.clear()
        self._tally.listed |= bool(suspects)
        self._queue(_by_record(suspects))

    def end_suspicion(self) -> None:
        """The input is over: a few suspects are rejected, if it cannot be the request.

        Raises:
            DeliveryError: Nothing was accepted, and several different rows were refused.
        """
        if not self._tally.accepted and len(self._suspects.identifiers) >= MANY:
            raise self.request_refused()
        self.reject_suspects()

    def skips(self, error: RowError) -> bool:
        """Tell whether a row that is refused so is skipped."""
        return self._skip_unlisted and error.code in UNLISTED

    def _skip(self, items: Iterable[Item]) -> None:
        updates = sum([len(item.levels) for item in items])
        self._tally.skipped += updates
        self._tally.unlisted += updates

    def suspect(self, refusal: FailedItem, worker: int) -> None:
        """An item was refused by a reply that did not name it; see `Suspects.add`."""
        self._suspects.add(refusal, worker)

    @property
    def doubtful(self) -> bool:
        """So many different rows are suspects that the request may be to blame."""
        return self._suspects.are_many(accepted=bool(self._tally.accepted))

    def request_refused(self) -> DeliveryError:
        """Say that the request is probably to blame, and no suspect."""
        return self._suspects.error()

    def reject(self, rejection: Rejection) -> None:
        """The mapping refused a part of a record, or several for one cause."""
        self._queue([(rejection.position, rejection)])

    def unwritten(self, most: int) -> list[Rejection]:
        """List the oldest rejections that are not written down."""
        return [rejection for _, rejection in islice(self._unwritten, most)]

    def written(self, count: int) -> None:
        """So many of the oldest are written down: they count now."""
        for _ in range(count):
            position, rejection = self._unwritten.popleft()
            self.weight -= _weight(rejection)
            self._count(position, rejection)

    def _queue(self, rejections: Iterable[tuple[int, Rejection]]) -> None:
        for low, rejection in rejections:
            self._unwritten.append((low, rejection))
            self.weight += _weight(rejection)
        if self._unwritten:
            self._notify_writer()

    def _count(self, position: int, rejection: Rejection) -> None:
        self._tally.rejected += len(rejection.updates)
        self._tally.codes[rejection.code] += len(rejection.updates)
        if not self._certain:
            low = self._rejected_low
            if low is None:
                self._held_until = self._now() + _HOLD_SECONDS
            self._rejected_low = position if low is None else min(low, position)


def _weight(rejection: Rejection) -> int:
    return _REJECTION_BYTES + len(rejection.line)


def by_cause(
    refused: Iterable[RecordError], position: int, stream: Stream, line: bytes
) -> list[Rejection]:
    """Join what the mapping refused of one record for one cause."""
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


def _by_record(refusals: Iterable[FailedItem]) -> list[tuple[int, Rejection]]:
    """Join what one record said; beside it the lowest position that shares its outcome."""
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
