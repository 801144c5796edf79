"""An item's JSON, and the body that a batch of them makes.

Compact, UTF-8, integers as integers, nothing escaped that need not be: then a server that hashes
what it parsed and wrote again agrees with one that hashes the bytes. Each item is encoded by
itself, so that a body's size is known before the batch is full, and a batch can be divided
without being encoded again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

import msgspec

from target_tocobagus.core.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_tocobagus.core.model import Identifier, Level

_HEAD: Final = b'{"items":['
_TAIL: Final = b"]}"
FRAME_BYTES: Final = len(_HEAD) + len(_TAIL)
"""What a body weighs beside its items and the commas between them."""

_encode = msgspec.json.Encoder().encode


class _Stock(msgspec.Struct, rename={"place": "clientId"}, gc=False):
    """The stock at one warehouse. A struct is made, and written, faster than a dict."""

    place: str
    stock: int


_PER_WAREHOUSE: Final = {
    kind: msgspec.defstruct("Item", [(kind, str), ("warehouses", list[_Stock])], gc=False)
    for kind in get_args(Kind)
}


def encode_item(
    identifier: Identifier, levels: Mapping[str | None, Level], *, broadcast: bool = False
) -> bytes:
    """Write one item in the form that says it: global, broadcast or per warehouse.

    Args:
        identifier: The one identifier of the item.
        levels: By client id, or the one key ``None``; never empty.
        broadcast: The levels were said at once and are equal: one stock, a list of warehouses.
    """
    kind, value = identifier
    if None in levels:
        return _encode({kind: value, "stock": levels[None].quantity})
    if broadcast:
        stock = next(iter(levels.values())).quantity
        return _encode({kind: value, "stock": stock, "warehouses": list(levels)})
    stocks = [_Stock(place, level.quantity) for place, level in levels.items()]  # type: ignore[arg-type]  # None is the one key, or no key
    return _encode(_PER_WAREHOUSE[kind](value, stocks))


def encode_body(items: Iterable[bytes]) -> bytes:
    """Put encoded items into the body of one request."""
    return _HEAD + b",".join(items) + _TAIL
