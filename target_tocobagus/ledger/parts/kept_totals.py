"""The sums of stocks that have many parts, kept during a run: they follow what changes.

To read all parts of a stock each time that one of them comes would take longer the more there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Place
    from target_tocobagus.ledger.parts.part_changes import Change
    from target_tocobagus.mapping.totals import Total

_MANY: Final = 8


class KeptTotals:
    """Some of them; the others are read again."""

    def __init__(self, most: int = 20_000) -> None:
        """Begin without any; `most` are kept."""
        self._most = most
        self._totals: dict[Place, Total] = {}

    def get(self, place: Place) -> Total | None:
        """Return a sum, if it is kept."""
        return self._totals.get(place)

    def add(self, place: Place, total: Total) -> None:
        """Keep a sum of many parts, if it can be calculated."""
        if total.quantities < _MANY or total.number is None:
            return
        if len(self._totals) >= self._most:
            del self._totals[next(iter(self._totals))]
        self._totals[place] = total

    def follow(self, changes: Iterable[Change]) -> None:
        """Change the sums as their parts have changed; forget those that cannot be calculated."""
        for place, old, new in changes if self._totals else ():
            if place in self._totals:
                self._totals[place] = total = self._totals[place].with_change(old, new)
                if total.number is None:
                    del self._totals[place]

    def clear(self) -> None:
        """Forget all of them."""
        self._totals.clear()
