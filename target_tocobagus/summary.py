"""The end of a run in words and in fields: what became of every update, and what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from target_tocobagus.accounting import Tally


def summary_fields(
    tally: Tally, *, unsettled: int, seconds: float, dry_run: bool
) -> dict[str, Any]:
    """Gather the sums; times in seconds, sizes in bytes, fates in updates."""
    return {
        "updates": tally.updates,
        "mapped" if dry_run else "accepted": tally.accepted,
        "superseded": tally.superseded,
        "skipped": tally.skipped,
        "rejected": tally.rejected,
        "unsettled": unsettled,
        "records": tally.records,
        "clamped": tally.clamped,
        "cut": tally.cut,
        "requests": tally.requests,
        "retries": tally.retries,
        "batches": tally.batches,
        "sent_bytes": tally.sent_bytes,
        "seconds": round(seconds, 3),
        "rows_per_second": round(tally.records / seconds) if seconds else 0,
        "waited_for_tap": round(tally.waited_for_tap, 3),
        "waited_for_api": round(tally.waited_for_api, 3),
        "rejected_by_code": dict(tally.codes),
    }


def summary_text(fields: dict[str, Any]) -> str:
    """Write the block that ends a run's log."""
    done = "mapped" if "mapped" in fields else "accepted"
    codes = ", ".join(f"{code} {count}" for code, count in fields["rejected_by_code"].items())
    lines = [
        "Summary",
        (
            f"  {fields['updates']} updates = {fields[done]} {done}"
            f" + {fields['superseded']} superseded + {fields['skipped']} skipped"
            f" + {fields['rejected']} rejected + {fields['unsettled']} unsettled"
        ),
        (
            f"  {fields['records']} records in {fields['seconds']:.1f} s,"
            f" {fields['rows_per_second']} a second;"
            f" waited {fields['waited_for_tap']:.1f} s for the tap,"
            f" {fields['waited_for_api']:.1f} s for the API"
        ),
        (
            f"  {fields['requests']} requests, {fields['retries']} of them retries,"
            f" {fields['batches']} batches, {fields['sent_bytes']} bytes"
        ),
    ]
    if codes:
        lines.append(f"  rejected: {codes}")
    if fields["clamped"]:
        lines.append(f"  {fields['clamped']} quantities below 0 were sent as 0")
    if fields["cut"]:
        lines.append(f"  {fields['cut']} quantities had a fraction, and were rounded down")
    return "\n".join(lines)
