"""Drafts a mapping for a stream that only its user can map for certain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.config.settings import StreamMapping, WarehouseColumn
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import some_of
from target_tocobagus.recognition import vocabulary as said
from target_tocobagus.recognition.candidates import SURE, Candidate, Scope, scope_of
from target_tocobagus.recognition.fields import Field, fields_of, path_of, quoted
from target_tocobagus.recognition.vocabulary import tokens
from target_tocobagus.recognition.yaml_lines import flow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


_DECIMAL_COMMA: Final = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+")
_EITHER: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""The comma may separate thousands."""
_DECIMAL_POINT: Final = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)\.(?:\d{1,2}|\d{4,})")


class Draft(msgspec.Struct, frozen=True):
    """A drafted mapping, and the doubts about it.

    Attributes:
        identifiers: Candidates, the likeliest first; also for `quantities` and `locations`.
        items: The list whose entries are the items.
        levels: The list whose entries are the locations.
        spread: The columns of a table with one column per location.
    """

    stream: str
    identifiers: tuple[Candidate, ...]
    quantities: tuple[Candidate, ...]
    locations: tuple[Candidate, ...]
    record: Scope
    items: Scope | None = None
    levels: Scope | None = None
    spread: tuple[Field, ...] = ()

    @property
    def documents(self) -> tuple[str, ...]:
        """Columns that show that a row belongs to an order, an invoice, a movement."""
        return tuple(each.path[0] for each in self.record.fields if _is_document(each))

    @property
    def comma(self) -> str:
        """A quantity's text whose comma can only be a decimal mark; empty if none is written so."""
        fields = self.spread or tuple(each.field for each in self.quantities[:1])
        values = [each for field in fields for each in field.values if isinstance(each, str)]
        texts = [text.strip() for text in values]
        if any(map(_DECIMAL_POINT.fullmatch, texts)):
            return ""
        commas = filter(_DECIMAL_COMMA.fullmatch, texts)
        return next((text for text in commas if not _EITHER.fullmatch(text)), "")

    @property
    def mapping(self) -> StreamMapping:
        """The mapping, without `sku` or `stock` if no column is a candidate."""
        best = self.identifiers[:1]
        paths = tuple(each.path for each in best)
        key = best[0].key if best else "sku"
        places = self.locations[:1] if self.quantities else ()
        return StreamMapping(
            stream=self.stream,
            where=None if self.items else " && ".join(_conditions(self.record.fields)) or None,
            sku=paths if key == "sku" else (),
            external_id=paths if key == "external_id" else (),
            stock=tuple(each.path for each in self.quantities[:1]),
            warehouse=tuple(each.path for each in places),
            warehouse_columns=tuple(
                WarehouseColumn(each.path[0], each.path[0]) for each in self.spread
            ),
            items=_filtered(self.items) if self.items else None,
            levels=self.levels.path if self.levels else None,
            decimal_mark="," if self.comma else None,
        )


def draft(
    stream: str, schema: Any, records: Iterable[Any] = (), *, is_stock: bool = False
) -> Draft:
    """Draft a mapping from a stream's name, its SCHEMA and its first records.

    With `is_stock` any quantity in it may be the stock, whatever the stream's name is.
    """
    stock = is_stock or said.says_stock(stream)
    record = scope_of(fields_of(schema, records), stream, stock=stock)
    identifiers, spread = record.identifiers, record.spread
    if identifiers and spread and not record.locations:
        return Draft(stream, identifiers, (), (), record, spread=spread)
    options = [*_as_levels(stream, record), *_as_items(stream, record)]
    if options and (not record.quantities or not record.locations):
        return max(options, key=lambda each: each.quantities[0].rank)
    return Draft(stream, identifiers, record.quantities, record.locations, record)


# Which shape


def _as_levels(stream: str, record: Scope) -> Iterator[Draft]:
    items = record.identifiers
    for inner in record.inner if items else ():
        if inner.quantities and inner.locations and not _names_items(inner):
            yield Draft(stream, items, inner.quantities, inner.locations, record, levels=inner)


def _as_items(stream: str, record: Scope) -> Iterator[Draft]:
    for inner in record.inner:
        items = inner.identifiers
        if not (_names_items(inner) or (items and not record.identifiers)):
            continue
        if inner.quantities:
            places = inner.locations or record.locations
            yield Draft(stream, items, inner.quantities, places, record, items=inner)
        for levels in inner.inner:
            if levels.quantities and levels.locations:
                yield Draft(
                    stream, items, levels.quantities, levels.locations, record, inner, levels
                )


def _names_items(scope: Scope) -> bool:
    return bool(scope.identifiers) and scope.identifiers[0].rank >= SURE


def _filtered(items: Scope) -> str:
    """Write a list's path, with a condition for its entries where there is one."""
    conditions = " && ".join(_conditions(items.fields))
    path = items.path if '"' in items.path else ".".join(map(quoted, items.path.split(".")))
    return f"{path}[?{conditions}]" if conditions else items.path


# Conditions that leave rows out


def _conditions(fields: Iterable[Field]) -> Iterator[str]:
    """Write conditions for tracked items that are not deleted and in good condition."""
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
    """Find the only value of a condition that means that the stock can be sold."""
    if not set(tokens(*field.path)) & said.CONDITION:
        return ""
    values = {value for value in field.values if isinstance(value, str)}
    good = [value for value in sorted(values) if value.casefold() in said.GOOD]
    return good[0] if len(values) > 1 and len(good) == 1 and good[0].isidentifier() else ""


# Doubts


def remarks(draft: Draft) -> dict[str, str]:
    """Make comments with the other candidates, by the mapping's key."""
    others = {
        draft.identifiers[0].key if draft.identifiers else "sku": draft.identifiers[1:],
        "stock": draft.quantities[1:],
        "warehouse": draft.locations[1:] if draft.quantities else (),
    }
    found = {key: _or(more) for key, more in others.items() if more}
    if draft.spread:
        totals = [each for each in draft.record.quantities if each.field not in draft.spread]
        more = f"; {_or(totals)}" if totals else ""
        found["warehouse_columns"] = f"write the client id of each{more}"
    if draft.comma:
        found["decimal_mark"] = f"as in {draft.comma!r}; a mark for thousands is rejected"
    return found


def _or(found: Sequence[Candidate]) -> str:
    paths = list(dict.fromkeys(each.path for each in found))
    return f"or: {some_of(list(map(flow, paths)))}"


def doubts(draft: Draft, keys: Sequence[str]) -> Iterator[str]:
    """Yield what a person must decide, a clause each."""
    if strange := [word for word in said.words(draft.stream) if word not in said.NEUTRAL_NAMES]:
        yield f"the stream's name has {_quoted(strange)}: is it all of the stock, or a part of it?"
    best, places = draft.identifiers[:1], draft.locations[:1]
    read = () if draft.items else best
    read += () if draft.levels else places
    columns = {each.field.path[0] for each in read} | {each.path[0] for each in draft.spread}
    if unread := [key for key in keys if key not in columns]:
        yield f"the key has {_quoted(unread)}: is there one row for each item and location?"
    used = {each.field.path for each in (*best, *places, *draft.quantities)}
    used |= {each.path for each in draft.spread}
    scopes = [scope for scope in (draft.record, draft.items, draft.levels) if scope]
    for what, names in said.DOUBTS.items():
        doubtful = [
            path_of(each.path)
            for scope in scopes
            for each in scope.fields
            if each.path not in used and names & set(tokens(*each.path))
        ]
        if doubtful:
            yield f"{_quoted(doubtful)} may mean {what}"
    if draft.quantities and not set(tokens(*draft.quantities[0].field.path)) & said.AVAILABLE:
        scope = draft.levels or draft.items or draft.record
        held = [each for each in scope.fields if set(tokens(*each.path)) & said.RESERVED]
        if paths := [path_of(each.path) for each in held if each.is_scalar]:
            yield f"{_quoted(paths)} may have to be taken off (subtract)"
    if not draft.spread and not (draft.quantities and places):
        yield "no location is found: is it the stock of all locations?"


def _quoted(names: Sequence[str]) -> str:
    return some_of([clean(repr(name)) for name in names], 3)


def _is_document(field: Field) -> bool:
    """Whether a column names the order, invoice or movement that its row belongs to."""
    found = said.words(field.path[0])
    ends = {found[0], found[-1]} if found else set()
    return bool(set(found) & said.DOCUMENTS) and bool(ends & said.AFFIXES) and "sort" not in found
