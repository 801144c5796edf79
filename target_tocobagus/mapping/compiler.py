"""Checks and compiles a user's mapping to functions that map records.

The value of each key was checked with the configuration (`config.validation`); `contradictions`
tells which keys do not fit together.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.mapping import paths, required_columns
from target_tocobagus.mapping.api_items import native_shape
from target_tocobagus.mapping.contradictions import contradictions
from target_tocobagus.mapping.declared_numbers import entries_of
from target_tocobagus.mapping.identifiers import first_identifier, one_identifier
from target_tocobagus.mapping.looking_up import PairReader
from target_tocobagus.mapping.mapping import CompiledMapping, PlainMapping
from target_tocobagus.mapping.required_columns import MappingPaths
from target_tocobagus.mapping.rules import Rules
from target_tocobagus.mapping.shapes import Columns, Divided, Levels, Shape, Single
from target_tocobagus.mapping.summing import PartRules, Summing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_tocobagus.config.settings import Lookup, StockPolicy, StreamMapping
    from target_tocobagus.core.model import Kind
    from target_tocobagus.mapping.declared_numbers import Schema
    from target_tocobagus.mapping.paths import Path
    from target_tocobagus.mapping.values import Read

_KINDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("sku", "sku"),
    ("id", "id"),
    ("externalId", "external_id"),
)
"""Each kind of identifier, and its key in a mapping."""
_NATIVE: Final[dict[str, Any]] = {
    "sku": ("sku",),
    "id": ("id",),
    "external_id": ("externalId",),
    "stock": ("stock", "warehouses"),
}
"""What is read of the API's own items."""


def compile_mapping(mapping: StreamMapping, policy: StockPolicy) -> CompiledMapping:
    """Compile a mapping.

    Raises:
        ConfigurationError: With all problems, each naming stream and key.
    """
    if mapping.native:
        mapping = msgspec.structs.replace(mapping, **_NATIVE)
    problems = list(contradictions(mapping))
    found = _compile_paths(mapping, problems)
    if problems:
        where = f"mapping of stream {quoted(mapping.stream)}"
        raise ConfigurationError([f"{where}: {problem}" for problem in problems])
    rules = (PartRules if mapping.sums else Rules)(policy, mapping.decimal_mark)
    skips_deleted = policy.on_delete == "skip"
    # What is skipped has no part in what the rules count.
    apart = Rules(policy, mapping.decimal_mark)
    make = native_shape if mapping.native else partial(_shape, mapping, found)
    places = tuple((kind, path.read) for kind, path in found.identifiers)
    newer_by = found.newer_by[0].read if found.newer_by else None
    summing = _summing(mapping, found, rules, newer_by)
    return CompiledMapping(
        identify=partial(one_identifier if mapping.native else first_identifier, places),
        shape_under=partial(make, rules),
        shape=make(rules, None),
        zeros=make(apart if skips_deleted else rules, None, zeros=True),
        filtered=make(apart, None, zeros=True),
        skips_deleted=skips_deleted,
        where=found.where[0].read if found.where else None,
        items=found.items[0].read if found.items else None,
        rules=rules,
        needs=required_columns.needs(found),
        inner_needs=required_columns.inner_needs(found),
        columns=required_columns.columns(found),
        identity=required_columns.identity(found),
        last_is_meant=mapping.combine is not None,
        kinds=tuple(dict(found.identifiers)),
        plain=_plain(mapping, found),
        newer_by=newer_by if summing is None else None,
        summing=summing,
        pairs=found.pairs,
        entry=_fingerprint(mapping, policy),
    )


def _summing(
    mapping: StreamMapping, found: MappingPaths, rules: Rules, newer_by: Read | None
) -> Summing | None:
    if not mapping.sums:
        return None
    weights = tuple(each.weight for each in mapping.split)
    return Summing(
        part=tuple(path.read for path in found.part),
        newer_by=newer_by,
        rules=rules,
        weights={each.client_id.strip(): (n, weights) for n, each in enumerate(mapping.split)},
        is_complete=mapping.parts_complete is True,
        may_lack=mapping.parts_complete is False,
    )


def _fingerprint(mapping: StreamMapping, policy: StockPolicy) -> str:
    """Return a short text that changes with the content of a mapping.

    With `combine: sum` also with `warehouse_map`: parts are remembered at the places that it names.
    """
    fields = msgspec.structs.fields(mapping)
    values = {each.name: getattr(mapping, each.name) for each in fields}
    said = {each.name: values[each.name] for each in fields if values[each.name] != each.default}
    if mapping.sums:
        said["warehouse_map"] = policy.warehouse_map
    return _hash(msgspec.to_builtins(said))


def _hash(said: Any) -> str:
    text = json.dumps(said, sort_keys=True)  # also if a name is not UTF-8
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _compile_paths(mapping: StreamMapping, problems: list[str]) -> MappingPaths:
    def compiled(
        key: str,
        texts: Iterable[str | None],
        compile_text: Callable[[str], Path] = paths.compile_path,
    ) -> tuple[Path, ...]:
        found: list[Path] = []
        for text in texts:
            try:
                found += [] if text is None else [compile_text(text)]
            except ValueError as error:  # noqa: PERF203  # all problems at once
                problems.append(f"{key}: {error}")
        return tuple(found)

    columns = [each.column for each in mapping.warehouse_columns]
    pairs = _compile_pairs(mapping.lookup, compiled) if mapping.lookup else None
    path = compiled("lookup.path", [mapping.lookup.path]) if mapping.lookup else ()
    return MappingPaths(
        where=compiled("where", [mapping.where], paths.compile_condition),
        identifiers=tuple(
            (kind, path) for kind, key in _KINDS for path in compiled(key, getattr(mapping, key))
        )
        or tuple((pairs.kind, each) for each in path if pairs is not None),
        pairs=pairs,
        stock=compiled("stock", mapping.stock),
        subtract=compiled("subtract", mapping.subtract),
        warehouse=compiled("warehouse", mapping.warehouse),
        columns=compiled("warehouse_columns", columns, paths.compile_column),
        items=compiled("items", [mapping.items]),
        levels=compiled("levels", [mapping.levels]),
        newer_by=compiled("newer_by", [mapping.newer_by]),
        part=compiled("part", mapping.part),
    )


def _compile_pairs(lookup: Lookup, compiled: Callable[..., tuple[Path, ...]]) -> PairReader | None:
    """Compile how the records of the other stream are read; None if they cannot be."""
    given = [(kind, key) for kind, key in _KINDS if getattr(lookup, key)]
    kind, key = given[0] if given else _KINDS[0]
    match = compiled("lookup.match", [lookup.match])
    identifier = compiled(f"lookup.{key}", [getattr(lookup, key)])
    where = compiled("lookup.where", [lookup.where], paths.compile_condition)
    if not (match and identifier):
        return None
    said = msgspec.to_builtins(msgspec.structs.replace(lookup, path=""))
    return PairReader(
        stream=lookup.stream,
        kind=f"{lookup.stream}.{lookup.match}",
        match=match[0],
        found=(kind, identifier[0]),
        where=where[0] if where else None,
        entry=_hash(said),
    )


def _shape(
    mapping: StreamMapping,
    found: MappingPaths,
    rules: Rules,
    schema: Schema,
    *,
    zeros: bool = False,
) -> Shape:
    """Make the shape for records under a SCHEMA, `None` if nothing is declared.

    With `zeros` it is the shape for deleted records: each quantity is 0.
    """
    around = item = _entries(found.items, schema)
    if found.levels:
        around = item = _entries(found.levels, item)
    elif found.items:
        around = schema

    def quantity(path: Path) -> Read:
        return paths.zero if zeros else path.number_read(item)

    subtract = () if zeros else tuple(path.number_read(item, around) for path in found.subtract)
    if mapping.warehouse_columns:
        columns = zip(mapping.warehouse_columns, map(quantity, found.columns), strict=True)
        places = tuple((each.column, read, each.client_id.strip()) for each, read in columns)
        return Columns(rules, places, subtract)
    stock = paths.first_of(map(quantity, found.stock))
    if mapping.sums and (mapping.warehouses or mapping.split):
        # Each place has the whole quantity: what is divided is the sum.
        ids = [*mapping.warehouses, *(share.client_id for share in mapping.split)]
        return Columns(rules, tuple(("stock", stock, each.strip()) for each in ids), subtract)
    if mapping.warehouses:
        return Divided(rules, stock, subtract, tuple(map(str.strip, mapping.warehouses)), None)
    if mapping.split:
        client_ids = tuple(share.client_id.strip() for share in mapping.split)
        weights = tuple(share.weight for share in mapping.split)
        return Divided(rules, stock, subtract, client_ids, weights)
    code = paths.first_of(path.read for path in found.warehouse) if found.warehouse else None
    single = Single(rules, stock, subtract, code)
    if not found.levels:
        return single
    # The list of a deleted record, or of one that is left out, says nothing of other locations.
    is_complete = mapping.levels_complete is True and not zeros
    return Levels(found.levels[0].read, single, is_complete, is_deleted=zeros)


def _entries(lists: tuple[Path, ...], schema: Schema) -> Schema:
    """Find the schema of a list's entries; without a list, the schema itself."""
    for path in lists:
        schema = entries_of(path.declared(schema))
    return schema


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
        mapping.newer_by,
    )
    if any(special) or len(found.identifiers) > 1 or len(found.stock) > 1:
        return None
    ((kind, identifier),) = found.identifiers
    parts = [path.column for path in found.part]
    places = (identifier.column, found.stock[0].column, *(path.column for path in found.warehouse))
    match places:
        case (str(sku), str(stock)) if all(parts):
            return PlainMapping(kind, sku, stock, None, tuple(map(str, parts)))
        case (str(sku), str(stock), str(warehouse)) if all(parts):
            return PlainMapping(kind, sku, stock, warehouse, tuple(map(str, parts)))
    return None
