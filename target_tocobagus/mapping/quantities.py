"""From whatever a tap wrote to whole units, or to the reason why not.

How to think about it: a quantity is read exactly (`int` or `Decimal`, never a binary fraction),
what is reserved is taken off it exactly, and from then on only its whole part matters, and whether
a fraction is left over, because buffer and maximum are whole: floor(x - b) is floor(x) - b. So the
one operation that could round is the subtraction, and its context traps rounding.

What must never be: a conversion whose cost the tap decides. `1e999999999` is one short text, and
the integer it stands for fits into no memory; its size is therefore judged by the exponent.
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from target_tocobagus.mapping.refusals import shown
from target_tocobagus.model import MAX_QUANTITY, Refused, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.settings import StockPolicy

Number: TypeAlias = int | Decimal

MAX_DIGITS: Final = len(str(MAX_QUANTITY))
BELOW: Final = -(10**100)
"""Stands for every stock below it: no number of paths in `subtract` brings that back above 0."""

EXACT: Final = Context(
    prec=1000,
    traps=[Inexact, InvalidOperation, DivisionByZero, Overflow],
)
"""Arithmetic that raises where it would round (only 1e-400 - 5 and the like come near)."""

_TEXT = {
    ".": re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"),
    ",": re.compile(r"[+-]?[0-9]+(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?"),
}
_GROUPED = re.compile(r"[+-]?[0-9][0-9.,]*[0-9](?:[eE][+-]?[0-9]+)?")
_SHORT_TEXT: Final = 15


class Quantities:
    """The policy for quantities, applied to one value at a time.

    Attributes:
        clamped: How many quantities were below 0 and became 0, so far. It only ever grows.
    """

    __slots__ = ("_as_is", "_buffer", "_most", "_null", "_policy", "_text", "_whole", "clamped")

    def __init__(self, policy: StockPolicy, decimal_mark: Literal[".", ","] = ".") -> None:
        """Take the policy, and the mark that a quantity's text uses."""
        self._policy = policy
        self._buffer = policy.stock_buffer
        self._most = MAX_QUANTITY if policy.max_stock is None else policy.max_stock
        self._as_is = self._buffer == 0 and self._most >= MAX_QUANTITY
        self._text = _TEXT[decimal_mark]
        self._whole = policy.rounding == "reject"
        self._null = _null_outcome(policy)
        self.clamped = 0

    @property
    def unchanged_to(self) -> int:
        """The largest integer up to which each one from 0 is its own quantity; -1 for none."""
        return self._most if self._buffer == 0 else -1

    def of(self, value: Any, taken: Iterable[Any] = ()) -> int | Skipped | Refused:
        """Make whole units of a value as the tap wrote it.

        Args:
            value: The stock: a number, the text of one, or nothing.
            taken: What is taken off it; null and empty count as 0.

        Returns:
            0 to `MAX_QUANTITY`; or why there is no quantity, without identifier and location.
        """
        if type(value) is str:
            text = value.strip()
            if len(text) <= _SHORT_TEXT and text.isdigit() and text.isascii():
                value = int(text)
        if type(value) is int and 0 <= value <= MAX_QUANTITY and not taken:
            return value if self._as_is else self._held_back(value, fraction=False)
        return self._of_any(value, taken)

    def is_null(self, value: Any) -> bool:
        """Tell whether a value is no quantity at all: null, or a text of white space."""
        return value is None or (isinstance(value, str) and not value.strip())

    def _of_any(self, value: Any, taken: Iterable[Any]) -> int | Skipped | Refused:
        number = self._read(value)
        if number is None:
            return self._null
        for each in taken:
            if isinstance(number, Refused):
                break
            number = self._less(number, each)
        if isinstance(number, Refused):
            return number
        return self._judged(number, value)

    def _judged(self, number: Number, value: Any) -> int | Refused:
        if number < 0:
            if self._policy.negative_stock == "reject":
                return Refused("NEGATIVE_STOCK", f"the quantity is below 0 (stock {shown(value)})")
            self.clamped += 1
            return 0
        if number > MAX_QUANTITY:
            return _too_large(value)
        whole = int(number)
        quantity = self._held_back(whole, fraction=whole != number)
        return quantity if quantity >= 0 else _fractional(value)

    def _held_back(self, whole: int, *, fraction: bool) -> int:
        """Apply buffer, maximum and rounding to a quantity that is not below 0; -1 is a refusal."""
        kept = whole - self._buffer
        if kept < 0:
            return 0
        if kept >= self._most:
            return self._most
        return -1 if fraction and self._whole else kept

    def _less(self, number: Number, value: Any) -> Number | Refused:
        taken = self._read(value)
        if taken is None:
            return number
        if isinstance(taken, Refused):
            return Refused(taken.code, f"subtract: {taken.message}")
        if taken < -MAX_QUANTITY:
            return Refused("QUANTITY_TOO_LARGE", f"subtract: {shown(value)} adds too much")
        if isinstance(number, int) and isinstance(taken, int):
            return number - taken
        return _exact_difference(number, taken)

    def _read(self, value: Any) -> Number | Refused | None:
        """Read a number exactly; one below `BELOW` is read as `BELOW`, one too large is refused."""
        if value is None:
            return None
        if isinstance(value, str):
            return self._read_text(value.strip())
        number = exact_number(value)
        if number is None:
            return Refused("BAD_QUANTITY", f"{shown(value)} is no quantity")
        return _bounded(number, value)

    def _read_text(self, text: str) -> Number | Refused | None:
        if not text:
            return None
        if self._text.fullmatch(text):
            number = _decimal(text.replace(",", "."))
            return _bounded(number, text) if isinstance(number, Decimal) else number
        if ("," in text or "." in text) and _GROUPED.fullmatch(text):
            reason = "is ambiguous: only decimal_mark may stand in it, once, between digits"
            return Refused("AMBIGUOUS_QUANTITY", f"{shown(text)} {reason}")
        return Refused("BAD_QUANTITY", f"{shown(text)} is no quantity")


def exact_number(value: Any) -> Number | None:
    """Take a number as it is meant: a float is the shortest decimal that reads as it.

    Returns:
        None where the value is no finite number (`True` is none).
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, float):
        return Decimal(float.__repr__(value)) if math.isfinite(value) else None
    return None


def _bounded(number: Number, value: Any) -> Number | Refused:
    """Judge a number's size by its digits and its exponent, before anything is done with it."""
    if isinstance(number, Decimal):
        if not number:
            return 0
        large = number.adjusted() >= MAX_DIGITS or not -MAX_QUANTITY <= number <= MAX_QUANTITY
    else:
        large = not -MAX_QUANTITY <= number <= MAX_QUANTITY
    if not large:
        return number
    return max(number, BELOW) if number < 0 else _too_large(value)


def _decimal(text: str) -> Decimal | Refused:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of 19 digits or more
        mantissa, _, exponent = text.lower().partition("e")
        if not mantissa.strip("+-0."):
            return Decimal(0)
        if exponent.startswith("-"):
            return Refused("BAD_QUANTITY", f"{shown(text)} has an exponent that nothing can hold")
        return Decimal(BELOW) if mantissa.startswith("-") else _too_large(text)


def _exact_difference(number: Number, taken: Number) -> Decimal | Refused:
    try:
        return EXACT.subtract(Decimal(number), Decimal(taken))
    except (Inexact, InvalidOperation, Overflow):
        message = f"{shown(number)} less {shown(taken)} cannot be calculated without rounding"
        return Refused("INEXACT_QUANTITY", message)


def _null_outcome(policy: StockPolicy) -> int | Skipped | Refused:
    match policy.null_stock:
        case "zero":
            return 0
        case "reject":
            return Refused("NULL_STOCK", "there is no quantity")
        case "skip":
            return Skipped("no quantity")


def _too_large(value: Any) -> Refused:
    return Refused("QUANTITY_TOO_LARGE", f"{shown(value)} is above {MAX_QUANTITY}")


def _fractional(value: Any) -> Refused:
    return Refused("FRACTIONAL_STOCK", f"the quantity is no whole number (stock {shown(value)})")
