"""A line of JSON, decoded: its numbers exactly, and whatever a lenient tap writes."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

_LONGEST_INTEGER: Final = 100
_DEEPEST: Final = 64
"""Levels that are kept of what is nested more deeply than its reader can bear."""
_TOKENS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def read_float(text: str) -> Any:
    """Read a JSON number that is no integer, exactly; as text where no Decimal can hold it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _read_integer(text: str) -> Any:
    """Read an integer; one of thousands of digits stays text, for no quantity is so large."""
    return int(text) if len(text) < _LONGEST_INTEGER else text


_decode = msgspec.json.Decoder(float_hook=read_float).decode


def decode_line(line: bytes) -> Any:
    """Decode a line of JSON, numbers exactly.

    The strict and fast decoder goes first. What it refuses may still be what a lenient tap writes:
    NaN, a lone surrogate, a very long integer. Of what is nested too deeply for it, the depths are
    left out: an empty object takes their place, which is neither text nor number nor null.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    # Bytes that are not UTF-8 become lone surrogates: they cannot be sent, and need not be read.
    return decode_text(line.decode("utf-8", "surrogateescape"))


def decode_text(text: str) -> Any:
    """Decode JSON as a lenient tap writes it; see `decode_line`."""
    try:
        return json.loads(text, parse_float=read_float, parse_int=_read_integer)
    except RecursionError:
        text = _without_depths(text)
    return json.loads(text, parse_float=read_float, parse_int=_read_integer)


def bounded(value: Any, levels: int = _DEEPEST) -> Any:
    """Copy decoded JSON without what is nested too deeply."""
    if not isinstance(value, (dict, list)):
        return value
    if not levels:
        return {}
    if isinstance(value, list):
        return [bounded(each, levels - 1) for each in value]
    return {key: bounded(each, levels - 1) for key, each in value.items()}


def _without_depths(text: str) -> str:
    """Write an empty object for each list and object at the deepest level that is kept."""
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
