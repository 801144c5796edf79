"""What the SCHEMA declares of a quantity decides how its text is read, wherever it stands."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.config.settings import Share, StockPolicy, StreamMapping, WarehouseColumn
from target_tocobagus.core.model import RecordError, Stock
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.mapping.declared_numbers import declares_number

NUMBER: dict[str, Any] = {"type": ["null", "number"]}
TEXT: dict[str, Any] = {"type": ["null", "string"]}


def columns(**properties: Any) -> dict[str, Any]:
    """Declare an object."""
    return {"type": "object", "properties": properties}


def entries(**properties: Any) -> dict[str, Any]:
    """Declare a list of objects."""
    return {"type": ["null", "array"], "items": columns(**properties)}


def first(keys: dict[str, Any], schema: Any, record: dict[str, Any]) -> int | str:
    """Return the quantity of a record's first outcome, or the refusal's code."""
    mapping = compile_mapping(StreamMapping(stream="s", **keys), StockPolicy()).under(schema)
    outcome = mapping.outcomes(record)[0]
    assert isinstance(outcome, (Stock, RecordError))
    return outcome.quantity if isinstance(outcome, Stock) else outcome.code


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "number"}, True),
        ({"type": ["integer", "null"]}, True),
        ({"type": ["null", "string"], "format": "singer.decimal"}, True),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, True),
        ({"oneOf": [{"type": "integer"}, {"type": "string", "format": "singer.decimal"}]}, True),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, False),
        ({"type": ["number", "string"]}, False),
        ({"type": "string"}, False),
        ({"type": "null"}, False),
        ({"enum": [1, 2]}, False),
        ({"type": [["number"]]}, False),
        ({"type": 5, "anyOf": 3}, False),
        ({"anyOf": []}, False),
        ({}, False),
        (True, False),
        (None, False),
        ([], False),
    ],
)
def test_a_schema_declares_a_number_or_it_does_not(schema: Any, *, expected: bool) -> None:
    """Numbers alone, null aside, or `singer.decimal`; what is not a schema declares nothing."""
    assert declares_number(schema) is expected


SINGLE: dict[str, Any] = {"sku": ("sku",), "stock": ("qty",)}
BY_LEVEL: dict[str, Any] = {**SINGLE, "levels": "at", "warehouse": ("wh",)}
SHAPES: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "global": (SINGLE, lambda kind: columns(qty=kind), {"qty": "1.250"}),
    "marked": (SINGLE, lambda kind: columns(**{"\ufeffqty": kind}), {"\ufeffqty": "1.250"}),
    "fallback": (
        {**SINGLE, "stock": ("other", "qty")},
        lambda kind: columns(other=TEXT, qty=kind),
        {"qty": "1.250"},
    ),
    "subtract": (
        {**SINGLE, "subtract": ("held",)},
        lambda kind: columns(qty=NUMBER, held=kind),
        {"qty": 3, "held": "1.250"},
    ),
    "dotted": (
        {**SINGLE, "stock": ("a.qty",)},
        lambda kind: columns(a=columns(qty=kind)),
        {"a": {"qty": "1.250"}},
    ),
    "flattened": (
        {**SINGLE, "stock": ("a.qty",)},
        lambda kind: columns(**{"a.qty": kind}),
        {"a.qty": "1.250"},
    ),
    "expression": (
        {**SINGLE, "stock": ("a[?n=='x'].qty | [0]",)},
        lambda kind: columns(a=entries(n=TEXT, qty=kind)),
        {"a": [{"n": "x", "qty": "1.250"}]},
    ),
    "index": (
        {**SINGLE, "stock": ("a[0].qty",)},
        lambda kind: columns(a=entries(qty=kind)),
        {"a": [{"qty": "1.250"}]},
    ),
    "columns": (
        {"sku": ("sku",), "warehouse_columns": (WarehouseColumn("qty", "W"),)},
        lambda kind: columns(qty=kind),
        {"qty": "1.250"},
    ),
    "items": (
        {**SINGLE, "items": "list"},
        lambda kind: columns(list=entries(qty=kind)),
        {"list": [{"sku": "A", "qty": "1.250"}]},
    ),
    "items, subtract from around": (
        {**SINGLE, "items": "list", "subtract": ("held",)},
        lambda kind: columns(held=kind, list=entries(qty=NUMBER)),
        {"held": "1.250", "list": [{"sku": "A", "qty": 3}]},
    ),
    "levels": (
        BY_LEVEL,
        lambda kind: columns(at=entries(qty=kind)),
        {"at": [{"wh": "W", "qty": "1.250"}]},
    ),
    "items with levels": (
        {**BY_LEVEL, "items": "list"},
        lambda kind: columns(list=entries(at=entries(qty=kind))),
        {"list": [{"sku": "A", "at": [{"wh": "W", "qty": "1.250"}]}]},
    ),
    "warehouses": (
        {**SINGLE, "warehouses": ("W",)},
        lambda kind: columns(qty=kind),
        {"qty": "1.250"},
    ),
    "split": (
        {**SINGLE, "split": (Share("W", 1),)},
        lambda kind: columns(qty=kind),
        {"qty": "1.250"},
    ),
    "native": ({"native": True}, lambda kind: columns(stock=kind), {"stock": "1.250"}),
    "native broadcast": (
        {"native": True},
        lambda kind: columns(stock=kind),
        {"stock": "1.250", "warehouses": ["W"]},
    ),
    "native levels": (
        {"native": True},
        lambda kind: columns(warehouses=entries(stock=kind)),
        {"warehouses": [{"clientId": "W", "stock": "1.250"}]},
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_declared_number_is_read_as_one_in_every_shape(shape: str) -> None:
    """The text `1.250` is ambiguous where a text is declared, or nothing, and else a number."""
    keys, schema, record = SHAPES[shape]
    record = {"sku": "A", **record}
    assert first(keys, schema(NUMBER), record) == 1
    assert first(keys, schema({**TEXT, "format": "singer.decimal"}), record) == 1
    assert first(keys, schema(TEXT), record) == "AMBIGUOUS_QUANTITY"
    assert first(keys, {}, record) == "AMBIGUOUS_QUANTITY"
    assert first(keys, None, record) == "AMBIGUOUS_QUANTITY"


def test_decimal_mark_comes_before_the_schema() -> None:
    """What the user says of a text's mark holds, whatever the SCHEMA declares."""
    record = {"sku": "A", "qty": "1.250"}
    comma = {**SINGLE, "decimal_mark": ","}
    assert first(comma, columns(qty=NUMBER), record) == "AMBIGUOUS_QUANTITY"
    assert first({**SINGLE, "decimal_mark": "."}, columns(qty=TEXT), record) == 1


def test_one_mapping_serves_streams_of_different_schemas() -> None:
    """A SCHEMA declares for its own stream alone; the counts are one."""
    mapping = compile_mapping(StreamMapping(stream="*", **SINGLE), StockPolicy())
    number, text = mapping.under(columns(qty=NUMBER)), mapping.under(columns(qty=TEXT))
    record = {"sku": "A", "qty": "1.250"}
    assert isinstance(text.outcomes(record)[0], RecordError)
    assert isinstance(text.row("A", "1.250"), RecordError)
    assert number.row("A", "1.250") == Stock(("sku", "A"), None, 1)
    assert isinstance(text.outcomes(record)[0], RecordError)
    assert tuple(each.rules.quantities.cut for each in (mapping, number, text)) == (1, 1, 1)
