"""Which fields may hold the identifier, the quantity and the location, by their names.

Each candidate has a rank: the higher, the likelier. Ranks only order a draft's candidates; they
never cause anything to be sent.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from target_tocobagus.recognition import vocabulary as said
from target_tocobagus.recognition.fields import Field, leaves
from target_tocobagus.recognition.ranking import (
    ID_OF_ITEM,
    NAMED_STOCK,
    identifier_rank,
    location_rank,
    quantity_rank,
)
from target_tocobagus.recognition.vocabulary import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Key: TypeAlias = Literal["sku", "external_id"]

PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
EXPRESSION: Final = frozenset("[](){}|?*@&!<>=,:'`\"\\")
FEW: Final = 2
"""A table with this many columns named after places has one column per location."""


class Candidate(msgspec.Struct, frozen=True):
    """A field that may hold the identifier, the quantity or the location.

    Attributes:
        path: As a mapping writes it.
        rank: How likely it is.
        key: The mapping's key for an identifier.
    """

    path: str
    rank: float
    field: Field
    key: Key = "sku"


class Scope(msgspec.Struct, frozen=True):
    """The candidates of a record, or of an entry of a list; each kind the likeliest first.

    Attributes:
        path: The list's; empty for a record.
        fields: All fields that are not objects.
        spread: Fields named after places: perhaps the stock there.
        inner: The lists of objects in it.
    """

    path: str
    fields: tuple[Field, ...]
    identifiers: tuple[Candidate, ...]
    quantities: tuple[Candidate, ...]
    locations: tuple[Candidate, ...]
    spread: tuple[Field, ...]
    inner: tuple[Scope, ...]


def scope_of(fields: tuple[Field, ...], name: str, *, path: str = "", stock: bool) -> Scope:
    """Sort fields by what they may hold.

    Args:
        fields: Of the record, or of the entries of a list.
        name: The stream's, or the list's.
        path: The list's; empty for a record.
        stock: The stream's name says that its quantities are stock.
    """
    found = tuple(leaves(fields))
    places = _ranked(locations(found, name if path else ""))
    taken = {candidate.field.path for candidate in places}
    rest = [field for field in found if field.path not in taken]
    quantities = _ranked(_quantities(rest, stock=stock))
    identifiers = _ranked(_identifiers(found))
    sure = bool(quantities) and quantities[0].rank >= NAMED_STOCK
    used = taken | {each.field.path for each in (*quantities, *identifiers)}
    return Scope(
        path=path,
        fields=found,
        identifiers=identifiers,
        quantities=quantities,
        locations=places,
        spread=() if path else _spread(found, used, stock=stock and not sure),
        inner=tuple(_inner(found, stock=stock)),
    )


def locations(found: Iterable[Field], list_name: str = "") -> Iterator[Candidate]:
    """Find candidates for the location of a row, or of an entry of a list of locations."""
    inside = bool(set(tokens(list_name)) & said.PLACES) if list_name else False
    for field in found:
        rank = location_rank(field.path, inside=inside)
        if rank and (field.is_scalar or _is_bare_object(field)):
            yield Candidate(path_of(field.path), rank, field)


def path_of(names: Iterable[str]) -> str:
    """Write a path: a column's name as it is, unless it would be read as an expression."""
    given = tuple(names)
    if len(given) == 1 and not EXPRESSION & set(given[0]):
        return given[0]
    return ".".join(map(quoted, given))


def quoted(name: str) -> str:
    """Write a name within a JMESPath expression."""
    return name if PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _ranked(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Sort: fields with values first, then by rank, then shorter names first."""
    return tuple(
        sorted(
            found,
            key=lambda each: (not each.field.values, -each.rank, len(tokens(*each.field.path))),
        )
    )


def _is_bare_object(field: Field) -> bool:
    return field.types == {"object"} and not field.inner


def _identifiers(found: Iterable[Field]) -> Iterator[Candidate]:
    for field in found:
        if field.is_scalar and (rank := identifier_rank(field.path)):
            is_id = rank <= ID_OF_ITEM
            key: Key = "external_id" if is_id else "sku"
            yield Candidate(path_of(field.path), rank, field, key)


def _quantities(found: Iterable[Field], *, stock: bool) -> Iterator[Candidate]:
    for field in found:
        if field.is_list:
            yield from _pairs(field)
        elif field.is_scalar and (rank := quantity_rank(field.path, stock=stock)):
            yield Candidate(path_of(field.path), rank, field)


def _pairs(field: Field) -> Iterator[Candidate]:
    """Find a list of names with quantities, as Shopify has; the available one is used."""
    inner = {each.path: each for each in field.inner}
    label, amount = inner.get(("name",)), inner.get(("quantity",))
    if label and amount:
        path = f"{path_of(field.path)}[?name=='available'].quantity | [0]"
        yield Candidate(path, 4.0, field)


def _spread(
    found: Iterable[Field], used: set[tuple[str, ...]], *, stock: bool
) -> tuple[Field, ...]:
    """Find the columns of a table with one column per location: `WH-JKT`, `Stok Jakarta`."""
    flat = [field for field in found if len(field.path) == 1 and field.is_scalar]
    by_noun = [field for field in flat if _names_one_place(field)]
    if len(by_noun) >= FEW:
        return tuple(by_noun)
    by_stock = [field for field in flat if _is_stock_somewhere(field)]
    if len(by_stock) >= FEW:
        return tuple(by_stock)
    unknown = [field for field in flat if field.path not in used and _counts_somewhere(field)]
    return tuple(unknown) if stock and len(unknown) >= FEW else ()


def _names_one_place(field: Field) -> bool:
    """Whether a name is a word for a place and one other word, perhaps after a word for stock."""
    found = [word for word in tokens(field.path[0]) if word not in said.STOCK | said.QUANTITY]
    first, *others = found or ("",)
    which = len(others) == 1 and others[0] not in _NOT_A_PLACE
    return first in said.PLACES and which


def _is_stock_somewhere(field: Field) -> bool:
    """Whether a name is a word for stock and one unknown word, probably a place's name."""
    found = tokens(field.path[0])
    others = [word for word in found if word not in said.STOCK | said.QUANTITY]
    return len(found) > len(others) == 1 and others[0] not in _KNOWN


def _counts_somewhere(field: Field) -> bool:
    """Whether records have numbers under an unknown name."""
    numbers = [str(value).strip() for value in field.values]
    counts = bool(numbers) and all(re.fullmatch(r"-?\d{1,6}(?:\.0+)?", text) for text in numbers)
    return counts and not set(tokens(field.path[0])) & _KNOWN


_NOT_A_PLACE: Final = (
    said.AFFIXES
    | said.NO_QUANTITY
    | said.STOCK
    | said.QUANTITY
    | said.TOTAL
    | said.AVAILABLE
    | said.FINAL
    | said.PLACES
    | {"address", "alamat", "phone", "email", "at", "by", "manager", "timezone", "domain", "hand"}
) - {"box", "hold"}
_KNOWN: Final = frozenset().union(
    _NOT_A_PLACE,
    said.ARTICLE,
    said.SKU,
    said.BARCODE,
    said.NAMES,
    said.ON_HAND,
    said.FREE,
    said.REGIONS,
    {"level", "levels", "barang", "on", "in", "to", "sell", "version", "tax", "year", "position"},
    *said.DOUBTS.values(),
)


_SAYS_LEVELS: Final = said.PLACES | said.QUANTITY


def _inner(found: Iterable[Field], *, stock: bool) -> Iterator[Scope]:
    """Look into the lists of objects."""
    for field in found:
        if field.is_list and field.inner and not next(_pairs(field), None):
            name = field.path[-1]
            says = stock or said.says_stock(name) or bool(set(tokens(name)) & _SAYS_LEVELS)
            yield scope_of(field.inner, name, path=path_of(field.path), stock=says)
