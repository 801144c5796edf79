"""Cuts chunks of bytes into lines of a limited length."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 64 << 20
"""Bytes of one line; a record of stock, or a STATE, has a few thousand."""


class LineTooLongError(ValueError):
    """A line is too long to be kept."""


class LineCutter:
    """Keeps an incomplete last line until the next chunk."""

    def __init__(self, longest: int = _LONGEST) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0

    def cut(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in a chunk, without their line ends.

        Raises:
            LineTooLongError: A line is too long to be kept.
        """
        ends = chunk.count(b"\n") if chunk.isspace() else 0
        # Hundreds of millions of blank lines are fast if they are not cut one by one.
        lines = [b""] * (ends + 1) if ends else chunk.split(b"\n")
        last = lines.pop()
        if lines:
            self._parts.append(lines[0])
            lines[0] = b"".join(self._parts)
            self._parts, self._size = [], 0
        self._parts.append(last)
        self._size += len(last)
        if self._size > self._longest:
            message = f"a line is longer than {self._longest >> 20} MiB"
            raise LineTooLongError(message)
        return lines

    def rest(self) -> list[bytes]:
        """Return the last line, if it has no line end."""
        last = b"".join(self._parts)
        return [last] if last else []
