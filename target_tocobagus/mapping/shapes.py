"""The shapes in which a record, or an item inside one, holds quantities and locations.

Each shape has the same two methods: the rows of an item, and (only used for an item without
identifier) its values. An item is the record itself, or an entry of the list that `items` names;
then `record` is the record around it. For a deleted record every quantity is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from target_tocobagus.core.model import Identifier, Outcome, RecordError, Skipped, Stock
from target_tocobagus.mapping.lists import listed, read_entries
from target_tocobagus.mapping.locations import divide
from target_tocobagus.mapping.record_errors import PathError, placed, shown
from target_tocobagus.mapping.row_rules import without_duplicates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.mapping.lists import Entry
    from target_tocobagus.mapping.paths import Read
    from target_tocobagus.mapping.row_rules import Rows

Values: TypeAlias = tuple[tuple[str, str], ...]
"""Mapped values for an error without identifier, by the mapping's keys."""


class Shape(Protocol):
    """Reads the quantities and locations of an item."""

    def rows(
        self,
        identifier: Identifier,
        item: Entry,
        record: Entry,
        *,
        deleted: bool,
    ) -> list[Outcome]:
        """Map each row of an item; may raise `PathError`."""
        ...

    def values(self, item: Entry, record: Entry) -> Values:
        """Show the item's values; empty if it has no quantity. May raise `PathError`."""
        ...


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity, and the values to subtract."""

    stock: Read
    subtract: tuple[Read, ...] = ()

    def taken(self, item: Entry, record: Entry) -> list[Any]:
        """Read the values to subtract: from the item, else from the record around it."""
        return [read_around(read, item, record) for read in self.subtract]


@dataclass(frozen=True, slots=True)
class Single:
    """One quantity: global, or at the location of a code."""

    rules: Rows
    amount: Amount
    code: Read | None

    def rows(
        self,
        identifier: Identifier,
        item: Entry,
        record: Entry,
        *,
        deleted: bool,
    ) -> list[Outcome]:
        """Map the one row."""
        stock = 0 if deleted else self.amount.stock(item)
        taken = () if deleted or not self.amount.subtract else self.amount.taken(item, record)
        code = self.code and read_around(self.code, item, record)
        return [self.row(identifier, stock, code, taken)]

    def row(
        self,
        identifier: Identifier,
        stock: Any,
        code: Any,
        taken: Sequence[Any] = (),
    ) -> Outcome:
        """Judge the row by its values; a code counts only if the mapping has one."""
        place = None if self.code is None else self.rules.locations.client_id(code)
        return self.rules.at(identifier, stock, place, taken)

    def values(self, item: Entry, record: Entry) -> Values:
        """Show the quantity, and the code beside it."""
        code = self.code and read_around(self.code, item, record)
        return self.row_values(self.amount.stock(item), code)

    def row_values(self, stock: Any, code: Any) -> Values:
        """As `values`, of the values themselves."""
        values = said(self.rules, "stock", stock)
        return (*values, ("warehouse", shown(code))) if values and self.code else values


@dataclass(frozen=True, slots=True)
class Columns:
    """One column for each location."""

    rules: Rows
    columns: tuple[tuple[str, Amount, str], ...]
    """Name, quantity and client id of each."""

    def rows(
        self,
        identifier: Identifier,
        item: Entry,
        record: Entry,
        *,
        deleted: bool,
    ) -> list[Outcome]:
        """Map each column."""
        if deleted:
            return [Stock(identifier, client_id, 0) for _, _, client_id in self.columns]
        return [
            self.rules.at(identifier, amount.stock(item), client_id, amount.taken(item, record))
            for _, amount, client_id in self.columns
        ]

    def values(self, item: Entry, record: Entry) -> Values:  # noqa: ARG002  # a Shape's signature
        """Show each column that holds a quantity."""
        shown_columns = (said(self.rules, name, at.stock(item)) for name, at, _ in self.columns)
        return tuple(value for column in shown_columns for value in column)


@dataclass(frozen=True, slots=True)
class Divided:
    """One quantity for several locations: the same at each, or divided by weight."""

    rules: Rows
    amount: Amount
    client_ids: tuple[str, ...]
    weights: tuple[int, ...] | None

    def rows(
        self,
        identifier: Identifier,
        item: Entry,
        record: Entry,
        *,
        deleted: bool,
    ) -> list[Outcome]:
        """Map the quantity once, for all locations."""
        stock = 0 if deleted else self.amount.stock(item)
        taken = () if deleted else self.amount.taken(item, record)
        quantity = self.rules.quantities.of(stock, taken)
        if not isinstance(quantity, int):
            return [placed(quantity, identifier, None)]
        if self.weights is None:
            return [Stock(identifier, each, quantity, broadcast=True) for each in self.client_ids]
        shares = divide(quantity, self.weights)
        return [
            Stock(identifier, client_id, share)
            for client_id, share in zip(self.client_ids, shares, strict=True)
        ]

    def values(self, item: Entry, record: Entry) -> Values:  # noqa: ARG002  # a Shape's signature
        """Show the quantity."""
        return said(self.rules, "stock", self.amount.stock(item))


@dataclass(frozen=True, slots=True)
class Levels:
    """A list of locations inside the item, each with its own quantity."""

    rules: Rows
    levels: Read
    level: Single
    """One location; its paths are within the entry of the list."""

    def rows(
        self,
        identifier: Identifier,
        item: Entry,
        record: Entry,  # noqa: ARG002  # a Shape's signature
        *,
        deleted: bool,
    ) -> list[Outcome]:
        """Map each entry by itself."""
        entries = listed(self.levels(item), "levels")
        if not isinstance(entries, list):
            return [placed(entries, identifier, None)]
        return without_duplicates(
            [
                self._row(identifier, entry, deleted=deleted)
                if isinstance(entry, dict)
                else placed(entry, identifier, None)
                for entry in read_entries(entries, "levels")
            ],
        )

    def values(self, item: Entry, record: Entry) -> Values:  # noqa: ARG002  # a Shape's signature
        """Show the list, unless no entry has a quantity."""
        found = self.levels(item)
        entries = listed(found, "levels")
        if isinstance(entries, Skipped):
            return ()
        says = isinstance(entries, RecordError) or any(
            map(self._says, read_entries(entries, "levels"))
        )
        return (("levels", shown(found)),) if says else ()

    def _row(self, identifier: Identifier, entry: Entry, *, deleted: bool) -> Outcome:
        try:
            return self.level.rows(identifier, entry, entry, deleted=deleted)[0]
        except PathError as error:
            return error.refused(identifier)

    def _says(self, entry: Entry | Skipped | RecordError) -> bool:
        if isinstance(entry, dict):
            return bool(self.level.values(entry, entry))
        return isinstance(entry, RecordError)


def read_around(read: Read, item: Entry, record: Entry) -> Any:
    """Read from the item, and if it has no value, from the record around it."""
    value = read(item)
    return read(record) if value is None and item is not record else value


def said(rules: Rows, key: str, stock: Any) -> Values:
    """Show a quantity under its key, if there is one."""
    return () if rules.quantities.is_null(stock) else ((key, shown(stock)),)
