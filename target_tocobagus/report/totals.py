"""A run's totals and its summary: each update has one outcome, and the totals add up.

``updates = accepted + unchanged + stale + superseded + skipped + rejected + unsettled``; in a dry
run, mapped replaces accepted; without a ledger, nothing is unchanged or stale. An update is one
(record, item, location); a record without any counts as one.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.errors import AccountingError
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted, duration
from target_tocobagus.report.freshness import Freshness, Spread

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTCOMES: Final = (
    "accepted",
    "unchanged",
    "stale",
    "superseded",
    "skipped",
    "rejected",
    "unsettled",
)
"""What may become of an update, in the order of the equation; `mapped` only in a dry run."""
_LISTED: Final = 100
_ENOUGH: Final = 100
"""A run with fewer updates is not judged as a whole."""


class Totals:
    """Counters of one run, in updates if nothing else is said.

    Attributes:
        accepted_before: By the ledger, the API has accepted something in an earlier run.
        unchanged: The API had accepted the same value before.
        stale: A newer version is known.
        held: Stock-outs that the guard holds; they stay unsettled.
        clamped: Quantities below 0 that were sent as 0.
        cut: Quantities that lost a fraction to `rounding`.
        unlisted: Skipped updates of items that the store does not list.
        listed: The API has accepted a row, or refused one for another reason than INV_001, INV_002.
        batch_ids: The last hundred batch ids, in the order in which they were accepted.
        requests: Attempts, answered or not.
        retries: Attempts that repeated rows.
        batches: Requests of which the API accepted at least one row.
        sent_bytes: The size of all bodies.
        freshness: The ages of what was accepted.
        latency: How long the attempts took.
        again: Those of the rows that earlier runs had rejected, and this one has sent again.
        waited_for_tap: Seconds without anything to read.
        waited_for_api: Seconds of waiting for answers: for room to read on, or for the last ones.
    """

    def __init__(self) -> None:
        self.remembers = False
        self.accepted_before = False
        self.records = 0
        self.updates = 0
        self.accepted = 0
        self.unchanged = 0
        self.stale = 0
        self.held = 0
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
        self.freshness = Freshness()
        self.latency = Spread()
        self.again: Totals | None = None
        self.waited_for_tap = 0.0
        self.waited_for_api = 0.0

    @property
    def unsettled(self) -> int:
        """How many updates have no outcome by these totals."""
        settled = self.accepted + self.unchanged + self.stale + self.superseded
        return self.updates - settled - self.skipped - self.rejected

    @property
    def fruitless(self) -> bool:
        """Many updates were rejected and none accepted: the set-up is probably wrong."""
        proved = self.accepted or self.unchanged or self.accepted_before
        return self.rejected >= _ENOUGH and not proved

    def check(self, unsettled: int) -> None:
        """Compare the totals with a count of the updates that are left.

        Raises:
            AccountingError: They differ: a row was lost or has two outcomes, which is a bug.
        """
        if self.unsettled != unsettled:
            message = (
                f"The totals do not add up: {self.unsettled} updates without an outcome, but"
                f" {unsettled} were counted. This is a bug of target-tocobagus; please report it."
                " Rows may be missing in the shop or in rejects_path; sending all again is safe."
            )
            raise AccountingError(message)

    def for_state(self) -> dict[str, Any]:
        """Return the value of our key in a STATE."""
        return {
            "batchIds": list(self.batch_ids),
            "batches": self.batches,
            "accepted": self.accepted,
            "rejected": self.rejected,
        }


def summary_fields(
    totals: Totals, *, unsettled: int, seconds: float, dry_run: bool
) -> dict[str, Any]:
    """Return the totals by name; times in seconds, sizes in bytes, outcomes in updates."""
    fields: dict[str, Any] = {
        "updates": totals.updates,
        "mapped" if dry_run else "accepted": totals.accepted,
        **({"unchanged": totals.unchanged, "stale": totals.stale} if totals.remembers else {}),
        "superseded": totals.superseded,
        "skipped": totals.skipped,
        "rejected": totals.rejected,
        "unsettled": unsettled,
        "records": totals.records,
        "clamped": totals.clamped,
        "cut": totals.cut,
        "requests": totals.requests,
        "retries": totals.retries,
        "batches": totals.batches,
        "sent_bytes": totals.sent_bytes,
        "seconds": round(seconds, 3),
        "rows_per_second": round(totals.records / seconds) if seconds else 0,
        "waited_for_tap": round(totals.waited_for_tap, 3),
        "waited_for_api": round(totals.waited_for_api, 3),
        "unlisted": totals.unlisted,
        **({"held": totals.held} if totals.remembers else {}),
        "rejected_by_code": dict(totals.codes),
    }
    if not dry_run:
        spreads = {"freshness": totals.freshness.ages, "latency": totals.latency}
        fields |= {name: spread.fields() for name, spread in spreads.items() if spread.count}
    if totals.again is not None:
        fields["again"] = {
            name: getattr(totals.again, name)
            for name in ("updates", "accepted", "unchanged", "stale", "skipped", "rejected")
        }
    if dry_run:  # nothing was sent
        fields |= dict.fromkeys(("requests", "retries", "batches", "sent_bytes"), 0)
        fields["would_send_batches"] = totals.batches
        fields["would_send_bytes"] = totals.sent_bytes
    return fields


def summary_text(fields: dict[str, Any]) -> str:
    """Write the summary at the end of a run's log."""
    done = "mapped" if "mapped" in fields else "accepted"
    known = "".join(
        f" + {fields[name]} {name}" for name in ("unchanged", "stale") if name in fields
    )
    codes = listed_codes(fields["rejected_by_code"])
    lines = [
        "Summary",
        (
            f"  {counted(fields['updates'], 'update')} = {fields[done]} {done}"
            f"{known} + {fields['superseded']} superseded + {fields['skipped']} skipped"
            f" + {fields['rejected']} rejected + {fields['unsettled']} unsettled"
        ),
        (
            f"  {counted(fields['records'], 'record')} in {fields['seconds']:.1f} s,"
            f" {fields['rows_per_second']} a second;"
            f" waited {fields['waited_for_tap']:.1f} s for the tap,"
            f" {fields['waited_for_api']:.1f} s for the API"
        ),
        _traffic(fields),
    ]
    if "freshness" in fields:
        age = {name: duration(seconds) for name, seconds in fields["freshness"].items()}
        lines.append(
            f"  age when accepted: {age['median']} (median), 95 % within {age['p95']},"
            f" at most {age['worst']}"
        )
    if codes:
        lines.append(f"  rejected: {codes}")
    if fields.get("held"):
        held = counted(fields["held"], "stock-out", "stock-outs")
        lines.append(f"  unsettled: {held} that the guard holds")
    if fields["unlisted"]:
        lines.append(f"  skipped: {fields['unlisted']} of items that the store does not list")
    if "again" in fields:
        again = fields["again"]
        updates = counted(again["updates"], "update that was", "updates that were")
        outcomes = ", ".join(f"{again[name]} {name}" for name in ("accepted", "rejected"))
        lines.append(f"  {updates} rejected before, sent again: {outcomes}")
    if fields["clamped"]:
        clamped = counted(fields["clamped"], "quantity below 0 was", "quantities below 0 were")
        lines.append(f"  {clamped} sent as 0")
    if fields["cut"]:
        cut = counted(fields["cut"], "quantity", "quantities")
        lines.append(f"  {cut} with a fraction, rounded down")
    return "\n".join(lines)


def listed_codes(codes: Mapping[str, int]) -> str:
    """List codes with how many there are of each: ``INV_001 2, BAD_QUANTITY 1``."""
    return ", ".join(f"{clean(code)} {count}" for code, count in codes.items())


def _traffic(fields: dict[str, Any]) -> str:
    if "would_send_batches" in fields:
        batches = counted(fields["would_send_batches"], "batch", "batches")
        size = counted(fields["would_send_bytes"], "byte")
        return f"  a dry run: nothing was sent; {batches} of {size} would be"
    retries = counted(fields["retries"], "retry", "retries")
    batches = counted(fields["batches"], "batch", "batches")
    size = counted(fields["sent_bytes"], "byte")
    return f"  {counted(fields['requests'], 'request')} ({retries}), {batches}, {size}"
