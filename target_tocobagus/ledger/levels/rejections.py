"""Rows that were sent and refused, and are not settled since: kept with their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from sqlalchemy import bindparam, exists, func, insert, select, update

from target_tocobagus.ledger.database.by_items import ask_by_items, parameters
from target_tocobagus.ledger.database.schema import rejection
from target_tocobagus.ledger.levels.levels import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.window.pending import Item

_read: Final = msgspec.json.Decoder(list[tuple[int, str, str, str]]).decode

_AT_ONCE: Final = 200

Key: TypeAlias = tuple[str, str, str]
"""Kind, identifier and location, which is empty for the global stock."""


def is_refused(table: Any) -> Any:
    """Whether there is an open rejection of the level that a row of a table is about."""
    level = ("store", "kind", "identifier", "location")
    same = [rejection.c[name] == table.c[name] for name in level]
    return exists().where(*same, rejection.c.closed_at.is_(None))


class NotAccepted(msgspec.Struct, frozen=True):
    """An item that the API has refused, or left out for good.

    Attributes:
        code: Why, as `message` and `reason`.
        is_unlisted: The store does not list it.
        is_skipped: Its rows are skipped, and so not kept.
    """

    item: Item
    code: str = ""
    message: str = ""
    reason: str = ""
    is_unlisted: bool = False
    is_skipped: bool = False


class Due(msgspec.Struct, frozen=True):
    """An open rejection that is to be sent again.

    Attributes:
        number: Of its row.
        identifier: Its item.
        location: Its warehouse; ``None`` if it is global.
        record: The RECORD message, as it came.
        schema: The SCHEMA message.
        opened_at: When it was rejected, in ms since the epoch.
    """

    number: int
    identifier: Identifier
    location: str | None
    record: str
    schema: str
    opened_at: int


class OpenRejections:
    """The open rejections of one store: at most one for a level.

    Attributes:
        any: There may be some.
        has_dropped: A refused row was not kept.
        overtaken: By item and location the position of a record that was deleted, or cannot be
            used: rows before it are not kept.
    """

    def __init__(self, store: int, dialect: str) -> None:
        self._store = store
        self._is_sqlite = dialect == "sqlite"
        self.any = self.has_dropped = False
        self.overtaken: Mapping[Place, int] = {}

    def count(self, reader: Connection) -> None:
        """Find out whether there are any, so that a run without any does not ask each time."""
        some = select(rejection.c.id).where(self._is_open()).limit(1)
        self.any = reader.execute(some).first() is not None

    def items(self, reader: Connection, identifiers: Iterable[Identifier]) -> set[tuple[str, str]]:
        """Return those of some items that have one."""
        if not self.any:
            return set()
        return {key[:2] for key in self.found(reader, identifiers).values()}

    def of_stream(
        self, reader: Connection, identifiers: Iterable[Identifier], stream: str
    ) -> set[Place]:
        """Return the levels of some items that have one from a stream."""
        if not self.any:
            return set()
        is_of_stream = rejection.c.stream == stream
        keys: Any = self.found(reader, identifiers, is_of_stream).values()
        return {(key[:2], key[2] or None) for key in keys}

    def open(
        self, writer: Connection, refused: Sequence[NotAccepted], batch: int, now: int
    ) -> None:
        """Keep refused rows in place of those of the same levels that are open."""
        # First, so that a record that comes meanwhile, and overtakes one of these, closes it.
        self.any |= bool(refused)
        rows = [row for each in refused for row in self._rows(each, batch, now)]
        if rows:
            keys = {(row["kind"], row["identifier"], row["location"]) for row in rows}
            found = self.found(writer, [key[:2] for key in keys])
            self.close_rows(writer, [number for number, key in found.items() if key in keys], now)
            writer.execute(insert(rejection), rows)

    def _rows(self, refused: NotAccepted, batch: int, now: int) -> Iterator[dict[str, Any]]:
        kind, identifier = refused.item.identifier
        for place, level in refused.item.levels.items():
            if level.position < self.overtaken.get((refused.item.identifier, place), 0):
                self.has_dropped = True
                continue
            if not (level.line or level.stream.schema_line):  # what an operator has sent
                continue
            yield {
                "store": self._store,
                "kind": kind,
                "identifier": identifier,
                "location": place or GLOBAL,
                "code": refused.code,
                "message": refused.message,
                "reason": refused.reason,
                "stream": level.stream.name,
                "record": _text(level.line),
                "schema": _text(level.stream.schema_line),
                "batch": batch,
                "opened_at": now,
                "tried_at": now,
            }

    def take_due(self, writer: Connection, after: int, before: int, now: int) -> list[Due]:
        """Return the next that were not tried since a time, and note that they are tried now.

        Args:
            writer: Where they are.
            after: The number of the last one that was returned.
            before: The time.
            now: The time of now.
        """
        row = rejection.c
        is_due = self._is_open() & (row.tried_at <= before) & (row.id > after)
        columns = (row.id, row.kind, row.identifier, row.location, row.record, row.schema)
        asked = select(*columns, row.opened_at).where(is_due).order_by(row.id).limit(_AT_ONCE)
        due = [
            Due(number, (kind, text), place or None, *said)
            for number, kind, text, place, *said in writer.execute(asked).all()
        ]
        if due:
            tried = update(rejection).where(row.id == bindparam("number"))
            writer.execute(tried, [{"number": each.number, "tried_at": now} for each in due])
        return due

    def close(
        self,
        writer: Connection,
        keys: Iterable[Key],
        now: int,
        *,
        alone: bool = False,
        undecided: bool = False,
    ) -> bool:
        """Close those of levels that have a later outcome.

        Args:
            writer: Where to.
            keys: The levels.
            now: The time.
            alone: The API knows nothing new of them. Otherwise a global also closes those of all
                warehouses, and a warehouse that of the global.
            undecided: They have none after all. One that has taken the place of an earlier one
                stays open: a STATE may have covered the row of that.

        Returns:
            Whether there were any.
        """
        if not self.any:
            return False
        settled = set(keys)
        identifiers: Any = {key[:2] for key in settled}
        conditions = [~_has_replaced()] if undecided else []
        numbers = [
            number
            for number, key in self.found(writer, identifiers, *conditions).items()
            if key in settled
            or (not alone and ((*key[:2], GLOBAL) in settled))
            or (not alone and key[2] == GLOBAL and key[:2] in identifiers)
        ]
        self.close_rows(writer, numbers, now)
        return bool(numbers)

    @staticmethod
    def close_rows(writer: Connection, numbers: Sequence[int], now: int) -> None:
        """Close those of some numbers."""
        if numbers:
            # Nobody needs the messages any more, and each night may close as many again.
            closed: dict[str, Any] = {"closed_at": now, "record": "", "schema": ""}
            closing = update(rejection).where(rejection.c.id == bindparam("number"))
            writer.execute(closing, [{**closed, "number": number} for number in numbers])

    def found(
        self,
        connection: Connection,
        identifiers: Iterable[Identifier],
        *conditions: ColumnElement[bool],
    ) -> dict[int, Key]:
        """Return the open rejections of items by their numbers."""
        columns = [rejection.c[name] for name in ("id", "kind", "identifier", "location")]
        asking = (self._is_open(), *conditions)
        statement = ask_by_items(rejection, columns, *asking, is_sqlite=self._is_sqlite)
        return {
            number: (kind, text, place)
            for _, asked in parameters(identifiers)
            for number, kind, text, place in _read(
                connection.execute(statement, asked).scalar() or "[]"
            )
        }

    def closed(
        self, reader: Connection, identifiers: Collection[Identifier], since: int
    ) -> dict[Key, int]:
        """Say when the last row was closed of those levels of items that have none open.

        Args:
            reader: Where from.
            identifiers: The items.
            since: Rows that were closed before this do not count.
        """
        last = func.max(rejection.c.closed_at)
        level = [rejection.c[name] for name in ("kind", "identifier", "location")]
        is_later = (rejection.c.store == self._store) & (rejection.c.closed_at > since)
        rows: Any = reader.execute(select(*level, last).where(is_later).group_by(*level))
        still_open = {*self.found(reader, identifiers).values()}
        return {
            key: at
            for *level, at in rows
            if (key := tuple(level))[:2] in identifiers and key not in still_open
        }

    def _is_open(self) -> Any:
        return (rejection.c.store == self._store) & rejection.c.closed_at.is_(None)


def _has_replaced() -> ColumnElement[bool]:
    """Whether a rejection was opened in place of an earlier one of its level; see `open`."""
    earlier = rejection.alias()
    key = ("store", "kind", "identifier", "location")
    same = [earlier.c[name] == rejection.c[name] for name in key]
    return exists().where(*same, earlier.c.closed_at == rejection.c.opened_at)


def _text(line: bytes) -> str:
    """Read a message as it came; PostgreSQL keeps no NUL."""
    return line.decode(errors="replace").replace("\0", "\ufffd")
