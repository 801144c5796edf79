"""Records that are the API's own items, as its documentation writes them.

An item has one of `sku`, `id` and `externalId`; nulls do not count. Its `warehouses` decides the
form: without it the stock is global, a list of client ids gives each of them `stock`, and a list of
objects has a quantity for each (`stock` is ignored then).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.model import Identifier, Kind, Outcome, RecordError, Skipped, Stock
from target_tocobagus.mapping.declared_numbers import declares_number, entries_of, property_of
from target_tocobagus.mapping.exact_numbers import number_text
from target_tocobagus.mapping.identifiers import identify
from target_tocobagus.mapping.lists import listed, parsed
from target_tocobagus.mapping.paths import compile_column
from target_tocobagus.mapping.record_errors import placed, shown
from target_tocobagus.mapping.row_rules import without_duplicates
from target_tocobagus.mapping.shapes import said

if TYPE_CHECKING:
    from target_tocobagus.mapping.declared_numbers import Schema
    from target_tocobagus.mapping.lists import Entry
    from target_tocobagus.mapping.paths import Read
    from target_tocobagus.mapping.row_rules import Rows
    from target_tocobagus.mapping.shapes import Values

KINDS: Final[tuple[Kind, ...]] = ("sku", "id", "externalId")
_STOCK: Final = compile_column("stock").read
_WAREHOUSES: Final = compile_column("warehouses").read


class NativeIdentifiers:
    """Finds the one identifier of an item."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places = tuple((kind, compile_column(kind).read) for kind in KINDS)

    def of(self, item: Any) -> Identifier | RecordError | None:
        """Read the one identifier; None without any, an error for several."""
        given = [identify(kind, read(item)) for kind, read in self._places]
        found = [identifier for identifier in given if identifier is not None]
        if len(found) > 1:
            kinds = [kind for kind, one in zip(KINDS, given, strict=True) if one is not None]
            message = f"the item has {' and '.join(kinds)}; the API takes one identifier"
            return RecordError("SEVERAL_IDENTIFIERS", message)
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Native:
    """The three forms of an item.

    Attributes:
        own: Reads the quantity of the item itself.
        at_place: Reads the quantity of an entry of `warehouses`.
    """

    rules: Rows
    own: Read = _STOCK
    at_place: Read = _STOCK

    @classmethod
    def under(cls, rules: Rows, schema: Schema) -> Native:
        """Make the shape for records under a SCHEMA."""
        place = entries_of(property_of(schema, "warehouses"))
        return cls(rules, _number(schema), _number(place))

    def rows(
        self,
        identifier: Identifier,
        item: Entry,
        record: Entry,  # noqa: ARG002  # a Shape's signature
        *,
        deleted: bool,
    ) -> list[Outcome]:
        """Map the item by its form."""
        stock = 0 if deleted else self.own(item)
        warehouses = parsed(_WAREHOUSES(item))
        if warehouses is None:
            return [self.rules.at(identifier, stock, None)]
        if warehouses == [] and not self.rules.quantities.is_null(stock):
            message = "warehouses: the list is empty, so it is unclear where the stock is"
            return [RecordError("BAD_LIST", message, identifier)]
        entries = listed(warehouses, "warehouses")
        if not isinstance(entries, list):
            return [placed(entries, identifier, None)]
        entries = [parsed(entry) for entry in entries]
        if any(isinstance(entry, dict) for entry in entries):
            levels = [self._level(identifier, entry, deleted=deleted) for entry in entries]
            return without_duplicates(levels)
        return without_duplicates(self._broadcast(identifier, stock, entries))

    def values(self, item: Entry, record: Entry) -> Values:  # noqa: ARG002  # a Shape's signature
        """Show the quantity and the warehouses, if there are any."""
        warehouses = parsed(_WAREHOUSES(item))
        listed_values = () if warehouses in (None, []) else (("warehouses", shown(warehouses)),)
        return (*said(self.rules, "stock", _STOCK(item)), *listed_values)

    def _broadcast(self, identifier: Identifier, stock: Any, entries: list[Any]) -> list[Outcome]:
        quantity = self.rules.quantities.of(stock)
        if not isinstance(quantity, int):
            return [placed(quantity, identifier, None)]
        return [self._stock_at(identifier, quantity, entry) for entry in entries]

    def _stock_at(self, identifier: Identifier, quantity: int, entry: Any) -> Outcome:
        location = self.rules.locations.client_id(entry, native=True)
        if isinstance(location, str):
            return Stock(identifier, location, quantity, broadcast=True)
        return self.rules.at(identifier, quantity, location)

    def _level(self, identifier: Identifier, entry: Any, *, deleted: bool) -> Outcome:
        if entry is None:
            return Skipped("warehouses: an entry is null")
        if not isinstance(entry, dict):
            message = f"warehouses: {shown(entry)} is not an object, and other entries are"
            return RecordError("BAD_ENTRY", message, identifier)
        location = self.rules.locations.client_id(entry.get("clientId"), native=True)
        return self.rules.at(identifier, 0 if deleted else self.at_place(entry), location)


def _number(schema: Schema) -> Read:
    declared = declares_number(property_of(schema, "stock"))
    return (lambda scope: number_text(_STOCK(scope))) if declared else _STOCK
