"""A line of JSON, decoded: its numbers exactly, and whatever a lenient tap writes."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

_LONGEST_INTEGER: Final = 100


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
    NaN, a lone surrogate, a very long integer.

    Raises:
        ValueError: It is no JSON at all.
    """
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        # Bytes that are no UTF-8 become lone surrogates: they cannot be sent, and need not be read.
        text = line.decode("utf-8", "surrogateescape")
        return json.loads(text, parse_float=read_float, parse_int=_read_integer)
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error
