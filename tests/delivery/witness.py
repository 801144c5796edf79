"""Watches a run from outside and notes each promise that it breaks.

It knows three things: what the tap gave, what the API applied and answered, and what was written
down as rejected. It never looks into the program. Each quantity says which record it came from, so
that an old value cannot pass for a new one; only zeros are alike, and of two it believes the best.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_tocobagus.core.model import Identifier

Key: TypeAlias = "tuple[Identifier, str | None]"

LEVELS_PER_RECORD: Final = 10
"""A record at a position gives quantities from ten times that on."""


def quantity_of(position: int, index: int = 0) -> int:
    """Make the quantity that a record's level gives: no other level gives the same."""
    return position * LEVELS_PER_RECORD + index


class Witness:
    """One run's observer.

    Attributes:
        broken: What was promised and did not hold, a sentence each.
        given: How many updates the tap gave.
    """

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.given = 0
        self._given: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        self._unproved: list[tuple[int, Key]] = []
        self._unreadable: list[int] = []
        self._applied: dict[Key, int] = {}
        self._accepted: dict[Key, int] = {}
        self._rejected: dict[Key, set[int]] = defaultdict(set)
        self._named: set[int] = set()

    def gives(self, identifier: Identifier, place: str | None, quantity: int, at: int) -> None:
        """The tap gives a level."""
        self.given += 1
        self._given[identifier, place].append((at, quantity))
        self._unproved.append((at, (identifier, place)))

    def gives_unreadable(self, at: int) -> None:
        """The tap gives a record that the mapping rejects."""
        self.given += 1
        self._unreadable.append(at)

    def applies(self, identifier: Identifier, place: str | None, quantity: int) -> None:
        """The API applies a level: never an older one after a newer one."""
        reached = self._reached(self._applied, identifier, place)
        at = self._position(identifier, place, quantity, reached, best=False)
        if at < reached:
            self.broken.append(
                f"{identifier} at {place}: {quantity} was applied after what record {reached} gave"
            )
        self._applied[identifier, place] = max(at, reached)

    def accepts(self, identifier: Identifier, place: str | None, quantity: int) -> None:
        """The API answers that it took a level on."""
        at = self._position(identifier, place, quantity, 0, best=True)
        key = (identifier, place)
        self._accepted[key] = max(self._accepted.get(key, 0), at)

    def rejects(self, keys: Iterable[tuple[Identifier | None, str | None]], at: int) -> None:
        """Updates of a record were written down as rejected."""
        self._named.add(at)
        for identifier, place in keys:
            if identifier is not None:
                self._rejected[identifier, place].add(at)

    def was_rejected(self, identifier: Identifier, place: str | None, quantity: int) -> bool:
        """Tell whether a level was written down as rejected; of zeros it cannot be told."""
        return quantity // LEVELS_PER_RECORD in self._rejected[identifier, place]

    def hears_state(self, position: int) -> None:
        """A STATE goes out: each record that it covers has its outcome."""
        ahead = [
            key for at, key in self._unproved if at <= position and not self._has_outcome(key, at)
        ]
        ahead_of = [at for at in self._unreadable if at <= position and at not in self._named]
        self.broken += [f"STATE {position} ran ahead of {what}" for what in (*ahead, *ahead_of)]
        self._unproved = [given for given in self._unproved if given[0] > position]
        self._unreadable = [at for at in self._unreadable if at > position]

    def compares(self, stock: Mapping[Identifier, Mapping[str | None, int]]) -> None:
        """The run is over: the remote is the source, or the newest value is a named reject."""
        for identifier, place in self._given:
            newest = self._newest(identifier, place)
            levels = stock.get(identifier, {})
            remote = levels.get(place, levels.get(None))
            at, quantity, key = newest
            if remote != quantity and at not in self._rejected[key]:
                self.broken.append(f"{identifier} at {place} is {remote} and not {quantity}")

    def _newest(self, identifier: Identifier, place: str | None) -> tuple[int, int, Key]:
        keys: set[Key] = {(identifier, place), (identifier, None)}
        given = [(*pair, key) for key in keys for pair in self._given.get(key, ())]
        return max(given, key=lambda each: each[0])

    def _has_outcome(self, key: Key, at: int) -> bool:
        keys: set[Key] = {key, (key[0], None)}
        return any(
            self._accepted.get(each, 0) >= at or max(self._rejected[each], default=0) >= at
            for each in keys
        )

    def _reached(self, record: dict[Key, int], identifier: Identifier, place: str | None) -> int:
        return max(
            (
                at
                for (other, where), at in record.items()
                if other == identifier and (place is None or where in {place, None})
            ),
            default=0,
        )

    def _position(
        self, identifier: Identifier, place: str | None, quantity: int, least: int, *, best: bool
    ) -> int:
        """Tell which record gave a quantity; of several zeros, the best or the first possible."""
        if quantity:
            at = quantity // LEVELS_PER_RECORD
            if (at, quantity) not in self._given[identifier, place]:
                self.broken.append(f"{identifier} at {place}: nobody gave {quantity}")
            return at
        zeros = [at for at, given in self._given[identifier, place] if given == 0]
        possible = [at for at in zeros if at >= least]
        if not zeros:
            self.broken.append(f"{identifier} at {place}: nobody gave 0")
        return (max if best else min)(possible or zeros, default=0)
