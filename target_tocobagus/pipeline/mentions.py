"""Levels that records name without a row to send: of rows that are deleted, skipped or rejected.

The ledger is told of them before the rows that came with them are handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_tocobagus.completion.lookups import Lookups
    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.pipeline.stages import Stages


class Mentions:
    """Those of one pass, since the last flush."""

    def __init__(self, stages: Stages, lookups: Lookups) -> None:
        self._ledger = stages.ledger
        self._shared = stages.shared
        self._lookups = lookups
        self._ended: dict[Place, int] = {}
        self._overtaken: dict[Place, int] = {}
        self._named: set[Place] = set()
        self._gone: set[Identifier] = set()

    def name(self, places: Iterable[Place]) -> None:
        """Note that the stream still has some levels."""
        self._named.update(places)

    def end(self, places: Mapping[Place, int]) -> None:
        """Note what was rejected before of some levels is not to be sent again.

        Args:
            places: The levels, each with the position of the record that says so.
        """
        self._ended.update(places)

    def end_items(self, identifiers: Iterable[Identifier]) -> None:
        """Note that what was rejected of some items is not to be sent again, at any location."""
        self._gone.update(identifiers)

    def tell_ledger(self) -> None:
        """Tell the ledger of them.

        A run that must stop does not wait for it: no STATE covers these records, so they come
        again.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        if self._ledger is not None and not self._shared.over:
            self._close_rejections()
            self._name_levels()
        self._ended = {}
        self._named.clear()
        self._gone.clear()

    def _close_rejections(self) -> None:
        """Close what is rejected of rows that were deleted since, or cannot be used now.

        An earlier row of theirs may still wait or be in flight, and be rejected afterwards.
        """
        if self._ledger is None or not self._ended:
            return
        gone = self._gone | {*self._lookups.names([*self._gone]).values()}
        self._ended = dict.fromkeys(self._ledger.rejected(gone), 0) | self._ended
        names = self._names(self._ended)
        self._ended |= {
            (names[identifier], place): position
            for (identifier, place), position in self._ended.items()
            if identifier in names
        }
        with self._shared.lock:
            holds = self._shared.window.holds
            waiting = {key: at for key, at in self._overtaken.items() if holds(key[0])}
        self._overtaken = waiting | self._ended
        self._ledger.close_rejections(self._ended, self._overtaken)

    def _name_levels(self) -> None:
        """Note which levels were named by rows that are not sent; `screen` notes the others."""
        if self._ledger is None or not self._named:
            return
        names = self._names(self._named)
        self._named |= {(names[each], place) for each, place in self._named if each in names}
        self._ledger.named_days.name_places(self._named)

    def _names(self, places: Iterable[Place]) -> dict[Identifier, Identifier]:
        return self._lookups.names([identifier for identifier, _ in places])
