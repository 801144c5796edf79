"""Each row checked: what it means, or what is wrong with it.

The three forms of stock are documented by example: one stock for the whole item, one stock for
each listed warehouse, and each warehouse with its own. That exactly one identifier and exactly one
form is allowed, and that stock is an integer of 0 or more, is inferred. The upper bound, that a key
nobody documented is refused rather than ignored, and that a warehouse may not be listed twice, are
invented: they show a client its mistakes.
"""

from typing import Annotated, Any, TypeAlias

import msgspec

from target_tocobagus.sandbox.request import IDENTIFIER_KINDS, identifier_of

MAX_STOCK = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly."""

MALFORMED = "INV_010"
"""The code of a row that is no item (invented)."""

_NO_OBJECT = "the item is no object"
_UNKNOWN_KEY = "the item has a key that is not known"
_NOT_ONE_KIND = "an item has exactly one of sku, id and externalId"
_BAD_IDENTIFIER = "an identifier is a string that is not empty"
_BAD_WAREHOUSES = "warehouses is a list that is not empty"
_TWICE = "a warehouse is listed twice"
_BAD_LEVEL = "without a stock of the item, each warehouse is an object of clientId and stock"
_BAD_WAREHOUSE = "a warehouse's client id is a string that is not empty"
_BAD_STOCK = f"stock is an integer from 0 to {MAX_STOCK}"

_ITEM_KEYS = {*IDENTIFIER_KINDS, "stock", "warehouses"}
_LEVEL_KEYS = {"clientId", "stock"}


class Item(msgspec.Struct, frozen=True, gc=False):
    """A row that can be applied.

    Attributes:
        kind: ``sku``, ``id`` or ``externalId``.
        identifier: Its value.
        levels: The stock at each warehouse; the single warehouse None stands for all of them.
    """

    kind: str
    identifier: str
    levels: tuple[tuple[str | None, int], ...]


class BadRow(msgspec.Struct, frozen=True):
    """A row that cannot be applied, with what its error says."""

    code: str
    message: str
    reason: str
    kind: str = "sku"
    identifier: str | None = None


_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class _Level(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    clientId: _Text  # noqa: N815  # the API's name
    stock: Annotated[int, msgspec.Meta(ge=0, le=MAX_STOCK)]


class _SkuAtWarehouses(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The row that a large update is made of, checked as a whole and so at a fraction of the cost.

    It says no more than the checks below do; whatever it does not fit goes through them.
    """

    sku: _Text
    warehouses: Annotated[list[_Level], msgspec.Meta(min_length=1)]


class _RowError(Exception):
    """Why a row is no item."""


def read_item(row: Any) -> Item | BadRow:
    """Read one row of ``items``, any JSON value."""
    try:
        common = msgspec.convert(row, _SkuAtWarehouses)
    except msgspec.ValidationError:
        return _read_any(row)
    levels = tuple([(level.clientId, level.stock) for level in common.warehouses])
    if len(levels) > 1 and len(dict(levels)) != len(levels):
        return _read_any(row)
    return Item("sku", common.sku, levels)


def _read_any(row: Any) -> Item | BadRow:
    try:
        kind, identifier = _identifier(row)
        return Item(kind, identifier, _levels(row))
    except _RowError as error:
        return BadRow(MALFORMED, "Invalid item", str(error), *identifier_of(row))


def _identifier(row: Any) -> tuple[str, str]:
    if not isinstance(row, dict):
        raise _RowError(_NO_OBJECT)
    if not row.keys() <= _ITEM_KEYS:
        raise _RowError(_UNKNOWN_KEY)
    kinds = [kind for kind in IDENTIFIER_KINDS if kind in row]
    if len(kinds) != 1:
        raise _RowError(_NOT_ONE_KIND)
    identifier = row[kinds[0]]
    if type(identifier) is not str or not identifier:
        raise _RowError(_BAD_IDENTIFIER)
    return kinds[0], identifier


def _levels(row: dict[str, Any]) -> tuple[tuple[str | None, int], ...]:
    if "warehouses" not in row:
        return ((None, _stock(row)),)
    warehouses = row["warehouses"]
    if not isinstance(warehouses, list) or not warehouses:
        raise _RowError(_BAD_WAREHOUSES)
    levels = _broadcast(row, warehouses) if "stock" in row else tuple(map(_level, warehouses))
    if len(levels) > 1 and len(dict(levels)) != len(levels):
        raise _RowError(_TWICE)
    return levels


def _broadcast(row: dict[str, Any], warehouses: list[Any]) -> tuple[tuple[str | None, int], ...]:
    stock = _stock(row)
    return tuple((_warehouse(value), stock) for value in warehouses)


def _level(value: Any) -> tuple[str | None, int]:
    if not isinstance(value, dict) or value.keys() != _LEVEL_KEYS:
        raise _RowError(_BAD_LEVEL)
    return _warehouse(value["clientId"]), _stock(value)


def _warehouse(value: Any) -> str:
    if type(value) is not str or not value:
        raise _RowError(_BAD_WAREHOUSE)
    return value


def _stock(holder: dict[str, Any]) -> int:
    stock = holder.get("stock")
    # type(), for True is an int to isinstance
    if type(stock) is not int or not 0 <= stock <= MAX_STOCK:
        raise _RowError(_BAD_STOCK)
    return stock
