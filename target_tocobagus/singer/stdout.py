"""Writes STATE lines to stdout, where Meltano reads each line as a STATE.

Python's buffers are not used: with `python -u`, a write may write part of a line without an error.
A line is written in chunks that a pipe takes without blocking, and between two chunks the wake-up
pipe is read, so that a slow reader does not delay a signal.

Invariants:
- A line is written whole, or an error is raised.
- After a line that was not written whole, no other line is written.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.errors import OutputError
from target_tocobagus.core.foreign_text import reason
from target_tocobagus.singer.input_lines import descriptor_of

if TYPE_CHECKING:
    from target_tocobagus.pipeline.wakeup import WakeUp

_CHUNK: Final = select.PIPE_BUF
"""Bytes that a writable pipe takes at once, as a whole (pipe(7))."""

_LEAST_SECONDS: Final = 1.0
"""A line gets at least so long, even if the run should have ended by now."""

_PAUSE: Final = 0.01


class StateOutput:
    """Standard output, for one run."""

    def __init__(self, wakeup: WakeUp) -> None:
        self._wakeup = wakeup
        self._problem = ""

    def write_line(self, text: str) -> None:
        """Write a line.

        Raises:
            OutputError: It was not written whole; no other line will be written.
        """
        self._problem = self._problem or self._write(f"{text}\n")
        if self._problem:
            message = f"STATE cannot be written: {self._problem}"
            raise OutputError(message)

    def _write(self, line: str) -> str:
        """Write a line; returns the problem, or an empty text."""
        if sys.stdout is None:
            return "standard output is closed"
        try:
            descriptor = descriptor_of(sys.stdout)
            if descriptor is None:
                sys.stdout.write(line)
                sys.stdout.flush()
            else:
                # JSON is UTF-8, whatever encoding the environment sets for text.
                self._write_all(descriptor, line.encode())
        except BrokenPipeError:
            return "the reader of stdout has exited"
        except OSError as error:
            return reason(error)
        except ValueError:
            return "standard output is closed"
        return ""

    def _write_all(self, descriptor: int, data: bytes) -> None:
        rest = memoryview(data)  # so that slicing does not copy a STATE of many megabytes
        whole = _size_of_file(descriptor)
        began = time.monotonic()
        try:
            while rest:
                self._await(descriptor, began)
                with suppress(BlockingIOError):
                    rest = rest[os.write(descriptor, rest[:_CHUNK]) :]
                    continue
                self._wakeup.wait(_PAUSE)
        except OSError:
            if whole is not None:
                with suppress(OSError):  # the last line of the file must be a whole STATE
                    os.ftruncate(descriptor, whole)
            raise
        finally:
            self._wakeup.wake()  # the news that this read is for others, too

    def _await(self, descriptor: int, began: float) -> None:
        """Wait until something can be written; with a time limit once the run must stop.

        Raises:
            TimeoutError: The time is over.
        """
        while True:
            until = self._wakeup.until
            least = began + _LEAST_SECONDS
            left = None if until is None else max(until, least) - time.monotonic()
            if self._wakeup.wait(left, descriptor, to_write=True):
                return
            if left is not None and left <= 0:
                raise TimeoutError(0, "the reader of stdout does not read")


def _size_of_file(descriptor: int) -> int | None:
    status = os.fstat(descriptor)
    return status.st_size if stat.S_ISREG(status.st_mode) else None
