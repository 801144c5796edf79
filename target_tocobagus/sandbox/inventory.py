"""Reads each row of an update, or says what is wrong with it; and knows which products exist.

The three forms of stock are documented by example: one stock for the whole item, one stock for
each listed warehouse, and each warehouse with its own. Inferred: an item has exactly one identifier
and one form, and stock is an integer of 0 or more. Invented, to show a client its mistakes: the
upper bound, and that an unknown key or a warehouse that is listed twice is refused.

Without a catalogue every product exists. A catalogue is a JSON object of lists; what it leaves out
is not checked::

    {"sku": ["SKU-1"], "id": ["c16785c6-…"], "externalId": ["EXT-1"], "warehouses": ["wh_1"]}
"""

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from target_tocobagus.sandbox.messages import IDENTIFIER_KINDS, identifier_of
from target_tocobagus.sandbox.scenario import Fault

_NOT_ONE_KIND = "an item has exactly one of sku, id and externalId"
_NO_STOCK = "stock is missing"
_NOT_A_NAME = "beside a stock of the item, each warehouse is a client id"
_NOT_A_LEVEL = "without a stock of the item, each warehouse is an object of clientId and stock"
_TWICE = "a warehouse is listed twice"

_INVALID = ("INV_010", "Invalid item")  # invented
_UNKNOWN = {
    "sku": ("INV_001", "Invalid SKU", "Product SKU not found"),  # documented
    "id": ("INV_002", "Invalid Product ID", "Product ID not found"),  # code and message documented
    "externalId": ("INV_003", "Invalid External ID", "Product external ID not found"),  # invented
}
_UNKNOWN_WAREHOUSE = ("INV_004", "Invalid warehouse", "Warehouse not found")  # invented


class Item(msgspec.Struct, frozen=True, gc=False):
    """A row that can be applied.

    Attributes:
        levels: The stock at each warehouse; the single warehouse None means all of them.
    """

    kind: str
    identifier: str
    levels: tuple[tuple[str | None, int], ...]


class RowError(Exception):
    """A row is refused, with this code, message and reason."""


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What exists; None if everything does."""

    sku: frozenset[str] | None = None
    id: frozenset[str] | None = None
    externalId: frozenset[str] | None = None  # noqa: N815  # the API's own spelling
    warehouses: frozenset[str] | None = None

    def check(self, item: Item) -> None:
        """Refuse an item that does not exist, or is at a warehouse that does not.

        Raises:
            RowError: It is refused.
        """
        known = getattr(self, item.kind)
        if known is not None and item.identifier not in known:
            raise RowError(*_UNKNOWN[item.kind])
        if self.warehouses is not None and not self.warehouses.issuperset(
            warehouse for warehouse, _ in item.levels if warehouse is not None
        ):
            raise RowError(*_UNKNOWN_WAREHOUSE)


_Text = Annotated[str, Meta(min_length=1)]
# The largest integer that every JSON reader keeps exactly.
_Quantity = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class _Level(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    clientId: _Text  # noqa: N815  # the API's name
    stock: _Quantity


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    sku: _Text | UnsetType = UNSET
    id: _Text | UnsetType = UNSET
    externalId: _Text | UnsetType = UNSET  # noqa: N815  # the API's name
    stock: _Quantity | UnsetType = UNSET
    warehouses: Annotated[list[_Text | _Level], Meta(min_length=1)] | UnsetType = UNSET


def read_item(row: Any) -> Item:
    """Read one row of ``items``, any JSON value.

    Raises:
        RowError: It is not an item.
    """
    try:
        read = msgspec.convert(row, _Row)
    except msgspec.ValidationError as error:
        raise RowError(*_INVALID, str(error)) from error
    named = [kind for kind in IDENTIFIER_KINDS if kind in row]
    if len(named) != 1:
        raise RowError(*_INVALID, _NOT_ONE_KIND)
    return Item(named[0], row[named[0]], _levels(read))


def _levels(row: _Row) -> tuple[tuple[str | None, int], ...]:
    if row.warehouses is UNSET:
        if row.stock is UNSET:
            raise RowError(*_INVALID, _NO_STOCK)
        return ((None, row.stock),)
    levels = tuple([_level(each, row.stock) for each in row.warehouses])
    if len(dict(levels)) != len(levels):
        raise RowError(*_INVALID, _TWICE)
    return levels


def _level(warehouse: str | _Level, of_item: int | UnsetType) -> tuple[str | None, int]:
    if isinstance(warehouse, _Level):
        if of_item is not UNSET:
            raise RowError(*_INVALID, _NOT_A_NAME)
        return warehouse.clientId, warehouse.stock
    if of_item is UNSET:
        raise RowError(*_INVALID, _NOT_A_LEVEL)
    return warehouse, of_item


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of the rows of one request.

    Attributes:
        applied: The accepted items, in the order of their rows.
        accepted: ``acceptedRows`` of the answer.
        errors: ``errors`` of the answer.
    """

    applied: list[Item]
    accepted: list[dict[str, Any]]
    errors: list[dict[str, Any]]


def judge(rows: list[Any], catalogue: Catalogue, fault: Fault) -> Outcome:
    """Accept or refuse each row, by its form, the catalogue and the scenario."""
    outcome = Outcome([], [], [])
    for index, row in enumerate(rows):
        try:
            item = read_item(row)
            catalogue.check(item)
            _check_against(fault, index, item)
        except RowError as error:  # noqa: PERF203  # each row by itself
            outcome.errors.append(_error(index, row, *error.args))
        else:
            outcome.applied.append(item)
            outcome.accepted.append(_accepted(index, item))
    return outcome


def _check_against(fault: Fault, index: int, item: Item) -> None:
    several = fault.reject_multi_warehouse if len(item.levels) > 1 else None
    for reject in (*fault.reject, several) if several else fault.reject:
        if reject.covers(index, item.identifier):
            raise RowError(reject.code, reject.message, reject.reason)


def _error(index: int, row: Any, code: str, message: str, reason: str) -> dict[str, Any]:
    kind, identifier = identifier_of(row)
    named = {} if identifier is None else {kind: identifier}
    details = {"context": {"reason": reason}}
    return {"code": code, "message": message, "rowIndex": index, **named, "details": details}


def _accepted(index: int, item: Item) -> dict[str, Any]:
    """Make an accepted row.

    As in the documentation's example, the ids are not those that were sent, so only ``rowIndex``
    identifies a row. One product has the same ids in each answer.
    """
    digest = hashlib.blake2b(item.identifier.encode(), digest_size=32).hexdigest()
    ids = {"id": _uuid(digest[:32]), "externalId": _uuid(digest[32:])}
    named = {"sku": item.identifier} if item.kind == "sku" else {}
    return {"rowIndex": index, "target": "variant", **ids, **named}


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
