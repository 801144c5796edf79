"""``tocobagus ledger``: status, absent, forget, prune and check.

``status``, ``absent`` and ``check`` read beside a run; ``forget``, ``prune`` and ``absent --zero``
take the lock of the store.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import click

from target_tocobagus.cli.check.command import config_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KINDS: Final = {"sku": "sku", "id": "id", "external_id": "externalId"}
"""The kinds of identifiers: as a mapping calls them, and as the ledger does."""

_DAY_MS: Final = 86_400_000


class Place(NamedTuple):
    """The ledger that a configuration names.

    Attributes:
        place: Its path or host, to be shown.
        store: The API and the store's id, as the ledger names a store; the id may be empty.
        values: The whole configuration, not checked.
    """

    name: str
    place: str
    store: tuple[str, str]
    history_days: int
    values: dict[str, Any]


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all commands have."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for a program.")
    return config_option(as_json(function))


@click.group(context_settings={"max_content_width": 100})
def ledger() -> None:
    """Look into the ledger, the memory across runs, and correct it."""


@ledger.command()
@_with_options
def status(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Show what the ledger remembers: stores, levels, open rejections and the last runs.

    Nothing is changed, and a run may be under way. The exit code is 0 also if there is no ledger
    yet, and 2 if it is of another version or not a ledger.
    """
    place = _read(configs)
    from target_tocobagus.cli.ledger import page
    from target_tocobagus.ledger import inspection

    with _explained():
        found = inspection.status(place.name)
    if found is None:
        _say_missing(place, as_json=as_json)
    elif as_json:
        _write(page.status_fields(found))
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


@ledger.command()
@_with_options
@click.option("--stream", required=True, help="The stream whose levels are looked for.")
@click.option(
    "--since",
    required=True,
    callback=_day,
    metavar="DAYS|DATE",
    help="Not named on this day or later: 7d for 7 days ago, or a date (UTC).",
)
@click.option("--zero", is_flag=True, help="Send those that are in stock as 0, after a question.")
@click.option("--yes", is_flag=True, help="With --zero: do not ask.")
def absent(
    configs: tuple[str, ...], *, as_json: bool, stream: str, since: date, zero: bool, yes: bool
) -> None:
    """List levels that a stream has sent and that no row has named since a day.

    A level is the stock of an item at a warehouse. Every row names its level: also one that is
    unchanged, skipped or rejected, of whatever stream, but not one of a deleted record. So the list
    says something only of a stream that is read whole each time, not of one that brings only what
    has changed. Nothing is changed, and a run may be under way.

    With --zero the levels of the list that are in stock are sent as 0: all of them or, if the guard
    (max_zeroed_percent) would hold one, none. No run of the store may be under way then. The exit
    codes are those of a run.
    """
    place = _read(configs, with_store=True)
    from target_tocobagus.cli.ledger import absent as listing
    from target_tocobagus.ledger import inspection

    with _explained():
        settings = listing.settings_to_send(place.values) if zero else None
        day = (since - date(1970, 1, 1)).days
        found = inspection.look_for_absent(place.name, place.store, stream, day)
    if found is None:
        _say_missing(place, as_json=as_json)
        return
    if not (found.levels or found.named):
        near = ", ".join(map(_shown, found.near))
        what = f"stream {_shown(stream)} has sent nothing that is remembered"
        _fail(f"{what}{near and f'; others are {near}'}", 1)
    fields = listing.fields(stream, since, found)
    if not as_json:
        listing.show(stream, since, found)
    elif settings is None or not found.in_stock:
        _write(fields)
    if settings is None or not found.in_stock:
        return
    if not found.named:
        _fail(f"stream {_shown(stream)} has named nothing since {since}: has it been read?", 1)
    if not yes:
        question = f"Send 0 for {_levels(len(found.in_stock))}?"
        click.confirm(question, abort=True, err=True)
    with _explained():
        totals = listing.send(settings, stream, day, found)
    if as_json:
        _write(fields | {"zeroed": totals.accepted, "rejected": totals.rejected})
    else:
        sent = f"{_levels(totals.accepted)} of {totals.updates} sent as 0 and accepted"
        click.echo(f"{sent}, {totals.rejected} rejected, {totals.skipped} skipped.")


@ledger.command()
@_with_options
@click.argument("identifier", required=False)
@click.option("--kind", type=click.Choice(list(_KINDS)), help="The kind of the identifier.")
@click.option("--warehouse", help="Only at this warehouse, by its client id.")
@click.option("--all", "everything", is_flag=True, help="All levels of the store.")
@click.option("--parts", help="The parts of this stream, which combine: sum adds up.")
def forget(
    configs: tuple[str, ...],
    *,
    as_json: bool,
    identifier: str | None,
    everything: bool,
    **named: str | None,
) -> None:
    """Forget what was sent of an item, so that its next rows are sent whatever they hold.

    With --parts: forget the parts of a stream; then let the tap read the whole stream again, and no
    sum goes out before its end. Open rejections stay. No run of the store may be under way. The
    exit code is 1 if nothing of IDENTIFIER, or of the stream, is known.
    """
    kind, warehouse, stream = named["kind"], named["warehouse"], named["parts"]
    given = sum([identifier is not None, everything, stream is not None])
    if given != 1 or (identifier is None and (kind or warehouse)):
        text = "give an identifier, with --kind and --warehouse if needed, or else --all or --parts"
        raise click.UsageError(text)
    place = _read(configs, with_store=True)
    from target_tocobagus.ledger import operating

    if stream is not None:
        _forget_parts(place, stream, as_json=as_json)
        return

    wanted = operating.Wanted(identifier, kind and _KINDS[kind], warehouse)
    with _explained():
        found = operating.forget(place.name, place.store, wanted)
    if found is None:
        _say_missing(place, as_json=as_json)
        return
    what = "the store" if identifier is None else _shown(identifier)
    what += f" at {_shown(warehouse)}" if warehouse else ""
    if as_json:
        _write({"forgotten": found.levels, "near": list(found.near)})
    elif found.levels or everything:
        click.echo(f"{_levels(found.levels)} of {what} forgotten: the next rows are sent anew.")
    if identifier is not None and not found.levels:
        near = ", ".join(map(_shown, found.near))
        _fail(f"nothing is remembered of {what}{near and f'; similar are {near}'}", 1)


def _forget_parts(place: Place, stream: str, *, as_json: bool) -> None:
    from target_tocobagus.core.plural import counted
    from target_tocobagus.ledger import operating

    with _explained():
        found = operating.forget_parts(place.name, place.store, stream)
    if found is None:
        _say_missing(place, as_json=as_json)
        return
    if as_json:
        _write({"forgotten": found})
    elif found:
        parts = counted(found, "part")
        click.echo(
            f"{parts} of stream {_shown(stream)} forgotten: let the tap read all of it again."
        )
    if not found:
        _fail(f"no part of stream {_shown(stream)} is remembered", 1)


@ledger.command()
@_with_options
def prune(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Delete history that is older than history_days, and give its space back.

    A run does the same at its end, but leaves the file as large as it is. No run of the store may
    be under way. PostgreSQL uses the space again by itself (autovacuum).
    """
    place = _read(configs, with_store=True)
    from rich.filesize import decimal

    from target_tocobagus.core.plural import counted
    from target_tocobagus.ledger import operating

    before = int(time.time() * 1000) - place.history_days * _DAY_MS
    with _explained():
        found = operating.prune(place.name, place.store, before)
    if found is None:
        _say_missing(place, as_json=as_json)
    elif as_json:
        _write({"deleted": found.rows, "size_before": found.size[0], "size": found.size[1]})
    else:
        rows = counted(found.rows, "row")
        text = f"{rows} of history older than {counted(place.history_days, 'day')} deleted."
        before_after = [decimal(each) for each in found.size]
        click.echo(f"{text} The ledger took {before_after[0]} and takes {before_after[1]}.")


@ledger.command()
@_with_options
def check(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Check that the ledger is sound. Nothing is changed, and a run may be under way.

    The exit code is 1 if it is not sound.
    """
    place = _read(configs)
    from target_tocobagus.ledger import soundness

    with _explained():
        found = soundness.problems(place.name)
    if found is None:
        _say_missing(place, as_json=as_json)
        return
    if as_json:
        _write({"sound": not found, "problems": found})
    elif not found:
        click.echo("The ledger is sound.")
    for problem in () if as_json else found:
        click.echo(_shown(f"{problem}."))
    if found:
        _fail("the ledger is not sound: docs/ledger.md says how to start over", 1)


def _read(configs: tuple[str, ...], *, with_store: bool = False) -> Place:
    """Read the settings of the ledger; what is wrong with others does not matter."""
    from target_tocobagus.api.redaction import Redactor
    from target_tocobagus.cli.check import settings
    from target_tocobagus.config.hidden import secrets_of
    from target_tocobagus.core.foreign_text import hide_secrets
    from target_tocobagus.ledger.opening import store_key
    from target_tocobagus.ledger.trial import place_named

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = settings.read(configs)
    hide_secrets(Redactor(secrets_of(given.values)).text)
    if given.problems:
        _fail("\n".join(given.problems), 2)
    with _explained():
        used = settings.ledger_settings(given.values)
        if used.ledger is None:
            _fail(f"ledger is not set in {given.source}", 2)
        client_id = str(given.values.get("store_client_id") or "")
        if with_store and not client_id:
            _fail("store_client_id: is required", 2)
        key = store_key(used.api_url, client_id)
        place = place_named(used.ledger)
        return Place(used.ledger, place, key, used.history_days, given.values)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn an expected error into its message and exit code."""
    from target_tocobagus.core.errors import TocobagusError

    try:
        yield
    except TocobagusError as error:
        _fail(str(error), error.exit_code)


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    raise click.exceptions.Exit(exit_code)


def _say_missing(place: Place, *, as_json: bool) -> None:
    if as_json:
        _write({"exists": False, "place": place.place})
    else:
        click.echo(f"There is no ledger yet ({_shown(place.place)}): a run creates it.")


def _levels(count: int) -> str:
    from target_tocobagus.core.plural import counted

    return counted(count, "level")


def _shown(text: str) -> str:
    from target_tocobagus.core.foreign_text import clean

    return clean(text)


def _write(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2))
