"""Versions of a row (`newer_by`), as texts: what they are, and which of two is older.

A version is ``n`` and a number, or ``t`` and a time in UTC of one fixed length, so that later times
sort after earlier ones. Of two kinds neither is older.
"""

from __future__ import annotations

from decimal import Decimal


def is_older(version: str, other: str) -> bool:
    """Whether a version is older than another of the same kind."""
    if version[:1] != other[:1] or not version:
        return False
    if version[0] == "t":
        return version < other
    return Decimal(version[2:]) < Decimal(other[2:])
