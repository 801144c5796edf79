"""``tocobagus report``: write a page about a store, from its ledger."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from target_tocobagus.cli.ledger.shared import (
    fail,
    found_in,
    json_time,
    read_place,
    with_options,
    write,
)
from target_tocobagus.core.foreign_text import reason

if TYPE_CHECKING:
    from target_tocobagus.ledger.inspection.overview import Overview

_DAY_MS: Final = 86_400_000
_STDOUT: Final = Path("-")


@click.command(short_help="Write a page about a store.")
@with_options
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="The file to write; - for standard output.",
)
@click.option(
    "--days", type=click.IntRange(1, 365), default=7, show_default=True, help="Days to look back."
)
def report(configs: tuple[str, ...], *, as_json: bool, output: Path, days: int) -> None:
    """Write a page about the store: is it healthy, and if not, what to do.

    Runs, what was sent, how old the stock was, what is refused, what changed most, what is out of
    stock, and how the API answers. It is one HTML file, and opening it asks nothing of any server.
    Nothing is changed, and a run may be under way.
    """
    place = read_place(configs, with_store=True)
    from target_tocobagus.ledger.inspection.overview import look

    now = time.time_ns() // 1_000_000
    since = (now // _DAY_MS - days + 1) * _DAY_MS
    found = found_in(place, lambda: look(place.name, place.store, since), as_json=as_json)
    from target_tocobagus.cli.report.texts import ENGLISH

    if as_json:
        write(_fields(found, now))
        return
    from target_tocobagus.cli.report.page import write_page

    page = write_page(found, place.store, now, days, ENGLISH)
    if output == _STDOUT:
        click.echo(page, nl=False)
        return
    try:
        output.write_text(page, "utf-8")
    except OSError as error:
        fail(f"{output} cannot be written ({reason(error)})", 1)
    click.echo(f"{output} is written: open it in a browser.")


def _fields(found: Overview, now: int) -> dict[str, Any]:
    """Return what the page is made of, as values of JSON."""
    from target_tocobagus.cli.ledger.past_page import run_fields
    from target_tocobagus.cli.report.health import judge
    from target_tocobagus.cli.report.texts import ENGLISH

    reasons = judge(found, now, ENGLISH)
    counts = ("is_running", "guard_fired", "levels", "in_doubt", "sold_out_count")
    return {
        "exists": True,
        "light": reasons[0].light,
        "reasons": [reason._asdict() for reason in reasons],
        "last_success": json_time(found.last_success),
        **{name: getattr(found, name) for name in counts},
        "runs": [run_fields(run) for run in found.runs],
        "refusals": [
            {**each._asdict(), "oldest": json_time(each.oldest)} for each in found.refusals
        ],
        "moving": [each._asdict() for each in found.moving],
        "sold_out": [{**each._asdict(), "since": json_time(each.since)} for each in found.sold_out],
    }
