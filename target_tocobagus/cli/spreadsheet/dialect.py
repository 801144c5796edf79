"""Finds out a CSV file's encoding and the delimiter of its columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from target_tocobagus.cli.spreadsheet.header import LEAST
from target_tocobagus.singer.input_lines import BOM

if TYPE_CHECKING:
    from pathlib import Path

ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with BOM",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252 because it is not UTF-8",
    "latin-1": "Latin-1 because it is neither UTF-8 nor Windows-1252",
}
"""What is said of each, by the name that Python and tap-csv know."""

SAMPLE_ROWS: Final = 100
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
"""Its byte order marks."""

_WITHOUT_MARK: Final = ("utf-8", "cp1252", "latin-1")
_DELIMITERS: Final = {",": "`,`", ";": "`;`", "\t": "tabs", "|": "`|`"}
_CHUNK: Final = 1 << 16


def encoding_of(path: Path, beginning: bytes) -> str:
    """Find the encoding: by a byte order mark, or else the first that can read the whole file."""
    if beginning.startswith(UTF_16):
        return "utf-16"
    if beginning.startswith(BOM):
        return "utf-8-sig"
    return next(each for each in _WITHOUT_MARK if _can_read(path, each))


def delimiters_of(sample: str, *, is_whole: bool) -> list[str]:
    """Find the delimiter that gives the most rows the same number of columns, two or more.

    Of several it is the one that gives the most columns.

    Args:
        sample: The file's beginning.
        is_whole: It is the whole file.

    Returns:
        None if the file has no columns; two or more if it cannot be told.
    """
    found = {each: _columns_of(sample, each, is_whole=is_whole) for each in _DELIMITERS}
    best = max(found.values())
    return [each for each, columns in found.items() if columns == best and columns[1] >= LEAST]


def called(delimiter: str) -> str:
    """Name a delimiter, to follow "with"."""
    return _DELIMITERS[delimiter]


def _can_read(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as text:
            for _ in iter(partial(text.read, _CHUNK), ""):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _columns_of(sample: str, delimiter: str, *, is_whole: bool) -> tuple[float, int]:
    """Find the share of the rows with the most frequent number of columns, and this number."""
    widths: list[int] = []
    try:
        text = io.StringIO(sample.replace("\0", ""), newline=None)  # Python 3.10 refuses a NUL
        for row in islice(csv.reader(text, delimiter=delimiter), SAMPLE_ROWS):
            widths += [len(row)] if row else []
    except csv.Error:  # a quoted cell does not end, and its row is not counted
        is_whole = True
    counts = Counter(widths if is_whole or len(widths) == SAMPLE_ROWS else widths[:-1])
    wide = [(count, width) for width, count in counts.items() if width >= LEAST]
    count, width = max(wide, default=(0, 0))
    return count / max(1, sum(counts.values())), width
