"""How far a run is: in one line on a terminal that can take it back, else in the log."""

from __future__ import annotations

import io
import logging
import threading

import pytest
from msgspec import Raw

from target_tocobagus.api.client import Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core.model import Reply, Stock, Stream
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.report.progress import LiveLine, Progress, ProgressSnapshot, live_text

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
            "1 record · 1 accepted · 0 rejected · 0 in flight · 12/s",
        ),
        (NOTHING, "0 records · 0 accepted · 0 rejected · 0 in flight · 12/s"),
        (
            ProgressSnapshot(12_345, 9_000, 17, 4, 2000, 93.4),
            "12,345 records · 9,000 accepted · 17 rejected · 4 in flight · 12/s · oldest waits 7 s",
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
    stages = wire(
        parse_settings({"dry_run": False, **CREDENTIALS}),
        WakeUp(),
        emit=written.append,
        outside=Dependencies(Clock(), send, state_seconds=0.0),
        progress=progress,
    )
    pipeline = Pipeline(stages)
    pipeline.maps_nothing = False
    pipeline.position += 1
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
    assert live_text(NOTHING, 0, 0, "mapped").startswith("0 records · 0 mapped · ")


@pytest.mark.parametrize("closed", [False, True])
def test_a_terminal_that_is_gone_ends_no_run(
    monkeypatch: pytest.MonkeyPatch,
    closed: bool,  # noqa: FBT001  # a parameter of the table
) -> None:
    """What cannot be shown is left out, also if the terminal was closed before."""
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


@pytest.mark.parametrize(
    ("stream", "name", "live"),
    [
        (Terminal, "xterm", True),
        (Terminal, "dumb", False),
        (Terminal, None, False),
        (io.StringIO, "xterm", False),
    ],
)
def test_a_pipe_and_a_dumb_terminal_get_the_log(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stream: type[io.StringIO],
    name: str | None,
    live: bool,  # noqa: FBT001  # a parameter of the table
) -> None:
    """Where a line cannot be taken back, whole lines are logged now and then."""
    monkeypatch.delenv("TERM", raising=False)
    if name:
        monkeypatch.setenv("TERM", name)
    terminal = stream()
    progress = Progress(0.0, terminal)
    with caplog.at_level(logging.INFO, "target-tocobagus"):
        progress.show(ProgressSnapshot(5, 3, 1, 2, 0, None), progress.due)
    assert bool(terminal.getvalue()) is live
    logged = (
        "5 records read, 3 updates accepted, 1 rejected, 0 items unsettled, 2 requests in flight"
    )
    assert caplog.messages == ([] if live else [logged])
    assert progress.due == (0.5 if live else 60.0)
