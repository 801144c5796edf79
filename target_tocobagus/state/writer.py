"""Writes STATE: the newest that is safe, at most one a second, and never ahead of its rejects.

`gate` decides which STATE may go out; this decides when, and makes sure that rejects are on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_tocobagus.state.checkpoints import Checkpoints, write_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.state.checkpoints import Value


class StateWriter(Checkpoints):
    """The STATEs of a run, from the tap's to ours."""

    def __init__(
        self, emit: Callable[[str], None], sync: Callable[[], None], seconds: float
    ) -> None:
        """Take what writes and syncs.

        Args:
            emit: Writes one line to stdout.
            sync: Makes sure that what a STATE may cover is on disk: rejections, the ledger.
            seconds: The least time between two STATEs.
        """
        super().__init__()
        self._emit = emit
        self._sync = sync
        self._seconds = seconds
        self._emitted_at = 0.0
        self._emitted: Value | None = None
        self._emitted_own: dict[str, Any] = {}

    @property
    def due(self) -> float | None:
        """When the next may go out; ``None`` if none waits."""
        return self._emitted_at + self._seconds if len(self) else None

    def emit(self, value: Value, own: dict[str, Any], now: float) -> None:
        """Write a STATE with our key, after what it covers is on disk."""
        self._sync()
        self._emitted_at = now
        self._emitted, self._emitted_own = value, own
        self._emit(write_value(value, own).decode())

    def repeat(self, own: dict[str, Any], now: float) -> None:
        """Write the latest once more, at the end, if there are new batches.

        A tap whose bookmark has not moved writes its only STATE before its records.
        """
        if self._emitted is not None and own != self._emitted_own:
            self.emit(self._emitted, own, now)
