"""What holds for every record whatever, and every mapping."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.config.settings import Share, StockPolicy, StreamMapping, WarehouseColumn
from target_tocobagus.core.model import MAX_QUANTITY, RecordError, Skipped, Stock
from target_tocobagus.mapping import RECORD_ERRORS, compile_mapping
from target_tocobagus.mapping.identifiers import TextError, text_of
from target_tocobagus.mapping.shapes import divide

Keys = dict[str, Any]

NAMES = ("a", "b", "c", "d")
SINGLE: Keys = {"sku": ("a",), "stock": ("b",)}
SHAPES: dict[str, Keys] = {
    "global": SINGLE,
    "long": {**SINGLE, "warehouse": ("c",)},
    "fallbacks": {"sku": ("a", "b"), "id": ("c",), "stock": ("b", "d"), "subtract": ("d", "a")},
    "dotted": {"sku": ("a.b",), "stock": ("b.a",), "warehouse": ("c.d",)},
    "expressions": {
        "sku": ("a[?b==`1.5`].c | [0]", "not_null(a, b)"),
        "stock": ("sum(b)", "max(b[*].c)", "to_number(b)"),
        "warehouse": ("sort_by(c, &d)[0].a", "to_string(c)"),
        "where": "a > `1` || contains(b, c) || length(d) == `2` || !a",
    },
    "wide": {
        "sku": ("a",),
        "warehouse_columns": (WarehouseColumn("b", "B"), WarehouseColumn("c", "C")),
        "subtract": ("d",),
    },
    "levels": {"sku": ("a",), "levels": "b", "warehouse": ("c",), "stock": ("d",)},
    "items": {**SINGLE, "items": "c", "warehouse": ("d",), "subtract": ("d",)},
    "items with levels": {**SINGLE, "items": "c", "levels": "d", "warehouse": ("c",)},
    "warehouses": {**SINGLE, "warehouses": ("B", "C")},
    "split": {**SINGLE, "split": (Share("B", 2), Share("C", 1))},
    "native": {"native": True},
}
POLICIES = st.builds(
    StockPolicy,
    warehouse_map=st.sampled_from([None, {"x": "X", "1": "Y"}]),
    unmapped_warehouse=st.sampled_from(["reject", "skip"]),
    rounding=st.sampled_from(["floor", "reject"]),
    negative_stock=st.sampled_from(["clamp", "reject"]),
    stock_buffer=st.sampled_from([0, 3]),
    max_stock=st.sampled_from([None, 5]),
    null_stock=st.sampled_from(["skip", "zero", "reject"]),
    on_delete=st.sampled_from(["skip", "zero"]),
)
COLUMNS = st.sampled_from(
    [*NAMES, "a.b", "\ufeffa", "sku", "id", "externalId", "stock", "warehouses", "clientId"],
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-5, 20),
    st.sampled_from([10**400, -(10**400)]),
    st.floats(),
    st.decimals(),
    st.sampled_from([Decimal("1e999999999"), Decimal("1e-999999999"), Decimal("sNaN")]),
    st.text(st.characters(), max_size=5),
    st.sampled_from(["1", "x", " 7.5 ", "1,250", "1e999999999", "\ud800", "A\udcff", ""]),
    st.sampled_from(['[{"a": 1.50}]', '{"b": {"a": 1}}', "[", "{", "[" * 9999, "null", "[]"]),
    st.datetimes(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(COLUMNS, inner, max_size=4),
    max_leaves=15,
)
RECORDS = st.dictionaries(
    COLUMNS | st.just("_sdc_deleted_at") | st.text(max_size=3),
    VALUES,
    max_size=8,
)


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=60)
@given(policy=POLICIES, record=RECORDS)
def test_every_record_has_outcomes_that_can_be_sent_or_named(
    shape: str,
    policy: StockPolicy,
    record: Any,
) -> None:
    """No record raises; what comes out is a clean row, a reason, or a code that is known."""
    mapping = compile_mapping(StreamMapping(stream="s", **SHAPES[shape]), policy)
    outcomes = mapping.outcomes(record)
    assert outcomes
    sent = [outcome for outcome in outcomes if isinstance(outcome, Stock)]
    for stock in sent:
        _assert_clean(stock, 0 if policy.max_stock is None else policy.max_stock)
    for outcome in outcomes:
        if isinstance(outcome, RecordError):
            assert outcome.code in RECORD_ERRORS
            assert len(outcome.message.encode()) < 1000
        else:
            assert isinstance(outcome, (Stock, Skipped))
    places = [(stock.identifier, stock.location) for stock in sent]
    assert len(set(places)) == len(places)


def _assert_clean(stock: Stock, most: int) -> None:
    assert type(stock.quantity) is int
    assert 0 <= stock.quantity <= (most or MAX_QUANTITY)
    for text in (stock.identifier[1], stock.location):
        assert text is None or (text and text == text.strip() and text.encode())


def test_a_record_nested_to_any_depth_is_mapped() -> None:
    """Depth raises no error, neither in objects nor in JSON text."""
    deep: Any = {}
    for _ in range(50_000):
        deep = {"a": [deep]}
    for keys in SHAPES.values():
        mapping = compile_mapping(StreamMapping(stream="s", **keys), StockPolicy())
        for column in NAMES:
            assert mapping.outcomes({"a": "A", "b": 1, "c": "x", "d": 2, column: deep})
            assert mapping.outcomes({"a": "A", column: [deep, deep]})
    while deep:  # taken apart by hand: the interpreter's own recursion would be as deep
        deep = deep["a"][0]


@given(policy=POLICIES, identifier=SCALARS, stock=SCALARS, code=SCALARS)
def test_a_plain_row_is_what_its_record_is(
    policy: StockPolicy,
    identifier: Any,
    stock: Any,
    code: Any,
) -> None:
    """A fast path that reads the columns itself gets the same outcome from `row`."""
    for shape in ("global", "long"):
        mapping = compile_mapping(StreamMapping(stream="s", **SHAPES[shape]), policy)
        outcomes = mapping.outcomes({"a": identifier, "b": stock, "c": code})
        assert outcomes == [mapping.row(identifier, stock, code)]


@given(
    quantity=st.integers(0, MAX_QUANTITY) | st.integers(0, 50),
    weights=st.lists(st.integers(1, 10**6) | st.integers(1, 4), min_size=1, max_size=8),
)
def test_dividing_loses_no_unit(quantity: int, weights: list[int]) -> None:
    """Units that are left go to the largest remainders, and of equal ones to the earlier."""
    shares = divide(quantity, weights)
    exact = [Fraction(quantity * weight, sum(weights)) for weight in weights]
    assert sum(shares) == quantity
    pairs = zip(shares, exact, strict=True)
    assert all(math.floor(x) <= share <= math.ceil(x) for share, x in pairs)
    got = [(-(x % 1), index) for index, x in enumerate(exact) if shares[index] > math.floor(x)]
    not_got = [(-(x % 1), index) for index, x in enumerate(exact) if shares[index] == math.floor(x)]
    assert not got or not not_got or max(got) < min(not_got)


def test_dividing_orders_ties_to_the_earlier() -> None:
    """Equal weights get the odd units in the order in which they stand."""
    assert divide(5, [1, 1, 1]) == [2, 2, 1]
    assert divide(1, [1, 3, 3]) == [0, 1, 0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("00123", "00123"),
        (" MADU-500 ", "MADU-500"),
        ('SKU/with "q", ünïcødé 咖啡', 'SKU/with "q", ünïcødé 咖啡'),
        (8991002101234, "8991002101234"),
        (-1, "-1"),
        (0, "0"),
        (4.0, "4"),
        (4.5, "4.5"),
        (1e22, "10000000000000000000000"),
        (Decimal("4.0"), "4"),
        (Decimal("4.50"), "4.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.0"), "0"),
        (Decimal("0E+999"), "0"),
        (Decimal("1e-7"), "0.0000001"),
        (2026012714314318226016, "2026012714314318226016"),
        (None, None),
        ("", None),
        (" \n", None),
    ],
)
def test_identifiers_and_codes_become_text(value: Any, text: str | None) -> None:
    """Whole numbers lose their fraction and exponent, texts their surrounding white space."""
    assert text_of(value) == text


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        [],
        {},
        ["A"],
        math.nan,
        math.inf,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("1E+999999999"),
        Decimal("1E-999999999"),
        10**100,
        "\ud800",
        b"A",
    ],
)
def test_what_is_neither_text_nor_number_is_no_identifier(value: Any) -> None:
    """Half of a character or a number of absurd size is not an identifier either."""
    with pytest.raises(TextError):
        text_of(value)
