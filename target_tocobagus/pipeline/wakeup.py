"""One place to wait: for input, for news of another thread, for a signal, for a time.

The main thread blocks only here, apart from short critical sections under the shared lock. It
polls stdin together with the reading end of a pipe; a worker with news, or a signal handler, writes
a byte to the other end. A signal handler does nothing else, so it raises nothing into other code.
"""

from __future__ import annotations

import os
import select
import time
from typing import Final

_DRAIN: Final = 4096


class WakeUp:
    """A pipe from this process to itself; neither end ever blocks.

    Attributes:
        signal: The first signal that came, if one did.
        until: Once the run must stop: when waiting ends, by the monotonic clock.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._waiting = False
        self._news = False
        self.signal: int | None = None
        self.until: float | None = None

    def stop(self, grace: float) -> None:
        """Say that the run must stop within `grace` seconds; the first call counts.

        Safe in a signal handler and in any thread.
        """
        if self.until is None:
            self.until = time.monotonic() + grace
        self.wake()

    def wake(self) -> None:
        """End the current or the next wait. Safe in a signal handler and in any thread.

        The pipe is written to only while `wait` waits: usually the main thread is busy, and each
        write would release the interpreter's lock. `wait` sets `_waiting` before it reads `_news`,
        and `wake` sets `_news` before it reads `_waiting`, so no news is lost.
        """
        self._news = True
        if not self._waiting:
            return
        try:
            os.write(self._writer, b"\0")
        except OSError:
            # Full, so the wait ends anyway; or closed, so nothing waits.
            return

    def wait(
        self, seconds: float | None, source: int | None = None, *, to_write: bool = False
    ) -> bool:
        """Wait for news, for a file descriptor to be ready, or for a time to pass.

        Args:
            seconds: The longest wait; ``None`` for no limit.
            source: A descriptor to wait for beside the pipe.
            to_write: Wait until it can be written to, not until it can be read.

        Returns:
            Whether the descriptor is ready, also if only for its end of file.
        """
        self._waiting = True
        if self._news:
            seconds = 0
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        if source is not None:
            poll.register(source, select.POLLOUT if to_write else select.POLLIN)
        ready = {fd for fd, _ in poll.poll(None if seconds is None else max(0, seconds) * 1000)}
        self._waiting = self._news = False
        if self._reader in ready:
            os.read(self._reader, _DRAIN)
        return source in ready

    def close(self) -> None:
        """Close both ends."""
        os.close(self._reader)
        os.close(self._writer)
