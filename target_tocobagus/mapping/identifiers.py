"""Identifiers and location codes: converts a tap's values to the texts that are sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from target_tocobagus.core.model import Identifier, Kind, RecordError
from target_tocobagus.mapping.exact_numbers import exact_number
from target_tocobagus.mapping.record_errors import shown

if TYPE_CHECKING:
    from target_tocobagus.mapping.values import Read

Places: TypeAlias = "tuple[tuple[Kind, Read], ...]"
"""The paths of an item's identifier, in the order in which they are tried."""

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
    if value is None:
        return None
    if not isinstance(value, str):
        return _digits(value)
    text = value.strip()
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
    return text or None


def _digits(value: Any) -> str:
    """Write a number without an exponent, and whole ones without a fraction."""
    number = exact_number(value)
    if number is None:
        reason = f"{shown(value)} is neither text nor number"
        raise TextError(reason)
    if isinstance(number, int):
        if abs(number) < 10**_MOST_DIGITS:
            return str(number)
    elif not number:
        return "0"
    elif number.adjusted() < _MOST_DIGITS:
        whole = int(number)
        if whole == number:
            return str(whole)
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and -exponent <= _MOST_DIGITS:
            return format(number, "f")
    reason = f"{shown(number)} has too many digits"
    raise TextError(reason)


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


def first_identifier(places: Places, item: Any) -> Identifier | RecordError | None:
    """Read the first path that has a value; None if none has."""
    for kind, read in places:
        identifier = identify(kind, read(item))
        if identifier is not None:
            return identifier
    return None


def one_identifier(places: Places, item: Any) -> Identifier | RecordError | None:
    """Read the one path that has a value; None if none has, an error if several have."""
    given = [(kind, identify(kind, read(item))) for kind, read in places]
    found = [(kind, identifier) for kind, identifier in given if identifier is not None]
    if len(found) > 1:
        kinds = " and ".join(kind for kind, _ in found)
        message = f"the item has {kinds}; the API takes one identifier"
        return RecordError("SEVERAL_IDENTIFIERS", message)
    return found[0][1] if found else None
