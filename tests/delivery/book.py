"""Outcomes with all that they count and write down, for tests that watch them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_tocobagus.core.errors import OutputError
from target_tocobagus.delivery.outcomes import Outcomes
from target_tocobagus.report.totals import Totals

if TYPE_CHECKING:
    from target_tocobagus.core.model import Rejection


class Book:
    """Outcomes at a moment that only the test moves; writing can be made to fail."""

    def __init__(self, *, skip_unlisted: bool = False) -> None:
        self.totals = Totals()
        self.written: list[Rejection] = []
        self.disk_is_full = False
        self.now = 1000.0
        self.outcomes = Outcomes(
            self.totals, self._write_down, skip_unlisted=skip_unlisted, now=lambda: self.now
        )

    def _write_down(self) -> None:
        for rejection in self.outcomes.unwritten.oldest(1_000_000):
            if self.disk_is_full:
                message = "rejects_path cannot be written"
                raise OutputError(message)
            self.written.append(rejection)
            self.outcomes.written(1)
