"""One row: identifier, quantity and location, as they were written, become one outcome.

All ways through this package, also the fast path, end here, so that their results are the same. The
order of the checks matters: a row without a quantity is skipped at any location; then its location
is checked; a wrong quantity is only an error at a location that is sent to.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal

from target_tocobagus.core.model import Identifier, Outcome, RecordError, Skipped, Stock
from target_tocobagus.mapping.identifiers import TextError, text_of
from target_tocobagus.mapping.quantities import Quantities
from target_tocobagus.mapping.record_errors import OF_QUANTITIES, placed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.config.settings import StockPolicy

_MOST_ASKED: Final = 100_000
"""At most this many codes are remembered: more cannot be codes of warehouses."""


class Rules:
    """The policies for quantities and warehouses' codes, and what they make of a row.

    Attributes:
        quantities: The policy for quantities.
        asked: The codes that were looked up in `warehouse_map`, found there or not.
    """

    __slots__ = ("_client_ids", "_native_ids", "_skips", "asked", "quantities")

    def __init__(self, policy: StockPolicy, decimal_mark: Literal[".", ","] | None) -> None:
        self.quantities = Quantities(policy, decimal_mark)
        self._client_ids = self._native_ids = policy.warehouse_map
        if policy.warehouse_map is not None:
            itself = {client_id: client_id for client_id in policy.warehouse_map.values()}
            self._native_ids = itself | policy.warehouse_map
        self._skips = policy.unmapped_warehouse == "skip"
        self.asked: set[str] = set()

    def row(
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

    def client_id(self, code: Any, *, native: bool = False) -> str | Skipped | RecordError:
        """Find the client id of a code.

        Args:
            code: As the tap wrote it.
            native: The tap calls it a client id: one that is mapped to stays itself.

        Returns:
            The client id; or why there is none, without identifier. The location of an unmapped
            code's error is that code.
        """
        try:
            text = text_of(code)
        except TextError as error:
            return RecordError("BAD_WAREHOUSE", f"warehouse: {error}")
        if text is None:
            return RecordError("NO_WAREHOUSE", "the row has no warehouse")
        client_ids = self._native_ids if native else self._client_ids
        if client_ids is None:
            return text
        if len(self.asked) < _MOST_ASKED:
            self.asked.add(text)
        if (client_id := client_ids.get(text)) is not None:
            return client_id
        message = f"warehouse {shown(text)} is not in warehouse_map"
        if self._skips:
            return Skipped(message)
        return RecordError("UNMAPPED_WAREHOUSE", message, location=text)

    def _nowhere(self, identifier: Identifier, stock: Any, found: Skipped | RecordError) -> Outcome:
        if self.quantities.is_null(stock):
            nothing = self.quantities.of(None)
            if type(nothing) is Skipped:
                return nothing
        return placed(found, identifier, found.location if type(found) is RecordError else None)


def divide(quantity: int, weights: Sequence[int]) -> list[int]:
    """Divide whole units by weight, by the largest remainder, ties to the earlier; none is lost.

    Args:
        quantity: Units, not below 0.
        weights: Each at least 1.
    """
    total = sum(weights)
    shares = [quantity * weight // total for weight in weights]
    remainders = [quantity * weight % total for weight in weights]
    first = sorted(range(len(weights)), key=lambda index: -remainders[index])
    for index in first[: quantity - sum(shares)]:
        shares[index] += 1
    return shares


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
