"""Reads and writes the rows of the table of parts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import and_, delete, exists, select, update

from target_tocobagus.ledger.database.by_items import as_json, parameters
from target_tocobagus.ledger.database.schema import part
from target_tocobagus.ledger.levels.levels import GLOBAL
from target_tocobagus.ledger.levels.rejections import is_refused
from target_tocobagus.ledger.parts.part_statements import PartStatements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from target_tocobagus.core.model import Identifier, Place

Stocks: TypeAlias = "dict[Place, tuple[str, str]]"
"""The quantity and version of each stock of a part."""

PartRow: TypeAlias = tuple[str, str, str, str, str, str]
"""Of a part: its key; kind, identifier and location of a stock, its quantity and version."""

GONE: Final = ""
"""In place of the quantity of a stock that a part has no more."""

Rows: TypeAlias = "defaultdict[tuple[str, str, str], dict[str, str]]"
"""By kind, location and version; by part: quantity|identifier."""

Texts: TypeAlias = "list[dict[str, str]]"
"""Rows by their kinds, as statements take them."""

_read_keys: Final = msgspec.json.Decoder(set[str | None]).decode
_read_parts: Final = msgspec.json.Decoder(set[tuple[str, str, str, str, str, str]]).decode
_read_of_items: Final = msgspec.json.Decoder(list[tuple[str, str, str]]).decode
_read_stocks: Final = msgspec.json.Decoder(list[tuple[str, str, str, str | None]]).decode


class Source(NamedTuple):
    """Where parts come from.

    Attributes:
        number: That of their stream and mapping.
        run: That of the run.
    """

    number: int
    run: int

    @property
    def named(self) -> dict[str, Any]:
        """The parameters of a statement."""
        return {"of_source": self.number, "by_run": self.run}


class PartRows:
    """Those of one store."""

    def __init__(self, store: int, dialect: str) -> None:
        self._store = store
        self._statements = PartStatements(store, dialect)

    def are_of(self, reader: Connection, sources: Collection[int]) -> bool:
        """Whether there are parts of some sources."""
        found = select(part.c.part).where(part.c.store == self._store, part.c.source.in_(sources))
        return reader.execute(found.limit(1)).first() is not None

    def recall(self, reader: Connection, of: Source, keys: Iterable[str]) -> set[PartRow]:
        """Read parts by their keys."""
        asked = {**of.named, "identifiers": as_json([*keys])}
        answer = reader.execute(self._statements.recall, asked).scalar()
        return _read_parts(answer or "[]")

    def compare(self, reader: Connection, of: Source, rows: Texts) -> tuple[set[str], set[str]]:
        """Find the parts of rows that are not known, and those that are not exactly so."""
        new: set[str] = set()
        others: set[str] = set()
        for values in rows:
            asked = {**of.named, **values}
            unknown, different = reader.execute(self._statements.compare, asked).one()
            new |= _keys(unknown)
            others |= _keys(different)
        return new, others

    def write(self, writer: Connection, of: Source, rows: Texts) -> None:
        """Write stocks of parts in place of what was known of them."""
        for values in rows:
            writer.execute(self._statements.write, {**of.named, **values})

    def name(self, writer: Connection, of: Source, keys: Sequence[str]) -> None:
        """Note that a run has named parts that are as they were."""
        if keys:
            writer.execute(self._statements.name, {**of.named, "identifiers": as_json(keys)})

    def quantities(self, reader: Connection, places: Iterable[Place]) -> dict[Place, str]:
        """Read the quantities of the parts of stocks, one text each; of no part there is none.

        Returns:
            Texts as `totals.total_of` takes them.
        """
        asked: dict[str, dict[str, list[str]]] = {}
        for (of_kind, text), place in places:
            asked.setdefault(of_kind, {}).setdefault(place or GLOBAL, []).append(text)
        found: dict[Place, str] = {}
        for kind, nested in asked.items():
            values = {"kind": kind, "rows": as_json(nested)}
            found |= _stocks(reader.execute(self._statements.quantities, values).scalar())
        return found

    def page(
        self, reader: Connection, of: Source, after: Place | None, held: Collection[int]
    ) -> dict[Place, str]:
        """Read the next stocks of which a run has named a part; see `quantities`.

        Args:
            reader: Where from.
            of: Of the part.
            after: The stock that the page before has ended with.
            held: Numbers of sources; a stock with a part of one of them is left out.
        """
        values = {**of.named, "held": [*held]}
        if after is None:
            return _stocks(reader.execute(self._statements.first_page, values).scalar())
        (kind, text), place = after
        values |= {"kind": kind, "identifier": text, "location": place or GLOBAL}
        return _stocks(reader.execute(self._statements.next_page, values).scalar())

    def of_items(
        self, reader: Connection, of: Source, identifiers: Collection[Identifier]
    ) -> dict[Identifier, dict[str, bool]]:
        """Read which parts items have, and of each whether it is not gone."""
        found: dict[Identifier, dict[str, bool]] = {}
        for kind, asked in parameters(identifiers):
            values = {**of.named, **asked}
            answer = reader.execute(self._statements.of_items, values).scalar() or "[]"
            for key, text, quantity in _read_of_items(answer):
                of_kind: Any = kind
                keys = found.setdefault((of_kind, text), {})
                keys[key] = keys.get(key, False) or quantity != GONE
        return found

    def leave_out_unnamed(self, writer: Connection, of: Source) -> None:
        """Let parts be gone that a run has not named, of items of which it has named others."""
        named = part.alias()
        of_item = [named.c[name] == part.c[name] for name in ("kind", "identifier")]
        of_item += [named.c[name] + 0 == part.c[name] for name in ("store", "source")]
        is_named = exists().where(*of_item, named.c.run == of.run, named.c.quantity != GONE)
        unnamed = update(part).where(self._is_of(of), part.c.run != of.run, part.c.run >= 0)
        writer.execute(unnamed.where(is_named), {"quantity": GONE, "run": of.run})

    def settle_gone(self, writer: Connection, of: Source) -> None:
        """Delete what a run has found gone, but not of a stock that was refused.

        A part that has nothing any more stays for a time (`retention`): an older record, or one
        that was rejected and is piped back, would bring it back.
        """
        here = part.alias()
        same = [here.c[name] == part.c[name] for name in ("store", "source", "part")]
        is_left = exists().where(*same, here.c.quantity != GONE)
        gone = [self._is_of(of), part.c.quantity == GONE, part.c.run == of.run, ~is_refused(part)]
        writer.execute(delete(part).where(*gone, is_left))
        writer.execute(update(part).where(*gone).values(run=-of.run))

    def _is_of(self, of: Source) -> ColumnElement[bool]:
        return and_(part.c.store == self._store, part.c.source == of.number)


def _keys(answer: str | None) -> set[str]:
    """Read a list of keys; null stands for a row that is not meant."""
    return {key for key in _read_keys(answer or "[]") if key is not None}


def by_part(rows: Iterable[PartRow]) -> dict[str, Stocks]:
    """Collect the stocks of each part."""
    found: dict[str, Any] = {}
    for key, kind, text, place, quantity, version in rows:
        found.setdefault(key, {})[(kind, text), place or None] = (quantity, version)
    return found


def layers(parts: Mapping[str, Stocks]) -> Iterable[Rows]:
    """Make the rows of parts with several stocks: those of one part are in different layers.

    Two of them could have the same location and version.
    """
    found: defaultdict[int, Rows] = defaultdict(lambda: defaultdict(dict))
    for key, stocks in parts.items():
        for layer, (((kind, text), place), (quantity, version)) in enumerate(stocks.items()):
            found[layer][kind, place or GLOBAL, version][key] = f"{quantity}|{text}"
    return found.values()


def among(rows: Rows, keys: Collection[str]) -> Rows:
    """Take the rows of some parts."""
    found: Rows = defaultdict(dict)
    for common, quantities in rows.items():
        found[common] = {key: text for key, text in quantities.items() if key in keys}
    return found


def as_texts(rows: Rows) -> Texts:
    """Write rows as JSON."""
    by_kind: defaultdict[str, dict[str, dict[str, dict[str, str]]]] = defaultdict(dict)
    for (kind, place, version), quantities in rows.items():
        by_kind[kind].setdefault(place, {})[version] = quantities
    return [{"kind": kind, "rows": as_json(nested)} for kind, nested in by_kind.items()]


def _stocks(answer: str | None) -> dict[Place, str]:
    """Read a list of kind, identifier, location and quantities; these are missing without parts."""
    found: dict[Any, str] = {
        ((kind, text), place or None): quantities
        for kind, text, place, quantities in _read_stocks(answer or "[]")
        if quantities is not None
    }
    return found
