"""A STATE line is written whole, or not at all and none after it."""

from __future__ import annotations

import os
import resource
import threading
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, TextIO

import pytest

from target_tocobagus.core.errors import OutputError
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.singer.stdout import StateOutput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = "x" * 200_000


@pytest.fixture
def wakeup() -> Iterator[WakeUp]:
    """The run's place to wait."""
    made = WakeUp()
    yield made
    made.close()


class Stdout:
    """A stdout, which the tests' own is not, and what writes to it."""

    def __init__(self, stream: TextIO, wakeup: WakeUp) -> None:
        self.stream = stream
        self._output = StateOutput(wakeup)

    def write_line(self, text: str) -> None:
        """Write a line."""
        with redirect_stdout(self.stream):
            self._output.write_line(text)


class Pipe(Stdout):
    """A stdout whose other end is at hand."""

    def __init__(self, wakeup: WakeUp) -> None:
        self.reader, writer = os.pipe()
        super().__init__(os.fdopen(writer, "w"), wakeup)


@pytest.fixture
def pipe(wakeup: WakeUp) -> Iterator[Pipe]:
    """A pipe that is stdout."""
    made = Pipe(wakeup)
    yield made
    made.stream.close()
    os.close(made.reader)


@pytest.mark.parametrize("blocking", [True, False])
def test_a_slow_reader_gets_all_of_it(wakeup: WakeUp, pipe: Pipe, *, blocking: bool) -> None:
    """However little the pipe takes at once, and whatever news comes meanwhile."""
    os.set_blocking(pipe.stream.fileno(), blocking)
    got: list[bytes] = []

    def read() -> None:
        while sum(map(len, got)) < len(LARGE) + 1:
            wakeup.wake()
            time.sleep(0.001)
            got.append(os.read(pipe.reader, 5000))

    reader = threading.Thread(target=read)
    reader.start()
    pipe.write_line(LARGE)
    reader.join()
    assert b"".join(got) == LARGE.encode() + b"\n"


def test_news_that_comes_meanwhile_is_not_lost(wakeup: WakeUp, pipe: Pipe) -> None:
    """The next wait ends at once if a call came while a line was written."""

    def speak() -> None:
        wakeup.wake()
        os.read(pipe.reader, 1 << 16)

    timer = threading.Timer(0.1, speak)
    timer.start()
    pipe.write_line("x" * 66_000)
    timer.join()
    began = time.monotonic()
    wakeup.wait(10)
    assert time.monotonic() - began < 5


@pytest.mark.timeout(20)
def test_a_state_of_many_megabytes_takes_no_longer_than_its_reader(pipe: Pipe) -> None:
    """What is left of a line is not copied for each part of it."""
    got: list[int] = []
    reader = threading.Thread(
        target=lambda: got.extend(iter(lambda: len(os.read(pipe.reader, 1 << 16)), 0))
    )
    reader.start()
    pipe.write_line("x" * (60 << 20))
    pipe.stream.close()
    reader.join()
    assert sum(got) == (60 << 20) + 1


def test_once_the_run_must_stop_a_reader_has_its_limit(wakeup: WakeUp, pipe: Pipe) -> None:
    """The line is given up, and no other follows the torn one, though there is room again."""
    threading.Timer(0.1, lambda: wakeup.stop(0.2)).start()
    with pytest.raises(OutputError, match="does not read"):
        pipe.write_line(LARGE)
    torn = os.read(pipe.reader, len(LARGE))
    with pytest.raises(OutputError, match="does not read"):
        pipe.write_line("{}")
    os.set_blocking(pipe.reader, False)
    with pytest.raises(BlockingIOError):
        os.read(pipe.reader, 1)
    assert b"\n" not in torn


def test_a_line_that_a_pipe_takes_at_once_is_never_torn(wakeup: WakeUp, pipe: Pipe) -> None:
    """While there is no room for all of it, nothing of it is written."""
    wakeup.stop(0.0)
    lines = ["x" * 3000] * 1000
    with pytest.raises(OutputError):
        list(map(pipe.write_line, lines))
    written = os.read(pipe.reader, 1 << 20)
    assert written == (b"x" * 3000 + b"\n") * (len(written) // 3001)


def test_after_the_end_of_the_grace_a_line_still_gets_out(wakeup: WakeUp, pipe: Pipe) -> None:
    """The last STATE is written when the grace is over; a reader that reads gets it whole."""
    wakeup.stop(0.0)
    got: list[bytes] = []
    reader = threading.Thread(
        target=lambda: got.extend(iter(lambda: os.read(pipe.reader, 9000), b""))
    )
    reader.start()
    pipe.write_line(LARGE)
    pipe.stream.close()
    reader.join()
    assert b"".join(got) == LARGE.encode() + b"\n"


def test_what_a_full_disk_took_in_part_is_cut_off(wakeup: WakeUp, tmp_path: Path) -> None:
    """A file that stdout goes to ends with a whole line; none follows though there is room."""
    path = tmp_path / "states"
    with path.open("w") as stream:
        output = Stdout(stream, wakeup)
        output.write_line("first")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(OutputError, match="too large"):
                output.write_line(LARGE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        with pytest.raises(OutputError, match="too large"):
            output.write_line("second")
    assert path.read_text() == "first\n"
