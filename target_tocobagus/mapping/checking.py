"""Checks which keys of a mapping fit together, before any path is compiled.

The value of each key was checked with the configuration (`config.validation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.config.settings import StreamMapping

_PLACES = ("levels", "warehouse", "warehouse_columns", "warehouses", "split")


def find_problems(mapping: StreamMapping) -> Iterator[str]:
    """Yield what each key lacks or contradicts, one sentence each."""
    if not mapping.native:
        yield from _identifier_problems(mapping)
        yield from _place_problems(mapping)
        yield from _stock_problems(mapping)


def _identifier_problems(mapping: StreamMapping) -> Iterator[str]:
    if not (mapping.sku or mapping.id or mapping.external_id):
        yield "sku: one of sku, id and external_id is required"


def _place_problems(mapping: StreamMapping) -> Iterator[str]:
    given = [key for key in _PLACES if getattr(mapping, key)]
    if "levels" in given:
        if "warehouse" not in given:
            yield "levels: needs warehouse, the path of the location's code within a level"
        given.remove("levels")
        given = ["levels", *(key for key in given if key != "warehouse")]
    if len(given) > 1:
        yield f"{given[0]}: cannot be combined with {' and '.join(given[1:])}"
    if mapping.items is not None and mapping.items == mapping.levels:
        yield "levels: is a path within an item, so it cannot be the path of items"


def _stock_problems(mapping: StreamMapping) -> Iterator[str]:
    if mapping.warehouse_columns and mapping.stock:
        yield "stock: cannot be combined with warehouse_columns, which hold the quantities"
    if not mapping.warehouse_columns and not mapping.stock:
        yield "stock: is required, or else warehouse_columns"
