"""Tells a header from a title and from data: tap-csv takes the first row for one in any case."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import some_of
from target_tocobagus.recognition import vocabulary as said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LEAST: Final = 2
"""How many columns a table of stock has: an identifier and a quantity."""

_NUMBER: Final = re.compile(r"[+-]?\d[\d.,]*")
_IDENTIFIES: Final = said.SKU | said.ARTICLE | said.CODE | said.BARCODE | said.ID | said.NAMES


def header_problem(header: Sequence[str], following: Iterable[tuple[int, Sequence[str]]]) -> str:
    """Say why the first row is no header, or one that loses a column; empty if it is right.

    Args:
        header: The first row.
        following: Some rows below it, each with its line.
    """
    names = [name.strip() for name in header if name.strip()]
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    twice = [repr(clean(name)) for name, count in Counter(names).items() if count > 1]
    if len(names) < LEAST:
        return _of_title(names, following)
    if twice:
        return f"has a header with {some_of(twice)} more than once: rename the others"
    if numbers and not any(map(_identifies, names)):
        held = f"line 1 holds `{clean(numbers[0])}`"
        return f"has no header: {held}. Write the columns' names above it"
    return ""


def _of_title(names: Sequence[str], following: Iterable[tuple[int, Sequence[str]]]) -> str:
    held = f"`{clean(names[0])}` alone" if names else "nothing"
    below = (line for line, cells in following if sum(map(bool, map(str.strip, cells))) >= LEAST)
    line = next(below, None)
    likely = f". The header seems to be line {line}: delete the lines above it" if line else ""
    return f"has no header: line 1 holds {held}{likely}"


def _identifies(name: str) -> bool:
    """Whether a name is that of an item's column; one with digits may be a value."""
    found = said.tokens(name)
    return all(map(str.isalpha, found)) and not _IDENTIFIES.isdisjoint(found)
