"""Shows what a ledger holds, on a terminal, in a log or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.text import Text

from target_tocobagus.cli.demo.page import INDENT
from target_tocobagus.cli.ledger.past_page import run_fields, runs_table
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.ledger.inspection.contents import OfStream, Status, StoreStatus


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
        table = runs_table(store.runs, is_running=store.holder is not None, title="last runs")
        console.print(Padding(table, (0, 0, 0, INDENT), expand=False))
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
                "runs": [run_fields(run) for run in store.runs],
            }
            for store in status.stores
        ],
    }


def _of_stream(found: OfStream, entries: str) -> dict[str, Any]:
    return {"stream": found.stream, "count": found.count, entries: found.entries}


def _facts(store: StoreStatus) -> Iterator[str]:
    yield f"{counted(store.levels, 'level')} remembered; {store.marked} in doubt"
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
