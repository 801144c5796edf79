"""Records that are the API's own items, as its documentation writes them.

An item has one of `sku`, `id` and `externalId`; nulls do not count. Its `warehouses` decides the
form: without it the stock is global, a list of client ids gives each of them `stock`, and a list of
objects has a quantity for each (`stock` is ignored then).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.model import Identifier, Outcome, RecordError, Skipped, Stock
from target_tocobagus.mapping.declared_numbers import entries_of, property_of
from target_tocobagus.mapping.paths import compile_column, zero
from target_tocobagus.mapping.record_errors import placed, shown
from target_tocobagus.mapping.shapes import said, without_duplicates
from target_tocobagus.mapping.values import listed, parsed

if TYPE_CHECKING:
    from target_tocobagus.mapping.declared_numbers import Schema
    from target_tocobagus.mapping.rules import Rules
    from target_tocobagus.mapping.shapes import Values
    from target_tocobagus.mapping.values import Entry, Read

_STOCK: Final = compile_column("stock")
_WAREHOUSES: Final = compile_column("warehouses").read


def native_shape(rules: Rules, schema: Schema, *, zeros: bool = False) -> Native:
    """Make the shape for records under a SCHEMA; with `zeros` each quantity is 0."""
    if zeros:
        return Native(rules, zero, zero)
    place = entries_of(property_of(schema, "warehouses"))
    return Native(rules, _STOCK.number_read(schema), _STOCK.number_read(place))


@dataclass(frozen=True, slots=True)
class Native:
    """The three forms of an item.

    Attributes:
        own: Reads the quantity of the item itself.
        at_place: Reads the quantity of an entry of `warehouses`.
    """

    rules: Rules
    own: Read
    at_place: Read

    def rows(self, identifier: Identifier, item: Entry, record: Entry) -> list[Outcome]:  # noqa: ARG002  # a Shape's signature
        """Map the item by its form."""
        stock = self.own(item)
        warehouses = parsed(_WAREHOUSES(item))
        if warehouses is None:
            return [self.rules.row(identifier, stock, None)]
        if warehouses == [] and not self.rules.quantities.is_null(stock):
            message = "warehouses: the list is empty, so it is unclear where the stock is"
            return [RecordError("BAD_LIST", message, identifier)]
        entries = listed(warehouses, "warehouses")
        if not isinstance(entries, list):
            return [placed(entries, identifier, None)]
        entries = [parsed(entry) for entry in entries]
        if any(isinstance(entry, dict) for entry in entries):
            return without_duplicates([self._level(identifier, entry) for entry in entries])
        quantity = self.rules.quantities.of(stock)
        if not isinstance(quantity, int):
            return [placed(quantity, identifier, None)]
        return without_duplicates([self._stock_at(identifier, quantity, each) for each in entries])

    def values(self, item: Entry, record: Entry) -> Values:  # noqa: ARG002  # a Shape's signature
        """Show the quantity and the warehouses, if there are any."""
        warehouses = parsed(_WAREHOUSES(item))
        listed_values = () if warehouses in (None, []) else (("warehouses", shown(warehouses)),)
        return (*said(self.rules, "stock", _STOCK.read(item)), *listed_values)

    def _stock_at(self, identifier: Identifier, quantity: int, entry: Any) -> Outcome:
        location = self.rules.client_id(entry, native=True)
        if isinstance(location, str):
            return Stock(identifier, location, quantity, broadcast=True)
        return self.rules.row(identifier, quantity, location)

    def _level(self, identifier: Identifier, entry: Any) -> Outcome:
        if entry is None:
            return Skipped("warehouses: an entry is null")
        if not isinstance(entry, dict):
            message = f"warehouses: {shown(entry)} is not an object, and other entries are"
            return RecordError("BAD_ENTRY", message, identifier)
        location = self.rules.client_id(entry.get("clientId"), native=True)
        return self.rules.row(identifier, self.at_place(entry), location)
