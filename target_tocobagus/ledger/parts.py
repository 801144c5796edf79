"""The parts of stocks that are added up (`combine: sum`), remembered across runs.

A part is what its newest record said: item, location and exact quantity of each of its stocks. A
stock that a part had before, and has no more, stays as a row that is *gone*, until a run has ended
well: the process may die before the API knows of it, and then the record comes again.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    select,
    true,
    tuple_,
    update,
)

from target_tocobagus.core.model import Part
from target_tocobagus.core.versions import is_older
from target_tocobagus.ledger.by_items import as_json, ask_by, ask_by_items, parameters
from target_tocobagus.ledger.levels import GLOBAL
from target_tocobagus.ledger.schema import insert_into, part, rejection, source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.ledger.tables import Tables

Place: TypeAlias = "tuple[Identifier, str | None]"
"""An item at a location."""

READ_ONCE: Final = "parts"
"""Beside the columns of a stream that were seen: a run that has read all of it has ended well."""
_GONE: Final = ""
"""In place of the quantity of a stock that a part has no more."""
_AT_ONCE: Final = 4000
_LEVEL: Final = ("kind", "identifier", "location")
_KEY: Final = ("store", "source", "part", *_LEVEL)

_Rows: TypeAlias = "dict[Place, tuple[str, str]]"
"""The quantity and version of each stock of a part."""


class Added(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One part of a stock.

    Attributes:
        kind: That of the item's identifier.
        identifier: The item.
        location: Empty for the global stock.
        quantity: Empty if it is gone.
        source: Its stream and mapping.
        part: Its key.
        run: The run that named it last, or gave it its quantity.
    """

    kind: str
    identifier: str
    location: str
    quantity: str
    source: int
    part: str
    run: int


_read_added: Final = msgspec.json.Decoder(list[Added]).decode
_read_parts: Final = msgspec.json.Decoder(list[tuple[str, str, str, str, str, str | None]]).decode


class Parts:
    """The parts of one store, during one run."""

    def __init__(self, tables: Tables, store: int, run: int) -> None:
        self._connections = tables.connections
        self._sources = tables.sources
        self._seen = tables.seen_columns
        self._levels = tables.levels
        self._store = store
        self._run = run
        self._is_sqlite = tables.connections.dialect == "sqlite"
        self._has_gone = False

    def was_read(self, stream: Stream) -> bool:
        """Whether a run that has read a stream to its end has ended well."""
        return READ_ONCE in self._seen.of(stream)

    def has_others(self, stream: Stream) -> bool:
        """Whether parts of a stream are remembered under another mapping of it.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        found = (
            select(part.c.part)
            .join(source, source.c.id == part.c.source)
            .where(part.c.store == self._store, source.c.stream == stream.name)
            .where(source.c.entry != stream.entry)
        )
        with self._connections.reading() as reader:
            return reader.execute(found.limit(1)).first() is not None

    def fold(
        self, stream: Stream, parts: Sequence[Part], *, names_all: bool
    ) -> list[list[Place] | None]:
        """Take in what records of one stream say of their parts.

        Args:
            stream: Where they came.
            parts: In the order of the records.
            names_all: Which run named a part last is to be remembered of each.

        Returns:
            For each the stocks that it may have changed; ``None`` if a newer version is known.

        Raises:
            LedgerError: The ledger cannot be written.
        """

        def write(writer: Connection) -> list[list[Place] | None]:
            number = self._sources.number(writer, stream)
            known = self._recall(writer, number, {each.key for each in parts})
            new: dict[str, _Rows] = {}
            same: list[str] = []
            touched: list[list[Place] | None] = []
            for each in parts:
                before = known.get(each.key)
                if before is None and len(each.rows) == 1:
                    identifier, location, quantity = each.rows[0]
                    key = (identifier, location)
                    new[each.key] = {key: (quantity, each.version)}
                    known[each.key] = dict(new[each.key])
                    touched.append([key])
                elif (place := _as_before(each, before)) is not None:
                    same.append(each.key)
                    touched.append([place])
                else:
                    found = _fold_one(each, before or {}, known, new, names_all=names_all)
                    if found is None:
                        same.append(each.key)  # an older version names it, too
                    touched.append(found)
                    self._has_gone |= _has_gone(known.get(each.key))
            if same and names_all:
                named = {"identifiers": as_json(same), "of_source": number, "by_run": self._run}
                writer.execute(self._name, named)
            if new:
                self._write(writer, number, new)
            return touched

        return self._connections.write(write)

    def known(self, stream: Stream, parts: Sequence[Part]) -> set[str]:
        """Return which parts are remembered.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        number = self._sources.known(stream)
        with self._connections.reading() as reader:
            return set(self._recall(reader, number, {each.key for each in parts}))

    def of_items(self, identifiers: Collection[Identifier]) -> dict[Place, list[Added]]:
        """Read the parts of items, by item and location; also those that are gone.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        found: dict[Place, list[Added]] = {}
        with self._connections.reading() as reader:
            for _, asked in parameters(identifiers):
                answer = reader.execute(self._of_items, asked).scalar() or "[]"
                _add_to(found, _read_added(answer))
        return found

    def rename(
        self, stream: Stream, names: Mapping[Identifier, Identifier], *, names_all: bool
    ) -> set[Place]:
        """Let the parts of a stream count for other items.

        Args:
            stream: The stream.
            names: By the identifiers of before.
            names_all: See `fold`.

        Returns:
            The stocks that it may have changed.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        number = self._sources.known(stream)
        keys = {
            each.part
            for parts in self.of_items(names).values()
            for each in parts
            if each.source == number
        }
        if not keys:
            return set()
        with self._connections.reading() as reader:
            known = self._recall(reader, number, keys)
        said = [_renamed(key, rows, names) for key, rows in known.items()]
        touched = self.fold(stream, said, names_all=names_all)
        places = {place for each in touched for place in each or ()}
        new = {*names.values()}
        return {place for place in places if place[0] in new or place[0] in names}

    def present(self, identifiers: Collection[Identifier]) -> set[Place]:
        """Return the stocks of items that have parts."""
        found = self.of_items(identifiers).items()
        return {place for place, parts in found if any(each.quantity != _GONE for each in parts)}

    def sent_by(
        self, identifiers: Collection[Identifier], streams: Collection[tuple[str, str]]
    ) -> set[Place]:
        """Return the stocks of items that one of some streams and mappings has sent last."""
        with self._connections.reading() as reader:
            known = self._levels.recall(reader, identifiers)
        numbers = self._sources.numbers(streams)
        return {
            (identifier, place or None)
            for identifier, levels in known.items()
            for place, level in levels.items()
            if level.source in numbers
        }

    def of_stream(self, stream: Stream, parts: Iterable[Added]) -> set[str]:
        """Name the parts that are of one stream, and not gone."""
        number = self._sources.known(stream)
        return {each.part for each in parts if each.source == number and each.quantity != _GONE}

    def any_of(self, streams: Collection[Stream], parts: Iterable[Added]) -> bool:
        """Whether a part is of one of some streams."""
        numbers = {self._sources.known(stream) for stream in streams}
        return any(each.source in numbers for each in parts)

    def leave_out_unnamed(self, stream: Stream) -> None:
        """Let only the parts of this run count, of each item that it has named.

        What an earlier run left out is noted anew: its end may have been lost, so the API may not
        know of it yet.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        named = part.alias()
        of_item = [named.c[name] == part.c[name] for name in ("kind", "identifier")]
        of_item += [named.c[name] + 0 == part.c[name] for name in ("store", "source")]
        is_named = exists().where(*of_item, named.c.run == self._run, named.c.quantity != _GONE)

        def write(writer: Connection) -> None:
            number = self._sources.number(writer, stream)
            unnamed = update(part).where(self._of_source(number), part.c.run != self._run)
            writer.execute(unnamed.where(is_named), {"quantity": _GONE, "run": self._run})

        self._has_gone = True
        self._connections.write(write)

    def touched(self, stream: Stream) -> Iterator[dict[Place, list[Added]]]:
        """Yield the stocks that this run has changed, with all their parts, some at a time.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        number, last, most = self._sources.known(stream), None, _AT_ONCE
        while True:
            with self._connections.reading() as reader:
                answer = reader.execute(self._page(last, most)).scalar() or "[]"
            rows = _read_added(answer)
            whole = rows
            if len(rows) == most:  # the parts of the last item may go on
                final = (rows[-1].kind, rows[-1].identifier)
                whole = [each for each in rows if (each.kind, each.identifier) != final]
            found: dict[Place, list[Added]] = {}
            _add_to(found, whole)
            yield {
                place: parts
                for place, parts in found.items()
                if any(each.source == number and each.run == self._run for each in parts)
            }
            if len(rows) < most:
                return
            if whole:
                last = (whole[-1].kind, whole[-1].identifier)
            else:
                most *= 2

    def _page(self, last: tuple[str, str] | None, most: int) -> Any:
        """Ask for the parts of the items after one, in their order."""
        names = (part.c.kind, part.c.identifier)
        after = true() if last is None else tuple_(*names) > tuple_(*map(literal, last))
        columns = [part.c[name] for name in Added.__struct_fields__]
        page = select(*columns).where(self._by_item, after).order_by(*names).limit(most).subquery()
        if self._is_sqlite:
            return select(func.json_group_array(func.json_array(*page.c)))
        return select(cast(func.json_agg(func.json_build_array(*page.c)), Text))

    def end(self, writer: Connection, streams: Iterable[Stream]) -> None:
        """Forget what is gone, after a run that has ended well and has named it.

        What a run that died found gone stays until a record names it again: its sum may not have
        been sent. So does what is gone of a stock that was refused.
        """
        if not self._has_gone:
            return
        refused = exists().where(
            *(rejection.c[name] == part.c[name] for name in ("store", *_LEVEL)),
            rejection.c.closed_at.is_(None),
        )
        for stream in streams:
            number = self._sources.number(writer, stream)
            gone = and_(self._of_source(number), part.c.quantity == _GONE, part.c.run == self._run)
            writer.execute(delete(part).where(gone, ~refused))

    @property
    def _by_item(self) -> Any:
        """Parts of the store; by the sum SQLite cannot use the primary key, and takes the index."""
        return part.c.store + 0 == self._store

    def _of_source(self, number: int) -> Any:
        return and_(part.c.store == self._store, part.c.source == number)

    def _recall(self, connection: Connection, number: int, keys: Iterable[str]) -> dict[str, _Rows]:
        asked = {"identifiers": as_json(sorted(keys)), "source": number}
        found: dict[str, _Rows] = {}
        answer = connection.execute(self._by_key, asked).scalar() or "[]"
        for key, kind, text, place, quantity, version in _read_parts(answer):
            of_kind: Any = kind
            found.setdefault(key, {})[(of_kind, text), place or None] = (quantity, version or "")
        return found

    def _write(self, writer: Connection, number: int, new: dict[str, _Rows]) -> None:
        layers: dict[tuple[str, int], dict[str, dict[str, dict[str, str]]]] = {}
        for key, rows in new.items():
            for layer, (((kind, text), place), (quantity, version)) in enumerate(rows.items()):
                # Mostly a part is of one item. The second one could have the same place.
                places = layers.setdefault((kind, layer), {}).setdefault(place or GLOBAL, {})
                places.setdefault(version, {})[key] = f"{quantity}|{text}"
        for (of_kind, _), nested in layers.items():
            values = {"source": number, "kind": of_kind, "run": self._run, "rows": as_json(nested)}
            writer.execute(self._upsert, values)

    @cached_property
    def _by_key(self) -> Any:
        names = ("part", "kind", "identifier", "location", "quantity", "version")
        of_source = part.c.source == bindparam("source", type_=BigInteger)
        of_store = part.c.store == self._store
        columns = [part.c[name] for name in names]
        return ask_by(part.c.part, columns, of_store, of_source, is_sqlite=self._is_sqlite)

    @cached_property
    def _name(self) -> Any:
        """Note that this run has named parts that are as they were."""
        asked = bindparam("identifiers", type_=Text)
        if self._is_sqlite:
            each = func.json_each(asked).table_valued("value")
        else:
            each = func.json_array_elements_text(cast(asked, JSON)).table_valued("value")
        of_source = part.c.source == bindparam("of_source", type_=BigInteger)
        named = update(part).where(part.c.store == self._store, of_source)
        return named.where(part.c.part.in_(select(each.c.value))).values(run=bindparam("by_run"))

    @cached_property
    def _of_items(self) -> Any:
        columns = [part.c[name] for name in Added.__struct_fields__]
        return ask_by_items(part, columns, self._by_item, is_sqlite=self._is_sqlite)

    @cached_property
    def _upsert(self) -> Any:
        """Write rows that come as JSON: by location, version and part, quantity|identifier."""
        rows: Any = bindparam("rows", type_=Text)
        each = func.json_each(rows if self._is_sqlite else cast(rows, JSON))
        place = each.table_valued("key", "value")
        version = func.json_each(place.c.value).table_valued("key", "value")
        last = func.json_each if self._is_sqlite else func.json_each_text
        row = last(version.c.value).table_valued("key", "value")
        find = func.instr if self._is_sqlite else func.strpos
        bar = find(row.c.value, "|")
        values: dict[str, Any] = {
            "store": literal(self._store, BigInteger),
            "source": bindparam("source", type_=BigInteger),
            "part": row.c.key,
            "kind": bindparam("kind", type_=Text),
            "identifier": func.substr(row.c.value, bar + 1),
            "location": place.c.key,
            "quantity": func.substr(row.c.value, 1, bar - 1),
            "version": func.nullif(version.c.key, ""),
            "run": bindparam("run", type_=BigInteger),
        }
        nested = place.join(version, true()).join(row, true())
        found = select(*values.values()).select_from(nested).where(true())
        dialect = "sqlite" if self._is_sqlite else "postgresql"
        insert = insert_into(part, dialect).from_select(list(values), found)
        new = {name: insert.excluded[name] for name in values if name not in _KEY}
        return insert.on_conflict_do_update(index_elements=list(_KEY), set_=new)


def _as_before(said: Part, before: _Rows | None) -> Place | None:
    """Return the one stock of a part, if a record says what is known of it; else nothing."""
    if before is None or len(before) != 1 or len(said.rows) != 1 or not said.is_whole:
        return None
    identifier, place, quantity = said.rows[0]
    key = (identifier, place)
    return key if before.get(key) == (quantity, said.version) else None


def _fold_one(
    said: Part,
    before: _Rows,
    known: dict[str, _Rows],
    new: dict[str, _Rows],
    *,
    names_all: bool,
) -> list[Place] | None:
    """Put what a record says in place of what is known of its part.

    Args:
        said: What the record says.
        before: What is known of it.
        known: What is known of parts, by key; it is changed.
        new: What is to be written.
        names_all: Also what is as it was is to be written, as what is gone always is.
    """
    if said.version and any(is_older(said.version, version) for _, version in before.values()):
        return None
    now: dict[Place, list[str]] = {}
    for identifier, place, quantity in said.rows:
        now.setdefault((identifier, place), []).append(quantity)
    rows: _Rows = {key: (_joined(quantities), said.version) for key, quantities in now.items()}
    left = before.keys() - rows.keys()
    for key in left:
        gone = (_GONE, said.version or before[key][1])
        rows[key] = gone if said.is_whole else before[key]
    changed = {
        key: row
        for key, row in rows.items()
        if names_all or row[0] == _GONE or before.get(key) != row
    }
    if changed:
        new.setdefault(said.key, {}).update(changed)
        known[said.key] = {**before, **rows}
    return [key for key in rows if said.is_whole or key in now]


def _renamed(key: str, rows: _Rows, names: Mapping[Identifier, Identifier]) -> Part:
    """Say of a part what its record would say, now that its items are others."""
    return Part(
        key,
        tuple(
            (names.get(identifier, identifier), place, quantity)
            for (identifier, place), (quantity, _) in rows.items()
            if quantity != _GONE
        ),
        version=_newest([version for _, version in rows.values()]),
    )


def _newest(versions: Iterable[str]) -> str:
    newest = ""
    for version in versions:
        newest = version if not newest or is_older(newest, version) else newest
    return newest


def _joined(quantities: list[str]) -> str:
    """Write the quantities that one record gives for one item and location."""
    return quantities[0] if len(quantities) == 1 else " ".join(quantities)


def _has_gone(rows: _Rows | None) -> bool:
    return rows is not None and any(quantity == _GONE for quantity, _ in rows.values())


def _add_to(found: dict[Place, list[Added]], parts: Iterable[Added]) -> None:
    for each in parts:
        place: Any = ((each.kind, each.identifier), each.location or None)
        if place in found:
            found[place].append(each)
        else:
            found[place] = [each]
