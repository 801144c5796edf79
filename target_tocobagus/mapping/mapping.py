"""A compiled mapping: maps records to outcomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_tocobagus.core.model import (
    Complete,
    Identifier,
    Kind,
    Outcome,
    Place,
    RecordError,
    Skipped,
    Stock,
)
from target_tocobagus.core.versions import read_version
from target_tocobagus.mapping.declared_numbers import declares_number, property_of
from target_tocobagus.mapping.exact_numbers import NumberText
from target_tocobagus.mapping.identifiers import identify
from target_tocobagus.mapping.record_errors import PathError, shown
from target_tocobagus.mapping.shapes import read_around, without_duplicates
from target_tocobagus.mapping.summing import UNMET
from target_tocobagus.mapping.values import (
    DELETED,
    is_deleted,
    is_true,
    listed,
    parsed,
    read_entries,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.mapping.declared_numbers import Schema
    from target_tocobagus.mapping.looking_up import PairReader
    from target_tocobagus.mapping.required_columns import InnerNeed
    from target_tocobagus.mapping.rules import Rules
    from target_tocobagus.mapping.shapes import Shape, Values
    from target_tocobagus.mapping.summing import Summing
    from target_tocobagus.mapping.values import Entry, Read

_SILENT: Final = Skipped("neither identifier nor quantity")


class PlainMapping(NamedTuple):
    """A mapping of the simplest shape: a row is two or three columns of a record.

    Attributes:
        warehouse_column: The column of the location's code; None if stock is global.
        part_columns: Those that tell one part from another; none if rows are not added up.
    """

    kind: Kind
    identifier_column: str
    stock_column: str
    warehouse_column: str | None
    part_columns: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class CompiledMapping:
    """A compiled mapping; made by `compile_mapping`.

    Attributes:
        identify: Finds an item's identifier; None if there is none. May raise `PathError`.
        shape_under: Makes the shape of records under a SCHEMA.
        shape: Reads the rows of an item.
        zeros: Does so for a deleted record: each quantity is 0.
        skips_deleted: A deleted record is skipped.
        where: Reads the condition that a record must meet.
        items: Reads the list of items in a record; None if the record is the item.
        needs: Groups of columns; of each group one must be in some record, or the mapping is
            wrong. Names without a byte order mark.
        inner_needs: The same inside the lists that `items` and `levels` name.
        columns: All columns of a record that are read; None if it may be any.
        identity: Columns with item and location, if a record is one row; otherwise empty.
        last_is_meant: The mapping has `combine: last`.
        kinds: The kinds of identifier it may find, in the order in which they are tried.
        plain: The columns for `row`, if the mapping is that simple; otherwise None.
        newer_by: Reads the version of a row; None if rows have none.
        summing: Adds up rows that are parts; None if each row is a stock.
        pairs: Reads the stream that the identifiers come from; None if rows have their own.
        entry: A hash of the mapping's content.
        filtered: Reads the locations of a record that does not meet `where`.
        names_filtered: Such a record is asked which levels it names.
        declared: The SCHEMA declares the quantity of `row` a number.
    """

    identify: Callable[[Any], Identifier | RecordError | None]
    shape_under: Callable[[Schema], Shape]
    shape: Shape
    zeros: Shape
    skips_deleted: bool
    where: Read | None
    items: Read | None
    rules: Rules
    needs: tuple[frozenset[str], ...]
    inner_needs: tuple[InnerNeed, ...]
    columns: frozenset[str] | None
    identity: frozenset[str]
    last_is_meant: bool
    kinds: tuple[Kind, ...]
    plain: PlainMapping | None
    newer_by: Read | None
    summing: Summing | None
    pairs: PairReader | None
    entry: str
    filtered: Shape
    names_filtered: bool = False
    declared: bool = False

    def under(self, schema: Schema, *, names_filtered: bool = False) -> CompiledMapping:
        """Return this mapping for records under a SCHEMA, which declares numbers.

        Both count in the same `rules`.
        """
        column = self.plain and property_of(schema, self.plain.stock_column)
        return replace(
            self,
            shape=self.shape_under(schema),
            declared=declares_number(column),
            names_filtered=names_filtered and self.summing is None,
        )

    def outcomes(self, record: Entry) -> list[Outcome]:
        """Map a record; there is always at least one outcome, and never an exception."""
        deleted = DELETED in record and is_deleted(record)
        if self.summing is not None:
            return self.summing.outcomes(record, lambda: [] if deleted else self._rows(record))
        skipped = deleted and self.skips_deleted
        rows = self._rows(record, deleted=deleted, skipped=skipped)
        if not skipped:
            return rows
        errors = [each for each in rows if isinstance(each, RecordError)]
        gone = [each.identifier for each in errors if each.identifier and each.location is None]
        return [Skipped("the record is deleted", _levels_of(rows), gone=tuple(gone))]

    def _rows(
        self, record: Entry, *, deleted: bool = False, skipped: bool = False
    ) -> list[Outcome]:
        try:
            if not skipped and self.where is not None and not is_true(self.where(record)):
                return [self._filtered(record) if self.names_filtered else UNMET]
            return self._of_items(record, self.zeros if deleted else self.shape)
        except PathError as error:
            return [error.refused()]

    def _filtered(self, record: Entry) -> Skipped:
        """Say which levels a record is about that does not meet `where`."""
        try:
            return Skipped(UNMET.reason, named=_levels_of(self._of_items(record, self.filtered)))
        except PathError:
            return UNMET

    def row(self, identifier: Any, stock: Any, warehouse: Any = None) -> Outcome:
        """Map the values of a plain mapping's columns, as `outcomes` does for a record with them.

        It takes half as long. Not for a deleted record (`is_deleted`).
        """
        if self.plain is None or self.summing is not None:
            raise AssertionError
        kind, identifier_column, stock_column, warehouse_column, _ = self.plain
        found = identify(kind, identifier)
        if type(found) is not tuple:
            record = {identifier_column: identifier, stock_column: stock}
            if warehouse_column is not None:
                record[warehouse_column] = warehouse
            return self.outcomes(record)[0]
        if self.declared and type(stock) is str:
            stock = NumberText(stock)
        place = None if warehouse_column is None else self.rules.client_id(warehouse)
        return self.rules.row(found, stock, place)

    def _of_items(self, record: Entry, shape: Shape) -> list[Outcome]:
        if self.items is None:
            return self._of_item(record, record, shape)
        value = parsed(self.items(record))
        entries = listed(value, "items")
        if not isinstance(entries, list):
            if isinstance(entries, RecordError):
                return [entries]
            if shape is not self.shape:
                return [_unidentified(None, (), deleted=True)]
            return [self.rules.of_empty_list(entries) if value == [] else entries]
        outcomes: list[Outcome] = []
        for entry in read_entries(entries, "items"):
            if isinstance(entry, dict):
                outcomes += self._of_item(entry, record, shape)
            else:
                outcomes.append(entry)
        return without_duplicates(outcomes)

    def _of_item(self, item: Entry, record: Entry, shape: Shape) -> list[Outcome]:
        identifier: Identifier | RecordError | None = None
        try:
            identifier = self.identify(item)
            if type(identifier) is tuple:
                rows = shape.rows(identifier, item, record)
                if self.newer_by is None:
                    return rows
                value = read_around(self.newer_by, item, record)
                if value is None and shape is not self.shape:
                    return rows  # a deleted record may have lost it
                return _versioned(rows, value)
            values = self.shape.values(item, record)
        except PathError as error:
            return [error.refused(identifier if type(identifier) is tuple else None)]
        return [_unidentified(identifier, values, deleted=shape is not self.shape)]


def _levels_of(rows: list[Outcome]) -> tuple[Place, ...]:
    """List the levels that rows are about, as far as they are known."""
    named = [row for row in rows if isinstance(row, (Stock, RecordError))]
    return tuple([(row.identifier, row.location) for row in named if row.identifier])


def _versioned(rows: list[Outcome], value: Any) -> list[Outcome]:
    """Give rows their version."""
    version = read_version(value)
    if version is None:
        known = [row for row in rows if not isinstance(row, Complete)]
        return [_unversioned(row, value) if isinstance(row, Stock) else row for row in known]
    return [
        msgspec.structs.replace(row, version=version) if isinstance(row, (Stock, Complete)) else row
        for row in rows
    ]


def _unversioned(row: Stock, value: Any) -> RecordError:
    text = f"newer_by: {shown(value)} is not a number, a date (2026-10-31) or a date and time"
    return RecordError("BAD_VERSION", text, row.identifier, row.location)


def _unidentified(
    found: RecordError | Identifier | None, values: Values, *, deleted: bool
) -> Outcome:
    """Make the outcome of an item without identifier: an error, or a skip if it has no quantity."""
    if type(found) is RecordError:
        return RecordError(found.code, found.message, values=values)
    if not values and not deleted:
        return _SILENT
    what = "the record is deleted, and has" if deleted else "there is a quantity, but"
    return RecordError("NO_IDENTIFIER", f"{what} no identifier", values=values)
