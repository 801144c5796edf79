"""Numbers, durations and lists in messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS: Final = ((86_400, "days"), (3600, "h"), (60, "min"))
_WHOLE: Final = 10


def counted(count: int, what: str, more: str = "") -> str:
    """Write a number of things: ``1 batch``, ``2 batches``; `more` is a plural without s."""
    return f"{count} {what if count == 1 else more or what + 's'}"


def duration(seconds: float) -> str:
    """Write a duration in the unit that fits it: ``40 ms``, ``12 min``, ``3.5 days``.

    A unit is used from twice its length on.
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    size, unit = next((each for each in _UNITS if seconds >= 2 * each[0]), (1, "s"))
    count = seconds / size
    return f"{count:.0f} {unit}" if count >= _WHOLE else f"{count:.1f} {unit}"


def some_of(texts: Sequence[str], most: int = 5) -> str:
    """List the first texts of perhaps many: ``a, b and 3 more``."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"
