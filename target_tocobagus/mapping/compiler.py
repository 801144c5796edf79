"""Compiles a user's mapping to functions that map records."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.mapping import needing, paths
from target_tocobagus.mapping.api_items import KINDS, Native, NativeIdentifiers
from target_tocobagus.mapping.checking import find_problems
from target_tocobagus.mapping.declared_numbers import declares_number, entries_of
from target_tocobagus.mapping.exact_numbers import number_text
from target_tocobagus.mapping.identifiers import Identifiers
from target_tocobagus.mapping.locations import Locations
from target_tocobagus.mapping.mapping import CompiledMapping, PlainMapping
from target_tocobagus.mapping.needing import MappingPaths
from target_tocobagus.mapping.quantities import Quantities
from target_tocobagus.mapping.row_rules import Rows
from target_tocobagus.mapping.shapes import Amount, Columns, Divided, Levels, Shape, Single

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_tocobagus.config.settings import StockPolicy, StreamMapping
    from target_tocobagus.core.model import Kind
    from target_tocobagus.mapping.declared_numbers import Schema
    from target_tocobagus.mapping.paths import Path, Read


def compile_mapping(mapping: StreamMapping, policy: StockPolicy) -> CompiledMapping:
    """Compile a mapping.

    Raises:
        ConfigurationError: With all problems, each naming stream and key.
    """
    problems = list(find_problems(mapping))
    found = _compile_paths(mapping, problems)
    if problems:
        where = f"mapping of stream {quoted(mapping.stream)}"
        raise ConfigurationError([f"{where}: {problem}" for problem in problems])
    rules = Rows(Quantities(policy, mapping.decimal_mark), Locations(policy))
    return CompiledMapping(
        identifiers=NativeIdentifiers() if mapping.native else _identifiers(found),
        shape_under=partial(Native.under, rules)
        if mapping.native
        else partial(_shape, mapping, found, rules),
        rules=rules,
        where=found.where[0].read if found.where else None,
        items=found.items[0].read if found.items else None,
        zeroes_deleted=policy.on_delete == "zero",
        needs=needing.native_needs(found) if mapping.native else needing.needs(found),
        inner_needs=needing.inner_needs(found),
        columns=needing.native_columns(found) if mapping.native else needing.columns(found),
        identity=frozenset(KINDS) if mapping.native else needing.identity(found),
        last_is_meant=mapping.combine == "last",
        kinds=KINDS if mapping.native else tuple(dict(found.identifiers)),
        plain=None if mapping.native else _plain(mapping, found),
    )


def _compile_paths(mapping: StreamMapping, problems: list[str]) -> MappingPaths:
    def compiled(
        key: str,
        texts: Iterable[str | None],
        compile_text: Callable[[str], Path] = paths.compile_path,
    ) -> tuple[Path, ...]:
        given = [text for text in texts if text is not None]
        tried = [_try(key, text, compile_text, problems) for text in given]
        return tuple(path for path in tried if path is not None)

    kinds: tuple[tuple[Kind, str], ...] = (
        ("sku", "sku"),
        ("id", "id"),
        ("externalId", "external_id"),
    )
    return MappingPaths(
        where=compiled("where", [mapping.where], paths.compile_condition),
        identifiers=tuple(
            (kind, path) for kind, key in kinds for path in compiled(key, getattr(mapping, key))
        ),
        stock=compiled("stock", mapping.stock),
        subtract=compiled("subtract", mapping.subtract),
        warehouse=compiled("warehouse", mapping.warehouse),
        columns=compiled(
            "warehouse_columns",
            [each.column for each in mapping.warehouse_columns],
            paths.compile_column,
        ),
        items=compiled("items", [mapping.items]),
        levels=compiled("levels", [mapping.levels]),
    )


def _try(
    key: str,
    text: str,
    compile_text: Callable[[str], Path],
    problems: list[str],
) -> Path | None:
    try:
        return compile_text(text)
    except ValueError as error:
        problems.append(f"{key}: {error}")
        return None


def _identifiers(found: MappingPaths) -> Identifiers:
    return Identifiers(tuple((kind, path.read) for kind, path in found.identifiers))


def _shape(mapping: StreamMapping, found: MappingPaths, rules: Rows, schema: Schema) -> Shape:
    """Make the shape for records under a SCHEMA; None if nothing is declared."""
    around = item = _entries(found.items, schema)
    if found.levels:
        around = item = _entries(found.levels, item)
    elif found.items:
        around = schema
    subtract = tuple(_number(path, item, around) for path in found.subtract)
    if mapping.warehouse_columns:
        columns = zip(mapping.warehouse_columns, found.columns, strict=True)
        return Columns(
            rules,
            tuple(
                (each.column, Amount(_number(path, item), subtract), each.client_id.strip())
                for each, path in columns
            ),
        )
    amount = Amount(paths.first_of(_number(path, item) for path in found.stock), subtract)
    if mapping.warehouses:
        return Divided(rules, amount, tuple(map(str.strip, mapping.warehouses)), None)
    if mapping.split:
        client_ids = tuple(share.client_id.strip() for share in mapping.split)
        return Divided(rules, amount, client_ids, tuple(share.weight for share in mapping.split))
    code = paths.first_of(path.read for path in found.warehouse) if found.warehouse else None
    single = Single(rules, amount, code)
    return Levels(rules, found.levels[0].read, single) if found.levels else single


def _entries(lists: tuple[Path, ...], schema: Schema) -> Schema:
    """Find the schema of a list's entries; without a list, the schema itself."""
    for path in lists:
        schema = entries_of(path.declared(schema))
    return schema


def _number(path: Path, *scopes: Schema) -> Read:
    """Read a quantity; its text is marked if a scope's schema declares it a number."""
    read = path.read
    if not any(declares_number(path.declared(scope)) for scope in scopes):
        return read
    return lambda scope: number_text(read(scope))


def _plain(mapping: StreamMapping, found: MappingPaths) -> PlainMapping | None:
    """Find the columns of a mapping of one identifier, one quantity and at most one code."""
    special = (
        mapping.where,
        mapping.items,
        mapping.levels,
        mapping.subtract,
        mapping.warehouse_columns,
        mapping.warehouses,
        mapping.split,
    )
    if any(special) or len(found.identifiers) > 1 or len(found.stock) > 1:
        return None
    ((kind, identifier),) = found.identifiers
    places = (identifier.column, found.stock[0].column, *(path.column for path in found.warehouse))
    match places:
        case (str(sku), str(stock)):
            return PlainMapping(kind, sku, stock, None)
        case (str(sku), str(stock), str(warehouse)):
            return PlainMapping(kind, sku, stock, warehouse)
    return None
