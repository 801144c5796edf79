"""Shows the progress of a run: a live line on a terminal, otherwise log lines now and then.

The live line is on stderr, below the log, and never on stdout. It has no colours, so `NO_COLOR`
does not matter; a dumb terminal, which cannot erase a line, gets log lines.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Final, TextIO

import msgspec

from target_tocobagus.core.plural import counted
from target_tocobagus.report.console import handlers

logger = logging.getLogger("target-tocobagus")

_LOG_SECONDS: Final = 30.0
_LIVE_SECONDS: Final = 0.25
_BETWEEN: Final = " · "
_ERASE: Final = "\r\x1b[K"
"""Go to the beginning of the line, and erase it (ECMA-48, EL)."""


class ProgressSnapshot(msgspec.Struct, frozen=True):
    """The state of a run at one time.

    Attributes:
        in_flight: Requests.
        unsettled: Items that wait, are in flight, or are to be sent again.
        waiting_since: When the oldest of those that wait came, by the monotonic clock; or ``None``.
    """

    records: int
    accepted: int
    rejected: int
    in_flight: int
    unsettled: int
    waiting_since: float | None


class Progress:
    """Shows the progress of a run.

    Attributes:
        began: The run's beginning, by the monotonic clock.
        due: When `show` must be called next, by the monotonic clock.
    """

    def __init__(self, now: float, stream: TextIO | None = None, *, done: str = "accepted") -> None:
        """Choose the live line or the log, depending on stderr.

        Args:
            now: The run's beginning, by the monotonic clock.
            stream: Replaces stderr.
            done: The word for updates that were not rejected; "mapped" in a dry run.
        """
        self._done = done
        stream = stream or sys.stderr
        self._line = LiveLine(stream) if stream is not None and is_live(stream) else None
        self._seconds = _LIVE_SECONDS if self._line else _LOG_SECONDS
        self.began = now
        self.due = now + self._seconds

    def show(self, sight: ProgressSnapshot, now: float) -> None:
        """Show the progress."""
        self.due = now + self._seconds
        if self._line is not None:
            seconds = max(now - self.began, _LIVE_SECONDS)
            self._line.show(live_text(sight, sight.records / seconds, now, self._done))
            return
        logger.info(
            "%s read, %s %s, %d rejected, %s unsettled, %s in flight",
            counted(sight.records, "record"),
            counted(sight.accepted, "update"),
            self._done,
            sight.rejected,
            counted(sight.unsettled, "item"),
            counted(sight.in_flight, "request"),
        )

    def make_way(self) -> None:
        """Erase the line for now, because something is about to be written to stdout."""
        if self._line is not None:
            self._line.clear()
            self.due = 0.0

    def close(self) -> None:
        """Erase the line."""
        if self._line is not None:
            self._line.close()


def live_text(sight: ProgressSnapshot, rate: float, now: float, done: str = "accepted") -> str:
    """Write the live line, the most important part first; `rate` is records a second."""
    parts = [
        f"{sight.records:,} record{'' if sight.records == 1 else 's'}",
        f"{sight.accepted:,} {done}",
        f"{sight.rejected:,} rejected",
        f"{sight.in_flight} in flight",
        f"{rate:,.0f}/s",
    ]
    if sight.waiting_since is not None:
        parts.append(f"oldest waits {now - sight.waiting_since:.0f} s")
    return _BETWEEN.join(parts)


def fitted(text: str, width: int) -> str:
    """Leave out parts, the last ones first, until a line fits."""
    while len(text) > width and _BETWEEN in text:
        text = text.rpartition(_BETWEEN)[0]
    return text[:width]


def is_live(stream: TextIO) -> bool:
    """Whether a line on this stream can be overwritten."""
    try:
        return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except ValueError:  # it is closed
        return False


class LiveLine:
    """The last line of a terminal, with the log above it."""

    def __init__(self, stream: TextIO) -> None:
        """Let the log's handlers for this stream write through here."""
        self._stream = stream
        self._lock = threading.Lock()
        self._text = ""
        self._handlers = [
            handler
            for handler in handlers()
            if isinstance(handler, logging.StreamHandler) and handler.stream is stream
        ]
        for handler in self._handlers:
            handler.setStream(self)

    def show(self, text: str) -> None:
        """Replace the line."""
        with self._lock:
            self._text = fitted(text, _width(self._stream) - 1)
            self._put(_ERASE + self._text)

    def write(self, text: str) -> None:
        """Write above the line; called by the log's handlers, from any thread."""
        with self._lock:
            below = self._text if text.endswith("\n") else ""
            self._put((_ERASE if self._text else "") + text + below)

    def flush(self) -> None:
        """Do nothing: everything is written at once."""

    def clear(self) -> None:
        """Erase the line."""
        with self._lock:
            if self._text:
                self._put(_ERASE)
            self._text = ""

    def close(self) -> None:
        """Erase the line, and let the log's handlers write to the stream again."""
        for handler in self._handlers:
            handler.setStream(self._stream)
        self.clear()

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._text = ""  # the terminal is closed, which does not harm the run


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
