"""Reads and writes levels: the statements that run for every row.

A batch is one statement, and its rows are one JSON text, in both directions. So the database works
through all of them at once; row by row, SQLite would hand the interpreter's lock back and forth,
and PostgreSQL would be asked over the network for each. What is written is nested by what rows have
in common: to read a list of lists takes a database three times as long.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Text,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    true,
    update,
)

from target_tocobagus.ledger.database.by_items import ask_by_items, parameters
from target_tocobagus.ledger.database.schema import insert_into, level
from target_tocobagus.ledger.levels.named_days import is_old

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.levels.named_days import NamedDays

GLOBAL: Final = ""
"""The location of a global stock."""

Quantities: TypeAlias = dict[str, dict[str, dict[str, int | None]]]
"""By location, version (`newer_by`; empty if there is none) and identifier."""

_IN_COMMON: Final = ("kind", "accepted_at", "batch", "doubt", "source")
IS_GLOBAL: Final = level.c.location == GLOBAL
OF_ITEM: Final = ("of_kind", "of_identifier")
"""The parameters of a statement that is run for each of some items."""

_KEY: Final = ("store", "kind", "identifier", "location")


class Common(msgspec.Struct, frozen=True):
    """What the levels that are written together have in common; see `Known`.

    Attributes:
        zeroed_at: Only of those that fall to 0.
    """

    kind: str
    accepted_at: int | None
    batch: int | None
    doubt: int | None
    source: int | None
    zeroed_at: int | None = None


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is remembered of a level.

    Attributes:
        identifier: Of its item; the kind is known from the question.
        location: Empty for the global stock.
        quantity: Last accepted; ``None`` if none is known.
        accepted_at: When, in ms since the epoch.
        batch: By which row of the table of batches.
        doubt: The run of the last attempt with an unknown outcome.
        version: The newest that was sent or found unchanged; see `versions`.
        source: Which stream and entry sent it last.
        zeroed_at: When it was taken from above 0 to 0, or may have been.
        named_day: When a row named it last, in days since the epoch.
    """

    identifier: str
    location: str
    quantity: int | None = None
    accepted_at: int | None = None
    batch: int | None = None
    doubt: int | None = None
    version: str | None = None
    source: int | None = None
    zeroed_at: int | None = None
    named_day: int | None = None


_read_known: Final = msgspec.json.Decoder(list[Known]).decode
_read_certain: Final = msgspec.json.Decoder(set[tuple[str, str, int | None]]).decode


class Levels:
    """The levels of one store."""

    def __init__(self, store: int, dialect: str, named_days: NamedDays) -> None:
        self._store = store
        self._named_days = named_days
        self._dialect = dialect
        self._is_sqlite = dialect == "sqlite"

    def certain(
        self,
        reader: Connection,
        identifiers: Iterable[Identifier],
        times: tuple[int, int],
        places: Collection[str] = (),
    ) -> tuple[dict[str, set[tuple[str, str, int | None]]], bool]:
        """Read the quantities that are not marked and were accepted between two times.

        Args:
            reader: Where from.
            identifiers: The items.
            times: The two, in ms since the epoch.
            places: Locations, to read no levels at others.

        Returns:
            Identifier, location and quantity of each level, by kind; ``None`` if it is another one.
            And whether any of them was not named today.
        """
        named: dict[str, Any] = dict(zip(("since", "now"), times, strict=True))
        named["today"] = self._named_days.today
        statement = self._certain_at if places else self._certain
        if places:
            named["places"] = sorted(places)
        certain, is_any_old = {}, False
        for kind, asked in parameters(identifiers):
            rows, are_old = reader.execute(statement, asked | named).one()
            certain[kind] = _read_certain(rows or "[]")
            is_any_old |= bool(are_old)
        return certain, is_any_old

    def recall(
        self, reader: Connection, identifiers: Iterable[Identifier]
    ) -> dict[Identifier, dict[str, Known]]:
        """Read all levels of these items, by item and location."""
        known: dict[Identifier, dict[str, Known]] = {}
        for kind, asked in parameters(identifiers):
            for each in _read_known(reader.execute(self._recall, asked).scalar() or "[]"):
                key: Any = (kind, each.identifier)
                known.setdefault(key, {})[each.location] = each
        return known

    def write(self, writer: Connection, common: Common, rows: str) -> None:
        """Write levels in place of what was known of them.

        Args:
            writer: Where to.
            common: What they have in common.
            rows: The JSON of `Quantities`.
        """
        today = self._named_days.today
        values = {**msgspec.structs.asdict(common), "rows": rows, "named_day": today}
        writer.execute(self._upsert, values)

    def forget(
        self, writer: Connection, identifiers: Iterable[Identifier], *only: ColumnElement[bool]
    ) -> None:
        """Delete the levels of items; `only` some of them: `IS_GLOBAL`, or others than that."""
        if rows := [dict(zip(OF_ITEM, one, strict=True)) for one in identifiers]:
            writer.execute(of_item(delete(level), self._store).where(*only), rows)

    def set_versions(self, writer: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Note newer versions of unchanged levels: kind, identifier, location, version, source."""
        self._set(writer, ("version", "source"), rows)

    def set_sources(self, writer: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Give levels another source: kind, identifier, location, source."""
        self._set(writer, ("source",), rows)

    def _set(
        self, writer: Connection, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        names = (*OF_ITEM, "at", *columns)
        if rows:
            at_place = level.c.location == bindparam("at")
            of_level = of_item(update(level), self._store).where(at_place)
            writer.execute(of_level, [dict(zip(names, row, strict=True)) for row in rows])

    @cached_property
    def _certain(self) -> Any:
        return self._certain_where(true())

    @cached_property
    def _certain_at(self) -> Any:
        return self._certain_where(level.c.location.in_(bindparam("places", expanding=True)))

    def _certain_where(self, condition: ColumnElement[bool]) -> Any:
        is_recent = level.c.accepted_at.between(bindparam("since"), bindparam("now"))
        is_certain = level.c.doubt.is_(None) & is_recent
        return ask_by_items(
            level,
            (level.c.identifier, level.c.location, case((is_certain, level.c.quantity))),
            level.c.store == self._store,
            condition,
            is_sqlite=self._is_sqlite,
            whether=is_old(level),
        )

    @cached_property
    def _recall(self) -> Any:
        of_store = level.c.store == self._store
        columns = [level.c[name] for name in Known.__struct_fields__]
        return ask_by_items(level, columns, of_store, is_sqlite=self._is_sqlite)

    @cached_property
    def _upsert(self) -> Any:
        rows: Any = bindparam("rows", type_=Text)
        text = rows if self._is_sqlite else cast(rows, JSON)
        last = func.json_each if self._is_sqlite else func.json_each_text
        place = func.json_each(text).table_valued("key", "value")
        version = func.json_each(place.c.value).table_valued("key", "value")
        row = last(version.c.value).table_valued("key", "value")
        values: dict[str, Any] = {
            "store": literal(self._store, BigInteger),
            **{name: bindparam(name, type_=level.c[name].type) for name in _IN_COMMON},
            "named_day": bindparam("named_day", type_=level.c.named_day.type),
            "identifier": row.c.key,
            "location": place.c.key,
            "version": func.nullif(version.c.key, ""),
            "quantity": cast(row.c.value, BigInteger),
        }
        nested = place.join(version, true()).join(row, true())
        rows = select(*values.values()).select_from(nested).where(true())
        insert = insert_into(level, self._dialect).from_select(list(values), rows)
        new = {name: insert.excluded[name] for name in values if name not in _KEY}
        new["zeroed_at"] = _zeroed_at(insert.excluded)
        new["named_day"] = _later_day(insert.excluded)
        new["version"] = _kept_version(insert.excluded)
        return insert.on_conflict_do_update(index_elements=list(_KEY), set_=new)


def of_item(statement: Any, store: int) -> Any:
    """Let a statement be about the levels of one item; see `OF_ITEM`."""
    return statement.where(
        level.c.store == store,
        level.c.kind == bindparam(OF_ITEM[0]),
        level.c.identifier == bindparam(OF_ITEM[1]),
    )


def _later_day(new: Any) -> Any:
    """Say when a level that is written was named last."""
    is_later = level.c.named_day.is_(None) | (new.named_day > level.c.named_day)
    return case((is_later, new.named_day), else_=level.c.named_day)


def _kept_version(new: Any) -> Any:
    """Say which version a level has: a deleted row may have none, and leaves that of before."""
    before = case((level.c.source == new.source, level.c.version))
    return func.coalesce(new.version, before)


def _zeroed_at(new: Any) -> Any:
    """Say when a level that is written was taken to 0.

    One in doubt may still be, whatever was accepted last.
    """
    return case(
        ((new.quantity == 0) & (level.c.quantity > 0), bindparam("zeroed_at", type_=BigInteger)),
        ((new.quantity > 0) & new.doubt.is_(None), null()),
        else_=level.c.zeroed_at,
    )
