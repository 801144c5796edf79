"""A stream read by the common names of its columns: the evidence, and what it leaves in doubt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.mapping import vocabulary
from target_tocobagus.mapping.vocabulary import Column, columns, nested
from target_tocobagus.settings import StreamMapping, WarehouseColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXPRESSION: Final = frozenset("[](){}|?*@&!<>=,:'`\"\\")
FEW: Final = 2
"""So many columns that each bear a place's name are a table with a column per place."""


class Evidence(msgspec.Struct, frozen=True):
    """The columns that may say something of stock, by their names and types.

    Attributes:
        skus: Called a SKU; where none is, called a code of the article.
        stocks: Called stock; or, where the stream's name says stock, quantity.
        unclaimed: Called quantity in a stream whose name says nothing of stock.
        locations: Called a location: one row of the stream per item and location.
        shelves: Called something finer than a location.
        spread: Called a location and which one (`WH-JKT`): perhaps the stock there.
        lists: Lists of objects, or of locations.
        deltas: Called a change.
        documents: Called an order, an invoice, a movement.
        reserved: Called reserved: what is perhaps to be taken off.
    """

    stream: str
    skus: tuple[Column, ...]
    stocks: tuple[Column, ...]
    unclaimed: tuple[Column, ...]
    locations: tuple[Column, ...]
    shelves: tuple[Column, ...]
    spread: tuple[Column, ...]
    lists: tuple[Column, ...]
    deltas: tuple[Column, ...]
    documents: tuple[Column, ...]
    reserved: tuple[Column, ...]

    @property
    def location_names(self) -> tuple[str, ...]:
        """The columns that are taken for a location."""
        return _names(self.locations)

    @property
    def remark(self) -> str:
        """What a user may have overlooked."""
        if not self.reserved:
            return ""
        return f"Nothing is taken off for {_quoted(self.reserved)}: that takes `subtract`"


def evidence(stream: str, schema: Any) -> Evidence:
    """Sort a stream's columns by what their names say."""
    found = columns(schema)
    scalars = [column for column in found if column.is_scalar]
    stocks = _called(scalars, vocabulary.STOCK)
    quantities = _called(scalars, vocabulary.QUANTITY)
    says_stock = vocabulary.says_stock(stream)
    return Evidence(
        stream=stream,
        skus=_called(scalars, vocabulary.SKU) or _called(scalars, vocabulary.ARTICLE),
        stocks=(*stocks, *quantities) if says_stock else stocks,
        unclaimed=() if says_stock else quantities,
        locations=_locations(found),
        shelves=_called(scalars, vocabulary.SHELF),
        spread=tuple(filter(_names_one_place, scalars)),
        lists=tuple(column for column in found if _is_rival(column)),
        deltas=tuple(column for column in scalars if vocabulary.is_delta(column.name)),
        documents=tuple(column for column in scalars if vocabulary.is_document(column.name)),
        reserved=_called(scalars, vocabulary.RESERVED),
    )


def lacking(found: Evidence) -> str | None:
    """Say for what a stream is not one of stock; ``None`` where it is one."""
    if not found.skus:
        return "it has no column for a SKU (an id is never taken for one)"
    if found.documents:
        return f"{_quoted(found.documents)} says that its rows belong to a document"
    return None if found.stocks else _instead_of_stock(found)


def _instead_of_stock(found: Evidence) -> str:
    """Say what was found where stock was looked for."""
    spread = found.spread if len(found.spread) >= FEW else ()
    reasons = (
        (found.deltas, "is a change of the stock, not the stock"),
        (found.unclaimed, "may count anything: the stream's name does not say stock"),
        (found.lists, "may be a list that holds its stock, which takes a mapping"),
        (spread, "may be a column per place, which takes `warehouse_columns`"),
    )
    said = (f"{_quoted(those)} {reason}" for those, reason in reasons if those)
    return next(said, "it has no column for stock")


def draft(found: Evidence) -> StreamMapping:
    """Write the mapping down, with the first candidate wherever there are several."""
    wide = not found.stocks and len(found.spread) >= FEW
    return StreamMapping(
        stream=found.stream,
        sku=_paths(found.skus[:1]),
        stock=_paths(found.stocks[:1]),
        warehouse=_paths(found.locations[:1]),
        no_warehouse=bool(found.stocks) and not found.locations and _place_in_name(found),
        warehouse_columns=tuple(
            WarehouseColumn(column.name, column.name) for column in found.spread if wide
        ),
    )


def doubts(found: Evidence) -> tuple[list[str], dict[str, str]]:
    """List what the evidence leaves open.

    Returns:
        The questions, and by the mapping's key what to say behind its line.
    """
    asked = [
        *_several("sku", "a SKU", found.skus),
        *_several("stock", "the stock", found.stocks),
        *_several("warehouse", "the location", found.locations),
        *_doubts_of_place(found),
    ]
    remarks: dict[str, str] = {}
    for key, _, remark in asked:
        remarks[key] = f"{remarks[key]}; {remark}" if key in remarks else remark
    return [question for _, question, _ in asked], remarks


def _several(key: str, what: str, found: tuple[Column, ...]) -> Iterator[tuple[str, str, str]]:
    if len(found) > 1:
        others = ", ".join(_path(column) for column in found[1:])
        yield key, f"{_quoted(found)} may each hold {what}", f"or: {others}"
    elif found and found[0].is_scalar is False:
        path = _path(found[0])
        yield key, f"{_quoted(found)} is an object that holds {what}", f"or another than {path}"


def _doubts_of_place(found: Evidence) -> Iterator[tuple[str, str, str]]:
    """Ask where the stock may be only a part of what it would be sent for."""
    if found.shelves:
        question = f"{_quoted(found.shelves)} says that a location's stock is in several rows"
        yield "stock", question, "only if a SKU has one row per location: rows are not added up"
    if found.locations:
        return
    if found.lists:
        question = f"the list {_quoted(found.lists)} may hold stock of its own"
        yield "stock", question, "or `items:` or `levels:` with the list's name"
    if len(found.spread) >= FEW:
        question = f"{_quoted(found.spread)} may be the stock at one place each"
        yield "stock", question, "or `warehouse_columns:`"
    if _place_in_name(found):
        question = "its name speaks of a place, and no column says which"
        yield "warehouse", question, "global; or `warehouses: [client id]` if it is of one place"


def _place_in_name(found: Evidence) -> bool:
    return vocabulary.says_place(found.stream)


def _called(found: Iterable[Column], spellings: frozenset[str]) -> tuple[Column, ...]:
    return tuple(
        column
        for column in found
        if column.spelling in spellings and not vocabulary.is_delta(column.name)
    )


def _locations(found: Iterable[Column]) -> tuple[Column, ...]:
    """Take columns called a location; a place's name only where nothing else tells the place."""
    places = [
        column
        for column in found
        if column.spelling in vocabulary.LOCATION and (column.is_scalar or "object" in column.types)
    ]
    codes = [column for column in places if not {"name", "nama"} & set(_words(column))]
    return tuple(codes or places)


def _words(column: Column) -> tuple[str, ...]:
    return vocabulary.words(column.name)


def _names_one_place(column: Column) -> bool:
    """Tell whether a name is a place's noun and which one: `WH-JKT`, `stok_gudang_a` is not."""
    first, *others = _words(column) or ("",)
    named = first in vocabulary.PLACES and bool(others)
    return named and len(others) == 1 and others[0] not in vocabulary.NOT_A_PLACE


def _is_rival(column: Column) -> bool:
    """Tell whether a column is a list that may hold the stock of variants or of locations."""
    if column.spelling in vocabulary.LOCATION_LISTS:
        return True
    inner = {part.spelling for part in nested(column)}
    of_what = inner & vocabulary.SKU or inner & vocabulary.LOCATION
    return bool(of_what) and bool(inner & vocabulary.STOCK or inner & vocabulary.QUANTITY)


def _path(column: Column) -> str:
    """Write a column's path; of an object, that of its code or else its id."""
    if column.is_scalar:
        return _named(column.name)
    inner = {part.spelling: part.name for part in nested(column)}
    steps = [_named(inner[key]) for key in ("code", "id") if key in inner]
    return ".".join([_named(column.name), *steps[:1]])


def _named(name: str) -> str:
    """Write a column's name as a path: in double quotes where it reads as an expression."""
    return json.dumps(name, ensure_ascii=False) if EXPRESSION & set(name) else name


def _paths(found: Iterable[Column]) -> tuple[str, ...]:
    return tuple(map(_path, found))


def _names(found: Iterable[Column]) -> tuple[str, ...]:
    return tuple(column.name for column in found)


def _quoted(found: Iterable[Column]) -> str:
    return ", ".join(repr(column.name) for column in found)
