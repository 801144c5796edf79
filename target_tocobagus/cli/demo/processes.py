"""The processes that a demonstration starts: none of them outlives it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.scenario import Credentials
from target_tocobagus.sandbox.handle import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PATIENCE_SECONDS: Final = 3
_LOG_LINE: Final = re.compile(r"[\d-]+ [\d:,]+ \| (\w+) +\| (\S+) +\| (.*)")
_UNWANTED: Final = ("LOGLEVEL", "TARGET_TOCOBAGUS_LOGLEVEL", "SINGER_SDK_LOG_CONFIG")


class Said(NamedTuple):
    """One message of the target's log; a message may have several lines."""

    level: str
    logger: str
    text: str


class Ended(NamedTuple):
    """What is left of a run of the target.

    Attributes:
        code: Its exit code.
        states: The lines that it wrote to stdout.
        log: What it wrote to stderr.
    """

    code: int
    states: list[bytes]
    log: list[Said]


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block like an exception, so that its `finally`s run."""

    def leave(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def sandbox_process(folder: Path, options: Sequence[str]) -> Iterator[Sandbox]:
    """Run the sandbox on a free port while the block runs.

    Args:
        folder: Where it runs.
        options: Of its command line, beside the port.

    Raises:
        click.ClickException: It did not start; the message is its own.
    """
    command = [sys.executable, "-m", "target_tocobagus.sandbox", "--port", "0", *options]
    with (
        (folder / "sandbox.log").open("w+b") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=folder) as process,  # noqa: S603  # our own program
    ):
        try:
            line = process.stdout.readline().decode() if process.stdout else ""
            if not line:
                log.seek(0)
                raise click.ClickException(_reason(log.read().decode(errors="replace")))
            url = line.removeprefix("listening on ").strip().removesuffix(BASE_PATH)
            yield Sandbox(url, Credentials())
        finally:
            _end(process)


def run_target(stream: Path, config: str, folder: Path) -> Ended:
    """Run the target to its end.

    Args:
        stream: What it reads.
        config: The name of its configuration in the folder.
        folder: Where it runs.
    """
    command = [sys.executable, "-m", "target_tocobagus", "--config", config]
    with (
        stream.open("rb") as source,
        subprocess.Popen(  # noqa: S603  # our own program
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(),
        ) as process,
    ):
        try:
            out, err = process.communicate()
        finally:
            _end(process)
    log = list(read_log(err.decode(errors="replace")))
    return Ended(process.returncode, out.splitlines(), log)


def read_log(text: str) -> Iterator[Said]:
    """Read the SDK's log lines; a line without level belongs to the message before it."""
    said: Said | None = None
    for line in text.splitlines():
        if begins := _LOG_LINE.fullmatch(line):
            if said:
                yield said
            said = Said(*begins.groups())
        elif said:
            said = said._replace(text=f"{said.text}\n{line}")
        elif line.strip():
            said = Said("ERROR", "", line)
    if said:
        yield said


def _environment() -> dict[str, str]:
    """Give the child ours, with its usual log, and no proxy before the sandbox."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _reason(text: str) -> str:
    last = text.strip().rpartition("\n")[2]
    return last.removeprefix("Error: ") or "the sandbox did not start"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
