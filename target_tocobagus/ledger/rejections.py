"""Rows that were sent and refused, and are not settled since: kept with their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from sqlalchemy import bindparam, insert, select, update

from target_tocobagus.ledger.by_items import ask_by_items, parameters
from target_tocobagus.ledger.levels import GLOBAL
from target_tocobagus.ledger.schema import level, rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Rejection

_read: Final = msgspec.json.Decoder(list[tuple[int, str, str, str]]).decode

Key: TypeAlias = tuple[str, str, str]
"""Kind, identifier and location, which is empty for the global stock."""


class OpenRejections:
    """The open rejections of one store: at most one for a level."""

    def __init__(self, store: int, dialect: str) -> None:
        self._store = store
        self._is_sqlite = dialect == "sqlite"
        self.any = False

    def count(self, reader: Connection) -> None:
        """Find out whether there are any, so that a run without any does not ask each time."""
        some = select(rejection.c.id).where(self._is_open()).limit(1)
        self.any = reader.execute(some).first() is not None

    def keys(self, reader: Connection, identifiers: Iterable[Identifier]) -> set[Key]:
        """Return the levels of some items that have one."""
        return set(self._found(reader, identifiers).values()) if self.any else set()

    def open(self, writer: Connection, rejections: Sequence[Rejection], now: int) -> None:
        """Keep refused rows, unless a later request has settled their level already."""
        for each in rejections:
            for identifier, place in each.updates:
                if identifier is not None:
                    self._open(writer, each, (*identifier, place or GLOBAL), now)

    def _open(self, writer: Connection, found: Rejection, key: Key, now: int) -> None:
        named = dict(zip(("kind", "identifier", "location"), key, strict=True))
        where = [level.c[name] == value for name, value in named.items()]
        later = select(level.c.batch).where(level.c.store == self._store, *where)
        accepted = writer.execute(later).scalar()
        if accepted is not None and found.batch is not None and accepted > found.batch:
            return
        same = [rejection.c[name] == value for name, value in named.items()]
        closing = update(rejection).where(self._is_open(), *same).values(closed_at=now)
        writer.execute(closing)
        values: dict[str, Any] = {
            "store": self._store,
            **named,
            "code": found.code,
            "message": found.message,
            "reason": found.reason,
            "stream": found.stream.name,
            "record": found.line.decode(errors="replace"),
            "schema": found.stream.schema_line.decode(errors="replace"),
            "batch": found.batch,
            "opened_at": now,
            "tried_at": now,
        }
        writer.execute(insert(rejection), values)
        self.any = True

    def close(self, writer: Connection, keys: Iterable[Key], now: int) -> None:
        """Close those of levels that have a later outcome.

        That of a global closes those of all warehouses, and one of a warehouse that of the global.
        """
        if not self.any:
            return
        settled = set(keys)
        identifiers: Any = {key[:2] for key in settled}
        numbers = [
            number
            for number, key in self._found(writer, identifiers).items()
            if key in settled
            or (*key[:2], GLOBAL) in settled
            or (key[2] == GLOBAL and key[:2] in identifiers)
        ]
        if numbers:
            closing = update(rejection).where(rejection.c.id == bindparam("number"))
            records = [{"number": number, "closed_at": now} for number in numbers]
            writer.execute(closing, records)

    def _found(self, connection: Connection, identifiers: Iterable[Identifier]) -> dict[int, Key]:
        names = ("id", "kind", "identifier", "location")
        statement = ask_by_items(rejection, names, self._is_open(), is_sqlite=self._is_sqlite)
        return {
            number: (kind, text, place)
            for _, asked in parameters(identifiers)
            for number, kind, text, place in _read(
                connection.execute(statement, asked).scalar() or "[]"
            )
        }

    def _is_open(self) -> Any:
        return (rejection.c.store == self._store) & rejection.c.closed_at.is_(None)
