"""The rules of a mapping: its policies for quantities and for the codes of locations.

All ways through this package, also the fast path, end in `Rules.row`, so that their results are the
same. The order of the checks matters: a row without a quantity is skipped at any location; then its
location is checked; a wrong quantity is only an error at a location that is sent to.

A quantity is read exactly (see `exact_numbers`), and reserved units are subtracted exactly. After
that only its whole part matters, and whether it has a fraction, because buffer and maximum are
whole: floor(x - b) is floor(x) - b. Errors of binary arithmetic are removed once, between the two
steps (2.9999999999999996 is 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from target_tocobagus.core.model import (
    MAX_QUANTITY,
    Identifier,
    Outcome,
    RecordError,
    Skipped,
    Stock,
)
from target_tocobagus.mapping.exact_numbers import (
    exact_difference,
    has_fraction,
    read_number,
    too_large,
    without_dust,
)
from target_tocobagus.mapping.identifiers import TextError, text_of
from target_tocobagus.mapping.record_errors import placed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.config.settings import StockPolicy
    from target_tocobagus.mapping.exact_numbers import Number

_MOST_ASKED: Final = 100_000
"""At most this many codes are remembered: more cannot be codes of warehouses."""
_SHORT_TEXT: Final = 15
"""A text of so few digits is a quantity that needs no check of its size."""
_NO_QUANTITY: Final = Skipped("no quantity")


class Rules:
    """The policies for quantities and warehouses' codes, and what they make of a row.

    Attributes:
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

    def of_empty_list(self, outcome: Skipped) -> Outcome:
        """Map an empty list: it is skipped."""
        return outcome

    def client_id(self, code: Any, *, native: bool = False) -> str | Skipped | RecordError:
        """Find the client id of a code; a `native` one may also be a client id of the map.

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
        if isinstance(found, Skipped):
            return found  # nothing is sent there, so it is not a level
        return placed(found, identifier, found.location)


class Quantities:
    """The rules for quantities.

    Attributes:
        policy: The rules as they were set.
        mark: The decimal mark of texts, if it is set.
        clamped: How many quantities were below 0 and became 0, so far.
        cut: How many quantities lost a fraction to `rounding`, so far.
    """

    __slots__ = (
        "_as_is",
        "_buffer",
        "_most",
        "_null",
        "_whole",
        "clamped",
        "cut",
        "mark",
        "policy",
    )

    def __init__(self, policy: StockPolicy, decimal_mark: Literal[".", ","] | None = None) -> None:
        self.policy = policy
        self._buffer = policy.stock_buffer
        self._most = MAX_QUANTITY if policy.max_stock is None else policy.max_stock
        self._as_is = self._buffer == 0 and self._most >= MAX_QUANTITY
        self.mark = decimal_mark
        self._whole = policy.rounding == "reject"
        nulls: dict[str, int | Skipped | RecordError] = {
            "zero": 0,
            "reject": RecordError("NULL_STOCK", "there is no quantity"),
            "skip": _NO_QUANTITY,
        }
        self._null = nulls[policy.null_stock]
        self.clamped = 0
        self.cut = 0

    @property
    def changed(self) -> int:
        """How many quantities were counted because a policy changed them."""
        return self.clamped + self.cut

    @property
    def unchanged_to(self) -> int:
        """All integers from 0 to this one are quantities without a change; -1 for none."""
        return self._most if self._buffer == 0 else -1

    def of(self, value: Any, taken: Sequence[Any] = ()) -> int | Skipped | RecordError:
        """Convert a tap's value to whole units.

        Args:
            value: The stock: a number, the text of one, or nothing.
            taken: Values to subtract; null and empty count as 0.

        Returns:
            0 to `MAX_QUANTITY`; or why there is no quantity, without identifier and location.
        """
        if type(value) is str:
            text = value.strip()
            if len(text) <= _SHORT_TEXT and text.isdigit() and text.isascii():
                value = int(text)
        if type(value) is int and 0 <= value <= MAX_QUANTITY and not taken:
            return value if self._as_is else self._within_limits(value, fraction=False)
        return self._of_any(value, taken)

    def is_null(self, value: Any) -> bool:
        """Whether there is no quantity: null, or a text of white space."""
        return value is None or (isinstance(value, str) and not value.strip())

    def _of_any(self, value: Any, taken: Sequence[Any]) -> int | Skipped | RecordError:
        if self.is_null(value):
            return self._null
        number = self.exact(value, taken)
        if isinstance(number, (Skipped, RecordError)):
            return number
        if not isinstance(number, int) and any(map(has_fraction, (value, *taken))):
            number = without_dust(number)
        return self.judged(number, value)

    def exact(self, value: Any, taken: Sequence[Any]) -> Number | Skipped | RecordError:
        """Read a quantity and subtract from it, without any policy; null is skipped or rejected."""
        number = read_number(value, self.mark)
        if number is None:
            return self._null if isinstance(self._null, RecordError) else _NO_QUANTITY
        for each in taken:
            if isinstance(number, RecordError):
                break
            number = self._less(number, each)
        return number

    def judged(self, number: Number, value: Any) -> int | RecordError:
        """Apply the policies to an exact quantity.

        Args:
            number: The quantity.
            value: What to show of it in an error.
        """
        if number < 0:
            if self.policy.negative_stock == "reject":
                message = f"the quantity is below 0 (stock {shown(value)})"
                return RecordError("NEGATIVE_STOCK", message)
            self.clamped += 1
            return 0
        if number > MAX_QUANTITY:
            return too_large(value)
        whole = int(number)
        quantity = self._within_limits(whole, fraction=whole != number)
        if quantity >= 0:
            return quantity
        message = f"the quantity is not a whole number (stock {shown(value)})"
        return RecordError("FRACTIONAL_STOCK", message)

    def _within_limits(self, whole: int, *, fraction: bool) -> int:
        """Apply buffer, maximum and rounding to a quantity from 0 on; -1 means: rejected."""
        kept = whole - self._buffer
        if kept < 0:
            return 0
        if kept >= self._most:
            return self._most
        if fraction and self._whole:
            return -1
        self.cut += fraction
        return kept

    def _less(self, number: Number, value: Any) -> Number | RecordError:
        taken = read_number(value, self.mark)
        if taken is None:
            return number
        if isinstance(taken, RecordError):
            return RecordError(taken.code, f"subtract: {taken.message}")
        if taken < -MAX_QUANTITY:
            return RecordError("QUANTITY_TOO_LARGE", f"subtract: {shown(value)} adds too much")
        return exact_difference(number, taken)
