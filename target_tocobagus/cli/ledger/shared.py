"""What the commands of `tocobagus ledger` share: their options, the place, how they end."""

from __future__ import annotations

import io
import json
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeVar

import click

from target_tocobagus.cli.configuration import config_option, ledger_and_api, read
from target_tocobagus.core.collector import not_collecting
from target_tocobagus.core.foreign_text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
KINDS: Final = {"sku": "sku", "id": "id", "external_id": "externalId"}
"""The kinds of identifiers: as a mapping calls them, and as the ledger does."""


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
    values: dict[str, Any]


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all commands have."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for a program.")
    return config_option(as_json(function))


@not_collecting()
def read_place(configs: tuple[str, ...], *, with_store: bool = False) -> Place:
    """Read the settings of the ledger; what is wrong with others does not matter."""
    from target_tocobagus.api.redaction import Redactor
    from target_tocobagus.config.hidden import secrets_of
    from target_tocobagus.core.foreign_text import hide_secrets
    from target_tocobagus.ledger.database.database import place_of, read_url
    from target_tocobagus.ledger.database.reading import store_key

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = read(configs)
    hide_secrets(Redactor(secrets_of(given.values)).text)
    if given.problems:
        fail("\n".join(given.problems), 2)
    with explained():
        ledger, api_url = ledger_and_api(given.values)
        if ledger is None:
            fail(f"ledger is not set in {given.source}: without one a run remembers nothing", 2)
        client_id = str(given.values.get("store_client_id") or "")
        if with_store and not client_id:
            fail("store_client_id: is required", 2)
        place = place_of(read_url(ledger))
        return Place(ledger, place, store_key(api_url, client_id), given.values)


@contextmanager
def explained() -> Iterator[None]:
    """Turn an expected error into its message and exit code."""
    from target_tocobagus.core.errors import TocobagusError

    try:
        yield
    except TocobagusError as error:
        fail(str(error), error.exit_code)


def found_in(place: Place, act: Callable[[], T | None], *, as_json: bool) -> T:
    """Do something with a ledger; end the command if there is none yet, which is no failure."""
    with explained():
        found = act()
    if found is not None:
        return found
    if as_json:
        write({"exists": False, "place": place.place})
    else:
        click.echo(f"There is no ledger yet ({clean(place.place)}): a run creates it.")
        if "://" not in place.name and not Path(place.name).is_absolute():
            click.echo("A relative path begins at the folder of the command, like a run's.")
    raise click.exceptions.Exit(0)


def fail(message: str, exit_code: int) -> NoReturn:
    """End the command with an error on stderr."""
    click.echo(f"Error: {message}", err=True)
    raise click.exceptions.Exit(exit_code)


def named(identifier: Iterable[str], location: str | None) -> str:
    """Name a level: its item, and its warehouse."""
    kind, text = identifier
    place = "at all warehouses" if location is None else f"at {clean(location)}"
    return f"{clean(kind)} {clean(text)} {place}"


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
