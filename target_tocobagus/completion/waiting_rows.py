"""Rows that wait for their pair (`lookup`): of each match and location the newest one.

They are in a database of SQLite's own, which is in memory while it is small, and leaves no file: no
STATE covers these rows, so a run that dies may lose them.
"""

from __future__ import annotations

import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.model import Identifier, Level, Stream
from target_tocobagus.core.versions import is_older
from target_tocobagus.ledger.database.by_items import as_json
from target_tocobagus.ledger.database.database import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MEMORY: Final = 16 << 10
"""What SQLite keeps in memory, in KiB: some ten thousand rows."""

_AT_ONCE: Final = 1000

_TABLE: Final = """
CREATE TABLE waiting (
    kind TEXT, match TEXT, place TEXT, low INTEGER, position INTEGER, stream INTEGER,
    quantity INTEGER, broadcast INTEGER, version TEXT, rejected_at INTEGER, line BLOB,
    is_sum INTEGER, UNIQUE (kind, match, place)
)
"""
_INSERT: Final = """
INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, match, place) DO """
_ADD: Final = f"{_INSERT} NOTHING"
_REPLACE: Final = f"""{_INSERT} UPDATE SET low = min(low, excluded.low),
    position = excluded.position, stream = excluded.stream, quantity = excluded.quantity,
    broadcast = excluded.broadcast, version = excluded.version, rejected_at = excluded.rejected_at,
    line = excluded.line, is_sum = excluded.is_sum
"""
_AMONG: Final = "kind = ? AND match IN (SELECT value FROM json_each(?))"
_DELETE: Final = f"DELETE FROM waiting WHERE {_AMONG}"  # noqa: S608  # our own text


class WaitingRow(msgspec.Struct, frozen=True):
    """A row that waits.

    Attributes:
        identifier: What stands in for its identifier.
        level: Its level; of a stock that is added up, only its record counts.
        low: The lowest position of the rows that it has superseded, or its own.
        is_sum: It is a part of stocks that are added up.
    """

    identifier: Identifier
    location: str | None
    level: Level
    low: int
    is_sum: bool = False


class Added(msgspec.Struct):
    """What became of rows that were added, or of those before them."""

    superseded: int = 0
    stale: int = 0


class WaitingRows:
    """Those of one pass.

    Attributes:
        count: How many wait.
    """

    def __init__(self) -> None:
        self._streams: list[Stream] = []
        self._numbers: dict[int, int] = {}
        self._low: int | None = None
        self._is_versioned = False
        self.count = 0

    @cached_property
    def _database(self) -> sqlite3.Connection:
        database = sqlite3.connect("", isolation_level=None)
        database.execute(f"PRAGMA cache_size=-{_MEMORY}")
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA journal_mode=OFF")
        database.execute(_TABLE)
        database.execute("CREATE INDEX waiting_low ON waiting (low)")
        return database

    @property
    def lowest(self) -> int | None:
        """The lowest position of them."""
        if self.count and self._low is None:
            with translated():
                (self._low,) = self._database.execute("SELECT min(low) FROM waiting").fetchone()
        return self._low if self.count else None

    def add(self, rows: Sequence[WaitingRow]) -> Added:
        """Let rows wait, each in place of an older one of its match and location.

        Raises:
            LedgerError: There is no room for them.
        """
        if not rows:
            return Added()
        with translated():
            new = self._without_stale(rows) if self._has_versions(rows) else rows
            added = self._write([self._values(row) for row in new])
        if self._low is not None or not self.count:
            lows = [row.low for row in new]
            self._low = min(lows if self._low is None else [*lows, self._low], default=None)
        self.count += added
        return Added(len(new) - added, len(rows) - len(new))

    def _has_versions(self, rows: Sequence[WaitingRow]) -> bool:
        """Whether one of the rows has a version, or one before had."""
        self._is_versioned |= any(row.level.version for row in rows)
        return self._is_versioned

    def _write(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Write rows, the newest last; returns how many had no older one."""
        database, before = self._database, self._database.total_changes
        database.execute("BEGIN")
        database.executemany(_ADD, rows)
        added = database.total_changes - before
        if added < len(rows):
            database.executemany(_REPLACE, rows)
        database.execute("COMMIT")
        return added

    def _without_stale(self, rows: Sequence[WaitingRow]) -> list[WaitingRow]:
        """Leave out rows of an older version than one that waits."""
        newest: dict[Any, tuple[str, tuple[str, str]]] = {}
        for kind in {row.identifier[0] for row in rows}:
            asked = {row.identifier[1] for row in rows if row.identifier[0] == kind}
            for row in self._find(_AMONG, kind, as_json(sorted(asked))):
                newest[row.identifier, row.location] = _version(row)
        kept = []
        for row in rows:
            version, source = newest.get((row.identifier, row.location), ("", ("", "")))
            is_same = source == row.level.stream.source
            if is_same and is_older(row.level.version, version):
                continue
            if is_same and version and not row.level.version:  # a deleted row has lost its own
                level = msgspec.structs.replace(row.level, version=version)
                row = msgspec.structs.replace(row, level=level)  # noqa: PLW2901
            newest[row.identifier, row.location] = _version(row)
            kept.append(row)
        return kept

    def _values(self, row: WaitingRow) -> tuple[Any, ...]:
        level = row.level
        number = self._numbers.get(id(level.stream))
        if number is None:
            number = self._numbers[id(level.stream)] = len(self._streams)
            self._streams.append(level.stream)
        return (
            *(*row.identifier, row.location or "", row.low, level.position, number),
            *(level.quantity, level.broadcast, level.version, level.rejected_at, level.line),
            row.is_sum,
        )

    def take(self, kind: str, matches: Iterable[str]) -> list[WaitingRow]:
        """Take out the rows of some matches, the oldest first.

        Raises:
            LedgerError: They cannot be read.
        """
        if not self.count:
            return []
        asked = as_json(sorted(matches))
        with translated():
            rows = list(self._find(f"{_AMONG} ORDER BY position", kind, asked))
            if rows:
                self._database.execute(_DELETE, (kind, asked))
                self.count -= len(rows)
                self._low = None
        return rows

    def oldest(self) -> list[WaitingRow]:
        """Return some rows, the oldest first.

        Raises:
            LedgerError: They cannot be read.
        """
        with translated():
            return list(self._find(f"true ORDER BY low LIMIT {_AT_ONCE}")) if self.count else []

    def remove(self, rows: Sequence[WaitingRow]) -> None:
        """Take rows out."""
        keys = [(*row.identifier, row.location or "") for row in rows]
        self.count -= len(rows)
        self._low = None
        with translated():
            self._database.executemany(
                "DELETE FROM waiting WHERE kind = ? AND match = ? AND place = ?", keys
            )

    def _find(self, condition: str, *values: str) -> Iterator[WaitingRow]:
        found = self._database.execute(f"SELECT * FROM waiting WHERE {condition}", values)  # noqa: S608  # ours
        for kind, match, place, low, position, stream, quantity, *said, is_sum in found:
            broadcast, version, rejected_at, line = said
            level = Level(
                *(quantity, position, self._streams[stream], line),
                *(bool(broadcast), version, rejected_at),
            )
            yield WaitingRow((kind, match), place or None, level, low, bool(is_sum))


def _version(row: WaitingRow) -> tuple[str, tuple[str, str]]:
    return row.level.version, row.level.stream.source
