"""What a run says when something beside the rows is wrong, and what it never says."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import LEVELS, STOCK, Command, level, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


ROWS = [schema(), record("A", 1), state(1)]
NUL = "\0"


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        (lambda secret: json.dumps({"partner_secret": secret}).encode(), '{"partner_secret": "***'),
        (lambda secret: json.dumps({"a": secret}).encode("utf-16"), '{"a": "***'),
        (lambda secret: f"stock {NUL.join(secret)}".encode(), "stock ***"),
    ],
)
def test_a_bad_line_shows_no_secret(
    line: Callable[[str], bytes], begins: str, command: Command
) -> None:
    """The wrong file in the pipe may be the configuration itself, in any encoding."""
    secret = command.api["partner_secret"]
    ended = command.run(line(secret)).without_traceback(1)
    assert f"It begins: {begins}" in ended.stderr
    assert secret[8:-4] not in ended.stderr.replace("\\x00", "")


def test_a_bad_line_gives_a_terminal_no_orders(command: Command) -> None:
    """What a terminal would obey is written as an escape."""
    ended = command.run([b"\x1b[2J\x1b]0;owned\x07 \x00"]).without_traceback(1)
    assert r"It begins: \x1b[2J\x1b]0;owned\x07 \x00" in ended.stderr


def test_a_configuration_in_place_of_its_file_is_not_repeated(command: Command) -> None:
    """`--config` takes a path, and a text that is not one may hold a secret."""
    given = json.dumps({"partner_secret": "hush-hush"})
    ended = command.run(ROWS, arguments=["--config", given]).without_traceback(2)
    assert "--config: takes the path of a file, or ENV" in ended.stderr
    assert "hush-hush" not in ended.stderr


def test_a_mistyped_variable_is_told(command: Command) -> None:
    """A variable of the prefix that is not a setting is named, unless Meltano sets it."""
    env = {"TARGET_TOCOBAGUS_DRYRUN": "true", "TARGET_TOCOBAGUS__DIALECT": "x"}
    env |= {f"TARGET_TOCOBAGUS_{key.upper()}": text for key, text in command.api.items()}
    env["TARGET_TOCOBAGUS_STREAMS"] = json.dumps([STOCK])
    ended = command.run(ROWS, env=env, arguments=["--config", "ENV"]).without_traceback(0)
    assert (
        "Environment variable 'TARGET_TOCOBAGUS_DRYRUN' is not a setting and is ignored;"
        " did you mean TARGET_TOCOBAGUS_DRY_RUN?" in ended.stderr
    )
    assert "DIALECT" not in ended.stderr


def test_that_nothing_was_mapped_is_said(command: Command) -> None:
    """A mistyped stream is reported; a tap without rows is not."""
    mistyped = [{**STOCK, "stream": "stok"}]
    told = "No entry of `streams` matches a stream that came ('stock'): nothing was sent"
    assert told in command.run(ROWS, streams=mistyped).without_traceback(0).stderr
    assert (
        told not in command.run([schema(), state(1)], streams=mistyped).without_traceback(0).stderr
    )
    assert told not in command.run(ROWS).without_traceback(0).stderr


@pytest.mark.parametrize("unmapped", ["reject", "skip"])
def test_an_entry_of_the_warehouse_map_that_no_row_used_is_named_once(
    unmapped: str, command: Command
) -> None:
    """A mistyped code is found even if its rows are skipped; a row of null uses its code."""
    codes = [{"code": code, "client_id": f"W-{code}"} for code in ("JKT", "SBY", "BDG")]
    given: dict[str, Any] = {
        "streams": [LEVELS],
        "warehouse_map": codes,
        "unmapped_warehouse": unmapped,
    }
    lines = [schema("levels"), *(level("A", "JKT", n) for n in range(3)), level("A", "SBY", None)]
    ended = command.run([*lines, level("A", "BGD", 1), state(1)], **given).without_traceback(0)
    (line,) = [line for line in ended.stderr.splitlines() if "warehouse_map: no row" in line]
    assert "INFO" in line
    assert re.findall(r"'(\w+)'", line) == ["BDG"]
    quiet = command.run([schema("levels"), state(1)], **given).without_traceback(0)
    assert "warehouse_map: no row" not in quiet.stderr


def test_a_bundle_that_is_none_is_told_at_once(command: Command, tmp_path: Path) -> None:
    """A CA bundle without a certificate ends the run at the first attempt."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate\n")
    api = {**command.api, "api_url": command.api["api_url"].replace("http:", "https:")}
    runner = Command(tmp_path, api)
    ended = runner.run(ROWS, env={"REQUESTS_CA_BUNDLE": str(bundle)}).without_traceback(2)
    assert "the CA bundle that the environment names" in ended.stderr
    assert "sent again" not in ended.stderr


def _on_a_terminal(command: Command, **env: str) -> str:
    """Run the command on a terminal of 80 columns, end its input, and give what it shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        command.line(["--dry-run"]),
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=command.env({"TERM": "xterm", **env}),
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
            if b"Waiting for a tap" in seen and b"\x04" not in seen:
                os.write(ours, b"\x04")
    except OSError:  # so a terminal ends
        pass
    assert process.wait(30) == 0, seen
    os.close(ours)
    return seen.decode()


def test_on_a_terminal_it_says_that_it_waits_in_short_lines(command: Command) -> None:
    """A line has the time, the level and the message, and nothing else."""
    seen = _on_a_terminal(command)
    told = "Waiting for a tap's messages on this terminal; Ctrl-D ends the input"
    assert re.search(rf"^\d\d:\d\d:\d\d WARNING {told}", seen, re.MULTILINE)
    assert " | " not in seen


def test_a_log_format_that_the_user_has_chosen_stays(command: Command, tmp_path: Path) -> None:
    """It stays on a terminal, too."""
    chosen = tmp_path / "log.yaml"
    chosen.write_text(
        "version: 1\ndisable_existing_loggers: false\n"
        "formatters: {own: {format: 'OWN %(message)s'}}\n"
        "handlers: {e: {class: logging.StreamHandler, formatter: own, stream: ext://sys.stderr}}\n"
        "root: {level: INFO, handlers: [e]}\n"
    )
    assert "OWN Waiting" in _on_a_terminal(command, SINGER_SDK_LOG_CONFIG=str(chosen))
