"""How old stock was when the API accepted it, and how long its answers took.

The age of a value is counted from its `newer_by`, if that is a time of day, or else from the
``time_extracted`` of its RECORD message. Both are by the clock of the source, and the acceptance by
the API's; an age below 0 counts as 0.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.versions import milliseconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_tocobagus.core.model import Level
    from target_tocobagus.window.pending import Item

_LEAST: Final = 0.001
_STEP: Final = math.log(1.02)
_MOST_NOTES: Final = 50_000
_SECOND_MS: Final = 1000


class Spread:
    """Durations in seconds, kept as how many there are of each size; sizes differ by 2 %.

    Attributes:
        count: How many there are.
        worst: The longest.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._least = math.inf
        self.count = 0
        self.worst = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        """Add a duration, perhaps several times; one below 0 counts as 0."""
        seconds = max(0.0, seconds)
        size = math.ceil(math.log(max(seconds, _LEAST) / _LEAST) / _STEP)
        self._counts[size] += count
        self._least = min(self._least, seconds)
        self.count += count
        self.worst = max(self.worst, seconds)

    def at(self, share: float) -> float:
        """Return the duration that this share of them does not exceed; at most 2 % too long."""
        left = math.ceil(self.count * share)
        for size in sorted(self._counts):
            left -= self._counts[size]
            if left <= 0:
                return min(self.worst, max(self._least, _LEAST * math.exp(size * _STEP)))
        return self.worst

    def fields(self) -> dict[str, float]:
        """Return the median, the 95th percentile and the longest, in seconds; empty without any."""
        if not self.count:
            return {}
        found = {"median": self.at(0.5), "p95": self.at(0.95), "worst": self.worst}
        return {name: round(seconds, 3) for name, seconds in found.items()}


class Freshness:
    """The ages of what the API accepted in a run.

    One thread notes times, and others add ages, under their lock.

    Attributes:
        ages: In seconds.
        has_versions: Some values have a `newer_by`.
        notes: The positions from which on a time holds, and the times.
    """

    def __init__(self) -> None:
        self.ages = Spread()
        self.has_versions = False
        self.notes: tuple[list[int], list[int | None]] = ([], [])

    def note(self, position: int, at_ms: int | None) -> None:
        """Note when the records from a position on were extracted, to the second.

        Args:
            position: The first record's number in the run.
            at_ms: In ms since the epoch; ``None`` if they do not say it.
        """
        positions, times = self.notes
        last = times[-1] if times else None
        if last == at_ms or (last and at_ms and abs(at_ms - last) < _SECOND_MS):
            return
        times.append(at_ms)  # first, as the other list is looked into by other threads
        positions.append(position)
        if len(positions) > _MOST_NOTES:
            self.notes = (positions[::2], times[::2])

    def accept(self, items: Sequence[Item], levels: int, low: int, now_ms: int) -> None:
        """Add the ages of items that the API has accepted now.

        Args:
            items: The items.
            levels: How many values they have.
            low: The lowest position of their values, or a lower one.
            now_ms: By the API's clock, in ms since the epoch.
        """
        positions, times = self.notes
        if not (positions or self.has_versions):
            return
        last = len(positions)
        if not self.has_versions and bisect(positions, low) == last:  # as mostly, in a fast run
            by_note: Mapping[int, int] = {last: levels}
        else:
            by_note = self._by_note(items, positions, now_ms)
        for note, count in by_note.items():
            at_ms = times[note - 1] if note else None
            if at_ms is not None:
                self.ages.add((now_ms - at_ms) / 1000, count)

    def _by_note(
        self, items: Sequence[Item], positions: Sequence[int], now_ms: int
    ) -> Mapping[int, int]:
        """Count the values to which each note belongs; add the ages of those with a version."""
        levels = [level for item in items for level in item.levels.values()]
        if self.has_versions:
            levels = [level for level in levels if not self._add_version(level, now_ms)]
        return Counter(map(partial(bisect, positions), [level.position for level in levels]))

    def _add_version(self, level: Level, now_ms: int) -> bool:
        """Add the age of a value by its version; false if that is not a time of day."""
        at_ms = milliseconds_of(level.version)
        if at_ms is not None:
            self.ages.add((now_ms - at_ms) / 1000)
        return at_ms is not None
