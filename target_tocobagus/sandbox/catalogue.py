"""Which products and warehouses exist.

Without a catalogue everything exists. It is JSON in one of two forms: an object of lists, in which
a list that is left out is not checked, ::

    {"sku": ["SKU-1"], "id": ["c16785c6-…"], "externalId": ["EXT-1"], "warehouses": ["wh_1"]}

or a list of products, outside of which nothing exists, ::

    [{"sku": "SKU-1", "id": "c16785c6-…", "externalId": "EXT-1"}]
"""

from typing import Any

import msgspec

from target_tocobagus.sandbox.items import BadRow, Item

_UNKNOWN = {
    "sku": ("INV_001", "Invalid SKU", "Product SKU not found"),  # documented
    "id": ("INV_002", "Invalid Product ID", "Product ID not found"),  # code and message documented
    "externalId": ("INV_003", "Invalid External ID", "Product external ID not found"),  # invented
}
_UNKNOWN_WAREHOUSE = (
    "INV_004",
    "Invalid warehouse",
    "Warehouse not found in this store",
)  # invented
_NO_WAREHOUSES = ("INV_004", "Invalid warehouse", "This store has no warehouses")  # invented


class _Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sku: frozenset[str] | None = None
    id: frozenset[str] | None = None
    externalId: frozenset[str] | None = None  # noqa: N815  # the API's own spelling
    warehouses: frozenset[str] | None = None


class _Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sku: str | None = None
    id: str | None = None
    externalId: str | None = None  # noqa: N815  # the API's own spelling


class Catalogue:
    """What exists: for each kind of identifier a set, or None when everything does."""

    def __init__(self, lists: _Lists | None = None) -> None:
        """Keep what exists; without lists, everything."""
        lists = lists or _Lists()
        self.products = {"sku": lists.sku, "id": lists.id, "externalId": lists.externalId}
        self._warehouses = lists.warehouses
        self._open = all(known is None for known in (*self.products.values(), lists.warehouses))

    @classmethod
    def read(cls, value: Any) -> "Catalogue":
        """Read a catalogue from decoded JSON; None is the one in which everything exists.

        Raises:
            msgspec.ValidationError: It has neither form.
        """
        if value is None:
            return cls()
        if not isinstance(value, list):
            return cls(msgspec.convert(value, _Lists))
        products = msgspec.convert(value, list[_Product])
        return cls(
            _Lists(
                sku=frozenset(product.sku for product in products if product.sku),
                id=frozenset(product.id for product in products if product.id),
                externalId=frozenset(
                    product.externalId for product in products if product.externalId
                ),
            ),
        )

    def objection(self, item: Item) -> BadRow | None:
        """Say what of this item does not exist, or None."""
        if self._open:
            return None
        known = self.products[item.kind]
        if known is not None and item.identifier not in known:
            return BadRow(*_UNKNOWN[item.kind], item.kind, item.identifier)
        return self._warehouse_objection(item)

    def _warehouse_objection(self, item: Item) -> BadRow | None:
        named = {warehouse for warehouse, _ in item.levels if warehouse is not None}
        if self._warehouses is None or named <= self._warehouses:
            return None
        answer = _UNKNOWN_WAREHOUSE if self._warehouses else _NO_WAREHOUSES
        return BadRow(*answer, item.kind, item.identifier)
