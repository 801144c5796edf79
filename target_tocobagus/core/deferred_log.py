"""A logger for code that runs under a lock: it keeps lines until the lock is released.

Under the lock, lines are appended to a list; after the release, `flush` logs them in that order.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any


class DeferredLog:
    """Has the methods of a logger that are needed under a lock."""

    def __init__(self, name: str) -> None:
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
        """Log the kept lines; call it without the lock.

        Only one thread at a time does it, to keep the order; it also logs lines that come
        meanwhile.
        """
        while self._said and self._flushing.acquire(blocking=False):
            try:
                while self._said:
                    level, text, values = self._said.popleft()
                    self._logger.log(level, text, *values)
            finally:
                self._flushing.release()
