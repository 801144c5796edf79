"""The records in the files that a BATCH message names, one at a time.

The SDK loads a whole file at once and believes the label that says how it is compressed. Here a
file is streamed, and its first bytes say whether it is gzip.
"""

from __future__ import annotations

import gzip
import io
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec

from target_tocobagus.decoding import decode_line
from target_tocobagus.errors import InputError
from target_tocobagus.foreign_text import clean, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"


def read_records(
    message: Mapping[str, Any], batch_config: Mapping[str, Any] | None
) -> Iterator[tuple[bytes, Any]]:
    """Read the records of a BATCH message, in their order.

    Args:
        message: With ``stream``, ``encoding`` and ``manifest``.
        batch_config: The SDK's setting; its ``storage`` says where files are that are not local.

    Yields:
        A RECORD message as it would have come, and its record.

    Raises:
        InputError: A file cannot be read, or is no JSONL.
    """
    encoding, manifest = message["encoding"], message["manifest"]
    form = encoding.get("format") if isinstance(encoding, dict) else None
    if form != "jsonl" or not isinstance(manifest, list):
        error = f"A BATCH of format {quoted(str(form))} cannot be read: only jsonl can"
        raise InputError(error)
    stream = msgspec.json.encode(message["stream"])
    for path in manifest:
        for number, line in _lines(str(path), batch_config):
            try:
                record = decode_line(line)
            except ValueError as error:
                text = f"Line {number} of the batch file {clean(str(path))} is not JSON"
                raise InputError(text) from error
            yield b'{"type":"RECORD","stream":%b,"record":%b}' % (stream, line), record


def _lines(path: str, batch_config: Mapping[str, Any] | None) -> Iterator[tuple[int, bytes]]:
    """Read the lines that are not empty, with the numbers that an editor would give them."""
    try:
        with _open(path, batch_config) as file, _decompressed(file) as content:
            for number, line in enumerate(content, start=1):
                if record := (line.removeprefix(_BOM) if number == 1 else line).strip():
                    yield number, record
    except Exception as error:
        # Libraries for storage raise whatever they like, and some are not installed.
        text = f"The batch file {clean(path)} cannot be read ({_cause(error)})"
        raise InputError(text) from error


def _cause(error: Exception) -> str:
    """Say why a file cannot be read, in the system's or the library's own words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return clean(str(error)) or "the storage does not say why"


@contextmanager
def _open(path: str, batch_config: Mapping[str, Any] | None) -> Iterator[IO[bytes]]:
    """Open a file: a local one as it is, any other through the SDK's storage.

    The SDK would make the directory of a local file that is not there.
    """
    parts = urlsplit(path)
    if not batch_config and parts.scheme in {"", "file"}:
        with Path(url2pathname(parts.path)).open("rb") as file:
            yield file
        return
    from singer_sdk.helpers._batch import BatchConfig, StorageTarget

    head, tail = StorageTarget.split_url(path)
    storage = BatchConfig.from_dict(dict(batch_config)).storage if batch_config else None
    with (storage or StorageTarget.from_url(head)).open(tail, mode="rb") as file:
        yield file


@contextmanager
def _decompressed(file: IO[bytes]) -> Iterator[IO[bytes]]:
    with io.BufferedReader(cast("io.RawIOBase", file)) as raw:
        if raw.peek(len(_GZIP))[: len(_GZIP)] != _GZIP:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as content:
            yield cast("IO[bytes]", content)
