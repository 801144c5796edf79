"""Cuts what is read piece by piece into lines, none of which may be endless."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 64 << 20
"""Bytes of one line; a record of stock, or a STATE, has a few thousand."""


class LineTooLongError(ValueError):
    """A line is too long to be kept."""


class LineCutter:
    """Keeps what follows the last line's end for the next time."""

    def __init__(self, longest: int = _LONGEST) -> None:
        """Begin at the beginning of a line."""
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0

    def cut(self, chunk: bytes) -> list[bytes]:
        """Give the lines that end in a chunk, without their ends.

        Raises:
            LineTooLongError: A line is too long to be kept.
        """
        ends = chunk.count(b"\n") if chunk.isspace() else 0
        # Blank lines by the hundred million are soon passed over, if they are not cut one by one.
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
        """Give the last line, if it has no end."""
        last = b"".join(self._parts)
        return [last] if last else []
