"""Stderr that does not block: texts are queued, and a thread writes them.

The log's handlers, the live line and click all write to `sys.stderr`, so this replaces it during a
run. Texts keep their order.

Invariants:
- While stderr is being read, nothing is lost: a writer waits for room.
- If nothing was read for `_STALLED_SECONDS`, writers do not wait: texts are dropped and counted,
  and the count is written once reading continues. Inside `patience` nothing is dropped.
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
_CHUNK: Final = select.PIPE_BUF
"""Bytes that a writable pipe takes at once, as a whole (pipe(7))."""

_STALLED_SECONDS: Final = 1.0
CLOSE_SECONDS: Final = 5.0
"""The longest wait at the end of the process for a slow reader of stderr."""

_LOOK_SECONDS: Final = 0.1
_GATHER_SECONDS: Final = 0.02
"""So long a text waits for others: to write each would take the interpreter's lock from threads
that send."""


_thread: Final = threading.local()


@contextmanager
def patience() -> Iterator[None]:
    """Let this thread wait for room without a limit, so that its texts are not dropped."""
    _thread.patient = True
    try:
        yield
    finally:
        _thread.patient = False


def drain_log() -> None:
    """Wait, without a limit, until everything that was logged is written."""
    if isinstance(sys.stderr, LogStream):
        sys.stderr.drain(None)


class LogStream(io.TextIOBase):
    """A text stream in front of a file descriptor."""

    def __init__(self, stream: TextIO) -> None:
        """Start the thread."""
        self._stream = stream
        self._descriptor = stream.fileno()
        self._changed = threading.Condition()
        self._texts: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._moved_at = time.monotonic()
        self._gone = False
        self._is_awaited = threading.Event()
        threading.Thread(target=self._write_out, name="log", daemon=True).start()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the class says that it is writable
        """The encoding of the stream that it replaces."""
        return self._stream.encoding

    def fileno(self) -> int:
        """Return the descriptor, from which a terminal's width can be read."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Queue a text; wait for room only while stderr is being read."""
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
        """Wait until everything is written, but not for a stderr that is not read.

        Args:
            seconds: The longest wait; ``None`` to wait without a limit, in any case.

        Returns:
            Whether everything is written.
        """
        until = None if seconds is None else time.monotonic() + seconds
        with self._changed:
            while self._texts and not self._gone:
                self._is_awaited.set()
                if until is not None and (self._is_stalled() or time.monotonic() >= until):
                    return False
                self._changed.wait(_LOOK_SECONDS)
        return True

    def _is_stalled(self) -> bool:
        return time.monotonic() - self._moved_at >= _STALLED_SECONDS

    def _write_out(self) -> None:
        with suppress(OSError):  # stderr is closed, which does not harm the run
            for data in self._queued():
                self._write_all(data)
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _queued(self) -> Iterator[bytes]:
        """Yield queued texts, some together; they stay in the queue until they are written."""
        while True:
            with self._changed:
                is_first = not self._texts
                while not self._texts:
                    self._changed.wait()
            if is_first:
                self._is_awaited.wait(_GATHER_SECONDS)
                self._is_awaited.clear()
            with self._changed:
                texts = self._first_texts()
            data = b"".join(texts)
            yield data
            with self._changed:
                for _ in texts:
                    self._texts.popleft()
                self._size -= len(data)
                if self._dropped:
                    note = f"{self._dropped} lines of the log were dropped: nothing read stderr\n"
                    self._queue(note.encode())
                    self._dropped = 0
                self._changed.notify_all()

    def _first_texts(self) -> list[bytes]:
        """Return as many as are written at once: who waits for room must not wait for all."""
        texts: list[bytes] = []
        left = _CHUNK
        for text in self._texts:
            left -= len(text)
            if texts and left < 0:
                break
            texts.append(text)
        return texts

    def _write_all(self, data: bytes) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        rest = memoryview(data)
        while rest:
            poll.poll()
            try:
                rest = rest[os.write(self._descriptor, rest[:_CHUNK]) :]
            except BlockingIOError:
                time.sleep(_LOOK_SECONDS)
                continue
            self._moved_at = time.monotonic()
