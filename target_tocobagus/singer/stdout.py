"""Writes STATE lines to stdout, where Meltano takes each line for a STATE.

Python's own buffers are passed by: where they are switched off (`python -u`), a write may take a
part of a line and say nothing. A line goes out in pieces that a pipe takes without blocking, and
between two pieces the wake-up pipe is listened to, so that a slow reader holds up no signal.

Invariants:
- A line is written whole, or an error is raised.
- After a line that was not written whole none follows.
"""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.errors import OutputError
from target_tocobagus.core.foreign_text import reason

if TYPE_CHECKING:
    from target_tocobagus.pipeline.wakeup import WakeUp

_PIECE: Final = select.PIPE_BUF
"""What a pipe that can be written to takes at once and as a whole (pipe(7))."""

_LEAST_SECONDS: Final = 1.0
"""What a line gets, though the run should have ended by now."""

_PAUSE: Final = 0.01


class StateOutput:
    """Standard output, for one run."""

    def __init__(self, wakeup: WakeUp) -> None:
        """Listen to a wake-up pipe while a reader is slow."""
        self._wakeup = wakeup
        self._problem = ""

    def write_line(self, text: str) -> None:
        """Write a line, and make sure that it is out.

        Raises:
            OutputError: It is not, and no line will be any more.
        """
        self._problem = self._problem or self._write(f"{text}\n")
        if self._problem:
            message = f"STATE cannot be written: {self._problem}"
            raise OutputError(message)

    def _write(self, line: str) -> str:
        """Write a line; tells what was wrong, if something was."""
        if sys.stdout is None:
            return "standard output is closed"
        try:
            descriptor = _descriptor()
            if descriptor is None:
                sys.stdout.write(line)
                sys.stdout.flush()
            else:
                # JSON is UTF-8, whatever the encoding that the environment has chosen for texts.
                self._write_all(descriptor, line.encode())
        except BrokenPipeError:
            return "its reader is gone"
        except OSError as error:
            return reason(error)
        except ValueError:
            return "standard output is closed"
        return ""

    def _write_all(self, descriptor: int, data: bytes) -> None:
        rest = memoryview(data)  # a slice of it is no copy: a STATE may have many megabytes
        whole = _size_of_file(descriptor)
        began = time.monotonic()
        try:
            while rest:
                self._await(descriptor, began)
                with suppress(BlockingIOError):
                    rest = rest[os.write(descriptor, rest[:_PIECE]) :]
                    continue
                self._wakeup.wait(_PAUSE)
        except OSError:
            if whole is not None:
                with suppress(OSError):  # the file's last line shall be a STATE that is whole
                    os.ftruncate(descriptor, whole)
            raise
        finally:
            self._wakeup.wake()  # what was heard meanwhile was meant for others, too

    def _await(self, descriptor: int, began: float) -> None:
        """Wait until something can be written; with a limit, once the run must stop.

        Raises:
            TimeoutError: The limit is over.
        """
        while True:
            until = self._wakeup.until
            least = began + _LEAST_SECONDS
            left = None if until is None else max(until, least) - time.monotonic()
            if self._wakeup.wait(left, descriptor, to_write=True):
                return
            if left is not None and left <= 0:
                raise TimeoutError(0, "its reader takes nothing more")


def _descriptor() -> int | None:
    """Find what can be waited for; ``None`` where stdout is no file of the system's."""
    try:
        return sys.stdout.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None


def _size_of_file(descriptor: int) -> int | None:
    status = os.fstat(descriptor)
    return status.st_size if stat.S_ISREG(status.st_mode) else None
