"""The processes that a demonstration starts: none of them outlives it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOG_LINE: Final = re.compile(r"[\d-]+ [\d:,]+ \| (\w+) +\| (\S+) +\| (.*)")
_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_UNWANTED: Final = ("LOGLEVEL", "TARGET_TOCOBAGUS_LOGLEVEL", "SINGER_SDK_LOG_CONFIG")


class Said(NamedTuple):
    """One message of the target's log; a message may have several lines."""

    level: str
    logger: str
    text: str


class Ended(NamedTuple):
    """The result of a run of the target.

    Attributes:
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


def wait_for_signal(ready: Callable[[], object]) -> None:
    """Wait for SIGINT, SIGTERM or SIGHUP, which from then on do nothing else.

    Args:
        ready: Called once a signal can no longer interrupt; says that this waits.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        ready()
        sys.stdout.flush()
        signal.sigwait(_ENDING)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_target(stream: Path, config: str, folder: Path) -> Ended:
    """Run the target to its end; it is killed if this is interrupted.

    A signal waits until the process is known: between its start and that it would be left behind.
    """
    command = [sys.executable, "-m", "target_tocobagus", "--config", config]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)

    def let_signals_come() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        with (
            stream.open("rb") as source,
            subprocess.Popen(  # noqa: S603  # our own program
                command,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=_environment(),
                preexec_fn=let_signals_come,  # noqa: PLW1509  # no thread forks meanwhile
            ) as process,
        ):
            try:
                let_signals_come()
                written, logged = process.communicate()
            except BaseException:
                process.kill()
                raise
    finally:
        let_signals_come()
    log = list(read_log(logged.decode(errors="replace")))
    return Ended(process.returncode, written.splitlines(), log)


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
    """Make the child's environment: ours, with the default log, and no proxy for the sandbox."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
