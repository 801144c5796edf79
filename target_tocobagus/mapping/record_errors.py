"""Why a part of a record is not sent: the codes, and how a wrong value is shown."""

from __future__ import annotations

import json
import reprlib
from typing import Any, Final

from target_tocobagus.core.model import Identifier, RecordError, Skipped

RECORD_ERRORS: Final = {
    "NO_IDENTIFIER": "There is a quantity, but no identifier to send it under.",
    "BAD_IDENTIFIER": "The identifier is not a text or number, too long, or not writable as UTF-8.",
    "SPOILED_IDENTIFIER": "The identifier is a long number that a spreadsheet wrote as 8.99E+12.",
    "SEVERAL_IDENTIFIERS": "An item in the API's own shape has more than one identifier.",
    "NO_WAREHOUSE": "The mapping names a warehouse, and the row has none.",
    "BAD_WAREHOUSE": "The warehouse is not a text or number, too long, or not writable as UTF-8.",
    "LOOKUP_MISSING": "The stream that is looked up has no record for this row, in no run so far.",
    "BAD_VERSION": "newer_by is not a number, date or time, or is a day ahead of the API's clock.",
    "NO_PART": "Rows are added up, and the row has nothing that tells its part from others.",
    "BAD_PART": "What tells a part from others is not a text or number, or too long.",
    "MIXED_SOURCES": "One mapping adds up an item's stock at a place, and another one sets it.",
    "UNMAPPED_WAREHOUSE": "The warehouse's code is not in warehouse_map.",
    "DUPLICATE_LOCATION": "One record has more than one stock of an item at one location.",
    "NULL_STOCK": "There is no quantity, and null_stock is reject.",
    "BAD_QUANTITY": "The quantity is not a number.",
    "AMBIGUOUS_QUANTITY": "The quantity's text has a mark that may mean thousands.",
    "QUANTITY_TOO_LARGE": "The quantity is above 9007199254740991 (2^53 - 1).",
    "INEXACT_QUANTITY": "A difference, or a sum of parts, cannot be calculated without rounding.",
    "NEGATIVE_STOCK": "The quantity is below 0, and negative_stock is reject.",
    "FRACTIONAL_STOCK": "The quantity is not a whole number, and rounding is reject.",
    "BAD_LIST": "What items, levels or warehouses names is not a list that can be used.",
    "BAD_ENTRY": "An entry of a list is not an object.",
    "BAD_JSON": "A text that a path walks into looks like JSON but is not valid.",
    "TOO_DEEP": "The record is nested too deeply to be read.",
    "BAD_EXPRESSION": "A JMESPath expression cannot be evaluated on this record.",
}
"""All codes of mapping's errors, and their meaning."""

OF_QUANTITIES: Final = frozenset(
    {
        "NULL_STOCK",
        "BAD_QUANTITY",
        "AMBIGUOUS_QUANTITY",
        "QUANTITY_TOO_LARGE",
        "INEXACT_QUANTITY",
        "NEGATIVE_STOCK",
        "FRACTIONAL_STOCK",
    },
)
"""The codes of rows whose identifier and location are known."""

_SHOWN_CHARACTERS: Final = 80
_SHOWN_BITS: Final = 256


class PathError(Exception):  # caught where rows are made
    """A path cannot be read in this record; not raised for a missing value."""

    def __init__(self, refusal: RecordError) -> None:
        """Take the error that it becomes, without identifier."""
        super().__init__(refusal.message)
        self.refusal = refusal

    def refused(self, identifier: Identifier | None = None) -> RecordError:
        """Make the error, for the item in question."""
        return RecordError(self.refusal.code, self.refusal.message, identifier)


def shown(value: Any) -> str:
    """Show a value in at most 80 characters, in time that does not grow with its size."""
    text = _shown(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def placed(
    outcome: Skipped | RecordError,
    identifier: Identifier,
    location: str | None,
) -> Skipped | RecordError:
    """Add identifier and location to an error, or to what is skipped."""
    if isinstance(outcome, Skipped):
        return Skipped(outcome.reason, named=((identifier, location),))
    return RecordError(outcome.code, outcome.message, identifier, location)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(value[:_SHOWN_CHARACTERS])
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return "an integer of more than 77 digits"
    try:
        return _SHORT.repr(value) if isinstance(value, (list, dict)) else str(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
