"""What the API's answers have taught: how fast to ask, how many at once, how much in one request.

One object that all workers share, under their lock. It holds no clock: moments are handed in, in
seconds of one monotonic clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.window.ready import Limits

if TYPE_CHECKING:
    from target_tocobagus.config.settings import Settings

_LEVEL_BYTES: Final = 25
"""What a level adds to a body at the least; how much it does is learnt from bodies too large."""

_FEWEST_ROWS: Final = 10
_GROW_AFTER: Final = 20
"""Timeouts never shrink a batch below the first; after so many accepted ones it doubles again."""


class Throttle:
    """The limits in force.

    Attributes:
        limits: What the next batch may hold.
        most_bytes: What a body may weigh, unless it is that of a single item.
        most: How many requests may be in flight now.
        active: How many are.
        not_before: The moment before which no request may begin (``Retry-After``).
    """

    def __init__(self, settings: Settings) -> None:
        """Begin with what the settings allow."""
        self._configured = Limits(
            rows=settings.batch_size_rows,
            levels=settings.batch_size_bytes // _LEVEL_BYTES,
            wait=settings.batch_wait_seconds,
        )
        self.most_bytes = settings.batch_size_bytes
        self._max_in_flight = settings.max_in_flight
        per_minute = settings.requests_per_minute
        self._interval = 60 / per_minute if per_minute else 0.0
        self._next_slot = 0.0
        self._accepted_in_row = 0
        self.limits = self._configured
        self.most = settings.max_in_flight
        self.active = 0
        self.not_before = 0.0

    def begin(self, now: float) -> float | None:
        """Ask to begin a request.

        Returns:
            0 where it may begin, and counts as begun; else the seconds to wait before asking
            again, ``None`` where that depends on another request's end.
        """
        if self.active >= self.most:
            return None
        wait = max(self.not_before, self._next_slot) - now
        if wait > 0:
            return wait
        self.active += 1
        self._next_slot = now + self._interval
        return 0.0

    def end(self) -> None:
        """Count a request as ended, however it ended."""
        self.active -= 1

    def hold(self, until: float) -> None:
        """Let no request begin before a moment."""
        self.not_before = max(self.not_before, until)

    def throttle(self) -> None:
        """Halve the requests in flight: the API said that they are too many."""
        self.most = max(1, self.most // 2)

    def learn_rows(self, rows: int) -> None:
        """A part of a batch was answered where the whole timed out: send no larger ones."""
        fewer = max(_FEWEST_ROWS, min(self.limits.rows, rows))
        self._set_rows(min(fewer, self._configured.rows))
        self._accepted_in_row = 0

    def learn_size(self, half: int) -> None:
        """A body was refused as too large: for the rest of the run send none above its half."""
        self.most_bytes = min(self.most_bytes, half)

    def learn_levels(self, levels: int, size: int) -> None:
        """A body of so many levels would be larger than it may: pick fewer from now on."""
        fewer = max(1, levels * self.most_bytes // size)
        self.limits = Limits(self.limits.rows, min(self.limits.levels, fewer), self.limits.wait)

    def accepted(self) -> None:
        """A batch was accepted: grow back, one request at once more, and in time larger batches."""
        self.most = min(self.most + 1, self._max_in_flight)
        self._accepted_in_row += 1
        if self._accepted_in_row >= _GROW_AFTER and self.limits.rows < self._configured.rows:
            self._set_rows(min(self.limits.rows * 2, self._configured.rows))
            self._accepted_in_row = 0

    def _set_rows(self, rows: int) -> None:
        self.limits = Limits(rows, self.limits.levels, self.limits.wait)
