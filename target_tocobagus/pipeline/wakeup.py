"""One place to wait: for input, for another thread's word, for a signal, for a moment.

The main thread never waits on a lock. It polls stdin together with the reading end of a pipe, and
whoever has news for it writes a byte to the other end: a worker that settled rows or met a fatal
error, a signal's handler. A handler does nothing else, and so raises nothing into other code.
"""

from __future__ import annotations

import os
import select
import time
from typing import Final

_DRAIN: Final = 4096


class WakeUp:
    """A pipe to oneself.

    Attributes:
        signal: The first signal that came, if one did.
        until: The moment at which waiting for others ends, by the monotonic clock, once the run
            must stop.
    """

    def __init__(self) -> None:
        """Open the pipe; neither end ever blocks."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._waiting = False
        self._news = False
        self.signal: int | None = None
        self.until: float | None = None

    def stop(self, grace: float) -> None:
        """Say that the run must stop, and how long it may still wait for others; first call wins.

        Safe in a signal's handler and in any thread.
        """
        if self.until is None:
            self.until = time.monotonic() + grace
        self.wake()

    def wake(self) -> None:
        """End the present or the next wait. Safe in a signal's handler and in any thread.

        The pipe is written to only if somebody waits: most words come while the main thread is at
        work, and each write would give the interpreter's lock away. `wait` looks for news after it
        has said that it waits, and `wake` says that there are before it looks whether someone does;
        so no word is lost.
        """
        self._news = True
        if not self._waiting:
            return
        try:
            os.write(self._writer, b"\0")
        except OSError:
            # Full, so the wait ends anyway; or closed, so nobody waits.
            return

    def wait(
        self, seconds: float | None, source: int | None = None, *, to_write: bool = False
    ) -> bool:
        """Wait for a word, for a file descriptor that is ready, or for a time to pass.

        Args:
            seconds: The longest wait; ``None`` for no limit.
            source: A descriptor to wait for beside the pipe.
            to_write: Wait until it can be written to, not until it can be read.

        Returns:
            Whether the descriptor is ready, be it to find its end.
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
