"""Writes rejections in its own thread.

If the disk is slow, or nobody reads stderr, only this thread waits: not the workers, not the main
thread, and not a STATE that covers no such row.

Invariants:
- A rejection counts, and STATE may cover it, only once it is on disk; without a file, in the log.
- Nothing is written while the shared lock is held.
- After the first failure nothing more is written or counted.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.errors import NO_THREAD, DeliveryError, OutputError, TocobagusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.core.model import Rejection
    from target_tocobagus.delivery.shared import Shared
    from target_tocobagus.report.rejects import Rejects

logger = logging.getLogger("target-tocobagus.rejects")

_AT_ONCE: Final = 1000
_CONFIRM_SECONDS: Final = 5.0


class RejectWriter:
    """The thread."""

    def __init__(
        self, shared: Shared, rejects: Rejects, *, news: threading.Event, tell: Callable[[], None]
    ) -> None:
        """Connect the parts; `start` starts the thread.

        Args:
            shared: Has the outcomes, where rejections wait; gets the error of a failure.
            rejects: Where they are written.
            news: Set by the outcomes when a rejection waits.
            tell: Called after rejections were written.
        """
        self._outcomes = shared.outcomes
        self._rejects = rejects
        self._shared = shared
        self._news = news
        self._tell = tell
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if it was not started yet; called by the main thread.

        Raises:
            DeliveryError: The machine allows no further thread.
        """
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="rejects", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise DeliveryError(NO_THREAD) from error
        self._thread = thread

    @property
    def idle(self) -> bool:
        """Whether no rejection waits that will still be written."""
        with self._shared.lock:
            return self._over or not self._outcomes.unwritten

    def confirm(self) -> None:
        """Make sure that the file with the written rejections is still in place.

        Raises:
            OutputError: It is not, or the disk does not answer.
        """
        if self._rejects.is_confirmed:
            return
        found: list[OutputError | None] = []

        def look() -> None:
            try:
                self._rejects.confirm()
                found.append(None)
            except OutputError as error:
                found.append(error)

        asked = threading.Thread(target=look, name="confirm", daemon=True)
        asked.start()
        asked.join(_CONFIRM_SECONDS)  # a network's file system may hang
        error = found[0] if found else OutputError("the disk of rejects_path does not answer")
        if error is not None:
            raise error

    def close(self, seconds: float) -> bool:
        """Write and count nothing more.

        Args:
            seconds: How long to wait for a write in progress.

        Returns:
            Whether the thread has ended.
        """
        with self._shared.lock:
            self._over = True
        self._news.set()
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (rejections := self._next()) is not None:
                self._write(rejections)
        except TocobagusError as error:
            self._fail(error)
        except Exception as error:  # a thread must not die unnoticed
            logger.critical("Writing rejected rows failed", exc_info=True)
            self._fail(OutputError(f"internal error in rejects: {type(error).__name__}"))

    def _next(self) -> list[Rejection] | None:
        """Wait for rejections to write; ``None`` at the end."""
        while True:
            self._news.clear()  # before looking, so that later news are not lost
            with self._shared.lock:
                if self._over:
                    return None
                if rejections := self._outcomes.unwritten.oldest(_AT_ONCE):
                    return rejections
            self._news.wait()

    def _write(self, rejections: list[Rejection]) -> None:
        for rejection in rejections:
            self._rejects.write(rejection)
        self._rejects.sync()
        with self._shared.lock:
            if not self._over:
                self._outcomes.written(len(rejections))
        self._tell()

    def _fail(self, error: TocobagusError) -> None:
        with self._shared.lock:
            self._over = True
        self._shared.fail(error)
