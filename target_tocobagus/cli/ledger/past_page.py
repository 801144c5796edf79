"""Shows runs, what was in a batch, and rows that are refused, on a terminal or as JSON."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from target_tocobagus.cli.demo.page import new_table
from target_tocobagus.cli.ledger.shared import as_time, json_time, named
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted, duration
from target_tocobagus.mapping.record_errors import RECORD_ERRORS
from target_tocobagus.report.advice import advice_on
from target_tocobagus.report.totals import OUTCOMES, listed_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from target_tocobagus.ledger.inspection.past import Batch, Rejected, RunStatus

_MOST_SHOWN: Final = 20
_REJECTED_ITSELF: Final = {*RECORD_ERRORS, "STREAM_MAP", "NOT_FOUND_AGAIN"} - {"LOOKUP_MISSING"}


def runs_table(runs: Sequence[RunStatus], *, is_running: bool, title: str) -> Table | Text:
    """List runs; one that has not ended was killed, unless it is the first and is running."""
    if not runs:
        return Text("No run yet.", "dim")
    table = new_table(title, "took", "requests", "outcomes")
    table.columns[1].justify = table.columns[2].justify = "right"
    for number, run in enumerate(runs):
        table.add_row(*_row(run, is_current=number == 0 and is_running))
    return table


def _row(run: RunStatus, *, is_current: bool) -> tuple[Text, Text, Text, Text]:
    if run.ended_at is None:
        ending = Text("is running", "green") if is_current else Text("did not end", "red")
        return Text(as_time(run.started_at)), Text(), Text(), ending
    counts = [f"{run.summary[name]} {name}" for name in OUTCOMES if run.summary.get(name)]
    outcomes = Text(", ".join(counts) or "no rows")
    if age := run.summary.get("freshness"):
        outcomes.append(f"\n95 % not older than {duration(age['p95'])}", "dim")
    if run.error:
        outcomes.append(f"\n{clean(run.error)}", "red")
    seconds = (run.ended_at - run.started_at) / 1000
    requests = run.summary.get("requests", "")
    return Text(as_time(run.started_at)), Text(f"{seconds:,.1f} s"), Text(f"{requests}"), outcomes


def run_fields(run: RunStatus) -> dict[str, Any]:
    """Return a run as values of JSON."""
    return {
        "started_at": json_time(run.started_at),
        "ended_at": json_time(run.ended_at),
        "error": run.error,
        "summary": run.summary,
    }


def show_batch(batch: Batch) -> None:
    """Write what is remembered of a batch."""
    accepted = counted(batch.accepted, "level")
    click.echo(f"Batch {clean(batch.batch_id)}" if batch.batch_id else "A request without a batch")
    click.echo(f"  requestId {clean(batch.request_id)}")
    click.echo(f"  {as_time(batch.at)} (UTC), answered after {batch.milliseconds:,} ms")
    click.echo(f"  {accepted} accepted, {batch.refused} refused")
    for level in batch.levels:
        old = "" if level.old is None else f"{level.old} -> "
        later = "" if level.is_last else " (another value has been accepted since)"
        click.echo(f"{named(level.identifier, level.location)}: {old}{level.quantity}{later}")
    for each in batch.rejections:
        click.echo(f"{named(each.identifier, each.location)}: refused, {_reason(each)}")
    if (left := batch.accepted - len(batch.levels)) > 0:
        later = "has" if left == 1 else "have"
        click.echo(f"{counted(left, 'other level')} of it {later} been accepted anew since.")


def batch_fields(batch: Batch) -> dict[str, Any]:
    """Return a batch as values of JSON."""
    values = {name: getattr(batch, name) for name in batch.__struct_fields__}
    return values | {
        "at": json_time(batch.at),
        "levels": [
            {
                **_level_fields(each.identifier, each.location),
                "old": each.old,
                "quantity": each.quantity,
                "is_last": each.is_last,
            }
            for each in batch.levels
        ],
        "rejections": [rejection_fields(each) for each in batch.rejections],
    }


def show_rejections(rejections: Sequence[Rejected], last: RunStatus | None) -> None:
    """Write the rows that are still refused, by code, with what to do.

    Args:
        rejections: Those that the ledger keeps.
        last: The last run, which may have rejected others itself.
    """
    if not rejections:
        click.echo("The API refuses no row.")
        show_rejected_itself(last)
        return
    for code, several in groupby(rejections, lambda each: each.code):
        rows = [*several]
        click.echo(f"{clean(code)}: {counted(len(rows), 'row')}. {advice_on(code)}")
        for each in rows[:_MOST_SHOWN]:
            where = named(each.identifier, each.location)
            click.echo(f"  {where}: {_reason(each)}")
            click.echo(
                f"    stream {clean(each.stream)}, refused {as_time(each.opened_at)}, tried"
                f" {as_time(each.tried_at)}"
            )
        if len(rows) > _MOST_SHOWN:
            click.echo(f"  and {len(rows) - _MOST_SHOWN} more (--json lists all)")
    click.echo(
        "Times are UTC. At the end of a run each row is sent again, if 20 hours have passed."
    )


def show_rejected_itself(last: RunStatus | None) -> None:
    """Say that the last run has rejected rows, which the ledger does not keep; if it has."""
    found = last.summary.get("rejected_by_code") or {} if last else {}
    if codes := {code: count for code, count in found.items() if code in _REJECTED_ITSELF}:
        told = listed_codes(codes)
        click.echo(f"The last run rejected some rows itself ({told}): its log says which.")


def rejection_fields(rejection: Rejected) -> dict[str, Any]:
    """Return a refused row as values of JSON."""
    return {
        **rejection._asdict(),
        **_level_fields(rejection.identifier, rejection.location),
        "opened_at": json_time(rejection.opened_at),
        "tried_at": json_time(rejection.tried_at),
        "what_to_do": advice_on(rejection.code),
    }


def _level_fields(identifier: Iterable[str], location: str | None) -> dict[str, Any]:
    kind, text = identifier
    return {"identifier": {kind: text}, "warehouse": location}


def _reason(rejection: Rejected) -> str:
    reason = f" ({rejection.reason})" if rejection.reason else ""
    return clean(f"{rejection.code} {rejection.message}{reason}")
