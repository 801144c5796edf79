"""The body of a request: its items, each in one of the API's forms.

Compact JSON in UTF-8 with integers and without needless escapes: so a server gets the same hash
from the bytes and from the JSON that it parsed and encoded again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec

from target_tocobagus.core.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.window.pending import Item


class _Stock(msgspec.Struct, rename={"place": "clientId"}, gc=False):
    """The stock at one warehouse. A struct is created and encoded faster than a dict."""

    place: str
    stock: int


_PER_WAREHOUSE: Final = {
    kind: msgspec.defstruct("Item", [(kind, str), ("warehouses", list[_Stock])], gc=False)
    for kind in get_args(Kind)
}

_encode = msgspec.json.Encoder().encode


def encode_body(items: Iterable[Item]) -> bytes:
    """Encode the body of one request.

    Every item of a run goes through this loop: a call for each, or comprehensions, cost a fifth
    more.
    """
    sent: list[Any] = []
    for item in items:
        kind, value = item.identifier
        levels = item.levels
        if None in levels or (item.broadcast and item.is_broadcast()):
            sent.append(_with_one_stock(item))
            continue
        stocks = []
        for place, level in levels.items():
            stocks.append(_Stock(place, level.quantity))  # type: ignore[arg-type]  # None is the one key, or no key
        sent.append(_PER_WAREHOUSE[kind](value, stocks))
    return _encode({"items": sent})


def _with_one_stock(item: Item) -> dict[str, Any]:
    """Make an item with one stock: global, or for a list of warehouses."""
    kind, value = item.identifier
    stock = next(iter(item.levels.values())).quantity
    places = {} if None in item.levels else {"warehouses": list(item.levels)}
    return {kind: value, "stock": stock, **places}
