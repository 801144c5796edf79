"""Two streams that give one item and location different stock at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Level


class Rivals(msgspec.Struct, frozen=True):
    """Two different values of one item at one location, from two streams."""

    identifier: Identifier
    location: str | None
    older: Level
    newer: Level


def find_rivals(
    identifier: Identifier, older: dict[str | None, Level], newer: dict[str | None, Level]
) -> list[Rivals]:
    """Compare what is not settled yet with what follows."""
    pairs = [(place, older[place], newer[place]) for place in older.keys() & newer]
    return [
        Rivals(identifier, place, old, new)
        for place, old, new in pairs
        if old.stream.name != new.stream.name and old.quantity != new.quantity
    ]
