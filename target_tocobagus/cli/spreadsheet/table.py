"""Reads a table that was saved as CSV, row by row, as tap-csv reads it: each cell is a text.

Encoding and delimiter are found out from the file. What tap-csv would silently read wrongly is an
error here, which names the line.
"""

from __future__ import annotations

import csv
import os
from functools import partial
from itertools import chain, islice
from pathlib import Path  # noqa: TC003  # msgspec reads the type of the field
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import msgspec

from target_tocobagus.cli.spreadsheet.dialect import (
    ENCODINGS,
    SAMPLE_ROWS,
    UTF_16,
    called,
    delimiters_of,
    encoding_of,
)
from target_tocobagus.cli.spreadsheet.formats import may_be_messages, other_format
from target_tocobagus.cli.spreadsheet.header import header_problem
from target_tocobagus.singer.input_lines import GZIP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EMPTY: Final = "is empty"
_SUFFIXES: Final = {".csv", ".tsv"}
_SAMPLE_BYTES: Final = 1 << 18
_LONGEST: Final = 1 << 20
_FEW: Final = 5


class TableError(ValueError):
    """A file holds no table that can be read; the text follows the file's name."""


class Row(NamedTuple):
    """A row, and the line of the file that it begins in."""

    line: int
    cells: list[str]


class Table(msgspec.Struct, frozen=True):
    """A file that holds a table.

    Attributes:
        encoding: As Python and tap-csv call it.
        header: The columns' names; the cells of an empty one are all empty.
        rows: How many there are below the header.
        remark: What a person should know about its rows; often empty.
    """

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    rows: int
    remark: str = ""

    @property
    def stream(self) -> str:
        """The stream's name: the file's, without its suffix."""
        return os.fsencode(self.path.stem).decode("utf-8", "replace")

    @property
    def described(self) -> str:
        """How the file is read, in one sentence."""
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        columns = f"{called(self.delimiter)} between columns"
        return f"Read as CSV: {columns}, {ENCODINGS[self.encoding]}, {rows}."

    def read(self) -> Iterator[Row]:
        """Read the rows below the header."""
        return islice(_rows(self.path, self.encoding, self.delimiter), 1, None)


def find_table(path: Path) -> Table | None:
    """Find the table in a file; None if it may be a tap's output, or is no regular file.

    Raises:
        TableError: It has another format, or a table that cannot be read without doubt.
        OSError: It cannot be read.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        beginning = file.read(_SAMPLE_BYTES)
    if not beginning:
        raise TableError(_EMPTY)
    if what := other_format(path, beginning):
        message = f"is {what}"
        raise TableError(message)
    encoding = "utf-16" if beginning.startswith(UTF_16) else "utf-8-sig"
    text = beginning.decode(encoding, "replace")
    if beginning.startswith(GZIP) or may_be_messages(text):
        return None
    found = delimiters_of(text, is_whole=len(beginning) < _SAMPLE_BYTES)
    if len(found) > 1:
        message = f"may have {' or '.join(map(called, found))} between its columns"
        raise TableError(message)
    if found:
        return _examined(path, encoding_of(path, beginning), found[0])
    if path.suffix.lower() not in _SUFFIXES:
        return None
    raise TableError("has only one column" if text.strip() else _EMPTY)


def _examined(path: Path, encoding: str, delimiter: str) -> Table:
    """Read the whole file once, and see that each row fits the header."""
    rows = _rows(path, encoding, delimiter)
    (_, header), *sample = islice(rows, SAMPLE_ROWS)
    flaws = _Flaws(header)
    if not (problem := header_problem(header, sample)):
        for row in chain(sample, rows):
            flaws.note(row)
        problem = flaws.problem(delimiter)
    if problem:
        raise TableError(problem)
    return Table(path, encoding, delimiter, tuple(header), flaws.rows, flaws.remark)


class _Flaws:
    """The lines of rows that do not fit the header."""

    def __init__(self, header: Sequence[str]) -> None:
        self._named = [bool(name.strip()) for name in header]
        self._long = _Lines()
        self._short = _Lines()
        self._unnamed = _Lines()
        self.rows = 0

    def note(self, row: Row) -> None:
        """Add a row."""
        self.rows += 1
        width = len(self._named)
        if len(row.cells) > width and any(map(str.strip, row.cells[width:])):
            self._long.add(row.line)
        elif 0 < len(row.cells) < width:
            self._short.add(row.line)
        pairs = zip(row.cells, self._named, strict=False)
        if any(not is_named and cell.strip() for cell, is_named in pairs):
            self._unnamed.add(row.line)

    def problem(self, delimiter: str) -> str:
        """Say why the table cannot be used; empty if it can."""
        if self._long.count:
            return (
                f"has more cells than its header ({len(self._named)}) in {self._long}: a cell with"
                f" {called(delimiter)} in it must be between quotation marks"
            )
        if self._unnamed.count:
            return f"has values below an empty name in its header, in {self._unnamed}: name it"
        return ""

    @property
    def remark(self) -> str:
        """What a person should know; empty if there is nothing."""
        if not self._short.count:
            return ""
        return f"Fewer cells than in the header, in {self._short}: the others are missing there"


class _Lines:
    """The numbers of some lines; the first few are kept."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self.count = 0

    def __str__(self) -> str:
        more = f" and {self.count - _FEW:,} more" if self.count > _FEW else ""
        return f"line{'s' * (self.count > 1)} {', '.join(self._first)}{more}"

    def add(self, line: int) -> None:
        self.count += 1
        if self.count <= _FEW:
            self._first.append(str(line))


def _rows(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    """Read rows; every kind of line end becomes a newline, also within a cell, as in tap-csv."""
    line = 1
    with path.open(encoding=encoding) as text:
        reader = csv.reader(_lines_of(text), delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                yield Row(line, cells)
                line = reader.line_num + 1
        except csv.Error as error:
            message = (
                "has a quoted cell that does not end, or that has text after its end, in the row"
                f" that begins in line {line}"
            )
            raise TableError(message) from error
        except UnicodeDecodeError as error:
            message = f"is not valid {ENCODINGS[encoding]}, somewhere after line {line}"
            raise TableError(message) from error


def _lines_of(text: IO[str]) -> Iterator[str]:
    """Read lines, each as far as the line of a table can be long."""
    for number, line in enumerate(iter(partial(text.readline, _LONGEST), ""), 1):
        if "\0" in line:
            message = (
                f"has a NUL in line {number}: it is damaged, or in UTF-16 without a byte order mark"
            )
            raise TableError(message)
        if len(line) == _LONGEST:
            message = f"has more than {_LONGEST:,} characters in line {number}"
            raise TableError(message)
        yield line
