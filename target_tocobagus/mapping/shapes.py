"""The shapes in which a record, or an item inside one, holds quantities and locations.

Each shape has the same two methods: the rows of an item, and (only used for an item without
identifier) its values. An item is the record itself, or an entry of the list that `items` names;
then `record` is the record around it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from target_tocobagus.core.model import (
    Complete,
    Identifier,
    Outcome,
    Place,
    RecordError,
    Skipped,
    Stock,
)
from target_tocobagus.mapping.record_errors import OF_QUANTITIES, PathError, placed, shown
from target_tocobagus.mapping.values import listed, parsed, read_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.mapping.rules import Rules
    from target_tocobagus.mapping.values import Entry, Read

Values: TypeAlias = tuple[tuple[str, str], ...]
"""Mapped values for an error without identifier, by the mapping's keys."""


_NOWHERE: Final = "the record is deleted, and has no list of warehouses"


class Shape(Protocol):
    """Reads the quantities and locations of an item."""

    def rows(self, identifier: Identifier, item: Entry, record: Entry) -> list[Outcome]:
        """Map each row of an item; may raise `PathError`."""

    def values(self, item: Entry, record: Entry) -> Values:
        """Show the item's values; empty if it has no quantity. May raise `PathError`."""


@dataclass(frozen=True, slots=True)
class Single:
    """One quantity: global, or at the location of a code."""

    rules: Rules
    stock: Read
    subtract: tuple[Read, ...]
    code: Read | None

    def rows(self, identifier: Identifier, item: Entry, record: Entry) -> list[Outcome]:
        """Map the one row."""
        stock = self.stock(item)
        taken = subtracted(self.subtract, item, record) if self.subtract else ()
        place = None
        if self.code is not None:
            code = self.code(item)
            if code is None and item is not record:
                code = self.code(record)
            place = self.rules.client_id(code)
        return [self.rules.row(identifier, stock, place, taken)]

    def values(self, item: Entry, record: Entry) -> Values:
        """Show the quantity, and the code beside it."""
        code = self.code and read_around(self.code, item, record)
        values = said(self.rules, "stock", self.stock(item))
        return (*values, ("warehouse", shown(code))) if values and self.code else values


@dataclass(frozen=True, slots=True)
class Columns:
    """One column for each location."""

    rules: Rules
    columns: tuple[tuple[str, Read, str], ...]
    """Name, quantity and client id of each."""
    subtract: tuple[Read, ...]

    def rows(self, identifier: Identifier, item: Entry, record: Entry) -> list[Outcome]:
        """Map each column."""
        taken = subtracted(self.subtract, item, record)
        return [
            self.rules.row(identifier, stock(item), client_id, taken)
            for _, stock, client_id in self.columns
        ]

    def values(self, item: Entry, record: Entry) -> Values:  # noqa: ARG002  # a Shape's signature
        """Show each column that holds a quantity."""
        shown_columns = (said(self.rules, name, stock(item)) for name, stock, _ in self.columns)
        return tuple(value for column in shown_columns for value in column)


@dataclass(frozen=True, slots=True)
class Divided:
    """One quantity for several locations: the same at each, or divided by weight."""

    rules: Rules
    stock: Read
    subtract: tuple[Read, ...]
    client_ids: tuple[str, ...]
    weights: tuple[int, ...] | None

    def rows(self, identifier: Identifier, item: Entry, record: Entry) -> list[Outcome]:
        """Map the quantity once, for all locations."""
        stock, taken = self.stock(item), subtracted(self.subtract, item, record)
        quantity = self.rules.quantities.of(stock, taken)
        if not isinstance(quantity, int):
            return [placed(quantity, identifier, None)]
        if self.weights is None:
            return [Stock(identifier, each, quantity, broadcast=True) for each in self.client_ids]
        shares = zip(self.client_ids, divide(quantity, self.weights), strict=True)
        return [Stock(identifier, client_id, share) for client_id, share in shares]

    def values(self, item: Entry, record: Entry) -> Values:  # noqa: ARG002  # a Shape's signature
        """Show the quantity."""
        return said(self.rules, "stock", self.stock(item))


@dataclass(frozen=True, slots=True)
class Levels:
    """A list of locations inside the item, each with its own quantity."""

    levels: Read
    level: Single
    """One location; its paths are within the entry of the list."""
    is_complete: bool
    """The list names every location of the item."""
    is_deleted: bool
    """The item is deleted: without a list, nothing says where it was."""

    def rows(self, identifier: Identifier, item: Entry, record: Entry) -> list[Outcome]:  # noqa: ARG002  # a Shape's signature
        """Map each entry by itself."""
        value = parsed(self.levels(item))
        entries = listed(value, "levels")
        if not isinstance(entries, list):
            nothing = placed(entries, identifier, None)
            if self.is_deleted and isinstance(nothing, Skipped):
                return [RecordError("NO_WAREHOUSE", _NOWHERE, identifier)]
            if value == [] and isinstance(nothing, Skipped):
                none = [Complete(identifier, ())] if self.is_complete else []
                return [self.level.rules.of_empty_list(nothing), *none]
            return [nothing]
        levels = list(read_entries(entries, "levels"))
        rows = without_duplicates([self._row(identifier, level) for level in levels])
        return [*rows, *self._complete(identifier, levels, rows)] if self.is_complete else rows

    def _complete(
        self,
        identifier: Identifier,
        levels: Sequence[Entry | Skipped | RecordError],
        rows: Sequence[Outcome],
    ) -> list[Outcome]:
        """Say that the list is complete, unless the location of an entry is not known."""
        places = [
            row.location if isinstance(row, Stock) else self._place(level, row)
            for level, row in zip(levels, rows, strict=True)
        ]
        if None in places:
            return []
        return [Complete(identifier, tuple([place for place in places if place]))]

    def _place(self, level: Entry | Skipped | RecordError, row: Outcome) -> str | None:
        """Find the location of a skipped entry: empty if nothing is sent there, None if unknown."""
        if not isinstance(level, dict) or not isinstance(row, Skipped) or self.level.code is None:
            return None
        found = self.level.rules.client_id(self.level.code(level))
        if isinstance(found, str):
            return found
        return "" if isinstance(found, Skipped) or found.code == "UNMAPPED_WAREHOUSE" else None

    def _row(self, identifier: Identifier, entry: Entry | Skipped | RecordError) -> Outcome:
        if not isinstance(entry, dict):
            return placed(entry, identifier, None)
        try:
            return self.level.rows(identifier, entry, entry)[0]
        except PathError as error:
            return error.refused(identifier)

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

    def _says(self, entry: Entry | Skipped | RecordError) -> bool:
        if isinstance(entry, dict):
            return bool(self.level.values(entry, entry))
        return isinstance(entry, RecordError)


def subtracted(reads: tuple[Read, ...], item: Entry, record: Entry) -> list[Any]:
    """Read the values to subtract."""
    return [read_around(read, item, record) for read in reads]


def read_around(read: Read, item: Entry, record: Entry) -> Any:
    """Read from the item, and if it has no value, from the record around it."""
    value = read(item)
    return read(record) if value is None and item is not record else value


def said(rules: Rules, key: str, stock: Any) -> Values:
    """Show a quantity under its key, if there is one."""
    return () if rules.quantities.is_null(stock) else ((key, shown(stock)),)


def divide(quantity: int, weights: Sequence[int]) -> list[int]:
    """Divide whole units by weight, by the largest remainder, ties to the earlier; none is lost.

    Args:
        quantity: Units, not below 0.
        weights: Each at least 1.
    """
    total = sum(weights)
    shares = [quantity * weight // total for weight in weights]
    remainders = [quantity * weight % total for weight in weights]
    first = sorted(range(len(weights)), key=lambda index: -remainders[index])
    for index in first[: quantity - sum(shares)]:
        shares[index] += 1
    return shares


def without_duplicates(outcomes: list[Outcome]) -> list[Outcome]:
    """Reject all rows of a record that share identifier and location with another.

    It is unclear which of them is right. A row without a quantity contradicts none.
    """
    places = [_place(outcome) for outcome in outcomes]
    known = [place for place in places if place is not None]
    if len(set(known)) == len(known):
        return outcomes
    counts = Counter(known)
    return [
        outcome if place is None or counts[place] == 1 else _duplicate(*place)
        for outcome, place in zip(outcomes, places, strict=True)
    ]


def _place(outcome: Outcome) -> Place | None:
    if type(outcome) is Stock:
        return outcome.identifier, outcome.location
    if type(outcome) is RecordError and outcome.identifier and outcome.code in OF_QUANTITIES:
        return outcome.identifier, outcome.location
    return None


def _duplicate(identifier: Identifier, location: str | None) -> RecordError:
    where = "for all warehouses" if location is None else f"at {location}"
    message = f"the record has more than one stock of {identifier[1]} {where}"
    return RecordError("DUPLICATE_LOCATION", message, identifier, location)
