"""Positions that no STATE may cover yet, although their rows have an outcome.

Until the API has accepted something, or a quarter of an hour has passed, a STATE that covers a
rejected row is held back: the set-up may be wrong for all rows. One that covers a row that the
guard holds is held back for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HOLD_SECONDS: Final = 900.0


class HeldBack:
    """The lowest position for each of the two reasons."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Hold back nothing; `now` is the monotonic clock, in seconds."""
        self._now = now
        self._certain = False
        self._rejected: int | None = None
        self._guarded: int | None = None
        self._until = 0.0

    @property
    def lows(self) -> list[int]:
        """The lowest positions."""
        rejected = self._rejected if self._now() < self._until else None
        return [low for low in (rejected, self._guarded) if low is not None]

    def note_rejected(self, position: int) -> None:
        """Hold back a row that was rejected, unless the request is known to be right."""
        if self._certain:
            return
        if self._rejected is None:
            self._rejected, self._until = position, self._now() + _HOLD_SECONDS
        self._rejected = min(self._rejected, position)

    def note_guarded(self, positions: Iterable[int]) -> None:
        """Hold back rows that the guard holds."""
        self._guarded = min([*positions, *([] if self._guarded is None else [self._guarded])])

    def be_certain(self) -> None:
        """The request is known to be right: hold back no rejected row."""
        self._certain = True
        self._rejected = None
