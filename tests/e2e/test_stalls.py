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

import pytest

from tests.e2e.command import encode, eventually, record, schema, state, stock_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_tocobagus.sandbox.testing import Sandbox
    from tests.e2e.command import Command

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


@pytest.mark.parametrize("blocking", [True, False])
def test_a_large_state_comes_out_whole_though_its_reader_is_slow(
    command: Command, sandbox: Sandbox, *, blocking: bool
) -> None:
    """Without Python's buffers, and where stdout does not block, each line is whole."""
    command.write_config(batch_wait_seconds=1)
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    with started(command, stdout=writer) as process, os.fdopen(reader, "rb") as output:
        os.close(writer)
        say(process, schema(), record("A", 1), state(1, more=LARGE))
        eventually(lambda: stock_of(sandbox))
        time.sleep(1.5)
        assert process.stdin
        process.stdin.close()
        values = [json.loads(line) for line in output]
        assert process.wait(IN_TIME) == 0
    assert {value["more"] for value in values} == {LARGE}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_reader_that_takes_nothing_holds_up_no_signal(
    command: Command, sandbox: Sandbox, number: signal.Signals
) -> None:
    """In the middle of a STATE a signal ends the run; no other line follows the torn one."""
    command.write_config(batch_wait_seconds=1)
    with started(command, stdout=subprocess.PIPE) as process:
        say(process, schema(), record("A", 1), state(1, more=LARGE))
        eventually(lambda: stock_of(sandbox))
        time.sleep(1.5)
        process.send_signal(number)
        assert process.wait(IN_TIME) == 128 + number
        assert process.stdout
        assert process.stderr
        left, log = process.stdout.read(), process.stderr.read()
    assert 0 < len(left) < len(LARGE)
    assert b"\n" not in left
    assert b"STATE cannot be written: the reader of stdout does not read" in log
    assert log.splitlines()[-1].endswith(b"stopped by signal %d" % number)


def test_a_full_disk_leaves_whole_states(command: Command, tmp_path: Path) -> None:
    """What was written in part is cut off again, and the run fails."""
    command.write_config(batch_wait_seconds=1)
    output = tmp_path / "states"
    limited = ["sh", "-c", 'ulimit -f 8; exec "$@" > "$0"', str(output)]
    ended = subprocess.run(
        [*limited, *command.line(["--config", "config.json"])],
        input=encode([schema(), state(0), record("A", 1), state(1, more="x" * 10_000)]),
        stderr=subprocess.PIPE,
        env=command.env({"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}),
        cwd=command.directory,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert b"STATE cannot be written: File too large" in ended.stderr
    written = output.read_bytes()
    assert all(json.loads(line) for line in written.splitlines())
    assert written.endswith(b"\n") or not written


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


def test_a_batch_on_a_named_pipe_is_refused_at_once(
    command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """To open or to read it could last for ever; what came before it is settled."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    batch = {
        "type": "BATCH",
        "stream": "stock",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [str(pipe)],
    }
    ended = command.run([schema(), record("A", 1), state(1), batch, state(2)]).without_traceback(1)
    assert "it is not a regular file" in ended.stderr
    assert ended.numbers == [1]
    assert stock_of(sandbox) == {"A": {None: 1}}


@pytest.mark.parametrize(
    ("settings", "later", "code"),
    [
        ({"max_rejected_rows": 0}, "more than max_rejected_rows allows", 1),
        ({"store_token": "wrong"}, "the API does not accept the credentials", 2),
    ],
)
def test_the_first_error_is_the_last_line_of_the_log(
    command: Command, settings: dict[str, Any], later: str, code: int
) -> None:
    """What fails while the rows before a broken line are sent is said, and does not hide it."""
    lines: list[Any] = [schema(), record("A", 1), record("B", "bad"), "not JSON"]
    ended = command.run(lines, **settings).without_traceback(code)
    assert "Line 4 of the input is not JSON" in ended.stderr.splitlines()[-1]
    assert later in ended.stderr
    assert ended.sums
