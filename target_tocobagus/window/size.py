"""How much the window holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from target_tocobagus.core.model import Level

_ITEM_BYTES: Final = 500
_LEVEL_BYTES: Final = 250
"""Approximate memory of an item and of a level; measured on CPython 3.11."""


class Size:
    """Levels, and their RECORD messages if they keep them."""

    def __init__(self, *, keeps_lines: bool) -> None:
        self._keeps_lines = keeps_lines
        self._levels = 0
        self._line_bytes = 0

    def add(self, parts: list[dict[str | None, Level]], sign: int = 1) -> int:
        """Count the levels of items; returns how many more there are."""
        levels = sign * sum(map(len, parts))
        self._levels += levels
        if self._keeps_lines:
            lines = [len(level.line) for part in parts for level in part.values()]
            self._line_bytes += sign * sum(lines)
        return levels

    def remove(self, parts: list[dict[str | None, Level]]) -> int:
        """Count the levels of items as gone; returns how many more there are, 0 or less."""
        return self.add(parts, -1)

    def weight(self, items: int) -> int:
        """Approximate bytes of memory, of so many items with their levels."""
        return items * _ITEM_BYTES + self._levels * _LEVEL_BYTES + self._line_bytes
