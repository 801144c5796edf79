"""How a run ends: by signals, fatal errors, what stands on stdin, a reader that is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import Ended, encode, eventually, record, schema, state, stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command, Talk
    from tests.local_sandbox import Sandbox

CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
IN_TIME = 8.0
"""Seconds in which a run must end that has nothing to wait for, on a machine that is busy."""


@pytest.fixture
def begun(command: Command, sandbox: Sandbox) -> Talk:
    """A run that has sent a row, emitted its STATE, and now waits for a silent tap."""
    talk = command.talk(batch_wait_seconds=1, batch_size_rows=1)
    talk.say(schema(), record("A", 1), state(1))
    assert talk.next_state()["bookmarks"]["stock"]["n"] == 1
    assert stock_of(sandbox) == {"A": {None: 1}}
    return talk


def in_flight(sandbox: Sandbox, requests: int = 1) -> None:
    """Wait until so many requests are in flight."""
    eventually(lambda: sandbox.health()["inFlight"] >= requests)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_run_whose_tap_is_silent(number: signal.Signals, begun: Talk) -> None:
    """SIGTERM, SIGINT and SIGHUP end it at once with 128 + n, though stdin stays open."""
    began = time.monotonic()
    begun.signal(number)
    ended = begun.ended().without_traceback(CODES[number])
    assert time.monotonic() - began < IN_TIME
    assert ended.numbers == [1]
    assert f"stopped by {number.name}" in ended.stderr


def test_a_signal_ends_a_back_off_and_the_wait_that_the_api_asked_for(
    command: Command, sandbox: Sandbox
) -> None:
    """Neither a back-off nor `Retry-After` holds a run that is told to stop."""
    wait = {"when": {"identifiers": ["B"]}, "fault": {"status": 503, "retry_after": 60}}
    sandbox.set_scenario({"rules": [wait]})
    talk = command.talk(batch_wait_seconds=1, batch_size_rows=1)
    talk.say(schema(), record("A", 1), state(1), record("B", 1), state(2))
    talk.until_logged("retry in 60.0 s")
    began = time.monotonic()
    talk.signal(signal.SIGTERM)
    ended = talk.ended().without_traceback(143)
    assert time.monotonic() - began < IN_TIME
    assert ended.numbers == [1]
    assert ended.sums.unsettled == 1


def test_a_signal_in_the_middle_of_a_chunk_leaves_sums_that_close(
    command: Command, sandbox: Sandbox
) -> None:
    """Reading that waits for room within a chunk is ended as at any other instant."""
    sandbox.set_scenario({"latency_ms": 700})
    talk = command.talk(batch_size_rows=1, max_in_flight=1, batch_wait_seconds=1)
    talk.say(schema(), *(record(f"s{n}", n if n % 3 else f"{n}") for n in range(1200)))
    in_flight(sandbox)
    time.sleep(0.1)
    talk.signal(signal.SIGTERM)
    assert talk.ended().without_traceback(143).sums.unsettled > 0


def test_a_signal_while_the_last_rows_are_sent_ends_the_run(
    command: Command, sandbox: Sandbox
) -> None:
    """After the end of input a signal still drops what waits."""
    sandbox.set_scenario({"latency_ms": 700})
    talk = command.talk(batch_size_rows=1, max_in_flight=1)
    talk.say(schema(), *(record(f"S{n}", 1) for n in range(9)), state(9))
    talk.close_stdin()
    in_flight(sandbox)
    talk.signal(signal.SIGTERM)
    ended = talk.ended().without_traceback(143)
    assert ended.stdout == []
    assert ended.sums.unsettled == 9 - ended.sums.accepted > 0


def test_a_second_signal_ends_the_run_now(command: Command, sandbox: Sandbox) -> None:
    """The second signal does not wait for what is in flight, and no STATE covers that."""
    sandbox.set_scenario({"rules": [{"fault": {"hang": True}}]})
    talk = command.talk(batch_size_rows=1)
    talk.say(schema(), record("A", 1), state(1))
    in_flight(sandbox)
    talk.signal(signal.SIGTERM)
    time.sleep(0.5)
    began = time.monotonic()
    talk.signal(signal.SIGTERM)
    ended = talk.ended()
    assert time.monotonic() - began < IN_TIME
    assert ended.code == -signal.SIGTERM
    assert ended.stdout == []


def test_a_fatal_error_ends_a_run_whose_tap_is_silent(begun: Talk, sandbox: Sandbox) -> None:
    """A credential that breaks in mid-run stops it at once: exit 2, the safe STATE, no request."""
    fault = {"status": 401, "code": "AUTH_010", "message": "Invalid signature"}
    sandbox.set_scenario({"rules": [{"fault": fault}]})
    sent = len(sandbox.requests())
    began = time.monotonic()
    begun.say(record("B", 1), record("C", 1), state(2))
    ended = begun.ended().without_traceback(2)
    assert time.monotonic() - began < IN_TIME
    assert ended.numbers == [1]
    for part in ("HTTP 401", "AUTH_010", "partner_secret", "requestId "):
        assert part in ended.stderr
    assert "signature_prefix" not in ended.stderr, "it had been accepted before"
    assert 1 <= len(sandbox.requests()) - sent <= 2
    assert ended.sums.unsettled == 2


def test_a_reader_of_state_that_is_gone_ends_the_run(command: Command, sandbox: Sandbox) -> None:
    """Without a reader of STATE the run fails, without a traceback."""
    command.write_config(batch_wait_seconds=1)
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        command.line(["--config", "config.json"]),
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=command.env(),
        cwd=command.directory,
    )
    os.close(writer)
    _, stderr = process.communicate(encode([schema(), record("A", 1), state(1)]), 30)
    assert process.returncode == 1
    assert b"STATE cannot be written: the reader of stdout has exited" in stderr
    assert b"Traceback" not in stderr
    assert b"Exception ignored" not in stderr
    assert stock_of(sandbox) == {"A": {None: 1}}


@pytest.mark.parametrize(
    ("closed", "wanted"),
    [
        ("<&-", b"standard input is closed"),
        (">&-", b"STATE cannot be written: standard output is closed"),
    ],
)
def test_a_run_that_was_started_without_its_pipes_says_so(
    closed: str, wanted: bytes, command: Command
) -> None:
    """The run exits with 1 and without a traceback."""
    process = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {closed}', "sh", *command.line(["--config", "config.json"])],
        input=encode([schema(), record("A", 1), state(1)]),
        stderr=subprocess.PIPE,
        env=command.env(),
        cwd=command.write_config().parent,
        check=False,
        timeout=30,
    )
    assert process.returncode == 1
    assert wanted in process.stderr
    assert b"Traceback" not in process.stderr


@pytest.mark.parametrize(
    ("stack", "code", "wanted"),
    [
        (1 << 19, 0, "requests at once; max_in_flight is 32"),
        (1 << 22, 1, "no request can be made: this machine does not allow another thread"),
    ],
)
def test_as_many_workers_start_as_the_machine_allows(
    stack: int, code: int, wanted: str, command: Command, sandbox: Sandbox
) -> None:
    """With 3 GB of memory and stacks of 512 MB a few threads start; with 4 GB not one does."""
    line = command.line(["--config", str(command.write_config(max_in_flight=32))])
    limited = f'ulimit -s {stack}; ulimit -v 3000000; exec "$@"'
    process = subprocess.run(
        ["/bin/sh", "-c", limited, "sh", *line],
        input=encode([schema(), record("A", 1), state(1)]),
        capture_output=True,
        env=command.env({"COVERAGE_PROCESS_CONFIG": ""}),
        cwd=command.directory,
        check=False,
        timeout=30,
    )
    text = process.stderr.decode()
    ended = Ended(process.returncode, process.stdout.decode().splitlines(), text)
    ended.without_traceback(code)
    assert text.count(wanted) == 1
    assert stock_of(sandbox) == ({} if code else {"A": {None: 1}})
    assert ended.numbers == ([] if code else [1])


def test_an_interrupt_while_the_program_starts_is_no_traceback(command: Command) -> None:
    """Ctrl-C before the target listens just ends the process, as the shell expects."""
    talk = command.talk(env={"PYTHONVERBOSE": "1"})
    talk.until_logged("import 'singer_sdk")
    talk.signal(signal.SIGINT)
    ended = talk.ended()
    assert ended.code == -signal.SIGINT
    assert "Traceback" not in ended.stderr


def test_a_bug_is_reported_before_the_log_is_closed(command: Command) -> None:
    """What nobody expected is told by its traceback; to end without a word would help nobody."""
    program = (
        "from target_tocobagus.__main__ import main\n"
        "from target_tocobagus.target import TargetTocobagus\n"
        "TargetTocobagus.process_endofpipe = lambda self: 1 / 0\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--config", str(command.write_config())],
        env=command.env({}),
        cwd=command.directory,
        input=encode([schema()]),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b"ZeroDivisionError" in done.stderr


def test_a_tap_that_dies_is_the_end_of_input(begun: Talk, sandbox: Sandbox) -> None:
    """What came before a torn last line is settled, and nothing becomes zero."""
    begun.say(record("B", 2), state(2))
    begun.say_bytes(b'{"type": "RECORD", "stream": "stock", "rec')
    ended = begun.end().without_traceback(1)
    assert "Line 6 of the input is not JSON" in ended.stderr
    assert ended.numbers == [1, 2]
    assert stock_of(sandbox) == {"A": {None: 1}, "B": {None: 2}}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("no JSON", "Line 5 of the input is not JSON. It begins: no JSON"),
        ("[1]", "Line 5 of the input is not a Singer message"),
        ('{"no": "type"}', "Line 5 of the input is not a Singer message: it has no type"),
        (b"\xff\xfe", "Line 5 of the input is not JSON"),
        ({"type": "RECORD", "stream": ["x"], "record": {}}, "Line 5 of the input is not a Singer"),
        (
            {"type": "RECORD", "stream": "later", "record": {}},
            "5 of the input is a record of stream 'later'",
        ),
        (
            {"type": "RECORD", "record": {}},
            "Line 5 of the input is not a valid Singer message: missing s",
        ),
        ({"type": "SCHEMA", "stream": "stock", "schema": None}, "not a JSON Schema"),
        ({"type": "SCHEMA", "stream": "stock", "schema": {"properties": 5}}, "SCHEMA"),
        (b"[" * 100_000, "Line 5 of the input is not JSON"),
        (json.dumps(schema()).encode("utf-16"), "not JSON (it is UTF-16, and must be UTF-8"),
        ("{", "Line 5 of the input is not JSON (it is JSON over several lines"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, bytes) else value[:2].hex(),
)
def test_a_line_that_is_no_message_ends_the_run_after_what_came_before_it(
    line: Any, wanted: str, command: Command, sandbox: Sandbox
) -> None:
    """What came before is settled and in the last STATE; what comes after is not read."""
    lines = [schema(), record("A", 1), "", state(1), line, record("B", 1), state(2)]
    ended = command.run(lines).without_traceback(1)
    assert wanted in ended.stderr
    assert ended.numbers == [1]
    assert stock_of(sandbox) == {"A": {None: 1}}


def test_blank_lines_line_ends_of_windows_and_a_byte_order_mark_are_accepted(
    command: Command, sandbox: Sandbox
) -> None:
    """They are neither messages nor errors, and the last line needs no line end."""
    text = encode([schema(), "", "  \t", record("A", 1), state(1)]).replace(b"\n", b"\r\n")
    ended = command.run(b"\xef\xbb\xbf" + text.rstrip() + b"\n\n" + encode([state(2)]).rstrip())
    assert ended.without_traceback(0).numbers == [2]
    assert stock_of(sandbox) == {"A": {None: 1}}


def test_an_unknown_type_of_message_is_named_once_and_ignored(command: Command) -> None:
    """A message of another tool's taps does not end the run."""
    lines = [schema(), {"type": "LOG", "x": 1}, {"type": "LOG"}, record("A", 1), state(1)]
    ended = command.run(lines).without_traceback(0)
    assert ended.stderr.count("unknown type 'LOG'") == 1
    assert ended.numbers == [1]
