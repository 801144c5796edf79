"""Gives each row exactly one outcome, and tells which positions STATE must not cover yet.

A row that was refused without being named is a suspect (`suspects`). Until the API has accepted
something, or a quarter of an hour has passed, a STATE that covers a rejected row is held back: the
set-up may be wrong for all rows.

The caller holds the lock, and nothing is written here. Rejections wait in a queue until
`reject_writer` has written them; only then they count, and STATE may cover them.
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
"""Approximate memory of a rejection, without its record."""

UNLISTED: Final = frozenset({"INV_001", "INV_002"})
"""Codes that mean: the store does not list the item, at any warehouse."""


class Outcomes:
    """The outcomes of a run.

    Attributes:
        weight: Approximate bytes of memory of the unwritten rejections.
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
        """How many updates are suspects, or were not written down."""
        return self._suspects.updates + sum(
            len(rejection.updates) for _, rejection in self._unwritten
        )

    def settle(self, accepted: Iterable[Item], refusals: Iterable[FailedItem]) -> None:
        """Settle the items that the API accepted or refused."""
        taken = sum([len(item.levels) for item in accepted])
        self._totals.accepted += taken
        refusals = list(refusals)
        rejected = [refusal for refusal in refusals if not self.skips(refusal.error)]
        if len(rejected) < len(refusals):
            self._skip([each.item for each in refusals if self.skips(each.error)])
        self._totals.listed |= bool(taken or rejected)
        self._queue(_by_record(rejected))
        if taken:
            self.decide()

    def decide(self) -> None:
        """The request is known to be right: reject the suspects."""
        self._certain = True
        self._rejected_low = None
        self.reject_suspects()

    def reject_suspects(self) -> None:
        """Reject the suspects: no further row can show that the request is wrong."""
        suspects = self._suspects.clear()
        self._totals.listed |= bool(suspects)
        self._queue(_by_record(suspects))

    def end_suspicion(self) -> None:
        """Decide about suspects at the end of the input: a few are rejected.

        Raises:
            DeliveryError: Nothing was accepted, and several different rows were refused.
        """
        if not self._totals.accepted and len(self._suspects.identifiers) >= MANY:
            raise self.request_refused()
        self.reject_suspects()

    def skips(self, error: RowError) -> bool:
        """Whether a row with this error is skipped, not rejected."""
        return self._skip_unlisted and error.code in UNLISTED

    def _skip(self, items: Iterable[Item]) -> None:
        updates = sum([len(item.levels) for item in items])
        self._totals.skipped += updates
        self._totals.unlisted += updates

    def suspect(self, refusal: FailedItem, worker: int) -> None:
        """Take in an item that was refused by a reply that did not name it; see `Suspects.add`."""
        self._suspects.add(refusal, worker)

    @property
    def doubtful(self) -> bool:
        """Whether so many different rows are suspects that the request may be wrong."""
        return self._suspects.are_many(accepted=bool(self._totals.accepted))

    def request_refused(self) -> DeliveryError:
        """Make the error: the request is probably wrong, so no suspect is rejected."""
        return self._suspects.error()

    def reject(self, rejection: Rejection) -> None:
        """Reject parts of a record that the mapping cannot use, for one cause."""
        self._queue([(rejection.position, rejection)])

    def unwritten(self, most: int) -> list[Rejection]:
        """Return the oldest rejections that are not written yet."""
        return [rejection for _, rejection in islice(self._unwritten, most)]

    def written(self, count: int) -> None:
        """Count the oldest rejections, which are written now."""
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
        self._totals.rejected += len(rejection.updates)
        self._totals.codes[rejection.code] += len(rejection.updates)
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
    """Group the errors of one record by their cause."""
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
    """Group refusals by record; each with the lowest position that shares its outcome."""
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
