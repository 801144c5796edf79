"""Versions of a row (`newer_by`), as texts: reading them, and which of two is older.

A version is ``n`` and a number, or ``t`` and a time in UTC of one fixed length, so that later times
sort after earlier ones. Of two kinds neither is older.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, Final

_MOST_DIGITS: Final = 100
_MIDNIGHT: Final = "T00:00:00.000000000"
_TO_MICROSECONDS: Final = slice(2, 28)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r" ?(?:(Z|z|UTC)|([+-]\d\d):?(\d\d)?)?)?",
    re.ASCII,
)
"""A date, or a date and a time, as ISO 8601 and databases write them."""


def read_version(value: Any) -> str | None:
    """Read a number, a date, or a date and time; without a zone it is UTC.

    Args:
        value: As it stands in a record; numbers and times may be texts.

    Returns:
        ``None`` if it is none of these.
    """
    if isinstance(value, str):
        text = value.strip()
        return _number(text) if _NUMBER.fullmatch(text) else _time(text)
    if isinstance(value, datetime):
        return _time(value.isoformat())
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _number(str(value))
    return None


def version_of_time(milliseconds: int) -> str:
    """Write a time, in milliseconds since the epoch, as a version."""
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return f"t {moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}000"


def milliseconds_of(version: str, *, any_time: bool = False) -> int | None:
    """Return the time that a version is, in milliseconds since the epoch.

    Args:
        version: As `read_version` writes it; empty if there is none.
        any_time: Midnight counts, too; else it is taken for a date without a time.

    Returns:
        ``None`` if it is not a time.
    """
    if version[:1] != "t" or (version.endswith(_MIDNIGHT) and not any_time):
        return None
    moment = datetime.fromisoformat(version[_TO_MICROSECONDS]).replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def is_older(version: str, other: str) -> bool:
    """Whether a version is older than another of the same kind."""
    if version[:1] != other[:1] or not version:
        return False
    if version[0] == "t":
        return version < other
    return Decimal(version[2:]) < Decimal(other[2:])


def _number(text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return f"n {number}" if number.is_finite() and len(text) <= _MOST_DIGITS else None


def _time(text: str) -> str | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, minute, second, fraction, _, hours, minutes = match.groups()
    written = f"{day}T{minute or '00:00'}:{second or '00'}"
    try:
        moment = datetime.fromisoformat(written)
        if hours:
            moment -= timedelta(hours=int(hours), minutes=int(f"{hours[0]}{minutes or 0}"))
    except (ValueError, OverflowError):
        return None
    return f"t {moment.isoformat(timespec='seconds')}.{(fraction or '').ljust(9, '0')}"
