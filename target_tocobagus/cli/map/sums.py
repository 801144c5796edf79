"""Adds up the parts of a stream in a file (`combine: sum`), as a first run of it would."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_tocobagus.core.versions import is_older
from target_tocobagus.mapping.totals import total_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.core.model import Identifier, Part, Place, RecordError, Stock
    from target_tocobagus.mapping.summing import Summing


class Sum(NamedTuple):
    """The stock of one item at one location.

    Attributes:
        stock: What would be sent.
        parts: How many parts were added up.
    """

    stock: Stock | RecordError
    parts: int


class Sums:
    """The parts of one stream: of each what its newest record says."""

    def __init__(self, summing: Summing) -> None:
        self._summing = summing
        self._parts: dict[str, tuple[str, dict[Place, list[str]]]] = {}

    def __len__(self) -> int:
        """Count the parts that have stock."""
        return sum(any(rows.values()) for _, rows in self._parts.values())

    def add(self, part: Part) -> None:
        """Put what a record says in place of what is known of its part.

        A location where a part was keeps it without a quantity: its sum is sent, too.
        """
        version, before = self._parts.get(part.key, ("", {}))
        if part.version and is_older(part.version, version):
            return
        rows = {place: old if part.keeps(place[0]) else [] for place, old in before.items()}
        for place in {(identifier, location) for identifier, location, _ in part.rows}:
            rows[place] = []
        for identifier, location, quantity in part.rows:
            rows[identifier, location].append(quantity)
        self._parts[part.key] = (part.version or version, rows)

    def added_up(self, named: Callable[[Identifier], Identifier | None]) -> list[Sum]:
        """Add up; what is counted of quantities is counted of the sums.

        Args:
            named: Gives an item that is looked up its identifier; ``None`` if it is skipped.
        """
        found: dict[Place, list[list[str]]] = {}
        for _, rows in self._parts.values():
            for (identifier, location), quantities in rows.items():
                if (item := named(identifier)) is not None:
                    found.setdefault((item, location), []).append(quantities)
        return [
            Sum(
                self._summing.stock(*place, total_of(" ".join(map(" ".join, parts)))),
                sum(map(bool, parts)),
            )
            for place, parts in found.items()
        ]
