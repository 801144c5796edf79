"""Rows that were refused without being named, so that the request may be wrong instead.

Each was alone in its request. They are rejected at the next acceptance, or at the end of the input;
but if the request turns out to be wrong, the run ends and rejects none of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.errors import DeliveryError
from target_tocobagus.core.foreign_text import quoted

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.delivery.settle import FailedItem

MANY: Final = 3
_MANY_AFTER_ACCEPTANCE: Final = 20
"""If this many different rows are refused one after the other, the request may be wrong."""


class Suspects:
    """The suspects since the last acceptance."""

    def __init__(self) -> None:
        self._refusals: list[FailedItem] = []
        self._in_turn: defaultdict[int, set[Identifier]] = defaultdict(set)

    @property
    def lows(self) -> list[int]:
        """The positions that no STATE may cover yet."""
        return [refusal.item.low for refusal in self._refusals]

    @property
    def updates(self) -> int:
        """How many updates they are."""
        return sum(len(refusal.item.levels) for refusal in self._refusals)

    @property
    def levels(self) -> list[Place]:
        """The item and location of each."""
        items = [refusal.item for refusal in self._refusals]
        return [(item.identifier, place) for item in items for place in item.levels]

    @property
    def identifiers(self) -> list[Identifier]:
        """The different items among them, in the order of refusal."""
        return list(dict.fromkeys(refusal.item.identifier for refusal in self._refusals))

    def add(self, refusal: FailedItem, worker: int) -> None:
        """Add an item.

        Args:
            refusal: The item and the reply's error.
            worker: Who sent it. Refusals are counted by worker, because several workers may
                meet their first bad row at the same time.
        """
        self._refusals.append(refusal)
        self._in_turn[worker].add(refusal.item.identifier)

    def are_many(self, *, accepted: bool) -> bool:
        """Whether they are so many that the request may be wrong."""
        if accepted:
            return len(self.identifiers) >= _MANY_AFTER_ACCEPTANCE
        return any(len(refused) >= MANY for refused in self._in_turn.values())

    def clear(self) -> list[FailedItem]:
        """Return all of them, to be rejected, and forget them."""
        refusals, self._refusals = self._refusals, []
        self._in_turn.clear()
        return refusals

    def error(self) -> DeliveryError:
        """Make the error: the request is probably wrong."""
        last = self._refusals[-1]
        some = ", ".join(f"{kind} {quoted(value)}" for kind, value in self.identifiers[:MANY])
        return DeliveryError(
            f"the API refused {len(self.identifiers)} rows, each in a request of its own, and"
            f" accepted nothing in between ({last.error.code} {last.error.message}, requestId"
            f" {last.request_id or 'none'}). Probably the request is wrong and not the rows, so"
            " none was rejected: check api_url and the credentials' permissions. If the rows are"
            f" wrong, leave them out with `where` in the mapping; the first are {some}"
        )
