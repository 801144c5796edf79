"""Gives rows with `lookup` the identifiers of their pairs.

A row without a pair waits to the end of the input, or until its pair comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_tocobagus.completion.completed import Completed, Failed
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import Level, RecordError
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_tocobagus.completion.lookups import Lookups
    from target_tocobagus.completion.resolved import PartRecord
    from target_tocobagus.completion.waiting_rows import Added, WaitingRow, WaitingRows
    from target_tocobagus.core.model import Identifier, Part, Place
    from target_tocobagus.ledger.levels.rejections import NotAccepted
    from target_tocobagus.window.buffer import RowBuffer


class UnnamedRows:
    """Those of one pass."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._waiting: WaitingRows | None = None

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        return self._waiting.lowest if self._waiting else None

    @property
    def count(self) -> int:
        """How many wait."""
        return self._waiting.count if self._waiting else 0

    def name(self, rows: RowBuffer) -> Completed:
        """Give the rows of a buffer their identifiers; those without a pair wait.

        Raises:
            LedgerError: The ledger cannot be read, or there is no room for rows that wait.
        """
        named = self._name(rows)
        if self._lookups.changes:
            self._lookups.see(rows.items)
        return named

    def _name(self, rows: RowBuffer) -> Completed:
        by_kind = self._lookups.by_kind
        stand_ins = {item.identifier for item in rows.items if item.identifier[0] in by_kind}
        if not stand_ins:
            return Completed()
        from target_tocobagus.completion.waiting_rows import WaitingRow

        found = self._lookups.find(stand_ins)
        left = [
            WaitingRow(item.identifier, place, level, item.low)
            for item in rows.items
            if item.identifier in stand_ins and item.identifier not in found
            for place, level in item.levels.items()
        ]
        added = self._wait(left)
        kept = []
        skipped = 0
        for item in rows.items:
            if item.identifier in found:
                identifier = found[item.identifier]
                if identifier is None:
                    skipped += len(item.levels)
                    continue
                item.identifier = identifier
            elif item.identifier in stand_ins:
                continue
            kept.append(item)
        rows.items[:] = kept
        rows.rows -= skipped + len(left)
        return Completed(skipped=skipped, superseded=added.superseded, stale=added.stale)

    def name_parts(self, rows: Sequence[PartRecord]) -> list[PartRecord]:
        """Give parts the identifiers that are known.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        asked = {one for row in rows for one, *_ in row.part.rows}
        asked |= {one for row in rows for one, _ in row.part.again}
        asked |= {one for row in rows for one in row.part.items}
        names = self._lookups.names(asked)
        return [msgspec.structs.replace(row, part=_with_names(row.part, names)) for row in rows]

    def wait_for_sums(self, rows: Sequence[tuple[Place, PartRecord]]) -> Completed:
        """Let sums wait whose items are not known.

        Args:
            rows: Their stocks, each with its record.

        Raises:
            LedgerError: The ledger cannot be read, or there is no room for them.
        """
        if not rows:
            return Completed()
        from target_tocobagus.completion.waiting_rows import WaitingRow

        found = self._lookups.find({identifier for (identifier, _), _ in rows})
        left = [
            WaitingRow(
                *(identifier, place, Level(0, row.position, row.stream, row.line), row.position),
                is_sum=True,
            )
            for (identifier, place), row in rows
            if identifier not in found
        ]
        skipped, superseded = len(rows) - len(left), self._wait(left).superseded
        return Completed(new=len(rows), skipped=skipped, superseded=superseded)

    def _wait(self, rows: Sequence[WaitingRow]) -> Added:
        if self._waiting is None:
            from target_tocobagus.completion.waiting_rows import WaitingRows

            self._waiting = WaitingRows()
        return self._waiting.add(rows)

    def take(self, kind: str, fresh: Mapping[str, Identifier | None]) -> Completed:
        """Take out the rows that have waited for new pairs."""
        found = Completed()
        for row in self._waiting.take(kind, fresh) if self._waiting else ():
            identifier = fresh[row.identifier[1]]
            if identifier is None:
                found.skipped += 1
            elif row.is_sum:  # its sum goes out
                found.superseded += 1
            else:
                item = Item(identifier, {row.location: row.level}, row.low)
                item.urgent, item.broadcast = row.level.quantity == 0, row.level.broadcast
                found.items.append(item)
        found.rows = len(found.items)
        return found

    def reject(self) -> Iterator[Completed]:
        """At the end of the input, reject the rows whose pair has not come, some at a time.

        They wait no longer, and the ledger keeps them.

        Raises:
            LedgerError: They cannot be read, or the ledger cannot be written.
        """
        while self._waiting is not None and (rows := self._waiting.oldest()):
            missing = [(self._missing(row), row) for row in rows]
            self._lookups.pairs.keep_rejected([_refused(error, row) for error, row in missing])
            self._waiting.remove(rows)
            yield Completed(failed=[_failed(error, row) for error, row in missing])

    def _missing(self, row: WaitingRow) -> RecordError:
        kind, match = row.identifier
        stream = quoted(self._lookups.by_kind[kind].reader.stream)
        text = f"lookup: no record of stream {stream} has come with {quoted(match)}"
        return RecordError("LOOKUP_MISSING", text, row.identifier, row.location)


def _refused(error: RecordError, row: WaitingRow) -> NotAccepted:
    from target_tocobagus.ledger.levels.rejections import NotAccepted

    item = Item(row.identifier, {row.location: row.level}, row.low)
    return NotAccepted(item, error.code, error.message)


def _failed(error: RecordError, row: WaitingRow) -> Failed:
    level = row.level
    return Failed(error, level.stream, level.line, level.position, row.low)


def _with_names(part: Part, names: Mapping[Identifier, Identifier]) -> Part:
    """Give a part the identifiers that are known."""
    if not names:
        return part
    rows = tuple((names.get(one, one), place, quantity) for one, place, quantity in part.rows)
    again = tuple((names.get(one, one), place) for one, place in part.again)
    items = tuple(names.get(one, one) for one in part.items)
    return msgspec.structs.replace(part, rows=rows, again=again, items=items)
