"""Guesses what a line is that is not a tap's message, for the error about it."""

from __future__ import annotations

import json
import re
from typing import Final

_UTF_8_BOM: Final = b"\xef\xbb\xbf"
_PACKED: Final = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh")
"""The first bytes of files by gzip, zip, zstd and bzip2."""
_OPENERS: Final = ("{", "[", "[{", "[ {")
_LOG: Final = re.compile(
    r"\b(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|level=|Traceback)\b", re.IGNORECASE
)
_CELLS: Final = re.compile(r"[^{}\[\]]*[,;\t|][^{}\[\]]*")


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
    if line.startswith(_UTF_8_BOM):
        return "a byte order mark (BOM) is in the middle of the input: files were joined"
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
    return "it looks like CSV: read it with a tap, such as tap-csv" if _is_csv(text) else ""


def _hint_of_object(text: str) -> str:
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return "it is incomplete, or damaged"
    rest = text[end:].lstrip(" ,;\t")
    if rest.startswith("{"):
        return "two messages are on one line: each needs a line of its own"
    return "something follows the message on its line" if rest else ""


def _is_csv(text: str) -> bool:
    return bool(_CELLS.fullmatch(text)) and text.replace("\t", " ").isprintable()
