"""A mapping to start from, for a stream whose user must say what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.config.settings import StreamMapping, WarehouseColumn
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.recognition import vocabulary as said
from target_tocobagus.recognition.fields import Field, fields_of
from target_tocobagus.recognition.heuristics import Candidate, Scope, path_of, quoted, scope_of
from target_tocobagus.recognition.ranking import SURE
from target_tocobagus.recognition.vocabulary import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FEW: Final = 3
_MOST_REMARK: Final = 5


class Draft(msgspec.Struct, frozen=True):
    """A mapping to start from, and what is in doubt.

    Attributes:
        mapping: Without `sku` or `stock` where nothing is known to hold it.
        remarks: By the mapping's key, what its line's comment says.
        doubts: What a person has to decide, a clause each.
        documents: Columns that say that a row belongs to an order, an invoice, a movement.
    """

    mapping: StreamMapping
    remarks: dict[str, str]
    doubts: tuple[str, ...]
    documents: tuple[str, ...]

    @property
    def has_identifier(self) -> bool:
        """Whether something names the item."""
        return bool(self.mapping.sku or self.mapping.external_id)

    @property
    def has_quantity(self) -> bool:
        """Whether something holds a quantity."""
        return bool(self.mapping.stock or self.mapping.warehouse_columns)


class _Parts(msgspec.Struct, frozen=True):
    """What a draft is made of.

    Attributes:
        items: The list whose entries are the items.
        levels: The list whose entries are the locations.
    """

    identifiers: tuple[Candidate, ...]
    quantities: tuple[Candidate, ...]
    locations: tuple[Candidate, ...]
    record: Scope
    items: Scope | None = None
    levels: Scope | None = None
    spread: tuple[Field, ...] = ()


def draft(stream: str, schema: Any, keys: Sequence[str] = (), records: Iterable[Any] = ()) -> Draft:
    """Draft a mapping from a stream's name, its SCHEMA and its first records."""
    fields = fields_of(schema, records)
    stock = said.says_stock(stream) or bool(set(said.words(stream)) & said.SAYS_ITEMS)
    record = scope_of(fields, stream, stock=stock)
    parts = _choose(record)
    mapping = _mapping(stream, parts)
    return Draft(
        mapping=mapping,
        remarks=_remarks(parts),
        doubts=tuple(_doubts(stream, parts, mapping, keys)),
        documents=tuple(each.path[0] for each in record.fields if _is_document(each)),
    )


# Which shape


def _choose(record: Scope) -> _Parts:
    """Find where the items are, and where the locations of each."""
    if record.identifiers and record.spread and not record.locations:
        return _Parts(record.identifiers, (), (), record, spread=record.spread)
    options = [*_as_levels(record), *_as_items(record)]
    if options and (not record.quantities or not record.locations):
        return max(options, key=lambda each: each.quantities[0].rank)
    return _Parts(record.identifiers, record.quantities, record.locations, record)


def _as_levels(record: Scope) -> Iterator[_Parts]:
    for inner in record.inner if record.identifiers else ():
        if inner.quantities and inner.locations and not _names_items(inner):
            yield _Parts(
                record.identifiers, inner.quantities, inner.locations, record, levels=inner
            )


def _as_items(record: Scope) -> Iterator[_Parts]:
    for inner in record.inner:
        sure = _names_items(inner) or (inner.identifiers and not record.identifiers)
        if not sure:
            continue
        if inner.quantities:
            places = inner.locations or record.locations
            yield _Parts(inner.identifiers, inner.quantities, places, record, items=inner)
        for levels in inner.inner:
            if levels.quantities and levels.locations:
                yield _Parts(
                    inner.identifiers, levels.quantities, levels.locations, record, inner, levels
                )


def _names_items(scope: Scope) -> bool:
    return bool(scope.identifiers) and scope.identifiers[0].rank >= SURE


def _mapping(stream: str, parts: _Parts) -> StreamMapping:
    best = parts.identifiers[:1]
    paths = tuple(each.path for each in best)
    key = best[0].key if best else "sku"
    items = parts.items
    return StreamMapping(
        stream=stream,
        where=None if items else " && ".join(_conditions(parts.record.fields)) or None,
        sku=paths if key == "sku" else (),
        external_id=paths if key == "external_id" else (),
        stock=tuple(each.path for each in parts.quantities[:1]),
        warehouse=tuple(each.path for each in parts.locations[:1]) if parts.quantities else (),
        warehouse_columns=tuple(
            WarehouseColumn(each.path[0], each.path[0]) for each in parts.spread
        ),
        items=_filtered(items) if items else None,
        levels=parts.levels.path if parts.levels else None,
    )


def _filtered(items: Scope) -> str:
    """Write a list's path, with a condition for its entries where there is one."""
    conditions = " && ".join(_conditions(items.fields))
    path = ".".join(map(quoted, items.path.split("."))) if '"' not in items.path else items.path
    return f"{path}[?{conditions}]" if conditions else items.path


# What leaves a row out


def _conditions(fields: Iterable[Field]) -> Iterator[str]:
    """Write what the rows of items that are tracked, not deleted and in good condition meet."""
    for field in fields:
        path = ".".join(map(quoted, field.path))
        names = set(tokens(*field.path))
        if field.types == {"boolean"}:
            if names & said.TRACKED and not names & said.PART:
                yield f"{path} != `false`"
            elif names & (said.UNTRACKED | said.GONE):
                yield f"{path} != `true`"
        elif names & said.GONE and names & said.MOMENT and not field.types & {"integer", "number"}:
            yield f"!{path}"
        elif good := _good_value(field):
            yield f"{path} == '{good}'"


def _good_value(field: Field) -> str:
    """Find which of a condition's values says that the stock can be sold, if others do not."""
    if not set(tokens(*field.path)) & said.CONDITION:
        return ""
    values = {value for value in field.values if isinstance(value, str)}
    good = [value for value in sorted(values) if value.casefold() in said.GOOD]
    return good[0] if len(values) > 1 and len(good) == 1 and good[0].isidentifier() else ""


# What is in doubt


def _remarks(parts: _Parts) -> dict[str, str]:
    """Name every second candidate behind the line of the first."""
    found = {
        parts.identifiers[0].key if parts.identifiers else "sku": parts.identifiers[1:],
        "stock": (*parts.quantities[1:], *(parts.record.quantities if _in_list(parts) else ())),
        "warehouse": parts.locations[1:] if parts.quantities else (),
    }
    remarks = {key: _or([each.path for each in others]) for key, others in found.items() if others}
    if parts.spread:
        spread = {each.path for each in parts.spread}
        others = [each.path for each in parts.record.quantities if each.field.path not in spread]
        second = f"; {_or(others)}" if others else ""
        remarks["warehouse_columns"] = f"write the client id of each{second}"
    return remarks


def _in_list(parts: _Parts) -> bool:
    return bool(parts.items or parts.levels)


def _or(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MOST_REMARK} more" if len(paths) > _MOST_REMARK else ""
    return clean(f"or: {', '.join(dict.fromkeys(paths[:_MOST_REMARK]))}{more}")


def _doubts(
    stream: str, parts: _Parts, mapping: StreamMapping, keys: Sequence[str]
) -> Iterator[str]:
    if strange := [word for word in said.words(stream) if word not in said.NEUTRAL_NAMES]:
        yield f"the name says {_quoted(strange)}: are the rows all of the stock?"
    read = _columns_read(parts)
    if unread := [key for key in keys if key not in read]:
        yield f"the key has {_quoted(unread)}: is there one row for each item and location?"
    chosen = [parts.items, parts.levels]
    fields = [*parts.record.fields, *(each for scope in chosen if scope for each in scope.fields)]
    used = {each.field.path for each in (*parts.identifiers[:1], *parts.locations[:1])}
    used |= {each.path for each in parts.spread} | {each.field.path for each in parts.quantities}
    for what, names in said.DOUBTS.items():
        doubtful = [each for each in fields if names & set(tokens(*each.path))]
        if found := [path_of(each.path) for each in doubtful if each.path not in used]:
            yield f"{_quoted(found)} may say {what}"
    if not mapping.warehouse and not mapping.warehouse_columns:
        yield "no place is named: is the stock that of all places?"


def _columns_read(parts: _Parts) -> set[str]:
    """List the record's columns that the draft reads as identifier or location."""
    read = [*parts.identifiers[:1]] if not parts.items else []
    read += parts.locations[:1] if not parts.levels else ()
    return {each.field.path[0] for each in read} | {each.path[0] for each in parts.spread}


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(clean(repr(name)) for name in names[:_FEW]) + more


def _is_document(field: Field) -> bool:
    """Tell whether a column names the order, invoice or movement that its row belongs to."""
    found = said.words(field.path[0])
    ends = {found[0], found[-1]} if found else set()
    return bool(set(found) & said.DOCUMENTS) and bool(ends & said.AFFIXES) and "sort" not in found
