"""Reads a file: the messages of a Singer stream, or the streams of a catalog.

The content tells which of the two it is. At most `MOST_BYTES` of the file are read, and a part that
cannot be read is a `Flaw`, not an error: a person who maps a stream often has only a part of it.
"""

from __future__ import annotations

import gzip
import io
import zlib
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from target_tocobagus.core.json_lines import decode_line, value_at
from target_tocobagus.core.plural import some_of
from target_tocobagus.singer.input_lines import BOM, GZIP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_BYTES: Final = 64 << 20
"""The most that is read of a file, after decompression."""

_TYPES: Final = ("SCHEMA", "RECORD", "STATE", "BATCH", "ACTIVATE_VERSION")


class Declared(NamedTuple):
    """A stream's columns, by a SCHEMA message or by a catalog.

    Attributes:
        remark: What a user of the catalog should know about the stream.
        keys: Its `key_properties`.
    """

    stream: str
    schema: dict[str, Any]
    remark: str = ""
    keys: tuple[str, ...] = ()


class Sampled(NamedTuple):
    """A record.

    Attributes:
        own: What is under our key of the message, in a file of rejected rows.
    """

    number: int
    stream: str
    record: Any
    own: Any = None


class Flaw(NamedTuple):
    """A part of the file that cannot be used.

    Attributes:
        number: The number of its line; ``None`` for the file as a whole.
        what: The problem, to follow the line's number.
        ends_run: A run would end there.
    """

    number: int | None
    what: str
    ends_run: bool = False


Content: TypeAlias = Declared | Sampled | Flaw


class _Lines:
    """A file's lines, as far as they are read.

    Attributes:
        cut: Why the end was not reached; empty if it was.
        is_packed: The file is compressed with gzip.
    """

    def __init__(self, buffered: io.BufferedReader[io.RawIOBase]) -> None:
        self._buffered = buffered
        self._source: io.BufferedIOBase | None = None
        self._left = MOST_BYTES
        self.cut = ""
        self.is_packed = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines that were not read yet."""
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
        """Open the file at the first read, which may fail like any other."""
        if self._source is None:
            packed = self._buffered.peek(len(GZIP)).startswith(GZIP)
            self._source = gzip.GzipFile(fileobj=self._buffered) if packed else self._buffered
            self.is_packed = packed
        return self._source


def contents(source: IO[bytes], *, unselected: bool) -> Iterator[Content]:
    """Read the content of a file, in order.

    Args:
        source: The file.
        unselected: Include streams that are not selected in a catalog.
    """
    buffered = io.BufferedReader(cast("io.RawIOBase", source))
    lines = _Lines(buffered)
    try:
        yield from _contents(iter(lines), unselected=unselected)
        if lines.is_packed:
            yield Flaw(None, "The file is compressed: a run needs it unpacked", ends_run=True)
        if lines.cut:
            yield Flaw(None, lines.cut)
    finally:
        buffered.detach()  # otherwise it closes the file when it is collected


def _contents(given: Iterator[bytes], *, unselected: bool) -> Iterator[Content]:
    beginning: list[bytes] = []
    for line in given:
        beginning.append(line)
        if len(beginning) == 1:
            beginning[0] = line.removeprefix(BOM)
        if _is_message(line):
            break
    else:
        catalog = _catalog(b"".join(beginning))
        if catalog is not None:
            yield from _declared(catalog, unselected=unselected)
            return
    for number, line in enumerate(chain(beginning, given), start=1):
        if line.strip():
            yield from _read(number, line)


def _is_message(line: bytes) -> bool:
    """Whether a line is a Singer message; a catalog of many lines has no such line."""
    try:
        message = decode_line(line.removeprefix(BOM))
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("type") in _TYPES


def _read(number: int, line: bytes) -> Iterator[Content]:
    try:
        message = decode_line(line)
    except ValueError:
        yield Flaw(number, "is not JSON", ends_run=True)
        return
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        yield Flaw(number, "is not a Singer message", ends_run=True)
    elif message["type"] in {"SCHEMA", "RECORD", "BATCH"}:
        yield _of_stream(number, message)


def _of_stream(number: int, message: Mapping[str, Any]) -> Content:
    """Read a message that names its stream."""
    kind, stream = message["type"], message.get("stream")
    if not isinstance(stream, str) or not stream:
        return Flaw(number, f"is a {kind} without a stream's name", ends_run=True)
    if kind == "BATCH":
        return Flaw(number, "is a BATCH, whose files are not read")
    if kind == "RECORD":
        if "record" not in message:
            return Flaw(number, "is a RECORD without a record", ends_run=True)
        return Sampled(number, stream, message["record"], message.get("tocobagus"))
    schema = _with_columns(message.get("schema"))
    if schema is None:
        what = "is a SCHEMA whose schema is not a JSON Schema of an object"
        return Flaw(number, what, ends_run=True)
    return Declared(stream, schema, keys=_keys_of(message))


def _catalog(text: bytes) -> list[Any] | None:
    try:
        streams = value_at(decode_line(text), "streams")
    except ValueError:
        return None
    return streams if isinstance(streams, list) else None


# A catalog


def _declared(streams: list[Any], *, unselected: bool) -> Iterator[Content]:
    """Read a catalog's streams, each as the tap would declare it by what is selected."""
    names: set[str] = set()
    left_out: list[str] = []
    for place, entry in enumerate(streams):
        found = _stream_of(entry, names) if isinstance(entry, dict) else None
        if found is None:
            yield Flaw(None, f"The catalog's streams[{place}] has no name, or no columns")
            continue
        metadata = _metadata(entry)
        if metadata.get((), {}).get("selected") is False and not unselected:
            left_out.append(repr(found.stream))
            continue
        names.add(found.stream)
        yield _as_selected(found, metadata)
    if left_out:
        yield Flaw(None, f"Not selected, and left out without --all: {some_of(left_out)}")


def _stream_of(entry: Mapping[str, Any], taken: set[str]) -> Declared | None:
    """Read a catalog's stream; its name is `stream`, unless another one has that name."""
    given = [entry.get("stream"), entry.get("tap_stream_id")]
    names = [name for name in given if isinstance(name, str) and name]
    schema = _with_columns(entry.get("schema"))
    if not names or schema is None or not schema["properties"]:
        return None
    name = next((name for name in names if name not in taken), names[0])
    other = next((other for other in names if other != name), None)
    remark = f"The catalog also calls it {other!r}: use the name in its SCHEMA messages"
    return Declared(name, schema, remark if other else "", _keys_of(entry))


def _metadata(entry: Mapping[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    given = entry.get("metadata")
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in given if isinstance(given, list) else []:
        place = value_at(each, "breadcrumb")
        if isinstance(place, list) and isinstance(each.get("metadata"), dict):
            found[tuple(map(str, place))] = each["metadata"]
    return found


def _as_selected(
    found: Declared, metadata: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> Declared:
    """Leave out the columns that the tap will not send."""
    given = found.schema["properties"]
    left_out = [name for name in given if _is_left_out(metadata.get(("properties", name), {}))]
    if not left_out:
        return found
    columns = {name: column for name, column in given.items() if name not in left_out}
    remark = f"Columns that are not selected: {some_of(list(map(repr, left_out)))}"
    both = f"{found.remark}. {remark}" if found.remark else remark
    return found._replace(schema={**found.schema, "properties": columns}, remark=both)


def _is_left_out(column: Mapping[str, Any]) -> bool:
    inclusion = column.get("inclusion")
    unwanted = column.get("selected") is False and inclusion != "automatic"
    return inclusion == "unsupported" or unwanted


def _keys_of(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the `key_properties` of a SCHEMA message, or of a catalog's stream."""
    given = message.get("key_properties")
    return tuple(key for key in given if isinstance(key, str)) if isinstance(given, list) else ()


def _with_columns(schema: Any) -> dict[str, Any] | None:
    """Let an object without `properties` declare no column, as in a run; else return ``None``."""
    columns = (schema.get("properties") or {}) if isinstance(schema, dict) else None
    return {**schema, "properties": columns} if isinstance(columns, dict) else None
