"""A run shows how far it is: live on a terminal, in the log elsewhere, on stdout never."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from msgspec import Raw

from target_tocobagus.api.client import Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core.model import Reply, Stock, Stream
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.report.progress import LiveLine, Progress, ProgressSnapshot, live_text
from target_tocobagus.sandbox.testing import running

if TYPE_CHECKING:
    from pathlib import Path

ERASE = "\r\x1b[K"
CREDENTIALS = dict.fromkeys(
    ("partner_client_id", "partner_secret", "store_client_id", "store_token"), "x"
)
NOTHING = ProgressSnapshot(0, 0, 0, 0, 0, None)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal, and that can break."""

    broken = False

    def isatty(self) -> bool:
        """Say so, unless it is closed."""
        super().isatty()
        return True

    def write(self, text: str) -> int:
        """Take a text, or fail as a terminal that is gone does."""
        if self.broken:
            raise OSError
        return super().write(text)


@pytest.mark.parametrize(
    ("sight", "text"),
    [
        (
            ProgressSnapshot(1, 1, 0, 0, 0, None),
            "1 row · 1 accepted · 0 rejected · 0 in flight · 12/s",
        ),
        (NOTHING, "0 rows · 0 accepted · 0 rejected · 0 in flight · 12/s"),
        (
            ProgressSnapshot(12_345, 12_000, 17, 4, 2000, 93.4),
            "12,345 rows · 12,000 accepted · 17 rejected · 4 in flight · 12/s · oldest waits 7 s",
        ),
    ],
)
def test_the_line_says_how_far_the_run_is(sight: ProgressSnapshot, text: str) -> None:
    """Rows, outcomes, requests in flight, rate, and the age of the oldest waiting row."""
    assert live_text(sight, rate=12.3, now=100.0) == text


def test_the_log_goes_above_the_line() -> None:
    """A message takes the line's place, and the line stands below it; at the end it is gone."""
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    log = logging.getLogger("above")
    log.addHandler(handler)
    try:
        line = LiveLine(terminal)
        line.show("10 rows")
        log.warning("a message")
        line.close()
        log.warning("another")
    finally:
        log.removeHandler(handler)
    assert terminal.getvalue() == (f"{ERASE}10 rows{ERASE}a message\n10 rows{ERASE}another\n")


def test_the_line_makes_way_for_what_goes_to_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one terminal a STATE begins at a line's beginning, and then the line comes back."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    progress = Progress(0.0, terminal)
    progress.show(NOTHING, 1.0)
    shown = terminal.getvalue()
    progress.make_way()
    assert terminal.getvalue() == shown + ERASE
    assert progress.due == 0.0


class Patient(Progress):
    """Counts how often it makes way."""

    ways = 0

    def make_way(self) -> None:
        """Count."""
        self.ways += 1


def test_the_line_makes_way_only_for_a_state_that_is_written() -> None:
    """A STATE that is due and not safe yet leaves the line where it is."""
    answered = threading.Event()

    def send(_: bytes) -> Reply:
        answered.wait(20)
        return Reply(200, {"data": {"acceptedRows": [{"rowIndex": 0}]}})

    written: list[str] = []
    progress = Patient(0.0, io.StringIO())
    pipeline = Pipeline(
        parse_settings({"dry_run": False, **CREDENTIALS}),
        WakeUp(),
        emit=written.append,
        outside=Dependencies(Clock(), send, state_seconds=0.0),
        progress=progress,
    )
    pipeline.maps_nothing = False
    pipeline.next_position()
    pipeline.take([Stock(("sku", "A"), None, 1)], Stream("stock"), b"")
    pipeline.checkpoint({"at": Raw(b"1")})
    for _ in range(5):
        pipeline.service()
    assert (progress.ways, written) == (0, [])
    answered.set()
    pipeline.finish()
    assert progress.ways == len(written) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 60 + " · " + "b" * 16, "a" * 60 + " · " + "b" * 16),
        ("a" * 60 + " · " + "b" * 17, "a" * 60),
        ("a" * 60 + " · b · " + "c" * 99 + " · d", "a" * 60 + " · b"),
        ("x" * 200, "x" * 79),
    ],
)
def test_a_line_is_no_longer_than_the_terminal_is_wide(text: str, shown: str) -> None:
    """A line that wrapped could not be taken back; what does not fit is left out as a whole."""
    terminal = Terminal()
    LiveLine(terminal).show(text)
    assert terminal.getvalue() == ERASE + shown


def test_a_dry_run_accepts_nothing() -> None:
    """The live line of a dry run counts what was mapped."""
    assert live_text(NOTHING, 0, 0, "mapped").startswith("0 rows · 0 mapped · ")


@pytest.mark.parametrize("closed", [False, True])
def test_a_terminal_that_is_gone_ends_no_run(
    monkeypatch: pytest.MonkeyPatch,
    closed: bool,  # noqa: FBT001  # a parameter of the table
) -> None:
    """What cannot be shown is not shown; one that was closed before is no terminal."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    if closed:
        terminal.close()
    progress = Progress(0.0, terminal)
    terminal.broken = True
    progress.show(NOTHING, 1.0)
    progress.make_way()
    progress.close()
    assert closed or terminal.getvalue() == ""


@pytest.mark.parametrize(("name", "live"), [("xterm", True), ("dumb", False), (None, False)])
def test_a_dumb_terminal_gets_the_log(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str | None,
    live: bool,  # noqa: FBT001  # a parameter of the table
) -> None:
    """A terminal that cannot take a line back is told now and then, in whole lines."""
    monkeypatch.delenv("TERM", raising=False)
    if name:
        monkeypatch.setenv("TERM", name)
    terminal = Terminal()
    progress = Progress(0.0, terminal)
    with caplog.at_level(logging.INFO, "target-tocobagus"):
        progress.show(ProgressSnapshot(5, 3, 1, 2, 0, None), progress.due)
    assert bool(terminal.getvalue()) is live
    logged = "5 records read, 3 updates accepted, 1 rejected, 0 items waiting, 2 requests in flight"
    assert caplog.messages == ([] if live else [logged])
    assert progress.due == (0.5 if live else 60.0)


def _run(tmp_path: Path, environment: dict[str, str], *, terminal: bool) -> tuple[str, str]:
    """Run the command against a slow API; returns stdout and what a terminal or a pipe got."""
    with running(latency_ms=600) as sandbox:
        stream = {"stream": "stock", "sku": "sku", "stock": "qty"}
        settings = {"streams": [stream], "batch_size_rows": 2, "max_in_flight": 1}
        config = tmp_path / "config.json"
        config.write_text(
            json.dumps({"api_url": sandbox.api_url, **sandbox.credentials, **settings})
        )
        lines = [
            '{"type":"SCHEMA","stream":"stock","schema":{"properties":{}},"key_properties":[]}'
        ]
        for number in range(4):
            record = json.dumps({"sku": f"S{number}", "qty": number})
            lines.append(f'{{"type":"RECORD","stream":"stock","record":{record}}}')
            lines.append(f'{{"type":"STATE","value":{{"at":{number}}}}}')
        ours, theirs = os.openpty() if terminal else os.pipe()
        seen: list[bytes] = []
        reader = threading.Thread(target=_drain, args=(ours, seen), daemon=True)
        reader.start()
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "target_tocobagus", "--config", str(config)],
                input="\n".join(lines).encode(),
                stdout=subprocess.PIPE,
                stderr=theirs,
                env={**os.environ, **environment},
                check=False,
            )
        finally:
            os.close(theirs)
            reader.join()
            os.close(ours)
    shown = b"".join(seen).decode().replace("\r\n", "\n")
    assert ended.returncode == 0, shown
    return ended.stdout.decode(), shown


def _drain(descriptor: int, seen: list[bytes]) -> None:
    try:
        while chunk := os.read(descriptor, 4096):
            seen.append(chunk)
    except OSError:  # so a terminal ends
        return


@pytest.mark.parametrize("no_color", [{}, {"NO_COLOR": "1"}])
def test_on_a_terminal_a_line_follows_the_run(tmp_path: Path, no_color: dict[str, str]) -> None:
    """It is written over and over, in no colour, is gone at the end, and never on stdout."""
    stdout, seen = _run(tmp_path, {"TERM": "xterm", **no_color}, terminal=True)
    assert f"{ERASE}4 rows · 0 accepted · 0 rejected · 1 in flight · " in seen
    assert " · oldest waits 0 s" in seen
    assert {part[:2] for part in seen.split("\x1b")[1:]} == {"[K"}
    assert "Summary" in seen.rpartition("accepted · ")[2]
    assert seen.endswith("\n")
    assert all(json.loads(line)["tocobagus"] for line in stdout.splitlines())


@pytest.mark.parametrize(
    ("environment", "terminal"), [({"TERM": "dumb"}, True), ({"TERM": "xterm"}, False)]
)
def test_elsewhere_there_is_no_live_line(
    tmp_path: Path,
    environment: dict[str, str],
    terminal: bool,  # noqa: FBT001  # a parameter of the table
) -> None:
    """Neither on a dumb terminal nor in a pipe."""
    stdout, seen = _run(tmp_path, environment, terminal=terminal)
    assert "\x1b" not in seen
    assert "\r" not in seen
    assert " in flight · " not in seen
    assert "Summary" in seen
    assert stdout
