"""On which day a row named a level last, whatever became of the row; for `absent`.

A row of any stream names its level: sent, unchanged, stale, skipped, rejected or held. What sends a
value that the tap did not give now (a rejected row again, a 0 of an operator) does not.

Invariants:
- A day is never too old: it is written before its rows are handed over, and is on disk before a
  STATE covers them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    Integer,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
    tuple_,
    update,
)

from target_tocobagus.ledger.database.by_items import as_json, each_identifier, parameters
from target_tocobagus.ledger.database.schema import level

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.database.connections import Connections

DAY_MS: Final = 86_400_000

TODAY: Final = bindparam("today", type_=Integer)


def is_old(table: Any) -> ColumnElement[bool]:
    """Whether a level was not named today. A clock may go back: a day never does."""
    day: ColumnElement[int] = table.c.named_day
    return day.is_(None) | (day < TODAY)


class NamedDays:
    """Those of one store.

    Attributes:
        is_on: Rows are of a tap, and name their levels.
    """

    def __init__(self, connections: Connections, store: int, now_ms: Callable[[], int]) -> None:
        self._connections = connections
        self._store = store
        self._now_ms = now_ms
        self._is_sqlite = connections.dialect == "sqlite"
        self.is_on = not connections.reads_only

    @property
    def today(self) -> int | None:
        """The day, in days since the epoch; ``None`` if rows name nothing."""
        return self._now_ms() // DAY_MS if self.is_on else None

    def name(
        self,
        items: Collection[Identifier],
        levels: Mapping[Identifier, Iterable[str]],
        places: Collection[str] = (),
    ) -> None:
        """Note that levels are named today.

        Args:
            items: Items of which all levels are.
            levels: Items of which some are, with their locations.
            places: Of the former, only levels at these locations; all if there are none.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if self.is_on and (items or levels):

            def write(writer: Connection) -> None:
                self._name_items(writer, items, places)
                self._name_levels(writer, levels)

            self._connections.write(write, sync=False)

    def name_places(self, levels: Iterable[Place]) -> None:
        """Note that rows are about levels; one without a location may be any of its item.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        named: dict[Identifier, list[str]] = {}
        items: list[Identifier] = []
        for identifier, place in levels:
            if place is None:
                items.append(identifier)
            else:
                named.setdefault(identifier, []).append(place)
        self.name(items, named)

    def _name_items(
        self, writer: Connection, items: Collection[Identifier], places: Collection[str]
    ) -> None:
        named: dict[str, Any] = {"places": sorted(places)} if places else {}
        for kind, asked in parameters(items):
            identifiers = asked["identifiers"]
            named |= {"of_kind": kind, "identifiers": identifiers, "today": self.today}
            writer.execute(self._all_at if places else self._all, named)

    def _name_levels(self, writer: Connection, levels: Mapping[Identifier, Iterable[str]]) -> None:
        by_kind: dict[str, dict[str, list[str]]] = {}
        for (kind, text), places in levels.items():
            for place in places:
                by_kind.setdefault(kind, {}).setdefault(place, []).append(text)
        for of_kind, rows in by_kind.items():
            named = {"of_kind": of_kind, "rows": as_json(rows), "today": self.today}
            writer.execute(self._some, named)

    @cached_property
    def _all(self) -> Any:
        each = each_identifier(is_sqlite=self._is_sqlite)
        return self._naming(each, ("identifier",), (each.c.value,))

    @cached_property
    def _all_at(self) -> Any:
        each = each_identifier(is_sqlite=self._is_sqlite)
        return self._naming(each, ("identifier",), (each.c.value,), is_at_places=True)

    @cached_property
    def _some(self) -> Any:
        """Name levels that come as JSON: a list of identifiers by location."""
        rows: Any = bindparam("rows", type_=Text)
        last = func.json_each if self._is_sqlite else func.json_array_elements_text
        text = rows if self._is_sqlite else cast(rows, JSON)
        place = func.json_each(text).table_valued("key", "value")
        item = last(place.c.value).table_valued("value")
        asked = place.join(item, true())
        return self._naming(asked, ("identifier", "location"), (item.c.value, place.c.key))

    def _naming(
        self, asked: Any, names: Sequence[str], values: Sequence[Any], *, is_at_places: bool = False
    ) -> Any:
        """Name the levels whose columns `names` are among the `values` of what is asked.

        PostgreSQL looks for each by the index, and updates the rows that it has found: see
        `by_items.ask_by_items`.
        """
        table = level if self._is_sqlite else level.alias("found")
        matches = [
            table.c.store == self._store,
            table.c.kind == bindparam("of_kind", type_=Text),
            is_old(table),
        ]
        if is_at_places:
            matches.append(table.c.location.in_(bindparam("places", expanding=True)))
        columns = [table.c[name] for name in names]
        naming = update(level).values(named_day=TODAY)
        if self._is_sqlite:
            key = columns[0] if len(columns) == 1 else tuple_(*columns)
            among = key.in_(select(*values).select_from(asked))
            return naming.where(*matches, among)
        matches += [column == value for column, value in zip(columns, values, strict=True)]
        row: Any = literal_column("found.ctid").label("row")
        of_one = select(row).select_from(table).where(*matches)
        found = of_one.offset(literal_column("0")).lateral()
        rows = select(found.c.row).select_from(asked.join(found, true())).scalar_subquery()
        return naming.where(literal_column(f"{level.name}.ctid") == any_(func.array(rows)))
