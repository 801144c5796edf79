"""``tocobagus ledger absent``: its options, and the question before something is sent."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

import click

from target_tocobagus.cli.ledger.shared import (
    count_levels,
    explained,
    fail,
    read_place,
    say_missing,
    shown,
    with_options,
    write,
)


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


@click.command(short_help="List levels that no row has named for days.")
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
    from target_tocobagus.ledger import inspection

    with explained():
        settings = listing.settings_to_send(place.values) if zero else None
        day = (since - date(1970, 1, 1)).days
        found = inspection.look_for_absent(place.name, place.store, stream, day)
    if found is None:
        say_missing(place, as_json=as_json)
        return
    if not (found.levels or found.named):
        near = ", ".join(map(shown, found.near))
        what = f"stream {shown(stream)} has sent nothing that is remembered"
        fail(f"{what}{near and f'; others are {near}'}", 1)
    fields = listing.fields(stream, since, found)
    if not as_json:
        listing.show(stream, since, found)
    elif settings is None or not found.in_stock:
        write(fields)
    if settings is None or not found.in_stock:
        return
    if not found.named:
        fail(f"stream {shown(stream)} has named nothing since {since}: has it been read?", 1)
    if not yes:
        question = f"Send 0 for {count_levels(len(found.in_stock))}?"
        click.confirm(question, abort=True, err=True)
    with explained():
        totals = listing.send(settings, stream, day, found)
    if as_json:
        write(fields | {"zeroed": totals.accepted, "rejected": totals.rejected})
    else:
        sent = f"{count_levels(totals.accepted)} of {totals.updates} sent as 0 and accepted"
        click.echo(f"{sent}, {totals.rejected} rejected, {totals.skipped} skipped.")
