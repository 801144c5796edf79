"""``tocobagus ledger``: what an operator may look at in the memory across runs, and change.

``status``, ``absent`` and ``check`` read beside a run; ``forget``, ``prune`` and ``absent --zero``
take the lock of the store.
"""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from target_tocobagus.cli.configuration import ledger_settings
from target_tocobagus.cli.ledger.shared import (
    KINDS,
    explained,
    fail,
    found_in,
    read_place,
    with_options,
    write,
)
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted

if TYPE_CHECKING:
    from target_tocobagus.cli.ledger.shared import Place

_DAY_MS: Final = 86_400_000


@click.group(context_settings={"max_content_width": 100})
def ledger() -> None:
    """Look into the ledger, the memory across runs, and correct it."""


@ledger.command(short_help="Show what is remembered, and the last runs.")
@with_options
def status(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Show what the ledger remembers, and how the last runs ended.

    Of each store: its levels, parts, pairs and open rejections, what the guard counts, the runs.
    Nothing is changed, and a run may be under way. The exit code is 0 also if there is no ledger
    yet, and 2 if it is of another version or not a ledger.
    """
    place = read_place(configs)
    from target_tocobagus.cli.ledger import page
    from target_tocobagus.ledger.inspection import contents

    found = found_in(place, lambda: contents.status(place.name), as_json=as_json)
    if as_json:
        write(page.status_fields(found))
    else:
        page.show_status(found)


def _day(_context: click.Context, _option: click.Parameter, value: str) -> date:
    """Read a date, or so many days ago; both in UTC.

    Raises:
        BadParameter: It is neither.
    """
    today = datetime.now(timezone.utc).date()
    days = re.fullmatch(r"([1-9]\d{0,3})d", value)
    try:
        day = today - timedelta(int(days[1])) if days else date.fromisoformat(value)
    except ValueError:
        text = "give days, such as 7d, or a date, such as 2026-01-15"
        raise click.BadParameter(text) from None
    if day > today:
        text = "lies in the future"
        raise click.BadParameter(text)
    return day


@ledger.command(short_help="List levels that no row has named for days.")
@with_options
@click.option("--stream", required=True, help="The stream that has sent the levels.")
@click.option(
    "--since",
    required=True,
    callback=_day,
    metavar="DAYS|DATE",
    help="List what was not named on this day or later: 7d for 7 days ago, or a date (UTC).",
)
@click.option("--zero", is_flag=True, help="Send 0 for those that are in stock, after a question.")
@click.option("--yes", is_flag=True, help="With --zero: do not ask.")
def absent(
    configs: tuple[str, ...], *, as_json: bool, stream: str, since: date, zero: bool, yes: bool
) -> None:
    """List levels that a stream has sent and that no row has named since a day.

    A level is the stock of an item at a warehouse. A row of any stream names its level, also if it
    is unchanged, skipped or rejected; the row of a deleted record does not. So the list is of use
    only for a stream that is read whole each time: from a tap that brings only what has changed,
    all else seems to be gone. Nothing is changed, and a run may be under way.

    With --zero the levels of the list that are in stock are sent as 0: all of them or, if the guard
    (max_zeroed_percent) would hold one, none. No run of the store may be under way then. The exit
    codes are those of a run.
    """
    place = read_place(configs, with_store=True)
    from target_tocobagus.cli.ledger import absent as listing
    from target_tocobagus.ledger.inspection import contents

    with explained():
        settings = listing.settings_to_send(place.values) if zero else None
    day = (since - date(1970, 1, 1)).days
    look = partial(contents.look_for_absent, place.name, place.store, stream, day)
    found = found_in(place, look, as_json=as_json)
    if not (found.levels or found.named):
        near = ", ".join(map(clean, found.near))
        what = f"stream {clean(stream)} has sent nothing that is remembered"
        fail(f"{what}{near and f'; others are {near}'}", 1)
    fields = listing.fields(stream, since, found)
    if not as_json:
        listing.show(stream, since, found)
    elif settings is None or not found.in_stock:
        write(fields)
    if settings is None or not found.in_stock:
        return
    if not found.named:
        fail(f"stream {clean(stream)} has named nothing since {since}: has it been read?", 1)
    if not yes:
        question = f"Send 0 for {counted(len(found.in_stock), 'level')}?"
        click.confirm(question, abort=True, err=True)
    with explained():
        totals = listing.send(settings, stream, day, found)
    if as_json:
        write(fields | {"zeroed": totals.accepted, "rejected": totals.rejected})
    else:
        sent = f"{counted(totals.accepted, 'level')} of {totals.updates} sent as 0 and accepted"
        click.echo(f"{sent}, {totals.rejected} rejected, {totals.skipped} skipped.")


@ledger.command(short_help="Let an item, a store or parts be sent anew.")
@with_options
@click.argument("identifier", required=False)
@click.option("--kind", type=click.Choice(list(KINDS)), help="The kind of the identifier.")
@click.option("--warehouse", help="Only at this warehouse, by its client id.")
@click.option("--all", "everything", is_flag=True, help="All levels of the store.")
@click.option("--parts", metavar="STREAM", help="The parts of this stream.")
def forget(
    configs: tuple[str, ...],
    *,
    as_json: bool,
    identifier: str | None,
    everything: bool,
    **named: str | None,
) -> None:
    """Forget what was sent of an item, so that its next rows are sent whatever they hold.

    --parts forgets the parts of a stream that combine: sum adds up. Let the tap read the whole
    stream again afterwards: that run sends the sums at its end.

    Open rejections stay. No run of the store may be under way. The exit code is 1 if nothing is
    remembered of IDENTIFIER, or no part of the stream.
    """
    kind, warehouse, stream = named["kind"], named["warehouse"], named["parts"]
    given = sum([identifier is not None, everything, stream is not None])
    if given != 1 or (identifier is None and (kind or warehouse)):
        text = "give an identifier, with --kind and --warehouse if needed, or else --all or --parts"
        raise click.UsageError(text)
    place = read_place(configs, with_store=True)
    from target_tocobagus.ledger import maintenance
    from target_tocobagus.ledger.inspection.selection import Wanted

    if stream is not None:
        _forget_parts(place, stream, as_json=as_json)
        return

    wanted = Wanted(identifier, kind and KINDS[kind], warehouse)
    forget = partial(maintenance.forget, place.name, place.store, wanted)
    found = found_in(place, forget, as_json=as_json)
    what = "the store" if identifier is None else clean(identifier)
    what += f" at {clean(warehouse)}" if warehouse else ""
    if as_json:
        write({"forgotten": found.levels, "near": list(found.near)})
    elif found.levels or everything:
        levels = counted(found.levels, "level")
        click.echo(f"{levels} of {what} forgotten: the next rows are sent anew.")
    if identifier is not None and not found.levels:
        near = ", ".join(map(clean, found.near))
        fail(f"nothing is remembered of {what}{near and f'; similar are {near}'}", 1)


def _forget_parts(place: Place, stream: str, *, as_json: bool) -> None:
    from target_tocobagus.ledger import maintenance

    forget = partial(maintenance.forget_parts, place.name, place.store, stream)
    found = found_in(place, forget, as_json=as_json)
    if as_json:
        write({"forgotten": found})
    elif found:
        parts = f"{counted(found, 'part')} of stream {clean(stream)}"
        click.echo(f"{parts} forgotten: let the tap read all of it again.")
    if not found:
        fail(f"no part of stream {clean(stream)} is remembered", 1)


@ledger.command(short_help="Delete old history.")
@with_options
def prune(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Delete history that is older than history_days, and give its space back.

    A run does the same at its end, but leaves the file as large as it is. No run of the store may
    be under way. PostgreSQL uses the space again by itself (autovacuum).
    """
    place = read_place(configs, with_store=True)
    from rich.filesize import decimal

    from target_tocobagus.ledger import maintenance

    with explained():
        days = ledger_settings(place.values).history_days
    before = int(time.time() * 1000) - days * _DAY_MS
    prune = partial(maintenance.prune, place.name, place.store, before)
    found = found_in(place, prune, as_json=as_json)
    if as_json:
        write({"deleted": found.rows, "size_before": found.size[0], "size": found.size[1]})
    else:
        rows = counted(found.rows, "row")
        text = f"{rows} of history older than {counted(days, 'day')} deleted."
        before_after = [decimal(each) for each in found.size]
        click.echo(f"{text} The ledger took {before_after[0]} and takes {before_after[1]}.")


@ledger.command()
@with_options
def check(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Check that the ledger is sound. Nothing is changed, and a run may be under way.

    The exit code is 1 if it is not sound.
    """
    place = read_place(configs)
    from target_tocobagus.ledger.inspection import integrity

    found = found_in(place, lambda: integrity.problems(place.name), as_json=as_json)
    if as_json:
        write({"sound": not found, "problems": found})
    elif not found:
        click.echo("The ledger is sound.")
    for problem in () if as_json else found:
        click.echo(clean(f"{problem}."))
    if found:
        fail("the ledger is not sound: docs/ledger.md says how to start over", 1)
