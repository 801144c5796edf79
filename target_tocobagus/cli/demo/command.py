"""``tocobagus demo``: see stock arrive, without an account and without a network.

It is real: the sandbox and the target run as processes, by the commands that are shown, and the
stock that has arrived is read from the sandbox after the target has ended.
"""

from __future__ import annotations

import io
import json
import shlex
import sys
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.cli.demo.page import Stage
    from target_tocobagus.cli.spreadsheet.table import Table
    from target_tocobagus.sandbox.handle import Sandbox

CATALOGUE: Final = "catalogue.json"
REJECTS: Final = "rejects.singer"
LEDGER: Final = "ledger.db"
QUESTION: Final = 2
"""The exit code of a run that a person must help first."""
OVERRIDDEN: Final = ("signature_prefix", "signed_path_prefix", "dry_run")
"""Settings in a user's config that are not used: with them no stock would reach the sandbox."""

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class Scene(NamedTuple):
    """One stream to be sent.

    Attributes:
        shown: The stream as the command line names it.
        config_name: The file that the target's configuration is written to.
        config: Its settings, without those for the sandbox.
        note: How the stream was made, if a tap did not write it.
    """

    title: str
    stream: Path
    shown: str
    config_name: str
    config: dict[str, Any]
    note: str = ""


@click.command(
    short_help="See stock arrive, without an account.",
    context_settings={"show_default": True, "max_content_width": 100},
)
@click.argument("file", required=False, type=_FILE)
@click.option("--config", type=_FILE, help="Settings for FILE, or the list `streams` alone. JSON.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1), help="Rows to show."
)
@click.option("--keep", is_flag=True, help="Keep the sandbox and its page until Ctrl-C.")
def demo(file: Path | None, config: Path | None, limit: int, *, keep: bool) -> None:
    """Send stock through target-tocobagus to a sandbox on this machine, and show what arrives.

    Without FILE, two streams that real taps wrote are sent. FILE is a spreadsheet saved as CSV, or
    the output of a Singer tap. Nothing leaves this machine, even if the settings in --config name
    the real API: its address and credentials are replaced by the sandbox's.
    """
    from target_tocobagus.cli.demo.page import Stage
    from target_tocobagus.cli.demo.processes import ended_by_signals, wait_for_signal
    from target_tocobagus.cli.spreadsheet.stream import table_in
    from target_tocobagus.sandbox.handle import spawned

    if config and not file:
        message = "--config is for a FILE of your own"
        raise click.UsageError(message)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    own = _read_config(config) if config else {}
    table = table_in(file) if file else None
    stage = Stage(limit)
    with ended_by_signals(), TemporaryDirectory(prefix="tocobagus-demo-") as name:
        folder = Path(name)
        scenes = [_own_scene(file, table, own, folder)] if file else list(_bundled_scenes(folder))
        options = () if file else ("--catalogue", _copied(CATALOGUE, folder).name)
        stage.open(["tocobagus", "sandbox", "--port", "0", *options])
        with spawned(*options, folder=folder) as sandbox:
            stage.open_page(sandbox.url, keep=keep)
            codes = [_play(scene, sandbox, folder, stage) for scene in scenes]
            nothing = bool(file) and not any(codes) and not config and not sandbox.stock()
            stage.close(_next_step(file, is_asked=nothing or (QUESTION in codes and not config)))
            if keep:
                wait_for_signal(lambda: stage.keep_page(sandbox.url))
    if any(codes) or nothing:
        raise click.exceptions.Exit(1)


def _bundled_scenes(folder: Path) -> Iterator[Scene]:
    titles = {
        "tap-csv": "A spreadsheet, as tap-csv wrote it",
        "tap-postgres": "A database, as tap-postgres wrote it",
    }
    for name, title in titles.items():
        stream = _copied(f"{name}.singer", folder)
        config = json.loads(_data(f"{name}.json"))
        yield Scene(title, stream, stream.name, f"{name}.json", config)


def _read_config(path: Path) -> dict[str, Any]:
    """Read settings; a list is used as `streams`, with a ledger because a mapping may need one."""
    from target_tocobagus.config.settings import read_file
    from target_tocobagus.core.errors import ConfigurationError

    try:
        given = read_file(path, may_be_streams=True)
    except ConfigurationError as error:
        message = f"--config: {error}"
        raise click.UsageError(message) from error
    if set(given) == {"streams"}:
        given["ledger"] = LEDGER
    return {name: value for name, value in given.items() if name not in OVERRIDDEN}


def _own_scene(file: Path, table: Table | None, config: dict[str, Any], folder: Path) -> Scene:
    """Send a user's stream; a table becomes one first, in a file of its own."""
    if table is None:
        return Scene("Your stream", file, shlex.quote(str(file)), "config.json", config)
    from target_tocobagus.cli.spreadsheet.stream import messages

    stream = folder / "stream.singer"
    with stream.open("wb") as lines:
        lines.writelines(messages(table))
    title = f"{table.path.name}, as tap-csv would write it"
    note = f"{table.described}\n{table.remark}".strip()
    return Scene(title, stream, stream.name, "config.json", config, note)


def _next_step(file: Path | None, *, is_asked: bool) -> str:
    """Say how to go on; empty if the run of a user's file has no question."""
    if not file:
        return "With a CSV file or a tap's output of your own: tocobagus demo FILE"
    if not is_asked:
        return ""
    name = shlex.quote(str(file))
    return (
        f"To send it: tocobagus map --format json {name} > streams.json\n"
        f"Check that file, and then: tocobagus demo {name} --config streams.json"
    )


def _play(scene: Scene, sandbox: Sandbox, folder: Path, stage: Stage) -> int:
    """Send one stream, show the result, and return the target's exit code."""
    from target_tocobagus.cli.demo.processes import run_target
    from target_tocobagus.cli.demo.rows import first_rows

    rejects = folder / REJECTS
    rejects.unlink(missing_ok=True)
    config = {
        **scene.config,
        "api_url": sandbox.api_url,
        **sandbox.credentials,
        "rejects_path": REJECTS,
    }
    if scene.config.get("ledger"):
        config["ledger"] = LEDGER  # not the store's own
    (folder / scene.config_name).write_text(json.dumps(config), "utf-8")
    command = f"target-tocobagus --config {scene.config_name} < {scene.shown}"
    stage.begin(scene.title, command, scene.note)
    ended = run_target(scene.stream, scene.config_name, folder)
    rejected = rejects.read_bytes().splitlines() if rejects.exists() else []
    # What stream maps make of a row is not known here.
    mapped = any(scene.config.get(name) for name in ("stream_maps", "flattening_enabled"))
    given = [] if mapped else first_rows(scene.stream, scene.config)
    stage.show(ended, given, sandbox.stock(), rejected)
    return ended.code


def _data(name: str) -> bytes:
    return resources.files("target_tocobagus.cli.demo").joinpath("data", name).read_bytes()


def _copied(name: str, folder: Path) -> Path:
    copy = folder / name
    copy.write_bytes(_data(name))
    return copy
