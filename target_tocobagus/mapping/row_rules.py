"""One row: identifier, quantity and location, as they were written, become one outcome.

All ways through this package, also the fast path, end here, so that their results are the same. The
order of the checks matters: a row without a quantity is skipped at any location; then its location
is checked; a wrong quantity is only an error at a location that is sent to.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from target_tocobagus.core.model import Identifier, Outcome, RecordError, Skipped, Stock
from target_tocobagus.mapping.record_errors import OF_QUANTITIES, placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.mapping.locations import Locations
    from target_tocobagus.mapping.quantities import Quantities


class Rows:
    """The policies, and what they make of a row.

    Attributes:
        quantities: The policy for quantities.
        locations: The policy for warehouses' codes.
    """

    __slots__ = ("locations", "quantities")

    def __init__(self, quantities: Quantities, locations: Locations) -> None:
        """Take the policies."""
        self.quantities = quantities
        self.locations = locations

    def at(
        self,
        identifier: Identifier,
        stock: Any,
        place: str | Skipped | RecordError | None,
        taken: Sequence[Any] = (),
    ) -> Outcome:
        """Map a row.

        Args:
            identifier: The item.
            stock: The value of its quantity.
            place: A client id, None for global stock, or why a code has no client id.
            taken: Values to subtract from the quantity.
        """
        if place is not None and not isinstance(place, str):
            return self._nowhere(identifier, stock, place)
        quantity = self.quantities.of(stock, taken)
        if isinstance(quantity, int):
            return Stock(identifier, place, quantity)
        return placed(quantity, identifier, place)

    def _nowhere(self, identifier: Identifier, stock: Any, found: Skipped | RecordError) -> Outcome:
        if self.quantities.is_null(stock):
            nothing = self.quantities.of(None)
            if type(nothing) is Skipped:
                return nothing
        return placed(found, identifier, found.location if type(found) is RecordError else None)


def without_duplicates(outcomes: list[Outcome]) -> list[Outcome]:
    """Reject all rows of a record that share identifier and location with another.

    It is unclear which of them is right. A row without a quantity contradicts none.
    """
    places = [_place(outcome) for outcome in outcomes]
    known = [place for place in places if place is not None]
    if len(set(known)) == len(known):
        return outcomes
    counts = Counter(known)
    return [
        outcome if place is None or counts[place] == 1 else _duplicate(*place)
        for outcome, place in zip(outcomes, places, strict=True)
    ]


def _place(outcome: Outcome) -> tuple[Identifier, str | None] | None:
    if type(outcome) is Stock:
        return outcome.identifier, outcome.location
    if type(outcome) is RecordError and outcome.identifier and outcome.code in OF_QUANTITIES:
        return outcome.identifier, outcome.location
    return None


def _duplicate(identifier: Identifier, location: str | None) -> RecordError:
    where = "for all warehouses" if location is None else f"at {location}"
    message = f"the record has more than one stock of {identifier[1]} {where}"
    return RecordError("DUPLICATE_LOCATION", message, identifier, location)
