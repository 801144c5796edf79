"""A logger for code that runs under a lock: it keeps what is said, until nobody is held up by it.

Whoever holds the lock appends to a list, in the order of what happens under the lock; after the
lock is released, `flush` logs it in that order.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any


class DeferredLog:
    """Takes what a logger takes."""

    def __init__(self, name: str) -> None:
        """Log under a name."""
        self._logger = logging.getLogger(name)
        self._said: deque[tuple[int, str, tuple[Any, ...]]] = deque()
        self._flushing = threading.Lock()

    def log(self, level: int, text: str, *values: Any) -> None:
        """Keep a line."""
        self._said.append((level, text, values))

    def info(self, text: str, *values: Any) -> None:
        """Keep a line at INFO."""
        self.log(logging.INFO, text, *values)

    def warning(self, text: str, *values: Any) -> None:
        """Keep a line at WARNING."""
        self.log(logging.WARNING, text, *values)

    def flush(self) -> None:
        """Log what was kept; call it without the lock.

        One thread at a time does so, for the order; it also logs what comes meanwhile.
        """
        while self._said and self._flushing.acquire(blocking=False):
            try:
                while self._said:
                    level, text, values = self._said.popleft()
                    self._logger.log(level, text, *values)
            finally:
                self._flushing.release()
