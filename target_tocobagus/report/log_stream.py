"""Stderr that holds nobody up: what is written to it is queued, and a thread writes it out.

The log's handlers, the live line and what click says all write to `sys.stderr`, so this stands in
its place for the time of a run. Each text keeps its place in the order.

Invariants:
- As long as stderr takes anything, nothing is lost: who writes waits for room.
- Once it has taken nothing for `_STALLED_SECONDS`, nobody waits: texts are dropped and counted, and
  the count is written when it takes something again. Inside `patience` nothing is dropped.
"""

from __future__ import annotations

import io
import os
import select
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES: Final = 1 << 20
_PIECE: Final = select.PIPE_BUF
"""What a pipe that can be written to takes at once and as a whole (pipe(7))."""

_STALLED_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 5.0
"""How long the end of the process waits at the most for a stderr that takes a little at a time."""

_LOOK_SECONDS: Final = 0.1


_thread: Final = threading.local()


@contextmanager
def patience() -> Iterator[None]:
    """Let this thread wait for room, however long that takes: what it writes is not dropped."""
    _thread.patient = True
    try:
        yield
    finally:
        _thread.patient = False


def drain_log() -> None:
    """Wait until all that was logged is out, however long that takes."""
    if isinstance(sys.stderr, LogStream):
        sys.stderr.drain(None)


class LogStream(io.TextIOBase):
    """A text stream before a descriptor."""

    def __init__(self, stream: TextIO) -> None:
        """Start the thread.

        Args:
            stream: What it stands for; it must have a descriptor.
        """
        self._stream = stream
        self._descriptor = stream.fileno()
        self._changed = threading.Condition()
        self._texts: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._moved_at = time.monotonic()
        self._gone = False
        threading.Thread(target=self._write_out, name="log", daemon=True).start()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the class says that it is writable
        """That of the stream that it stands for."""
        return self._stream.encoding

    def fileno(self) -> int:
        """Give the descriptor, of which a terminal's width can be asked."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it ends at a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Queue a text; it waits for room only while stderr takes what is there."""
        data = text.encode(self.encoding, "backslashreplace")
        patient = getattr(_thread, "patient", False)
        with self._changed:
            while self._size >= _MOST_BYTES and not self._gone:
                if self._is_stalled() and not patient:
                    self._dropped += 1
                    return len(text)
                self._changed.wait(_LOOK_SECONDS)
            self._queue(data)
        return len(text)

    def _queue(self, data: bytes) -> None:
        if self._gone:
            return
        if not self._texts:
            self._moved_at = time.monotonic()
        self._texts.append(data)
        self._size += len(data)
        self._changed.notify_all()

    def drain(self, seconds: float | None) -> bool:
        """Wait until all is out; not longer than this, and not for a stderr that takes nothing.

        Args:
            seconds: ``None`` to wait however long it takes.

        Returns:
            Whether all is out.
        """
        until = None if seconds is None else time.monotonic() + seconds
        with self._changed:
            while self._texts and not self._gone:
                if until is not None and (self._is_stalled() or time.monotonic() >= until):
                    return False
                self._changed.wait(_LOOK_SECONDS)
        return True

    def finish(self) -> None:
        """Let what is queued go out, for a few seconds at the most."""
        self.drain(_CLOSE_SECONDS)

    def _is_stalled(self) -> bool:
        return time.monotonic() - self._moved_at >= _STALLED_SECONDS

    def _write_out(self) -> None:
        with suppress(OSError):  # nobody reads it any more; the run is not the worse for it
            for data in self._queued():
                self._write_all(data)
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _queued(self) -> Iterator[bytes]:
        """Give what is queued, oldest first; it stays in the queue until it is out."""
        while True:
            with self._changed:
                while not self._texts:
                    self._changed.wait()
                data = self._texts[0]
            yield data
            with self._changed:
                self._texts.popleft()
                self._size -= len(data)
                if self._dropped:
                    note = f"{self._dropped} lines of the log were dropped: nothing read stderr\n"
                    self._queue(note.encode())
                    self._dropped = 0
                self._changed.notify_all()

    def _write_all(self, data: bytes) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        rest = memoryview(data)
        while rest:
            poll.poll()
            try:
                rest = rest[os.write(self._descriptor, rest[:_PIECE]) :]
            except BlockingIOError:
                time.sleep(_LOOK_SECONDS)
                continue
            self._moved_at = time.monotonic()
