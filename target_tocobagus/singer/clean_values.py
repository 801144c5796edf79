"""Which values of a record are used as they are; pure."""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET

from target_tocobagus.core.model import MAX_QUANTITY
from target_tocobagus.mapping import MOST_BYTES
from target_tocobagus.mapping.summing import part_key, short_key

SURELY_SHORT: Final = MOST_BYTES // 4
"""An identifier of so few characters cannot have too many bytes."""
_SURELY_WRITTEN: Final = 10**20
"""A whole number below it, such as those of databases, is an identifier as it is."""


def is_clean(text: Any) -> bool:
    """Whether a value is a text that is used as it is."""
    return (
        type(text) is str
        and text != ""
        and text.strip() == text
        and len(text) <= SURELY_SHORT
        and "\0" not in text
    )


def digits_of(value: Any) -> str:
    """Write a whole number that is used as it is; anything else becomes the empty text."""
    return str(value) if type(value) is int and abs(value) < _SURELY_WRITTEN else ""


def key_of(values: Any, clean: str) -> str:
    """Write what tells a part from others, if its values are used as they are; else nothing.

    Args:
        values: One value or several.
        clean: A text that is known to be used as it is.
    """
    if type(values) is not tuple:
        if type(values) is int:
            return str(values) if abs(values) <= MAX_QUANTITY else ""
        return short_key(values) if is_clean(values) else ""
    for text in values:
        if text is not clean and not is_clean(text):
            return ""
    return part_key(values)


def lacks(*values: Any) -> bool:
    """Whether a column is missing, of those that are values or several of them."""
    return any(each is UNSET or (type(each) is tuple and UNSET in each) for each in values)
