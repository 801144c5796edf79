"""Decodes lines of JSON, with exact numbers, also if they are not strictly valid."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

_LONGEST_INTEGER: Final = 100
_DEEPEST: Final = 64
"""How many levels are kept of a value that is nested too deeply for its reader."""
_TOKENS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def read_float(text: str) -> Any:
    """Read a JSON number with a fraction or exponent exactly; as text if Decimal cannot hold it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _read_integer(text: str) -> Any:
    """Read an integer; a very long one stays text, because no quantity is so large."""
    return int(text) if len(text) < _LONGEST_INTEGER else text


decode_strictly = msgspec.json.Decoder(float_hook=read_float).decode
REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What it raises, and any other decoder of msgspec, on a line that it cannot read."""


def decode_line(line: bytes) -> Any:
    """Decode a line of JSON, with exact numbers.

    The strict, fast decoder is tried first. It refuses some lines that taps write: with NaN, a lone
    surrogate, a very long integer. If a line is nested too deeply, an empty object replaces the
    deepest levels, because it is neither a text nor a number nor null.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return decode_strictly(line)
    except REFUSED:
        pass
    # Bytes that are not UTF-8 become lone surrogates: they cannot be sent, and need not be read.
    return decode_text(line.decode("utf-8", "surrogateescape"))


def decode_text(text: str) -> Any:
    """Decode JSON that need not be strictly valid; see `decode_line`."""
    try:
        return json.loads(text, parse_float=read_float, parse_int=_read_integer)
    except RecursionError:
        text = _without_depths(text)
    return json.loads(text, parse_float=read_float, parse_int=_read_integer)


def value_at(value: Any, *keys: str) -> Any:
    """Follow keys through decoded objects; None where one is missing, or is not in an object."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def bounded(value: Any, levels: int = _DEEPEST) -> Any:
    """Copy decoded JSON without its levels that are too deep."""
    if not isinstance(value, (dict, list)):
        return value
    if not levels:
        return {}
    if isinstance(value, list):
        return [bounded(each, levels - 1) for each in value]
    return {key: bounded(each, levels - 1) for key, each in value.items()}


def _without_depths(text: str) -> str:
    """Replace lists and objects below the deepest level that is kept by empty objects."""
    kept: list[str] = []
    depth = start = 0
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark in "[{":
            if depth == _DEEPEST:
                kept += [text[start : token.start()], "{}"]
            depth += 1
        elif mark in "]}":
            depth -= 1
            if depth == _DEEPEST:
                start = token.end()
    return "".join([*kept, text[start:]]) if depth <= _DEEPEST else text[:1]
