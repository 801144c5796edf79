"""What a run does while nobody takes what it writes, or nothing comes from where it reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from tests.e2e.command import encode, eventually, record, schema, state, stock_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

LARGE = "x" * 300_000
"""More than a pipe holds."""

IN_TIME = 20.0
"""Seconds: the grace after a signal, and what a busy machine takes to start and end."""


@contextmanager
def started(command: Command, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start the command with streams of the test's own; it is killed if it does not end."""
    env = command.env({"PYTHONUNBUFFERED": "1"})
    line = command.line(["--config", "config.json"])
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    process = subprocess.Popen(line, env=env, cwd=command.directory, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


def say(process: subprocess.Popen[bytes], *lines: Any) -> None:
    """Write lines to its stdin, and leave it open."""
    assert process.stdin
    process.stdin.write(encode(lines))
    process.stdin.flush()


def filled_pipe() -> tuple[int, int]:
    """Make a pipe that takes nothing more, for nobody reads it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"." * 512):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


def test_a_reader_that_takes_nothing_holds_up_no_signal(command: Command, sandbox: Sandbox) -> None:
    """In the middle of a STATE a signal ends the run; no other line follows the torn one."""
    command.write_config(batch_wait_seconds=1)
    with started(command, stdout=subprocess.PIPE) as process:
        say(process, schema(), record("A", 1), state(1, more=LARGE))
        eventually(lambda: stock_of(sandbox))
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(IN_TIME) == 143
        assert process.stdout
        assert process.stderr
        left, log = process.stdout.read(), process.stderr.read()
    assert 0 < len(left) < len(LARGE)
    assert b"\n" not in left
    assert b"STATE cannot be written: the reader of stdout does not read" in log
    assert log.splitlines()[-1].endswith(b"stopped by SIGTERM")


def test_a_stderr_that_takes_nothing_holds_up_no_signal_and_no_state(
    command: Command, sandbox: Sandbox
) -> None:
    """Nobody reads the log: stock and STATE go out, and SIGTERM ends the run in time."""
    command.write_config(batch_wait_seconds=1, batch_size_rows=1)
    reader, writer = filled_pipe()
    with started(command, stdout=subprocess.PIPE, stderr=writer) as process:
        os.close(writer)
        say(process, schema(), *(record(f"S{n}", 1) for n in range(30)), state(1))
        eventually(lambda: len(stock_of(sandbox)) == 30)
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(IN_TIME) == 143
    os.close(reader)
    assert json.loads(first)["bookmarks"]["stock"]["n"] == 1


def test_a_state_waits_for_rejected_rows_that_the_log_has_not_taken(
    command: Command, sandbox: Sandbox
) -> None:
    """Without `rejects_path` the log is where they are written down: no STATE before that."""
    command.write_config(batch_wait_seconds=1)
    reader, writer = filled_pipe()
    with started(command, stdout=subprocess.PIPE, stderr=writer) as process:
        os.close(writer)
        say(
            process,
            schema(),
            record("A", 1),
            state(1),
            record("B", "bad"),
            record("C", 3),
            state(2),
        )
        eventually(lambda: len(stock_of(sandbox)) == 2)
        assert process.stdout
        states = [json.loads(process.stdout.readline())["bookmarks"]["stock"]["n"]]
        log: list[bytes] = []
        taker = threading.Thread(target=_take, args=(reader, log))
        taker.start()
        states.append(json.loads(process.stdout.readline())["bookmarks"]["stock"]["n"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(IN_TIME) == 143
        taker.join(IN_TIME)
    os.close(reader)
    assert states == [1, 2]
    assert b"Rejected sku 'B'" in b"".join(log)


def _take(reader: int, log: list[bytes]) -> None:
    while chunk := os.read(reader, 1 << 16):
        log.append(chunk)


def test_a_hang_up_that_is_ignored_stays_ignored(command: Command) -> None:
    """Under `nohup` the run outlives its terminal."""
    command.write_config(batch_wait_seconds=1)
    ignore: Callable[[], Any] = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with started(command, stdout=subprocess.PIPE, preexec_fn=ignore) as process:
        say(process, schema(), record("A", 1), state(1))
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        say(process, record("B", 1), state(2))
        assert process.stdin
        process.stdin.close()
        assert process.wait(IN_TIME) == 0
        assert b'"n":2' in _compact(process.stdout)


def _compact(pipe: IO[bytes]) -> bytes:
    return pipe.read().replace(b" ", b"")
