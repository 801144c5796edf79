"""A log that holds nobody up: in order, whole while it is read, and counted where it is not."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from target_tocobagus.report.log_stream import LogStream, patience

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = "x" * 999 + "\n"


class Pipe:
    """A log, and the end where it is read."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stderr = os.fdopen(writer, "w")
        self.log = LogStream(self.stderr)
        self.got = bytearray()
        self._threads: list[threading.Thread] = []

    def read(self, pause: float = 0.0) -> None:
        """Begin to read it."""

        def take() -> None:
            while chunk := os.read(self.reader, 1 << 16):
                self.got += chunk
                time.sleep(pause)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        self._threads.append(thread)

    def close(self) -> None:
        """Write out the rest, and close it once no thread reads it."""
        self.read()
        self.log.drain(None)
        self.stderr.close()
        for thread in self._threads:
            thread.join()
        os.close(self.reader)

    def until(self, end: str, size: int = 0) -> None:
        """Wait until so many bytes were read, and they end so."""
        until = time.monotonic() + 10
        while len(self.got) < size or not self.got.endswith(end.encode()):
            assert time.monotonic() < until
            time.sleep(0.01)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A log that is not read yet."""
    made = Pipe()
    yield made
    made.close()


def test_a_slow_reader_gets_every_line_in_its_order(pipe: Pipe) -> None:
    """More than the queue holds: who writes waits, as long as something is taken."""
    pipe.read(pause=0.01)
    lines = [f"{number:05} {LINE}" for number in range(3000)]
    for line in lines:
        pipe.log.write(line)
    assert pipe.log.drain(None)
    pipe.until(LINE, len("".join(lines)))
    assert pipe.got.decode() == "".join(lines)


def test_lines_that_come_together_are_written_together(pipe: Pipe) -> None:
    """Each write takes the interpreter's lock from threads that send."""
    for number in range(3):
        pipe.log.write(f"{number}\n")
    assert pipe.log.drain(None)
    assert os.read(pipe.reader, 1 << 16) == b"0\n1\n2\n"


def test_who_waits_for_room_does_not_wait_for_all(pipe: Pipe) -> None:
    """A full queue has room again as soon as some of it is read."""
    written: list[int] = []

    def write() -> None:
        with patience():
            for number in range(1400):
                pipe.log.write(LINE)
                written.append(number)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    before = -1
    while len(written) > before:  # until it waits
        before = len(written)
        time.sleep(0.3)
    for _ in range(100):
        os.read(pipe.reader, len(LINE))
    until = time.monotonic() + 10
    while len(written) == before:
        assert time.monotonic() < until
        time.sleep(0.01)
    pipe.read()
    writer.join()


def test_a_reader_that_stands_still_holds_nobody_up(pipe: Pipe) -> None:
    """What finds no room is dropped, and its number is written when there is room again."""
    began = time.monotonic()
    for _ in range(5000):
        pipe.log.write(LINE)
    assert pipe.log.drain(60) is False
    assert time.monotonic() - began < 30
    pipe.read()
    assert pipe.log.drain(None)
    pipe.until("nothing read stderr\n")
    last = pipe.got.decode().splitlines()[-1]
    kept = pipe.got.count(b"x\n")
    assert last == f"{5000 - kept} lines of the log were dropped: nothing read stderr"
    assert 0 < kept < 5000


def test_what_is_written_with_patience_is_never_dropped(pipe: Pipe) -> None:
    """A thread that has to be sure waits, however long nobody reads."""

    def write() -> None:
        with patience():
            for _ in range(2000):
                pipe.log.write(LINE)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(1.5)
    assert writer.is_alive()
    pipe.read()
    writer.join(30)
    assert pipe.log.drain(None)
    pipe.until(LINE, 2000 * len(LINE))
    assert pipe.got.count(b"x\n") == 2000


def test_a_reader_that_is_gone_holds_nobody_up(pipe: Pipe) -> None:
    """A log without a reader neither delays the run nor ends it."""
    reader, pipe.reader = pipe.reader, os.open(os.devnull, os.O_RDONLY)
    os.close(reader)
    with patience():
        for _ in range(3000):
            pipe.log.write(LINE)
    assert pipe.log.drain(None)
