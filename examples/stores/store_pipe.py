"""A pipe of two programs, whose lines are handed on as they come.

Invariants:
    Both end together, with their children, also if this process is stopped; where the system has
    `setpriv`, even if it is killed.
    Each line of the second one's stdout is kept, also what comes out while it is stopped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

PATIENCE: Final = 10.0
"""Seconds that both have to end after a SIGTERM; the target needs up to 8."""

# The kernel then sends them a SIGTERM when the process that started them has gone.
_TIED: Final = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
_Process = subprocess.Popen[str]


def run_pipe(
    commands: tuple[list[str], list[str]],
    environment: Mapping[str, str],
    keep: Callable[[str], None],
    say: tuple[Callable[[str], None], Callable[[str], None]],
) -> tuple[int, int]:
    """Run `first | second` to the end of both, and give their exit codes.

    Args:
        commands: Their command lines.
        environment: The second one's; the first has that of this process.
        keep: Is given each line of the second one's stdout.
        say: Are given each line of their stderr, by a thread for each.

    Raises:
        SystemExit: With 143, if this process was sent a SIGTERM meanwhile, and both have ended.
            Anything that `keep` raises comes through in the same way.
    """
    with (
        _sigterm_raises(),
        _start(commands[0], os.environ) as first,
        _start(commands[1], environment, stdin=first.stdout) as second,
        _reading(first.stderr, say[0]),
        _reading(second.stderr, say[1]),
    ):
        if first.stdout:
            first.stdout.close()  # so that the first notices when the second has gone
        try:
            _each_line(second.stdout, keep)
            failed = second.wait() != 0
            with _ending(first, by=signal.SIGTERM if failed else None):
                pass
        except BaseException:
            with _ending(first, second, by=signal.SIGTERM), suppress(Exception):
                _each_line(second.stdout, keep)  # what comes out last
            raise
    return _exit_code(first), _exit_code(second)


def _start(
    command: list[str], environment: Mapping[str, str], stdin: IO[str] | None = None
) -> _Process:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*_TIED, *command],
        stdin=stdin or subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env=dict(environment),
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


@contextmanager
def _ending(*processes: _Process, by: signal.Signals | None) -> Iterator[None]:
    """Let processes end while the block runs; kill those that do not, and what they leave."""
    if by:
        _signal(by, *processes)
    timer = threading.Timer(PATIENCE, _signal, (signal.SIGKILL, *processes))
    timer.start()
    try:
        yield
        for process in processes:
            process.wait()
    finally:
        timer.cancel()
        _signal(signal.SIGKILL, *processes)


def _signal(number: signal.Signals, *processes: _Process) -> None:
    """Signal the groups that processes lead, or have led."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Make SystemExit of the first SIGTERM, which by default ends a process without a word."""

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may; it is up to the orchestrator then
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _reading(stream: IO[str] | None, told: Callable[[str], None]) -> Iterator[None]:
    """Read a stream beside the block, to its end."""
    thread = threading.Thread(target=_each_line, args=(stream, told))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _each_line(stream: IO[str] | None, told: Callable[[str], None]) -> None:
    for line in stream or ():
        told(line.rstrip("\n"))


def _exit_code(process: _Process) -> int:
    code = process.returncode
    return 128 - code if code < 0 else code
