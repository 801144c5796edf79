"""What a file holds: the messages of a Singer stream, or the streams of a catalog.

The two are told apart by what stands in them. Whatever the file is, no more than `MOST_BYTES` of it
are read or held, and what cannot be read of it is a `Flaw`, never an error: a person who maps a
stream has often only a piece of it.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final, cast

from target_tocobagus.cli.map.catalog import declared
from target_tocobagus.cli.map.content import Content, Declared, Flaw, Sampled, has_columns, keys_of
from target_tocobagus.core.json_lines import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_BYTES: Final = 64 << 20
"""So much of a file is looked at; uncompressed, if it is compressed."""

_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_MESSAGE: Final = re.compile(rb'"type"\s*:\s*"(?:SCHEMA|RECORD|STATE|BATCH|ACTIVATE_VERSION)"')
_ENDS: Final = "a run ends there"


class Lines:
    """A file's lines, as far as they are read.

    Attributes:
        cut: Why the end was not reached; empty where it was.
    """

    def __init__(self, source: IO[bytes]) -> None:
        """Read what may be compressed."""
        self._buffered = io.BufferedReader(cast("io.RawIOBase", source))
        self._source: io.BufferedIOBase | None = None
        self._left = MOST_BYTES
        self.cut = ""

    def __iter__(self) -> Iterator[bytes]:
        """Give the lines that have not been given."""
        while self._left > 0:
            try:
                line = self._uncompressed().readline(self._left)
            except (OSError, EOFError, ValueError, zlib.error) as error:
                self.cut = f"The file cannot be read to its end: {error}"
                return
            self._left -= len(line)
            if not line:
                return
            if self._left > 0 or line.endswith(b"\n"):
                yield line
        self.cut = f"Only the first {MOST_BYTES >> 20} MiB of the file were read"

    def _uncompressed(self) -> io.BufferedIOBase:
        """Open it on the first reading, which may fail like any other."""
        if self._source is None:
            packed = self._buffered.peek(len(_GZIP)).startswith(_GZIP)
            self._source = gzip.GzipFile(fileobj=self._buffered) if packed else self._buffered
        return self._source


def contents(lines: Lines, *, unselected: bool) -> Iterator[Content]:
    """Read what a file holds, in its order.

    Args:
        lines: The file's.
        unselected: Give also the streams that a catalog says are not selected.
    """
    given = iter(lines)
    beginning: list[bytes] = []
    for line in given:
        beginning.append(line)
        if len(beginning) == 1:
            beginning[0] = line.removeprefix(_BOM)
        if _is_message(line):
            break
    else:
        catalog = _catalog(b"".join(beginning))
        if catalog is not None:
            yield from declared(catalog, unselected=unselected)
            return
    for number, line in enumerate(chain(beginning, given), start=1):
        if line.strip():
            yield from _read(number, line)


def _is_message(line: bytes) -> bool:
    """Tell whether a line stands in a stream; a catalog of many lines has none that is like it."""
    if not _MESSAGE.search(line):
        return False
    try:
        message = decode_line(line.removeprefix(_BOM))
    except ValueError:
        return False
    return isinstance(message, dict) and "streams" not in message


def _read(number: int, line: bytes) -> Iterator[Content]:
    try:
        message = decode_line(line)
    except ValueError:
        yield Flaw(number, f"is not JSON; {_ENDS}")
        return
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        yield Flaw(number, f"is not a Singer message; {_ENDS}")
    elif message["type"] in {"SCHEMA", "RECORD", "BATCH"}:
        yield _of_stream(number, message)


def _of_stream(number: int, message: Mapping[str, Any]) -> Content:
    """Read a message that names its stream."""
    kind, stream = message["type"], message.get("stream")
    if not isinstance(stream, str) or not stream:
        return Flaw(number, f"is a {kind} that names no stream")
    if kind == "BATCH":
        return Flaw(number, "is a BATCH, whose records stand in files that are not looked at")
    if kind == "RECORD":
        if "record" not in message:
            return Flaw(number, f"is a RECORD without a record; {_ENDS}")
        return Sampled(number, stream, message["record"], message.get("tocobagus"))
    if not has_columns(message.get("schema")):
        return Flaw(number, f"is a SCHEMA without properties; {_ENDS}")
    return Declared(stream, message["schema"], keys=keys_of(message))


def _catalog(text: bytes) -> list[Any] | None:
    try:
        value = decode_line(text)
    except ValueError:
        return None
    streams = value.get("streams") if isinstance(value, dict) else None
    return streams if isinstance(streams, list) else None
