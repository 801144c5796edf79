"""What the commands of `tocobagus ledger` share: their options, the place, how they end."""

from __future__ import annotations

import io
import json
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from target_tocobagus.cli.check.command import config_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


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


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all commands have."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for a program.")
    return config_option(as_json(function))


def read_place(configs: tuple[str, ...], *, with_store: bool = False) -> Place:
    """Read the settings of the ledger; what is wrong with others does not matter."""
    from target_tocobagus.api.redaction import Redactor
    from target_tocobagus.cli.check import settings
    from target_tocobagus.cli.check.ledger import ledger_settings
    from target_tocobagus.config.hidden import secrets_of
    from target_tocobagus.core.foreign_text import hide_secrets
    from target_tocobagus.ledger.opening import store_key
    from target_tocobagus.ledger.trial import place_named

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = settings.read(configs)
    hide_secrets(Redactor(secrets_of(given.values)).text)
    if given.problems:
        fail("\n".join(given.problems), 2)
    with explained():
        used = ledger_settings(given.values)
        if used.ledger is None:
            fail(f"ledger is not set in {given.source}", 2)
        client_id = str(given.values.get("store_client_id") or "")
        if with_store and not client_id:
            fail("store_client_id: is required", 2)
        key = store_key(used.api_url, client_id)
        place = place_named(used.ledger)
        return Place(used.ledger, place, key, used.history_days, given.values)


@contextmanager
def explained() -> Iterator[None]:
    """Turn an expected error into its message and exit code."""
    from target_tocobagus.core.errors import TocobagusError

    try:
        yield
    except TocobagusError as error:
        fail(str(error), error.exit_code)


def fail(message: str, exit_code: int) -> NoReturn:
    """End the command with an error on stderr."""
    click.echo(f"Error: {message}", err=True)
    raise click.exceptions.Exit(exit_code)


def say_missing(place: Place, *, as_json: bool) -> None:
    """Say that there is no ledger yet, which is no failure."""
    if as_json:
        write({"exists": False, "place": place.place})
    else:
        click.echo(f"There is no ledger yet ({shown(place.place)}): a run creates it.")


def count_levels(count: int) -> str:
    """Write a number of levels."""
    from target_tocobagus.core.plural import counted

    return counted(count, "level")


def shown(text: str) -> str:
    """Make a text from a tap or a ledger safe to be shown."""
    from target_tocobagus.core.foreign_text import clean

    return clean(text)


def named(identifier: Iterable[str], location: str | None) -> str:
    """Name a level: its item, and its warehouse."""
    kind, text = identifier
    place = "at all warehouses" if location is None else f"at {shown(location)}"
    return f"{shown(kind)} {shown(text)} {place}"


def as_time(milliseconds: int) -> str:
    """Write a time in UTC, to the second."""
    return f"{_moment(milliseconds):%Y-%m-%d %H:%M:%S}"


def json_time(milliseconds: int | None) -> str | None:
    """Write a time for a program, with its zone; it may be missing."""
    return None if milliseconds is None else _moment(milliseconds).isoformat()


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def write(value: dict[str, Any]) -> None:
    """Write JSON to stdout."""
    click.echo(json.dumps(value, indent=2))
