"""The command line: ``tocobagus sandbox``, also ``python -m target_tocobagus.sandbox``.

The server and its libraries are an extra, so they are only imported when the command runs.
"""

import asyncio
import errno
import gc
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.scenario import Credentials

if TYPE_CHECKING:
    from target_tocobagus.sandbox.state import Setup

T = TypeVar("T")

_EXTRA_MISSING = "the sandbox needs its extra: pip install 'target-tocobagus[sandbox]'"
_FAKE = Credentials()
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"show_default": True, "max_content_width": 100})
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8080, type=click.IntRange(0, 65535), help="0 for a free port.")
@click.option("--latency-ms", type=click.FloatRange(0), help="Before every answer.")
@click.option("--scenario", type=_FILE, help="JSON (or YAML) file: what goes wrong, and when.")
@click.option(
    "--catalogue",
    type=_FILE,
    help='JSON file: the known items, as in {"sku": ["A", "B"]}; by default all are.',
)
@click.option("--partner-client-id", default=_FAKE.partner_client_id)
@click.option("--partner-secret", default=_FAKE.partner_secret)
@click.option("--store-client-id", default=_FAKE.store_client_id)
@click.option("--store-token", default=_FAKE.store_token)
@click.option("--keep-history", default=100_000, type=click.IntRange(0), help="Updates to show.")
@click.option("--keep-bodies", is_flag=True, help="Show the requests' bodies too.")
def sandbox(**options: Any) -> None:
    """Stand in for the Tocobagus partner API on this machine.

    It makes the same checks as the real API, keeps the stock that it gets, shows it on a page and
    as JSON under /_sandbox/, and makes the faults of a scenario. Nothing leaves this machine.
    """
    try:
        from target_tocobagus.sandbox.server import listen
    except ImportError as error:
        raise click.ClickException(_EXTRA_MISSING) from error
    setup = _setup(options)
    host, port = options["host"], options["port"]
    try:
        listener = listen(host, port)
    except OSError as error:
        in_use = "it is in use, perhaps by another sandbox; --port 0 takes a free one"
        why = in_use if error.errno == errno.EADDRINUSE else error.strerror
        message = f"cannot listen on {host}:{port}: {why}"
        raise click.ClickException(message) from error
    asyncio.run(_serve(setup, listener, host))


def _setup(options: dict[str, Any]) -> "Setup":
    from target_tocobagus.sandbox import inventory, scenario, state

    played = _read(options["scenario"], scenario.Scenario)
    known = _read(options["catalogue"], inventory.Catalogue)
    if options["latency_ms"] is not None:
        played = msgspec.structs.replace(played, latency_ms=options["latency_ms"])
    return state.Setup(
        credentials=Credentials(*(options[name] for name in Credentials.__struct_fields__)),
        catalogue=known,
        scenario=played,
        limits=state.Limits(history=options["keep_history"], bodies=options["keep_bodies"]),
    )


def _read(path: Path | None, kind: type[T]) -> T:
    """Read a JSON file, or a YAML file if PyYAML is installed; without a file, the default."""
    if path is None:
        return kind()
    is_yaml = path.suffix in {".yaml", ".yml"}
    decode = msgspec.yaml.decode if is_yaml else msgspec.json.decode
    try:
        return msgspec.convert(decode(path.read_bytes()), kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"{click.format_filename(path)} cannot be used: {error}"
        raise click.ClickException(message) from error


async def _serve(setup: "Setup", listener: socket.socket, host: str) -> None:
    from target_tocobagus.sandbox.app import make_app
    from target_tocobagus.sandbox.server import serve, url_of
    from target_tocobagus.sandbox.state import State

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # A large catalogue is not garbage: collecting it repeatedly would take a third of the time.
    gc.set_threshold(100_000, 50, 100)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    url = url_of(listener)
    app = make_app(State(setup), host)
    await serve(app, listener, stop, lambda: _announce(url, setup.credentials))


def _announce(url: str, credentials: Credentials) -> None:
    """Write where it listens: one line for programs to stdout, the rest for people to stderr."""
    click.echo(f"listening on {url}{BASE_PATH}")
    config = {"api_url": url + BASE_PATH, **msgspec.to_builtins(credentials)}
    shown = msgspec.json.format(msgspec.json.encode(config), indent=2).decode()
    click.echo(f"\nA target's config for this sandbox:\n\n{shown}\n", err=True)
    click.echo(f"See {url}/ in a browser; stop the sandbox with Ctrl-C.", err=True)
