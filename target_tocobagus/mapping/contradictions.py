"""Which keys of a mapping do not fit together; a pure check of what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.config.settings import StreamMapping

_IDENTIFIERS: Final = ("sku", "id", "external_id")
_PLACES: Final = ("levels", "warehouse", "warehouse_columns", "warehouses", "split")


def contradictions(mapping: StreamMapping) -> Iterator[str]:
    """Yield what each key lacks or contradicts, one sentence each."""
    yield from _identifier_problems(mapping)
    given = [key for key in _PLACES if getattr(mapping, key)]
    if "levels" in given:
        if "warehouse" not in given:
            yield "levels: needs warehouse, the path of the location's code within a level"
        given = [key for key in given if key != "warehouse"]
    if len(given) > 1:
        yield f"{given[0]}: cannot be combined with {' and '.join(given[1:])}"
    if mapping.items is not None and mapping.items == mapping.levels:
        yield "levels: is a path within an item, so it cannot be the path of items"
    if mapping.warehouse_columns and mapping.stock:
        yield "stock: cannot be combined with warehouse_columns, which hold the quantities"
    if not mapping.warehouse_columns and not mapping.stock:
        yield "stock: is required, or else warehouse_columns"
    yield from _completeness_problems(mapping)


def _completeness_problems(mapping: StreamMapping) -> Iterator[str]:
    if mapping.levels_complete is not None and (mapping.levels is None or mapping.sums):
        yield "levels_complete: is only used with levels, and not with combine: sum"
    if mapping.sums and not mapping.part:
        yield "combine: sum needs part, the path of what tells one part from another"
    if not mapping.sums and (mapping.part or mapping.parts_complete is not None):
        yield f"{'part' if mapping.part else 'parts_complete'}: is only used with combine: sum"


def _identifier_problems(mapping: StreamMapping) -> Iterator[str]:
    named = mapping.sku or mapping.id or mapping.external_id
    if mapping.lookup is None:
        if not named:
            yield "sku: one of sku, id and external_id is required, or else lookup"
        return
    if named:
        yield "lookup: takes the place of sku, id and external_id; leave one"
    if sum(getattr(mapping.lookup, key) is not None for key in _IDENTIFIERS) != 1:
        yield "lookup: needs one of sku, id and external_id, a path in the other stream"
    if mapping.levels_complete:
        yield "levels_complete: cannot be combined with lookup"
    if mapping.lookup.stream == mapping.stream:
        yield "lookup: names the stream itself; it must be another one"
