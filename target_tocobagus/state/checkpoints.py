"""The tap's STATEs that wait, and how one is read and written.

A STATE covers every record before it. It is safe once each of these has its outcome, that is, once
the lowest unsettled position is after it. Of several safe ones only the newest counts. A STATE is
passed on byte for byte, with one key of ours added.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN_KEY: Final = "tocobagus"
_MOST_WAITING: Final = 1000
_MOST_BYTES: Final = 32 << 20
_KEY_BYTES: Final = 200
"""Approximate memory of a key of a STATE, without its text and its value."""

_decoder: Final = json.JSONDecoder(parse_float=str, parse_int=str)
"""Python's lenient reader; numbers stay text, because they are never used and may be long."""

Value: TypeAlias = dict[str, msgspec.Raw]
"""A STATE's value: decoded keys, and their values as they came."""


def read_value(line: bytes) -> Value | None:
    """Take the value out of a STATE message, without the key that an earlier run added.

    Returns:
        ``None`` if it holds nothing of the tap's: emitting that would wipe the tap's bookmarks.

    Raises:
        ValueError: The value is neither an object nor null.
    """
    try:
        line.decode()  # values are not parsed, but must be valid UTF-8
        value = msgspec.json.decode(line, type=_StateMessage).value or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value = _read_leniently(line)
    value.pop(OWN_KEY, None)
    return value or None


def _read_leniently(line: bytes) -> Value:
    """Read a STATE that the strict decoder refuses: NaN, invalid UTF-8, lone surrogates."""
    text = line.decode("utf-8", "surrogateescape").strip()
    try:
        _decoder.decode(text)
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error
    value = _members(text).get("value", "null")
    if value == "null":
        return {}
    if not value.startswith("{"):
        message = "the value of a STATE must be an object"
        raise ValueError(message)
    # Invalid UTF-8 is passed on as escapes, as lone surrogates are.
    return {
        key: msgspec.Raw(part.encode("utf-8", "backslashreplace"))
        for key, part in _members(value).items()
    }


def _members(text: str) -> dict[str, str]:
    """Split an object of valid JSON into its keys and the text of each value."""
    members = {}
    at = _skip_space(text, 1)
    while text[at] != "}":
        key, at = _decoder.raw_decode(text, at)
        start = _skip_space(text, _skip_space(text, at) + 1)
        _, at = _decoder.raw_decode(text, start)
        members[key] = text[start:at]
        at = _skip_space(text, at)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return members


def _skip_space(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def write_value(value: Value, own: Mapping[str, Any]) -> bytes:
    """Write the value of a STATE with our key in it, as one line of JSON without its end."""
    try:
        return msgspec.json.encode({**value, OWN_KEY: own})
    except UnicodeEncodeError:
        # A key has a lone surrogate, which can only be written as an escape.
        raw = {**value, OWN_KEY: msgspec.Raw(msgspec.json.encode(own))}
        parts = [b"%b:%b" % (json.dumps(key).encode(), bytes(raw[key])) for key in raw]
        return b"{" + b",".join(parts) + b"}"


class _StateMessage(msgspec.Struct):
    value: Value | None


class Checkpoints:
    """The STATEs that wait until the records they cover are settled.

    If they are too many or too large, every second one is dropped, but never the newest: the next
    one covers it.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Value]] = []
        self._bytes = 0

    def __len__(self) -> int:
        """Count those that wait."""
        return len(self._waiting)

    def add(self, position: int, value: Value) -> None:
        """Add a STATE that came after the record at a position."""
        if self._waiting and self._waiting[-1][0] == position:
            self._bytes -= _size(self._waiting.pop()[1])
        self._waiting.append((position, value))
        self._bytes += _size(value)
        while len(self._waiting) > 1 and (
            len(self._waiting) > _MOST_WAITING or self._bytes > _MOST_BYTES
        ):
            del self._waiting[-2::-2]
            self._bytes = sum(_size(each) for _, each in self._waiting)

    def take_safe(self, lowest: int | None) -> Value | None:
        """Take out the newest STATE before the lowest unsettled position.

        Args:
            lowest: ``None`` if every record so far has its outcome.
        """
        safe = None
        while self._waiting and (lowest is None or self._waiting[0][0] < lowest):
            safe = self._waiting.pop(0)[1]
            self._bytes -= _size(safe)
        return safe


def _size(value: Value) -> int:
    """Approximate bytes of memory of a value."""
    return sum([_KEY_BYTES + len(key) + memoryview(part).nbytes for key, part in value.items()])
