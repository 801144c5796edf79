"""Cuts the input into lines, and guesses what a line is that is not a tap's message."""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHUNK_BYTES: Final = 1 << 18
BOM: Final = b"\xef\xbb\xbf"
GZIP: Final = b"\x1f\x8b"
_LONGEST: Final = 64 << 20
"""Bytes of one line; a record of stock, or a STATE, has a few thousand."""
_LINES_AT_ONCE: Final = 200

_ZIP: Final = b"PK\x03\x04"
_PACKED: Final = (GZIP, b"\x28\xb5\x2f\xfd", b"BZh")
"""The first bytes of files by gzip, zstd and bzip2."""
_OPENERS: Final = ("{", "[", "[{", "[ {")
_LOG: Final = re.compile(
    r"\b(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|level=|Traceback)\b", re.IGNORECASE
)
_CELLS: Final = re.compile(r"[^{}\[\]]*[,;\t|][^{}\[\]]*")


class LineTooLongError(ValueError):
    """A line is too long to be kept."""


class LineCutter:
    """Cuts chunks into lines, and keeps an incomplete last line until the next chunk."""

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


def descriptor_of(source: IO[bytes] | IO[str]) -> int | None:
    """Find the file descriptor to wait for; `None` if a source has none."""
    try:
        return source.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None


def read_lines(
    source: IO[bytes] | IO[str], wait: Callable[[int], object]
) -> Iterator[Sequence[bytes]]:
    """Read the lines of a source, as they come.

    Raises:
        LineTooLongError: A line is too long to be kept.
    """
    descriptor = descriptor_of(source)
    if descriptor is None:
        yield from _read_texts(source)
        return
    # A larger pipe lets tap and target switch less often. Only Linux can (fcntl(2), F_SETPIPE_SZ),
    # and it may refuse.
    with suppress(AttributeError, OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, CHUNK_BYTES)
    cutter = LineCutter()
    wait(descriptor)
    while chunk := os.read(descriptor, CHUNK_BYTES):
        if lines := cutter.cut(chunk):
            yield lines
        wait(descriptor)
    if last := cutter.rest():
        yield last


def _read_texts(source: IO[bytes] | IO[str]) -> Iterator[Sequence[bytes]]:
    lines: list[bytes] = []
    for line in source:
        text = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
        lines.append(text.rstrip(b"\n"))
        if len(lines) >= _LINES_AT_ONCE:
            yield lines
            lines = []
    yield lines


def encoding_of(line: bytes) -> str:
    """Detect UTF-16 by its byte order mark, or by the zeros beside ASCII; otherwise UTF-8."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if line[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if line[:1] == b"\0" and line[1:2].isascii() else "utf-8"


def hint(line: bytes) -> str:
    """Guess what a line is that is not a message; empty if nothing is likely."""
    return hint_of_bytes(line) or _hint_of_text(line.decode("utf-8", "replace").strip())


def hint_of_bytes(line: bytes) -> str:
    """Say why a line is not text in UTF-8; empty where it may be."""
    if encoding_of(line) != "utf-8":
        return "it is UTF-16, and must be UTF-8"
    if line.startswith(BOM):
        return "a byte order mark (BOM) is in the middle of the input: files were joined"
    if line.startswith(_ZIP):
        return "it is an Excel workbook or a zip archive: save it as CSV, or unpack it"
    return "it is compressed: unpack it first" if line.startswith(_PACKED) else ""


def _hint_of_text(text: str) -> str:
    if text in _OPENERS or (text.startswith("{") and text.endswith(("{", "[", ","))):
        return "it is JSON over several lines: each message must be on one line"
    if text.startswith("["):
        return "it is a JSON array: each message must be an object on a line of its own"
    if text.startswith("{"):
        return _hint_of_object(text)
    if text.startswith("<"):
        return "it looks like HTML or XML: read it with a tap"
    if _LOG.search(text):
        return "it looks like a log: a tap must write its log to stderr"
    is_csv = _CELLS.fullmatch(text) and text.replace("\t", " ").isprintable()
    return "it looks like CSV: read it with a tap, such as tap-csv" if is_csv else ""


def _hint_of_object(text: str) -> str:
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return "it is incomplete, or damaged"
    rest = text[end:].lstrip(" ,;\t")
    if rest.startswith("{"):
        return "two messages are on one line: each needs a line of its own"
    return "something follows the message on its line" if rest else ""
