"""Reads a tap's numbers exactly: `int` or `Decimal`, never a binary fraction.

A tap must not be able to make a conversion expensive. `1e999999999` is a short text, but as an
integer it does not fit into memory; so its size is checked by the exponent.
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Any, Final, Literal, TypeAlias

from target_tocobagus.core.model import MAX_QUANTITY, RecordError
from target_tocobagus.mapping.record_errors import shown

Number: TypeAlias = int | Decimal

MAX_DIGITS: Final = len(str(MAX_QUANTITY))
BELOW: Final = -(10**100)
"""In place of every lower stock: no number of paths in `subtract` can raise it above 0."""

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
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")

_REMOVE: Final = "take out its marks between thousands, at the source or by a stream map"

_NEAR: Final = Decimal("1e-9")
_NEAREST: Final = Decimal("0.001")
_ROUGH: Final = Context(prec=50)


class NumberText(str):
    """The text of a quantity that the SCHEMA declares a number: its point is a decimal mark."""

    __slots__ = ()


def read_number(value: Any, mark: Literal[".", ","] | None) -> Number | RecordError | None:
    """Read a number exactly.

    Args:
        value: A number, the text of one, or nothing.
        mark: The decimal mark of texts; None if it is not set, and a point may separate thousands.

    Returns:
        The number, or `BELOW` for a lower one; None if there is none; an error, without identifier
        and location, if it is not a number, ambiguous, or too large.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _read_text(value.strip(), mark, declared=isinstance(value, NumberText))
    number = exact_number(value)
    if number is None:
        return RecordError("BAD_QUANTITY", f"{shown(value)} is not a number")
    return _bounded(number, value)


def exact_number(value: Any) -> Number | None:
    """Convert a number exactly: a float becomes the shortest decimal that reads as it.

    Returns:
        None if the value is not a finite number (`True` is not a number).
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


def exact_difference(number: Number, taken: Number) -> Number | RecordError:
    """Subtract without rounding."""
    if isinstance(number, int) and isinstance(taken, int):
        return number - taken
    try:
        return EXACT.subtract(Decimal(number), Decimal(taken))
    except (Inexact, InvalidOperation, Overflow):
        message = f"{shown(number)} less {shown(taken)} cannot be calculated without rounding"
        return RecordError("INEXACT_QUANTITY", message)


def has_fraction(value: Any) -> bool:
    """Whether a value is a number with a fraction; a text never is."""
    number = None if isinstance(value, (str, int)) else exact_number(value)
    return isinstance(number, Decimal) and number != number.to_integral_value()


def without_dust(number: Decimal) -> Number:
    """Round a number that differs from a whole one only by errors of binary arithmetic."""
    whole = number.to_integral_value()
    near = min(_NEAREST, _ROUGH.multiply(_NEAR, max(Decimal(1), abs(number))))
    return int(whole) if abs(_ROUGH.subtract(number, whole)) <= near else number


def too_large(value: Any) -> RecordError:
    """Make the error for a quantity that is too large."""
    return RecordError("QUANTITY_TOO_LARGE", f"{shown(value)} is above {MAX_QUANTITY}")


def _read_text(
    text: str, mark: Literal[".", ","] | None, *, declared: bool
) -> Number | RecordError | None:
    if not text:
        return None
    if mark is None and not declared and _MAYBE_THOUSANDS.fullmatch(text):
        reason = f"is ambiguous: set decimal_mark to '.' if its point is one; else {_REMOVE}"
        return RecordError("AMBIGUOUS_QUANTITY", f"{shown(text)} {reason}")
    if _TEXT[mark or "."].fullmatch(text):
        number = _decimal(text.replace(",", "."))
        return _bounded(number, text) if isinstance(number, Decimal) else number
    if ("," in text or "." in text) and _GROUPED.fullmatch(text):
        reason = f"is ambiguous: {_REMOVE}, and set decimal_mark"
        if mark is not None:
            reason = f"is ambiguous: decimal_mark is {mark!r}; {_REMOVE}"
        return RecordError("AMBIGUOUS_QUANTITY", f"{shown(text)} {reason}")
    return RecordError("BAD_QUANTITY", f"{shown(text)} is not a number")


def _bounded(number: Number, value: Any) -> Number | RecordError:
    """Check a number's size by its digits and its exponent, before it is used."""
    if isinstance(number, Decimal):
        if not number:
            return 0
        large = number.adjusted() >= MAX_DIGITS or not -MAX_QUANTITY <= number <= MAX_QUANTITY
    else:
        large = not -MAX_QUANTITY <= number <= MAX_QUANTITY
    if not large:
        return number
    return max(number, BELOW) if number < 0 else too_large(value)


def _decimal(text: str) -> Decimal | RecordError:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of 19 digits or more
        mantissa, _, exponent = text.lower().partition("e")
        if not mantissa.strip("+-0."):
            return Decimal(0)
        if exponent.startswith("-"):
            return RecordError("BAD_QUANTITY", f"{shown(text)} has an exponent that is too large")
        return Decimal(BELOW) if mantissa.startswith("-") else too_large(text)
