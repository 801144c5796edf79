"""Identifiers and location codes: converts a tap's values to the texts that are sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.model import Identifier, Kind, RecordError
from target_tocobagus.mapping.exact_numbers import exact_number
from target_tocobagus.mapping.record_errors import shown

if TYPE_CHECKING:
    from decimal import Decimal

    from target_tocobagus.mapping.exact_numbers import Number
    from target_tocobagus.mapping.paths import Read

_MOST_DIGITS: Final = 100
"""A number with more digits is not an identifier."""
MOST_BYTES: Final = 1000
"""A longer text in UTF-8 is not an identifier or a code."""
_SPOILED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{2,}")
"""How a spreadsheet writes a long barcode; its last digits are lost."""


class TextError(ValueError):
    """A value cannot be sent as an identifier or a code; its text says why."""


def text_of(value: Any) -> str | None:
    """Convert an identifier or a code to text, without white space around it.

    Returns:
        None for null and for a text of white space.

    Raises:
        TextError: It is neither text nor number, is too long, or cannot be encoded as UTF-8.
    """
    if type(value) is str:
        text = value.strip()
        return _writable(text) if text else None
    if value is None:
        return None
    if isinstance(value, str):
        return text_of(str(value))
    number = exact_number(value)
    if number is None:
        reason = f"{shown(value)} is neither text nor number"
        raise TextError(reason)
    return _digits(number)


def _writable(text: str) -> str:
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        reason = f"{shown(text)} has half of a character (a lone surrogate)"
        raise TextError(reason) from None
    if size > MOST_BYTES:
        reason = f"{shown(text)} has more than {MOST_BYTES} bytes"
        raise TextError(reason)
    if "\0" in text:
        reason = f"{shown(text)} has a NUL in it"
        raise TextError(reason)
    return text


def _digits(number: Number) -> str:
    """Write a number without an exponent, and whole ones without a fraction."""
    if isinstance(number, int):
        if abs(number) < 10**_MOST_DIGITS:
            return str(number)
    elif not number:
        return "0"
    elif number.adjusted() < _MOST_DIGITS:
        whole = int(number)
        if whole == number:
            return str(whole)
        if _fraction_digits(number) <= _MOST_DIGITS:
            return format(number, "f")
    reason = f"{shown(number)} has too many digits"
    raise TextError(reason)


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The paths of an item's identifier, tried in order."""

    places: tuple[tuple[Kind, Read], ...]

    def of(self, item: Any) -> Identifier | RecordError | None:
        """Read the first path that has a value; None if none has."""
        for kind, read in self.places:
            value = read(item)
            identifier = identify(kind, value)
            if identifier is not None:
                return identifier
        return None


def identify(kind: Kind, value: Any) -> Identifier | RecordError | None:
    """Make an identifier of a value; None for null and white space."""
    try:
        text = text_of(value)
    except TextError as error:
        return RecordError("BAD_IDENTIFIER", f"{kind}: {error}")
    if text is None:
        return None
    if "E+" in text and _SPOILED.fullmatch(text):
        message = f"{kind}: {shown(text)} is a number that a spreadsheet has shortened"
        return RecordError("SPOILED_IDENTIFIER", message)
    return kind, text


def _fraction_digits(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
