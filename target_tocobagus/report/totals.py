"""The run's sums: every update has exactly one outcome, and the outcomes add up.

``updates = accepted + superseded + skipped + rejected + unsettled``; in a dry run what would have
been accepted is called mapped. An update is one (record, item, location); a record that yields none
counts as one.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Final

from target_tocobagus.core.errors import AccountingError

_LISTED: Final = 100
_ENOUGH: Final = 100
"""Fewer updates than these say nothing about a run as a whole."""


class Totals:
    """Counters of one run, in updates unless they say otherwise.

    Attributes:
        clamped: Quantities below 0 that were sent as 0.
        cut: Quantities that lost a fraction to `rounding`.
        codes: Rejected updates by code.
        unlisted: Skipped updates of items that the store does not list.
        listed: The API has accepted a row, or refused one for another reason than that.
        batch_ids: The last hundred batch ids, in the order in which they were accepted.
        requests: Attempts, answered or not.
        retries: Attempts that repeated rows.
        batches: Requests of which the API accepted at least one row.
        sent_bytes: Of all bodies.
        waited_for_tap: Seconds in which there was nothing to read.
        waited_for_api: Seconds in which reading waited for room.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self.records = 0
        self.updates = 0
        self.accepted = 0
        self.superseded = 0
        self.skipped = 0
        self.rejected = 0
        self.clamped = 0
        self.unlisted = 0
        self.listed = False
        self.cut = 0
        self.codes: Counter[str] = Counter()
        self.batch_ids: deque[str] = deque(maxlen=_LISTED)
        self.batches = 0
        self.requests = 0
        self.retries = 0
        self.sent_bytes = 0
        self.waited_for_tap = 0.0
        self.waited_for_api = 0.0

    @property
    def unsettled(self) -> int:
        """What has no outcome by these sums."""
        return self.updates - self.accepted - self.superseded - self.skipped - self.rejected

    @property
    def fruitless(self) -> bool:
        """Many updates were rejected and none accepted: the set-up is probably wrong."""
        return self.rejected >= _ENOUGH and not self.accepted

    def check(self, unsettled: int) -> None:
        """Hold the sums to a count of what is really left.

        Raises:
            AccountingError: They disagree: a row was lost or has two outcomes: a fault of ours.
        """
        if self.unsettled != unsettled:
            message = (
                f"The sums do not close: {self.unsettled} updates without an outcome by the sums,"
                f" {unsettled} by count. This is a fault of target-tocobagus; please report it."
                " What was rejected or not sent may be incomplete; sending the stock again is safe."
            )
            raise AccountingError(message)

    def for_state(self) -> dict[str, Any]:
        """Say what goes into a STATE under our key."""
        return {
            "batchIds": list(self.batch_ids),
            "batches": self.batches,
            "accepted": self.accepted,
            "rejected": self.rejected,
        }
