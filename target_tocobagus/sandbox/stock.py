"""The stock that was applied, per store, product and warehouse.

A global stock reaches every warehouse of the item (documented for a sibling endpoint), so it
replaces whatever the item had: one entry is left, that of warehouse None, which stands for all. A
warehouse's own stock then stands beside it, for that warehouse alone. So what a warehouse holds is
its own entry, or else the entry of None.
"""

from collections.abc import Iterator
from typing import Any

from target_tocobagus.sandbox.items import Item

Levels = dict[str | None, int]


class Stock:
    """Every level that was ever set, the last one of each."""

    def __init__(self) -> None:
        """Start with no stock known."""
        self._stores: dict[str, dict[tuple[str, str], Levels]] = {}

    def apply(self, store: str, item: Item) -> None:
        """Set the item's levels; they are absolute, not differences (inferred)."""
        products = self._stores.setdefault(store, {})
        product = (item.kind, item.identifier)
        levels = dict(item.levels)
        if None not in levels and product in products:
            products[product].update(levels)
        else:
            products[product] = levels

    def products(self, store: str) -> Iterator[tuple[str, str]]:
        """Give kind and identifier of every product that this store has set a stock of."""
        yield from self._stores.get(store, {})

    def rows(self) -> Iterator[dict[str, Any]]:
        """Give every level as ``{store, kind, identifier, warehouse, stock}``."""
        for store, products in self._stores.items():
            for (kind, identifier), levels in products.items():
                for warehouse, stock in levels.items():
                    yield {
                        "store": store,
                        "kind": kind,
                        "identifier": identifier,
                        "warehouse": warehouse,
                        "stock": stock,
                    }
