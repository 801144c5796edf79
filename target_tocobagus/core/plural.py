"""A number with the thing that it counts."""

from __future__ import annotations


def counted(count: int, what: str, more: str = "") -> str:
    """Write a number of things: ``1 batch``, ``2 batches``.

    Args:
        count: How many.
        what: The word for one of them.
        more: The word for several; by default the first with an s.
    """
    return f"{count} {what if count == 1 else more or what + 's'}"
