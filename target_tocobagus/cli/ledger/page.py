"""Shows what a ledger holds, on a terminal, in a log or as JSON."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.text import Text

from target_tocobagus.cli.demo.page import INDENT, new_table
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from target_tocobagus.ledger.inspection import OfStream, RunStatus, Status, StoreStatus

_OUTCOMES: Final = (
    "accepted",
    "unchanged",
    "stale",
    "superseded",
    "skipped",
    "rejected",
    "unsettled",
)


def show_status(status: Status) -> None:
    """Write the page of `tocobagus ledger status`."""
    console = Console(highlight=False)
    console.print(Text(clean(status.place), "bold"), soft_wrap=True)
    tables = f"tables of target-tocobagus {clean(status.version)}"
    console.print(Text(f"{decimal(status.size)}; {tables}; all times are UTC", "dim"))
    for store in status.stores:
        console.print()
        name = f"Store {clean(store.client_id)} at {clean(store.api_url)}"
        console.print(Text(name, "bold"), soft_wrap=True)
        for fact in _facts(store):
            console.print(Text(" " * INDENT + fact), soft_wrap=True)
        console.print(Padding(_runs(store), (0, 0, 0, INDENT), expand=False))
    if not status.stores:
        console.print("No store has sent anything yet.")


def status_fields(status: Status) -> dict[str, Any]:
    """Return what a ledger holds as values of JSON; times are in UTC."""
    return {
        "exists": True,
        "place": status.place,
        "size": status.size,
        "version": status.version,
        "stores": [
            {
                "api_url": store.api_url,
                "store_client_id": store.client_id,
                "levels": store.levels,
                "marked": store.marked,
                "parts": [_of_stream(each, "mappings") for each in store.parts],
                "pairs": [_of_stream(each, "lookups") for each in store.pairs],
                "open_rejections": store.open_rejections,
                "guard": {
                    "fired": store.guard_fired,
                    "zeroed": store.guarded.zeroed,
                    "in_stock": store.guarded.in_stock,
                },
                "in_use_by": store.holder,
                "runs": [
                    {
                        "started_at": _moment(run.started_at).isoformat(),
                        "ended_at": run.ended_at and _moment(run.ended_at).isoformat(),
                        "error": run.error,
                        "summary": run.summary,
                    }
                    for run in store.runs
                ],
            }
            for store in status.stores
        ],
    }


def _of_stream(found: OfStream, entries: str) -> dict[str, Any]:
    return {"stream": found.stream, "count": found.count, entries: found.entries}


def _facts(store: StoreStatus) -> Iterator[str]:
    yield f"{counted(store.levels, 'level')} remembered; {store.marked} marked (in doubt)"
    for what, entry, found in (("part", "mapping", store.parts), ("pair", "lookup", store.pairs)):
        for each in found:
            under = f", under {each.entries} {entry}s" if each.entries > 1 else ""
            yield f"{counted(each.count, what)} of stream {clean(each.stream)} remembered{under}"
    yield counted(store.open_rejections, "open rejection")
    counts = f"{store.guarded.zeroed} of {counted(store.guarded.base, 'level')} in stock"
    if store.guard_fired:
        yield f"the guard has fired: {counts} had fallen to 0 and still count"
    else:
        yield f"guard: {counts} fell to 0 within 20 hours"
    if store.holder is not None:
        yield f"in use by {clean(store.holder)}"


def _runs(store: StoreStatus) -> Table | Text:
    if not store.runs:
        return Text("No run yet.", "dim")
    table = new_table("last runs", "took", "outcomes")
    table.columns[1].justify = "right"
    for number, run in enumerate(store.runs):
        is_current = number == 0 and store.holder is not None
        table.add_row(*_row(run, is_current=is_current))
    return table


def _row(run: RunStatus, *, is_current: bool) -> tuple[Text, Text, Text]:
    """Describe a run; one that has not ended was killed, unless it is the current one."""
    if run.ended_at is None:
        ending = Text("is running", "green") if is_current else Text("did not end", "red")
        return Text(_time(run.started_at)), Text(), ending
    counts = [f"{run.summary[name]} {name}" for name in _OUTCOMES if run.summary.get(name)]
    outcomes = Text(", ".join(counts) or "no rows")
    if run.error:
        outcomes.append(f"\n{clean(run.error)}", "red")
    seconds = (run.ended_at - run.started_at) / 1000
    return Text(_time(run.started_at)), Text(f"{seconds:,.1f} s"), outcomes


def _time(milliseconds: int) -> str:
    return f"{_moment(milliseconds):%Y-%m-%d %H:%M:%S}"


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
