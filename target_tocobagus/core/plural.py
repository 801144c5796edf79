"""Numbers and lists in messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(count: int, what: str, more: str = "") -> str:
    """Write a number of things: ``1 batch``, ``2 batches``; `more` is a plural without s."""
    return f"{count} {what if count == 1 else more or what + 's'}"


def some_of(texts: Sequence[str], most: int = 5) -> str:
    """List the first texts of perhaps many: ``a, b and 3 more``."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"
