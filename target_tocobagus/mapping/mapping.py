"""A compiled mapping: maps records to outcomes."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from target_tocobagus.core.model import Identifier, Kind, Outcome, RecordError, Skipped
from target_tocobagus.mapping.declared_numbers import declares_number, property_of
from target_tocobagus.mapping.exact_numbers import number_text
from target_tocobagus.mapping.identifiers import identify
from target_tocobagus.mapping.lists import listed, read_entries
from target_tocobagus.mapping.needing import DELETED
from target_tocobagus.mapping.record_errors import PathError
from target_tocobagus.mapping.row_rules import Rows, without_duplicates
from target_tocobagus.mapping.shapes import Single

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.mapping.declared_numbers import Schema
    from target_tocobagus.mapping.lists import Entry
    from target_tocobagus.mapping.needing import InnerNeed
    from target_tocobagus.mapping.paths import Read
    from target_tocobagus.mapping.shapes import Shape, Values

_DELETED: Final = Skipped("the record is deleted")
_UNMET: Final = Skipped("the record does not meet where")
_SILENT: Final = Skipped("neither identifier nor quantity")


class PlainMapping(NamedTuple):
    """A mapping of the simplest shape: a row is two or three columns of a record.

    Attributes:
        kind: The kind of identifier.
        identifier_column: Its column.
        stock_column: The column of the quantity.
        warehouse_column: The column of the location's code; None if stock is global.
    """

    kind: Kind
    identifier_column: str
    stock_column: str
    warehouse_column: str | None


class ItemIdentifiers(Protocol):
    """Finds an item's identifier."""

    def of(self, item: Any) -> Identifier | RecordError | None:
        """Read it; None if there is none. May raise `PathError`."""
        ...


class CompiledMapping:
    """A compiled mapping; made by `compile_mapping`.

    Attributes:
        needs: Groups of columns; of each group one must be in some record, or the mapping is
            wrong. Names without a byte order mark.
        inner_needs: The same inside the lists that `items` and `levels` name.
        columns: All columns of a record that are read; None if it may be any.
        kinds: The kinds of identifier it may find, in the order in which they are tried.
        identity: Columns with item and location, if a record is one row; otherwise empty.
        last_is_meant: The mapping has `combine: last`.
        plain: The columns for `row`, if the mapping is that simple; otherwise None.
        rules: The rules for quantities and locations.
    """

    __slots__ = (
        "_declared",
        "_identifiers",
        "_items",
        "_shape",
        "_shape_under",
        "_where",
        "_zeroes_deleted",
        "columns",
        "identity",
        "inner_needs",
        "kinds",
        "last_is_meant",
        "needs",
        "plain",
        "rules",
    )

    def __init__(  # noqa: PLR0913  # all of it by name, from one caller
        self,
        *,
        identifiers: ItemIdentifiers,
        shape_under: Callable[[Schema], Shape],
        rules: Rows,
        where: Read | None,
        items: Read | None,
        zeroes_deleted: bool,
        needs: tuple[frozenset[str], ...],
        inner_needs: tuple[InnerNeed, ...],
        columns: frozenset[str] | None,
        identity: frozenset[str],
        last_is_meant: bool,
        kinds: tuple[Kind, ...],
        plain: PlainMapping | None,
    ) -> None:
        self._identifiers = identifiers
        self._shape_under = shape_under
        self._shape = shape_under(None)
        self._declared = False
        self._where = where
        self._items = items
        self._zeroes_deleted = zeroes_deleted
        self.rules = rules
        self.needs = needs
        self.inner_needs = inner_needs
        self.columns = columns
        self.identity = identity
        self.last_is_meant = last_is_meant
        self.kinds = kinds
        self.plain = plain

    @property
    def clamped(self) -> int:
        """How many quantities were below 0 and became 0, so far."""
        return self.rules.quantities.clamped

    @property
    def cut(self) -> int:
        """How many quantities lost a fraction, so far."""
        return self.rules.quantities.cut

    def under(self, schema: Schema) -> CompiledMapping:
        """Return this mapping for records under a SCHEMA, which declares numbers.

        Both count in the same `rules`.
        """
        mapping = copy(self)
        mapping._shape = self._shape_under(schema)  # noqa: SLF001  # its own class
        column = self.plain and property_of(schema, self.plain.stock_column)
        mapping._declared = declares_number(column)  # noqa: SLF001  # likewise
        return mapping

    def outcomes(self, record: Entry) -> list[Outcome]:
        """Map a record; there is always at least one outcome, and never an exception."""
        deleted = is_deleted(record)
        if deleted and not self._zeroes_deleted:
            return [_DELETED]
        try:
            if self._where is not None and not self._where(record):
                return [_UNMET]
            if self._items is None:
                return self._of_item(record, record, deleted=deleted)
            return self._of_items(self._items(record), record, deleted=deleted)
        except PathError as error:
            return [error.refused()]

    def row(self, identifier: Any, stock: Any, warehouse: Any = None) -> Outcome:
        """Map the values of a plain mapping's columns, as `outcomes` does for a record with them.

        Not for a deleted record (`is_deleted`).
        """
        if self.plain is None or not isinstance(self._shape, Single):
            raise AssertionError
        stock = number_text(stock) if self._declared else stock
        found = identify(self.plain.kind, identifier)
        if type(found) is tuple:
            return self._shape.row(found, stock, warehouse)
        return _unidentified(found, self._shape.row_values(stock, warehouse), deleted=False)

    def _of_items(self, value: Any, record: Entry, *, deleted: bool) -> list[Outcome]:
        entries = listed(value, "items")
        if not isinstance(entries, list):
            return [entries]
        outcomes: list[Outcome] = []
        for entry in read_entries(entries, "items"):
            if isinstance(entry, dict):
                outcomes += self._of_item(entry, record, deleted=deleted)
            else:
                outcomes.append(entry)
        return without_duplicates(outcomes)

    def _of_item(self, item: Entry, record: Entry, *, deleted: bool) -> list[Outcome]:
        identifier: Identifier | RecordError | None = None
        try:
            identifier = self._identifiers.of(item)
            if type(identifier) is tuple:
                return self._shape.rows(identifier, item, record, deleted=deleted)
            values = self._shape.values(item, record)
        except PathError as error:
            return [error.refused(identifier if type(identifier) is tuple else None)]
        return [_unidentified(identifier, values, deleted=deleted)]


def is_deleted(record: Entry) -> bool:
    """Whether a tap marked a record as deleted; null, false and an empty text do not count.

    A tap without types writes false as a text, and a database without truth values as 0.
    """
    mark = record.get(DELETED)
    return mark is not None and str(mark).strip().lower() not in {"", "false", "0"}


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
