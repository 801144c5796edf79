"""The statements on the table of parts.

Each takes the rows of a flush as one JSON text, and answers with one; see `levels`. The database
compares rows with what is known, and puts the quantities of a stock into one text: what is as it
was is never made into values of ours.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
    tuple_,
    update,
)

from target_tocobagus.ledger.database.by_items import ask_by, ask_by_items, each_identifier
from target_tocobagus.ledger.database.schema import insert_into, part

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

SETTLED: Final = "-"
"""What is read as the quantity of a stock that is gone, once the API knows of it: then the run's
number in the table is below 0."""

AT_ONCE: Final = 4000
"""So many stocks are a page."""
_LEVEL: Final = ("kind", "identifier", "location")
_KEY: Final = ("store", "source", "part", *_LEVEL)
_STOCK: Final = [part.c[name] for name in _LEVEL]
_QUANTITIES: Final = func.aggregate_strings(part.c.quantity, " ")

_KIND: Final = bindparam("kind", type_=Text)
_OF_SOURCE: Final = bindparam("of_source", type_=BigInteger)
_BY_RUN: Final = bindparam("by_run", type_=BigInteger)


class PartStatements:
    """Those for one store."""

    def __init__(self, store: int, dialect: str) -> None:
        self._store = store
        self._dialect = dialect
        self._is_sqlite = dialect == "sqlite"

    @cached_property
    def recall(self) -> Any:
        """Ask for parts by their keys."""
        of_source = (part.c.store == self._store, part.c.source == _OF_SOURCE)
        version = func.coalesce(part.c.version, "")
        quantity = case((part.c.run < 0, SETTLED), else_=part.c.quantity)
        columns = [part.c.part, *_STOCK, quantity, version]
        return ask_by(part.c.part, columns, *of_source, is_sqlite=self._is_sqlite)

    @cached_property
    def of_items(self) -> Any:
        """Ask for the parts of items."""
        columns = (part.c.part, part.c.identifier, part.c.quantity)
        of_source = (self._by_item, part.c.source == _OF_SOURCE)
        return ask_by_items(part, columns, *of_source, is_sqlite=self._is_sqlite)

    @cached_property
    def name(self) -> Any:
        """Note the run that has named parts."""
        each = each_identifier(is_sqlite=self._is_sqlite)
        named = update(part).where(part.c.store == self._store, part.c.source == _OF_SOURCE)
        return named.where(part.c.part.in_(select(each.c.value))).values(run=_BY_RUN)

    @cached_property
    def compare(self) -> Any:
        """Ask for the parts of `rows` that are not known, and for those that are not exactly so.

        One that has a further stock is not so. PostgreSQL gets a subquery; see `ask_by_items`.
        """
        place, version, row = self._rows()
        of_part = [part.c.store == self._store, part.c.source == _OF_SOURCE]
        of_part.append(part.c.part == row.c.key)
        found: Any = part
        joined = and_(*of_part)
        if not self._is_sqlite:
            one = select(part).where(*of_part).offset(literal_column("0"))
            found, joined = one.lateral(), true()
        is_so = and_(
            found.c.kind == _KIND,
            found.c.location == place.c.key,
            func.coalesce(found.c.version, "") == version.c.key,
            found.c.quantity + "|" + found.c.identifier == row.c.value,
        )
        is_new = found.c.part.is_(None)
        rows = place.join(version, true()).join(row, true()).outerjoin(found, joined)
        answers = [self._listed(case((each, row.c.key))) for each in (is_new, ~is_new)]
        return select(*answers).select_from(rows).where(is_so.is_not(true()))

    @cached_property
    def write(self) -> Any:
        """Write the parts in `rows`."""
        place, version, row = self._rows()
        bar = (func.instr if self._is_sqlite else func.strpos)(row.c.value, "|")
        values: dict[str, Any] = {
            "store": literal(self._store, BigInteger),
            "source": _OF_SOURCE,
            "part": row.c.key,
            "kind": _KIND,
            "identifier": func.substr(row.c.value, bar + 1),
            "location": place.c.key,
            "quantity": func.substr(row.c.value, 1, bar - 1),
            "version": func.nullif(version.c.key, ""),
            "run": _BY_RUN,
        }
        nested = place.join(version, true()).join(row, true())
        found = select(*values.values()).select_from(nested).where(true())
        insert = insert_into(part, self._dialect).from_select(list(values), found)
        new = {name: insert.excluded[name] for name in values if name not in _KEY}
        return insert.on_conflict_do_update(index_elements=list(_KEY), set_=new)

    @cached_property
    def quantities(self) -> Any:
        """Ask for the quantities of stocks; `rows` are their identifiers by location."""
        place = self._read_rows().table_valued("key", "value")
        each = func.json_each if self._is_sqlite else func.json_array_elements_text
        item = each(place.c.value).table_valued("value")
        of_stock = select(_QUANTITIES).where(
            self._by_item,
            part.c.kind == _KIND,
            part.c.identifier == item.c.value,
            part.c.location == place.c.key,
        )
        row = self._list(_KIND, item.c.value, place.c.key, of_stock.scalar_subquery())
        return select(self._listed(row)).select_from(place.join(item, true()))

    @cached_property
    def first_page(self) -> Any:
        """Ask for stocks of which a run has named a part, with their quantities."""
        return self._page(true())

    @cached_property
    def next_page(self) -> Any:
        """Ask for those after one."""
        last = [bindparam(name, type_=Text) for name in _LEVEL]
        return self._page(tuple_(*_STOCK) > tuple_(*last))

    def _page(self, condition: ColumnElement[bool]) -> Any:
        is_named = and_(part.c.source == _OF_SOURCE, part.c.run == _BY_RUN)
        is_held = part.c.source.in_(bindparam("held", expanding=True))
        page = (
            select(*_STOCK, _QUANTITIES.label("quantities"))
            .where(self._by_item, condition)
            .group_by(*_STOCK)
            .having(func.max(case((is_held, 2), (is_named, 1), else_=0)) == 1)
            .order_by(*_STOCK)
            .limit(AT_ONCE)
            .subquery()
        )
        return select(self._listed(self._list(*page.c)))

    @property
    def _by_item(self) -> Any:
        """Parts of the store; by the sum SQLite cannot use the primary key, and takes the index."""
        return part.c.store + 0 == self._store

    def _rows(self) -> tuple[Any, Any, Any]:
        """Read `rows`, which are by location, version and part: quantity|identifier."""
        place = self._read_rows().table_valued("key", "value")
        version = func.json_each(place.c.value).table_valued("key", "value")
        last = func.json_each if self._is_sqlite else func.json_each_text
        return place, version, last(version.c.value).table_valued("key", "value")

    def _read_rows(self) -> Any:
        rows: Any = bindparam("rows", type_=Text)
        return func.json_each(rows if self._is_sqlite else cast(rows, JSON))

    def _list(self, *columns: Any) -> Any:
        return (func.json_array if self._is_sqlite else func.json_build_array)(*columns)

    def _listed(self, row: Any) -> Any:
        """Put all rows into one JSON text."""
        return func.json_group_array(row) if self._is_sqlite else cast(func.json_agg(row), Text)
