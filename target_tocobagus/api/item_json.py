"""The body of a request: its items, each in one of the API's forms.

Compact JSON in UTF-8 with integers and without needless escapes: so a server gets the same hash
from the bytes and from the JSON that it parsed and encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec

from target_tocobagus.core.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Level
    from target_tocobagus.window.pending import Item


class _Stock(msgspec.Struct, rename={"place": "clientId"}, gc=False):
    """The stock at one warehouse. A struct is created and encoded faster than a dict."""

    place: str
    stock: int


_PER_WAREHOUSE: Final = {
    kind: msgspec.defstruct("Item", [(kind, str), ("warehouses", Sequence[_Stock])], gc=False)
    for kind in get_args(Kind)
}

_encode = msgspec.json.Encoder().encode


def encode_body(items: Iterable[Item]) -> bytes:
    """Encode the body of one request.

    Every item of a run goes through this loop: comprehensions, and lists of a single stock, cost a
    third more.
    """
    sent: list[Any] = []
    append, stock_at, item_of = sent.append, _Stock, _PER_WAREHOUSE
    for item in items:
        levels: dict[Any, Level] = item.levels
        if None in levels or (item.broadcast and item.is_broadcast()):
            append(_with_one_stock(item))
            continue
        kind, value = item.identifier
        if len(levels) == 1:
            (place,) = levels
            append(item_of[kind](value, (stock_at(place, levels[place].quantity),)))
            continue
        stocks = []
        for place, level in levels.items():
            stocks.append(stock_at(place, level.quantity))
        append(item_of[kind](value, stocks))
    return _encode({"items": sent})


def _with_one_stock(item: Item) -> dict[str, Any]:
    """Make an item with one stock: global, or for a list of warehouses."""
    kind, value = item.identifier
    stock = next(iter(item.levels.values())).quantity
    places = {} if None in item.levels else {"warehouses": list(item.levels)}
    return {kind: value, "stock": stock, **places}
