"""The end of a run in words and in fields: what became of every update, and what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_tocobagus.core.plural import counted

if TYPE_CHECKING:
    from target_tocobagus.report.totals import Totals


def summary_fields(
    tally: Totals, *, unsettled: int, seconds: float, dry_run: bool
) -> dict[str, Any]:
    """Gather the sums; times in seconds, sizes in bytes, outcomes in updates."""
    fields = {
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
        "unlisted": tally.unlisted,
        "rejected_by_code": dict(tally.codes),
    }
    return {**fields, **_unsent(tally)} if dry_run else fields


def _unsent(tally: Totals) -> dict[str, int]:
    """Tell of a dry run what would be sent: what was counted as sent was not."""
    nothing = dict.fromkeys(("requests", "retries", "batches", "sent_bytes"), 0)
    return {**nothing, "would_send_batches": tally.batches, "would_send_bytes": tally.sent_bytes}


def summary_text(fields: dict[str, Any]) -> str:
    """Write the block that ends a run's log."""
    done = "mapped" if "mapped" in fields else "accepted"
    codes = ", ".join(f"{code} {count}" for code, count in fields["rejected_by_code"].items())
    lines = [
        "Summary",
        (
            f"  {counted(fields['updates'], 'update')} = {fields[done]} {done}"
            f" + {fields['superseded']} superseded + {fields['skipped']} skipped"
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
    if codes:
        lines.append(f"  rejected: {codes}")
    if fields["unlisted"]:
        lines.append(f"  skipped: {fields['unlisted']} of items that the store does not list")
    if fields["clamped"]:
        clamped = counted(fields["clamped"], "quantity below 0 was", "quantities below 0 were")
        lines.append(f"  {clamped} sent as 0")
    if fields["cut"]:
        cut = counted(fields["cut"], "quantity", "quantities")
        lines.append(f"  {cut} with a fraction, rounded down")
    return "\n".join(lines)


def _traffic(fields: dict[str, Any]) -> str:
    if "would_send_batches" in fields:
        batches = counted(fields["would_send_batches"], "batch", "batches")
        size = counted(fields["would_send_bytes"], "byte")
        return f"  a dry run: nothing was sent; {batches} of {size} would be"
    retries = counted(fields["retries"], "retry", "retries")
    batches = counted(fields["batches"], "batch", "batches")
    size = counted(fields["sent_bytes"], "byte")
    return f"  {counted(fields['requests'], 'request')} ({retries}), {batches}, {size}"
