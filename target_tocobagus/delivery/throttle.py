"""Limits learnt from the API's answers: request rate, requests in flight, size of a request.

All workers share one object, under their lock. It has no clock: times come in as arguments, in
seconds of one monotonic clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.core.model import NoReply, Reply
from target_tocobagus.window.ready import Limits

if TYPE_CHECKING:
    from target_tocobagus.config.settings import Settings

_LEVEL_BYTES: Final = 25
"""The least that a level adds to a body; the real size is learnt from bodies that are too large."""

_FEWEST_ROWS: Final = 10
_GROW_AFTER: Final = 20
"""Timeouts never make a batch smaller than the first; after this many accepted ones it doubles."""

_RECENT: Final = 16
"""If one of the last so many answers came at once, requests are made one after the other."""

_SURELY_SLOW: Final = 0.05
"""A wait of so many seconds is the API's, and not a thread's for its turn."""


class Throttle:
    """The limits in force.

    Attributes:
        limits: What the next batch may hold.
        most_bytes: The largest size of a body, unless it has a single item.
        most: How many requests may be in flight now.
        active: How many are in flight.
        claims: Workers that wait to send something again; they go before new batches.
        not_before: The moment before which no request may begin (``Retry-After``).
    """

    def __init__(self, settings: Settings) -> None:
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
        self.claims = 0
        self.not_before = 0.0
        self._slow_answers = _RECENT

    def begin(self, now: float) -> float | None:
        """Ask to begin a request.

        Returns:
            0 if it may begin, and then it counts as begun; else the seconds to wait before asking
            again, or ``None`` to wait for the end of another request.
        """
        if self.is_full:
            return None
        wait = max(self.not_before, self._next_slot) - now
        if wait > 0:
            return wait
        self.active += 1
        self._next_slot = now + self._interval
        return 0.0

    def end(self) -> None:
        """Count a request as ended, with any result."""
        self.active -= 1

    def answered(self, reply: Reply | NoReply) -> None:
        """Learn whether requests at once save time.

        They do not if the API answers in less time than it takes to make a request: then threads
        only take turns at the interpreter's lock. Threads that take turns wait longer, too, so the
        quickest of the last answers counts.
        """
        busy = reply.busy if isinstance(reply, Reply) else 0.0
        waited = reply.seconds - busy
        if waited < busy:
            self._slow_answers = 0
        elif waited < _SURELY_SLOW:
            self._slow_answers += 1
        else:
            self._slow_answers = _RECENT

    @property
    def is_quick(self) -> bool:
        """Whether the API answers in less time than it takes to make a request."""
        return self._slow_answers < _RECENT

    @property
    def is_full(self) -> bool:
        """Whether as many requests are in flight as may be."""
        return self.active >= (1 if self.is_quick else self.most)

    def give_back(self) -> None:
        """Count a request as not begun."""
        self.active -= 1
        self._next_slot -= self._interval

    def hold(self, until: float) -> None:
        """Let no request begin before a time."""
        self.not_before = max(self.not_before, until)

    def throttle(self) -> None:
        """Halve the requests in flight, because the API asked for fewer."""
        self.most = max(1, self.most // 2)

    def learn_rows(self, rows: int) -> None:
        """Send no larger batches than this part, which was answered after the whole timed out."""
        fewer = max(_FEWEST_ROWS, min(self.limits.rows, rows))
        self._set_rows(min(fewer, self._configured.rows))
        self._accepted_in_row = 0

    def learn_size(self, half: int) -> None:
        """Send no body larger than half of one that was refused as too large."""
        self.most_bytes = min(self.most_bytes, half)

    def learn_levels(self, levels: int, size: int) -> None:
        """Pick fewer levels from now on, because the body of so many is too large."""
        fewer = max(1, levels * self.most_bytes // size)
        self.limits = Limits(self.limits.rows, min(self.limits.levels, fewer), self.limits.wait)

    def accepted(self) -> None:
        """Raise the limits after an accepted batch: one more request, and in time larger ones."""
        self.most = min(self.most + 1, self._max_in_flight)
        self._accepted_in_row += 1
        if self._accepted_in_row >= _GROW_AFTER and self.limits.rows < self._configured.rows:
            self._set_rows(min(self.limits.rows * 2, self._configured.rows))
            self._accepted_in_row = 0

    def _set_rows(self, rows: int) -> None:
        self.limits = Limits(rows, self.limits.levels, self.limits.wait)
