"""The body of an answer: read up to a limit, and decoded as JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final, TypedDict

import msgspec

MOST_BYTES: Final = 8 << 20
"""So much of an answer's body is read, after decompression."""

_ALWAYS_DECODED: Final = 256 << 10
"""Bytes; decoded, a value takes up to thirty times what it does in the body."""
_FREE_VALUES: Final = 10_000
"""Values that a longer reply may hold beside one for each byte of its request, in which a row takes
twenty bytes or more."""

_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
"""What an answer is decompressed from: what was asked for, and what is done in bounded steps."""


class _AcceptedRow(msgspec.Struct, gc=False):
    rowIndex: int  # noqa: N815  # the API's name


class _Data(TypedDict, total=False):
    acceptedRows: list[_AcceptedRow]
    errors: Any
    summary: Any
    batchId: Any


class _Usual(TypedDict, total=False):
    """A reply that settles rows; what else it says of each accepted row, nobody reads."""

    success: Any
    data: _Data
    meta: Any
    error: Any
    requestId: Any


_decode_usual: Final = msgspec.json.Decoder(_Usual).decode


def why_unread(content: bytes, request_bytes: int) -> str:
    """Say why a body must not be decoded, which may take much memory; empty if it may."""
    if len(content) > MOST_BYTES:
        return f"it is longer than {MOST_BYTES >> 20} MiB"
    if len(content) <= _ALWAYS_DECODED or content.lstrip().startswith(b"<"):  # HTML is not JSON
        return ""
    values = sum(map(content.count, (b",", b"[", b"{")))
    return "it has far more rows than were sent" if values > _FREE_VALUES + request_bytes else ""


def read_reply(content: bytes) -> Any:
    """Read what a run needs of a reply: of the rows that it accepts, a tuple of their numbers.

    Where that cannot be had, all that it holds, as it is.
    """
    try:
        body: Any = _decode_usual(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return read_body(content)
    if (rows := body.get("data", {}).get("acceptedRows")) is not None:
        body["data"]["acceptedRows"] = tuple([row.rowIndex for row in rows])
    return body


def read_content(raw: Any) -> bytes:
    """Read an answer's body, decompressed, up to a byte more than `MOST_BYTES`.

    Args:
        raw: urllib3's response.
    """
    decode = raw.headers.get("content-encoding", "").lower() in _ENCODINGS
    content: bytes = raw.read(MOST_BYTES + 1, decode_content=decode)
    while len(content) <= MOST_BYTES:
        if not (more := raw.read(MOST_BYTES + 1 - len(content), decode_content=decode)):
            return content
        content += more
    raw.close()  # what is left of it stands in the way of another answer
    return content


def read_body(content: bytes) -> Any:
    """Read a body as JSON, as tolerantly as it is harmless; ``None`` where it is not JSON."""
    if len(content) > MOST_BYTES:
        return None
    text = content.removeprefix(b"\xef\xbb\xbf")
    for read in (msgspec.json.decode, json.loads):
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            return read(text)
    return None
