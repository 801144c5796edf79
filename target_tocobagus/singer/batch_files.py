"""The records in the files that a BATCH message names, one at a time.

The SDK loads a whole file at once and trusts the message's label for its compression. Here a file
is streamed, and its first bytes tell whether it is gzip. After each chunk `service` is called, even
if the chunk has no whole line. A local file must be a regular one: opening or reading a named pipe
may block for ever, and then a signal would be ignored.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec

from target_tocobagus.core.errors import InputError
from target_tocobagus.core.foreign_text import clean, quoted, reason
from target_tocobagus.core.json_lines import decode_line, value_at
from target_tocobagus.singer.input_lines import BOM, CHUNK_BYTES, GZIP, LineCutter, hint_of_bytes
from target_tocobagus.singer.sdk import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager


def read_records(
    message: Mapping[str, Any],
    batch_config: Mapping[str, Any] | None,
    service: Callable[[], object] = lambda: None,
) -> Iterator[tuple[bytes, Any]]:
    """Read the records of a BATCH message in order.

    Args:
        message: With ``stream``, ``encoding`` and ``manifest``.
        batch_config: The SDK's setting; its ``storage`` says where files are that are not local.
        service: Called after each chunk of a file.

    Yields:
        The line of an equivalent RECORD message, and its record.

    Raises:
        InputError: A file cannot be read, or is not JSONL.
    """
    encoding, manifest = message["encoding"], message["manifest"]
    form = value_at(encoding, "format")
    if form != "jsonl" or not isinstance(manifest, list):
        error = f"A BATCH of format {quoted(str(form))} cannot be read: only jsonl can"
        raise InputError(error)
    stream = msgspec.json.encode(message["stream"])
    for path in manifest:
        number = 0
        for lines in _chunks(str(path), batch_config):
            for place, line in enumerate(lines if any(lines) else (), start=number + 1):
                if line and (text := (line.removeprefix(BOM) if place == 1 else line).strip()):
                    record = _decode(text, place, str(path))
                    yield b'{"type":"RECORD","stream":%b,"record":%b}' % (stream, text), record
            number += len(lines)
            service()


def _decode(line: bytes, number: int, path: str) -> Any:
    try:
        return decode_line(line)
    except ValueError as error:
        why = f" ({found})" if (found := hint_of_bytes(line)) else ""
        text = f"Line {number} of the batch file {clean(path)} is not JSON{why}"
        raise InputError(text) from error


def _chunks(path: str, batch_config: Mapping[str, Any] | None) -> Iterator[list[bytes]]:
    """Read a file; yields for each chunk the lines that end in it."""
    try:
        with _open(path, batch_config) as file, _decompressed(file) as content:
            cutter = LineCutter()
            while chunk := content.read(CHUNK_BYTES):
                yield cutter.cut(chunk)
            yield cutter.rest()
    except Exception as error:  # libraries for storage raise errors of any type
        text = f"The batch file {clean(path)} cannot be read ({reason(error)})"
        raise InputError(text) from error


def _open(path: str, batch_config: Mapping[str, Any] | None) -> AbstractContextManager[IO[bytes]]:
    """Open a file: a local one directly, any other through the SDK's storage.

    The SDK would create the directory of a missing local file.
    """
    if not batch_config and (local := _local(path)):
        return local
    address, opened = open_storage(path, batch_config)
    return _local(address) or opened()


def _local(path: str) -> IO[bytes] | None:
    """Open a local file; ``None`` if the path is not local.

    Raises:
        InputError: It is not a regular file.
    """
    parts = urlsplit(path)
    if parts.scheme not in {"", "file"}:
        return None
    # O_NONBLOCK: does not wait for the writer of a named pipe; regular files ignore it.
    descriptor = os.open(url2pathname(parts.path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = "it is not a regular file"
        raise InputError(message)
    return open(descriptor, "rb")  # noqa: PTH123  # a descriptor; the caller closes it


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    raw = io.BufferedReader(cast("io.RawIOBase", file))
    packed = raw.peek(len(GZIP))[: len(GZIP)] == GZIP
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
