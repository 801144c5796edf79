"""Ranks how likely a field is what its name says: 0 if not, otherwise higher is likelier."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from target_tocobagus.recognition import vocabulary as said
from target_tocobagus.recognition.vocabulary import tokens

Path: TypeAlias = tuple[str, ...]
_once = lru_cache(maxsize=4096)
"""Many streams have the same names of columns."""

SURE: Final = 70
"""From this rank on an identifier is a merchant's own code."""

ID_OF_ITEM: Final = 32.0
"""Up to this rank it is an id of some system."""

_AROUND_IDS: Final = said.STOCK | {"catalog", "object"}

NAMED_STOCK: Final = 2.9
"""From this rank on a quantity is called stock, available or remaining."""

WAREHOUSE: Final = 4.0
"""From this rank on a location is a warehouse; below, a country or a city."""


@_once
def location_rank(path: Path, *, inside: bool) -> float:
    """Rank a candidate for a location; in a list of locations, also its id and its name."""
    found = set(tokens(*path))
    nouns = found & said.PLACES
    kinds = found & said.AFFIXES
    allowed = said.PLACES | said.OF_PLACES | said.AFFIXES
    if found & {"location", "locations"}:
        allowed |= said.STOCK
    if found == {"source", "code"}:
        rank = 4.0
    elif nouns and found <= allowed:
        rank = 10.0
    elif inside and kinds and found <= said.AFFIXES:
        rank = 9.0
    elif found & said.REGIONS and found <= said.REGIONS | said.AFFIXES:
        rank = 1.0
    else:
        return 0
    return rank + _kind_rank(kinds)


def _kind_rank(kinds: set[str]) -> float:
    if kinds & said.NAMES:
        return 0.1
    if kinds & said.CODE:
        return 0.4
    return 0.3 if kinds else 0.2


@_once
def identifier_rank(path: Path) -> float:
    """Rank a candidate for an identifier: a SKU, a code, a barcode, then an id."""
    names = set(tokens(*path)) - said.OWN
    own = set(tokens(path[-1]))
    if names & said.SKU:
        return _sku_rank(names, is_own=bool(set(tokens(*path)) & said.OWN))
    if names & said.PLACES or own & (said.NOT_THE_ITEM - {"option"}):
        return 0
    if names & said.BARCODE and names <= said.BARCODE | said.ARTICLE | said.CODE:
        return 35 - 10 * bool(names & {"asin", "fnsku"})
    if names & said.CODE and names <= said.CODE | said.ARTICLE | said.STOCK:
        return _code_rank(path, names)
    if names & said.ID and names <= said.ID | said.ARTICLE | _AROUND_IDS:
        return _id_rank(path, names)
    return 50 if names and names <= said.ARTICLE and len(path) == 1 else 0


def _sku_rank(names: set[str], *, is_own: bool) -> float:
    if names & {"name", "nama", "count", "type", "list", "price", "family"}:
        return 0
    others = names - said.SKU - said.CODE - said.ARTICLE
    if not others:
        return 100 - 4 * is_own - bool(names - said.SKU)
    if others & said.NOT_THE_ITEM:
        return 40
    return 60


def _code_rank(path: Path, names: set[str]) -> float:
    bare_number = names <= {"no", "number", "num", "nr", "nummer", "nomor", "ref", "key"}
    if not bare_number:
        return 80 if names & said.ARTICLE else 70
    return 65 if len(path) == 1 and names - {"no", "ref", "key", "nr"} else 0


def _id_rank(path: Path, names: set[str]) -> float:
    if names <= said.ID:
        return 15 if len(path) == 1 else 0
    return 31 if {"variant", "variants"} & names else ID_OF_ITEM - 2


@_once
def quantity_rank(path: Path, *, stock: bool) -> float:
    """Rank a candidate for a quantity: available, the balance, on hand, any, then the total."""
    found = tokens(*path)
    names = set(found)
    if names & said.NO_QUANTITY or found[-1:] == ("out",) or (found[-1:] == ("in",)):
        return 0
    stocky = bool(names & (said.STOCK | said.ON_HAND | said.AVAILABLE))
    counted = bool(names & (said.QUANTITY | said.TOTAL))
    if not (stocky or (stock and (counted or names & (said.FINAL | said.FREE)))):
        return 0
    rank = _best_rank(names, counted=counted or stocky)
    known = said.STOCK | said.ON_HAND | said.AVAILABLE | said.QUANTITY | said.TOTAL | said.FINAL
    return rank - 0.1 * bool(names - known - {"on", "in", "level", "of", "to", "sell"})


def _best_rank(names: set[str], *, counted: bool) -> float:
    if names & said.AVAILABLE or (names & said.FREE and counted):
        rank = 4.0
    elif names & said.FINAL:
        rank = 3.5
    elif names & said.ON_HAND:
        rank = 3.1
    else:
        rank = 3.0 if names & said.STOCK else 2.0
    return rank - (0.5 if names & said.TOTAL else 0)
