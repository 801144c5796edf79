"""The body of an answer: read up to a limit, and decoded as JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final, TypedDict

import msgspec

MOST_BYTES: Final = 8 << 20
"""The most that is read of an answer's body, after decompression."""

_ALWAYS_DECODED: Final = 256 << 10
"""Bytes; a decoded value takes up to thirty times its size in the body."""
_FREE_VALUES: Final = 10_000
"""A longer reply may have this many values, and one more for each byte of its request, in which a
row takes twenty bytes or more."""

_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
"""Encodings that are decompressed: those that were asked for, which are done in bounded steps."""


class _AcceptedRow(msgspec.Struct, gc=False):
    rowIndex: int  # noqa: N815  # the API's name


class _Data(TypedDict, total=False):
    acceptedRows: list[_AcceptedRow]
    errors: Any
    summary: Any
    batchId: Any


class _Usual(TypedDict, total=False):
    """A reply that settles rows; of each accepted row only its number is read."""

    success: Any
    data: _Data
    meta: Any
    error: Any
    requestId: Any


_decode_usual: Final = msgspec.json.Decoder(_Usual).decode


def why_unread(content: bytes, request_bytes: int) -> str:
    """Say why a body must not be decoded, to save memory; empty if it may be."""
    if len(content) > MOST_BYTES:
        return f"it is longer than {MOST_BYTES >> 20} MiB"
    if len(content) <= _ALWAYS_DECODED or content.lstrip().startswith(b"<"):  # HTML is not JSON
        return ""
    values = sum(map(content.count, (b",", b"[", b"{")))
    return "it has far more rows than were sent" if values > _FREE_VALUES + request_bytes else ""


def read_reply(content: bytes) -> Any:
    """Decode a reply, with the accepted rows as a tuple of their numbers.

    If its form is another one, decode all of it as it is.
    """
    try:
        body: Any = _decode_usual(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return read_body(content)
    if (rows := body.get("data", {}).get("acceptedRows")) is not None:
        body["data"]["acceptedRows"] = tuple([row.rowIndex for row in rows])
    return body


def read_content(raw: Any) -> bytes:
    """Read an answer's body, decompressed, up to a byte more than `MOST_BYTES`."""
    decode = raw.headers.get("content-encoding", "").lower() in _ENCODINGS
    content: bytes = raw.read(MOST_BYTES + 1, decode_content=decode)
    while len(content) <= MOST_BYTES:
        if not (more := raw.read(MOST_BYTES + 1 - len(content), decode_content=decode)):
            return content
        content += more
    raw.close()  # the unread rest makes the connection unusable
    return content


def read_body(content: bytes) -> Any:
    """Decode a body as JSON, leniently; ``None`` if it is not JSON."""
    if len(content) > MOST_BYTES:
        return None
    text = content.removeprefix(b"\xef\xbb\xbf")
    for read in (msgspec.json.decode, json.loads):
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            return read(text)
    return None
