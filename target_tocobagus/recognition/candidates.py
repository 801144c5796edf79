"""Which fields may hold the identifier, the quantity and the location, by their names.

Each candidate has a rank: the higher, the likelier. Ranks only order a draft's candidates; they
never cause anything to be sent.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from target_tocobagus.recognition import vocabulary as said
from target_tocobagus.recognition.fields import Field, leaves, path_of
from target_tocobagus.recognition.vocabulary import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path: TypeAlias = tuple[str, ...]

SURE: Final = 70
"""From this rank on an identifier is a merchant's own code."""

WAREHOUSE: Final = 4.0
"""From this rank on a location is a warehouse; below, a country or a city."""

_ID_OF_ITEM: Final = 32.0
"""Up to this rank an identifier is an id of some system."""

_NAMED_STOCK: Final = 2.9
"""From this rank on a quantity is called stock, available or remaining."""

_MOST: Final = 4.0
"""No quantity ranks higher."""

_FEW: Final = 2
"""A table with this many columns named after places has one column per location."""


class Candidate(msgspec.Struct, frozen=True):
    """A field that may hold the identifier, the quantity or the location.

    Attributes:
        path: As a mapping writes it.
    """

    path: str
    rank: float
    field: Field

    @property
    def key(self) -> Literal["sku", "external_id"]:
        """The mapping's key for an identifier."""
        return "external_id" if self.rank <= _ID_OF_ITEM else "sku"


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
    taken = {each.field.path for each in places}
    quantities = _ranked(_quantities(found, taken, stock=stock))
    identifiers = _ranked(_identifiers(found))
    sure = bool(quantities) and quantities[0].rank >= _NAMED_STOCK
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


def _ranked(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Sort: fields with values first, then by rank, then shorter names first."""
    return tuple(
        sorted(
            found,
            key=lambda each: (not each.field.values, -each.rank, len(tokens(*each.field.path))),
        )
    )


def _inner(found: Iterable[Field], *, stock: bool) -> Iterator[Scope]:
    """Look into the lists of objects."""
    for field in found:
        if field.is_list and field.inner and not next(_pairs(field), None):
            name = field.path[-1]
            names_levels = set(tokens(name)) & (said.PLACES | said.QUANTITY)
            says = stock or said.says_stock(name) or bool(names_levels)
            yield scope_of(field.inner, name, path=path_of(field.path), stock=says)


# Identifiers


def _identifiers(found: Iterable[Field]) -> Iterator[Candidate]:
    for field in found:
        if field.is_scalar and (rank := _identifier_rank(field.path)):
            yield Candidate(path_of(field.path), rank, field)


@lru_cache(maxsize=4096)
def _identifier_rank(path: Path) -> float:
    """Rank a candidate: a SKU, a code, a barcode, then an id; 0 if it is none."""
    words = set(tokens(*path))
    names, own = words - said.OWN, set(tokens(path[-1]))
    if names & said.SKU:
        return _sku_rank(names, is_own=bool(words & said.OWN))
    if names & said.PLACES or own & (said.NOT_THE_ITEM - {"option"}):
        return 0
    if names & said.BARCODE and names <= said.BARCODE | said.ARTICLE | said.CODE:
        return 35 - 10 * bool(names & {"asin", "fnsku"})
    if names & said.CODE and names <= said.CODE | said.ARTICLE | said.STOCK:
        return _code_rank(path, names)
    others = {"catalog", "external", "object"} | said.ARTICLE | said.STOCK
    if names & said.ID and names <= said.ID | others:
        return _id_rank(path, names)
    return 50 if names and names <= said.ARTICLE and len(path) == 1 else 0


def _sku_rank(names: set[str], *, is_own: bool) -> float:
    if names & {"name", "nama", "count", "type", "list", "price", "family"}:
        return 0
    others = names - said.SKU - said.CODE - said.ARTICLE
    if not others:
        return 100 - 4 * is_own - bool(names - said.SKU)
    return 40 if others & said.NOT_THE_ITEM else 60


def _code_rank(path: Path, names: set[str]) -> float:
    if not names <= {"no", "number", "num", "nr", "nummer", "nomor", "ref", "key"}:
        return 80 if names & said.ARTICLE else 70
    return 65 if len(path) == 1 and names - {"no", "key", "nr"} else 0


def _id_rank(path: Path, names: set[str]) -> float:
    if names <= said.ID:
        return 15 if len(path) == 1 else 0
    return 31 if {"variant", "variants"} & names else _ID_OF_ITEM - 2


# Quantities


def _quantities(found: Iterable[Field], places: set[Path], *, stock: bool) -> Iterator[Candidate]:
    ranked = [
        (field, rank)
        for field in found
        if field.is_scalar and field.path not in places
        if (rank := _quantity_rank(field.path, stock=stock))
    ]
    has_numbers = any(field.types & {"integer", "number"} for field, _ in ranked)
    for field, rank in ranked:
        less = _MOST if _is_wording(field) else 1.5 * (has_numbers and _is_text(field))
        yield Candidate(path_of(field.path), rank - less, field)
    for field in found:
        if field.is_list and field.path not in places:
            yield from _pairs(field)


def _is_wording(field: Field) -> bool:
    """Whether a field has texts without a digit: ``In stock`` is no quantity."""
    texts = [value for value in field.values if isinstance(value, str) and value.strip()]
    return bool(texts) and not any(map(_DIGIT.search, texts))


def _is_text(field: Field) -> bool:
    """Whether a field is only known to be text."""
    return field.types == {"string"} and not field.values


def _pairs(field: Field) -> Iterator[Candidate]:
    """Find a list of names with quantities, as Shopify has; the available one is used."""
    if {("name",), ("quantity",)} <= {each.path for each in field.inner}:
        path = f"{path_of(field.path)}[?name=='available'].quantity | [0]"
        yield Candidate(path, 4.0, field)


@lru_cache(maxsize=4096)
def _quantity_rank(path: Path, *, stock: bool) -> float:
    """Rank a candidate: available, the balance, on hand, any, then the total; 0 if it is none."""
    found = tokens(*path)
    names = set(found)
    if names & said.NO_QUANTITY or _NOT_LAST.intersection(found[-1:]):
        return 0
    stocky = bool(names & (said.STOCK | said.ON_HAND | said.AVAILABLE))
    counted = stocky or bool(names & (said.QUANTITY | said.TOTAL))
    if not (stocky or (stock and (counted or names & (said.FINAL | said.FREE)))):
        return 0
    if names & said.AVAILABLE or (names & said.FREE and counted):
        rank = 4.0
    elif names & said.FINAL:
        rank = 3.5
    elif names & said.ON_HAND:
        rank = 3.1
    else:
        rank = 3.0 if names & said.STOCK else 2.0
    return rank - 0.5 * bool(names & said.TOTAL) - 0.1 * bool(names - _OF_QUANTITIES)


_DIGIT: Final = re.compile(r"\d")
_NOT_LAST: Final = (said.CODE | {"in", "out"}) - {"num"}
"""A stock number is a code; ``stockNum`` is mostly a quantity."""
_OF_QUANTITIES: Final = frozenset().union(
    *(said.STOCK, said.ON_HAND, said.AVAILABLE, said.QUANTITY, said.TOTAL, said.FINAL),
    {"on", "in", "level", "of", "to", "sell"},
)


# Locations


def locations(found: Iterable[Field], list_name: str = "") -> Iterator[Candidate]:
    """Find candidates for the location of a row, or of an entry of a list of locations."""
    inside = bool(set(tokens(list_name)) & said.PLACES)
    for field in found:
        is_bare_object = field.types == {"object"} and not field.inner
        rank = _location_rank(field.path, inside=inside)
        if rank and (field.is_scalar or is_bare_object):
            yield Candidate(path_of(field.path), rank, field)


@lru_cache(maxsize=4096)
def _location_rank(path: Path, *, inside: bool) -> float:
    """Rank a candidate; in a list of locations, also its id and its name; 0 if it is none."""
    found = set(tokens(*path))
    kinds = found & said.AFFIXES
    allowed = said.PLACES | said.OF_PLACES | said.AFFIXES
    if found & {"location", "locations"}:
        allowed |= said.STOCK
    if found == {"source", "code"}:
        rank = WAREHOUSE
    elif found & said.PLACES and found <= allowed:
        rank = 10.0
    elif inside and kinds and found <= said.AFFIXES:
        rank = 9.0
    elif found & said.REGIONS and found <= said.REGIONS | said.AFFIXES:
        rank = 1.0
    else:
        return 0
    if kinds & said.NAMES:
        return rank + 0.1
    return rank + (0.4 if kinds & said.CODE else 0.3 if kinds else 0.2)


# Tables with one column per location


def _spread(found: Iterable[Field], used: set[Path], *, stock: bool) -> tuple[Field, ...]:
    """Find the columns of a table with one column per location: `WH-JKT`, `Stok Jakarta`."""
    flat = [field for field in found if len(field.path) == 1 and field.is_scalar]
    unknown = [each for each in flat if stock and each.path not in used and _counts(each)]
    named = filter(_names_one_place, flat), filter(_is_stock_somewhere, flat)
    options = (_bracketed(flat), *named, unknown)
    return next((each for each in map(tuple, options) if len(each) >= _FEW), ())


def _bracketed(flat: Iterable[Field]) -> list[Field]:
    """Find columns that differ by what stands in brackets: ``In stock [Toko A]``.

    That is a place, unless it is a word for a unit or for a state of the stock.
    """
    found: dict[str, list[Field]] = {}
    for field in flat:
        parts = _BRACKETED.fullmatch(field.path[0])
        if parts and not _NOT_IN_BRACKETS.intersection(tokens(parts[2])):
            found.setdefault(parts[1], []).append(field)
    ranks = {name: _quantity_rank((name,), stock=True) for name in found}
    best = max(found, key=ranks.__getitem__, default="")
    return found[best] if best and ranks[best] else []


def _names_one_place(field: Field) -> bool:
    """Whether a name is a word for a place and one other word, perhaps after a word for stock."""
    found = [word for word in tokens(field.path[0]) if word not in said.STOCK | said.QUANTITY]
    first, *others = found or ("",)
    return first in said.PLACES and len(others) == 1 and others[0] not in _NOT_A_PLACE


def _is_stock_somewhere(field: Field) -> bool:
    """Whether a name is a word for stock and one unknown word, probably a place's name."""
    found = tokens(field.path[0])
    others = [word for word in found if word not in said.STOCK | said.QUANTITY]
    return len(found) > len(others) == 1 and others[0] not in _KNOWN


def _counts(field: Field) -> bool:
    """Whether records mostly have numbers under an unknown name; an empty text says nothing."""
    texts = list(filter(None, [str(value).strip() for value in field.values]))
    numbers = [text for text in texts if re.fullmatch(r"-?\d{1,6}(?:\.0+)?", text)]
    return 2 * len(numbers) > len(texts) and not set(tokens(field.path[0])) & _KNOWN


_BRACKETED: Final = re.compile(r"(.*\w)\s*[\[(](.+)[\])]\s*")
_NOT_IN_BRACKETS: Final = said.NO_QUANTITY | said.QUANTITY | said.AVAILABLE | said.UNITS
_NOT_A_PLACE: Final = frozenset().union(
    *(said.AFFIXES, said.NO_QUANTITY, said.STOCK, said.QUANTITY, said.TOTAL, said.AVAILABLE),
    *(said.FINAL, said.PLACES),
    {"address", "alamat", "phone", "email", "at", "by", "manager", "timezone", "domain", "hand"},
) - {"box", "hold"}
_KNOWN: Final = frozenset().union(
    *(_NOT_A_PLACE, said.ARTICLE, said.SKU, said.BARCODE, said.NAMES, said.ON_HAND, said.FREE),
    {"level", "levels", "barang", "on", "in", "to", "sell", "version", "tax", "year", "position"},
    *(said.REGIONS, *said.DOUBTS.values()),
)
