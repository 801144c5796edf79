"""``tocobagus history``, ``batch`` and ``rejects``: what the ledger knows of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from target_tocobagus.cli.ledger.shared import (
    fail,
    found_in,
    read_place,
    with_options,
    write,
)
from target_tocobagus.core.foreign_text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.cli.ledger.shared import Place
    from target_tocobagus.ledger.inspection.past import Past

T = TypeVar("T")


@click.command(short_help="List the runs of a store.")
@with_options
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="The most runs to list."
)
def history(configs: tuple[str, ...], *, as_json: bool, limit: int) -> None:
    """List the runs of the store: when, how long, requests, outcomes, and why one has failed.

    The newest is first. Runs are kept for history_days. Nothing is changed, and a run may be under
    way.
    """
    place = read_place(configs, with_store=True)
    from rich.console import Console

    from target_tocobagus.cli.ledger import past_page

    runs, holder = _read(place, lambda past: (past.runs(limit), past.holder), as_json=as_json)
    if as_json:
        write({"exists": True, "runs": [past_page.run_fields(run) for run in runs]})
    else:
        table = past_page.runs_table(runs, is_running=holder is not None, title="run (UTC)")
        Console(highlight=False).print(table)


@click.command(short_help="Show what was in a batch.")
@with_options
@click.argument("identifier", metavar="ID")
def batch(configs: tuple[str, ...], *, as_json: bool, identifier: str) -> None:
    """Show what was in a batch. ID is its batchId, or the requestId of a request.

    Each level that the request has changed, with the quantities before and after it, and each that
    was refused. If a level had no quantity before, only its last batch is known. Batches are
    kept for history_days. The exit code is 1 if there is none with this id.
    """
    place = read_place(configs, with_store=True)
    from target_tocobagus.cli.ledger import past_page

    (found,) = _read(place, lambda past: (past.batch(identifier),), as_json=as_json)
    if found is None:
        fail(f"no batch {clean(identifier)} is remembered; they are kept for history_days", 1)
    elif as_json:
        write({"exists": True, **past_page.batch_fields(found)})
    else:
        past_page.show_batch(found)


@click.command(short_help="List the rows that are still refused.")
@with_options
def rejects(configs: tuple[str, ...], *, as_json: bool) -> None:
    """List the rows that are still refused, by code, and what to do about them.

    The API has refused them, or their pair is missing (lookup).

    A row is listed until a later one of the same item and warehouse is accepted, found unchanged
    or deleted; it is sent again by itself. Rows that the mapping rejects are not among them: the
    log and rejects_path have these.
    """
    place = read_place(configs, with_store=True)
    from target_tocobagus.cli.ledger import past_page

    found, runs = _read(place, lambda past: (past.rejections(), past.runs(1)), as_json=as_json)
    if as_json:
        rows = [past_page.rejection_fields(each) for each in found]
        write({"exists": True, "rejections": rows})
    else:
        past_page.show_rejections(found, next(iter(runs), None))


def _read(place: Place, look: Callable[[Past], T], *, as_json: bool) -> T:
    """Look at the past of a store; end the command if there is none yet."""
    from target_tocobagus.ledger.inspection.past import past_of

    def read() -> T | None:
        with past_of(place.name, place.store) as past:
            return None if past is None else look(past)

    return found_in(place, read, as_json=as_json)
