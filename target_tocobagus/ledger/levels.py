"""Reads and writes levels: the statements that run for every row.

Whole batches go in one statement. Identifiers are handed in as one JSON text, since no database
takes a million parameters. SQLite takes the rows of an upsert as they are; PostgreSQL takes them as
JSON too, because it answers each statement of its own over the network.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from target_tocobagus.ledger.schema import level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Select

    from target_tocobagus.core.model import Identifier

GLOBAL: Final = ""
"""The location of a global stock."""

WRITTEN: Final = (
    "kind",
    "identifier",
    "location",
    "quantity",
    "accepted_at",
    "batch",
    "doubt",
    "version",
    "source",
)
_KEY: Final = ("store", "kind", "identifier", "location")


class Known(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of a level.

    Attributes:
        location: Empty for the global stock.
        quantity: Last accepted; ``None`` if none is known.
        accepted_at: When, in ms since the epoch.
        batch: By which row of the table of batches.
        doubt: The run of the last attempt with an unknown outcome.
        version: The newest that was sent or found unchanged; see `versions`.
        source: Which stream and entry sent it last.
    """

    location: str
    quantity: int | None
    accepted_at: int | None
    batch: int | None
    doubt: int | None
    version: str | None
    source: int | None


class Levels:
    """The levels of one store."""

    def __init__(self, store: int, dialect: str) -> None:
        self._store = store
        self._is_sqlite = dialect == "sqlite"

    def certain(
        self, reader: Connection, identifiers: Iterable[Identifier], since: int, now: int
    ) -> set[tuple[str, str, str, int]]:
        """Find the levels that are not marked and were accepted between two times.

        Returns:
            Kind, identifier, location and quantity of each.
        """
        found: set[tuple[str, str, str, int]] = set()
        times = {"since": since, "now": now}
        for kind, texts in _by_kind(identifiers).items():
            rows = reader.execute(self._certain, self._of(kind, texts) | times)
            found.update(map(tuple, rows.cursor.fetchall()))
        return found

    def recall(
        self, reader: Connection, identifiers: Iterable[Identifier]
    ) -> dict[Identifier, dict[str, Known]]:
        """Read all levels of these items, by item and location."""
        known: dict[Identifier, dict[str, Known]] = {}
        for kind, texts in _by_kind(identifiers).items():
            rows = reader.execute(self._recall, self._of(kind, texts))
            for identifier, location, *values in rows.cursor.fetchall():
                key: Any = (kind, identifier)
                known.setdefault(key, {})[location] = Known(location, *values)
        return known

    def write(self, writer: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write levels, each as a tuple of the columns in `WRITTEN`."""
        if not rows:
            return
        if self._is_sqlite:
            store = (self._store,)
            writer.exec_driver_sql(self._upsert_text, [store + row for row in rows])
        else:
            records = [dict(zip(WRITTEN, row, strict=True)) for row in rows]
            writer.execute(self._upsert, {"rows": _json(records)})

    def forget(self, writer: Connection, identifiers: Iterable[Identifier]) -> None:
        """Delete all levels of items."""
        self._delete(writer, identifiers, level.c.location == level.c.location)

    def forget_warehouses(self, writer: Connection, identifiers: Iterable[Identifier]) -> None:
        """Delete the levels of items at warehouses."""
        self._delete(writer, identifiers, level.c.location != GLOBAL)

    def forget_global(self, writer: Connection, identifiers: Iterable[Identifier]) -> None:
        """Delete the global levels of items."""
        self._delete(writer, identifiers, level.c.location == GLOBAL)

    def _delete(
        self, writer: Connection, identifiers: Iterable[Identifier], condition: Any
    ) -> None:
        for kind, texts in _by_kind(identifiers).items():
            statement = delete(level).where(*self._matches, condition)
            writer.execute(statement, self._of(kind, texts))

    def set_versions(self, writer: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Note newer versions of unchanged levels: kind, identifier, location, version, source."""
        names = ("on_kind", "on_identifier", "on_location", "version", "source")
        statement = update(level).where(
            level.c.store == self._store,
            level.c.kind == bindparam("on_kind"),
            level.c.identifier == bindparam("on_identifier"),
            level.c.location == bindparam("on_location"),
        )
        if rows:
            records = [dict(zip(names, row, strict=True)) for row in rows]
            writer.execute(statement, records)

    def _of(self, kind: str, identifiers: list[str]) -> dict[str, Any]:
        return {"kind": kind, "identifiers": _json(identifiers)}

    @cached_property
    def _matches(self) -> list[Any]:
        """The conditions for the items of one kind."""
        texts = bindparam("identifiers", type_=Text)
        each = (
            func.json_each(texts)
            if self._is_sqlite
            else func.json_array_elements_text(cast(texts, JSON))
        ).table_valued("value")
        return [
            level.c.store == self._store,
            level.c.kind == bindparam("kind", type_=Text),
            level.c.identifier.in_(select(each.c.value)),
        ]

    @cached_property
    def _certain(self) -> Select[Any]:
        return select(level.c.kind, level.c.identifier, level.c.location, level.c.quantity).where(
            *self._matches,
            level.c.doubt.is_(None),
            level.c.accepted_at.between(bindparam("since"), bindparam("now")),
        )

    @cached_property
    def _recall(self) -> Select[Any]:
        return select(
            level.c.identifier,
            level.c.location,
            level.c.quantity,
            level.c.accepted_at,
            level.c.batch,
            level.c.doubt,
            level.c.version,
            level.c.source,
        ).where(*self._matches)

    @cached_property
    def _upsert_text(self) -> str:
        names = ("store", *WRITTEN)
        insert = sqlite.insert(level).values({name: bindparam(name) for name in names})
        return str(self._replace(insert).compile(dialect=sqlite.dialect()))

    @cached_property
    def _upsert(self) -> Any:
        types = {name: level.c[name].type for name in WRITTEN}
        columns = [
            column(name, Text if isinstance(types[name], Text) else BigInteger) for name in WRITTEN
        ]
        rows = (
            func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
            .table_valued(*columns)
            .render_derived(with_types=True)
        )
        values = select(literal(self._store, BigInteger), *[rows.c[name] for name in WRITTEN])
        insert = postgresql.insert(level).from_select(["store", *WRITTEN], values)
        return self._replace(insert)

    @staticmethod
    def _replace(insert: Any) -> Any:
        new = {name: insert.excluded[name] for name in WRITTEN if name not in _KEY}
        return insert.on_conflict_do_update(index_elements=list(_KEY), set_=new)


def _by_kind(identifiers: Iterable[Identifier]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for kind, text in identifiers:
        kinds.setdefault(kind, []).append(text)
    return kinds


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
