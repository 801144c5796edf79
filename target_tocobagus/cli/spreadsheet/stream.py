"""Turns a table into the messages that tap-csv writes, so that all that follows is the same.

Each column is a text, by the name that the header gives it. The stream is named after the file.
Seen with tap-csv 1.2.0 (MeltanoLabs): a blank line is a record without columns, a short row lacks
the last ones.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, cast

import click
import msgspec

from target_tocobagus.cli.spreadsheet.table import Table, TableError, find_table
from target_tocobagus.recognition.yaml_lines import flow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_encode = msgspec.json.Encoder().encode


def table_in(path: Path) -> Table | None:
    """Find the table in a file; None if it may be a tap's output.

    Raises:
        ClickException: It is neither.
        OSError: It cannot be read.
    """
    try:
        return find_table(path)
    except TableError as error:
        message = f"{click.format_filename(path)} {error}."
        raise click.ClickException(message) from error


def opened(path: Path, table: Table | None) -> IO[bytes]:
    """Open a file; its table is read as a tap's output.

    Raises:
        OSError: It cannot be read.
    """
    if table is None:
        return path.open("rb")
    return cast("IO[bytes]", io.BufferedReader(_Lines(messages(table))))


def messages(table: Table) -> Iterator[bytes]:
    """Write a table as lines: its SCHEMA, its RECORDs, and a STATE."""
    stream = table.stream
    columns = {name: {"type": ["string", "null"]} for name in table.header}
    schema = {"type": "object", "properties": columns}
    yield _line(type="SCHEMA", stream=stream, schema=schema, key_properties=[])
    for _, cells in table.read():
        record = dict(zip(table.header, cells, strict=False))
        yield _line(type="RECORD", stream=stream, record=record)
    yield _line(type="STATE", value={"bookmarks": {stream: {}}})


def tap_lines(table: Table) -> str:
    """Write the settings with which tap-csv reads a table, in YAML."""
    config = {"entity": table.stream, "path": str(table.path), "keys": []}
    if table.delimiter != ",":
        config["delimiter"] = table.delimiter
    if table.encoding != "utf-8":
        config["encoding"] = table.encoding
    lines = {key: f"{key}: {flow(value)}" for key, value in config.items()}
    if table.path.suffix != ".csv":
        lines["path"] += "  # tap-csv needs a name that ends with .csv"
    return "files:\n  - " + "\n    ".join(lines.values()) + "\n"


class _Lines(io.RawIOBase):
    """Lines, to be read as bytes."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the rest of a line, or with the next one."""
        given = self._rest or next(self._lines, b"")
        size = min(len(buffer), len(given))
        buffer[:size], self._rest = given[:size], given[size:]
        return size


def _line(**message: Any) -> bytes:
    return _encode(message) + b"\n"
