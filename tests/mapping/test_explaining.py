"""The steps from a record to a quantity: they end with what is sent, and name what changes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.model import Stock
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.mapping.explaining import Step, steps_of_parts, steps_of_record

PLACED = {"stream": "s", "sku": "sku", "stock": "qty", "warehouse": "wh"}
MAPPINGS: dict[str, dict[str, Any]] = {
    "placed": PLACED,
    "subtract": {**PLACED, "subtract": ["held", "kept"]},
    "columns": {
        "stream": "s",
        "sku": "sku",
        "warehouse_columns": [
            {"column": "qty", "client_id": "A"},
            {"column": "held", "client_id": "B"},
        ],
    },
    "split": {
        "stream": "s",
        "sku": "sku",
        "stock": "qty",
        "split": [{"client_id": "A", "weight": 2}, {"client_id": "B", "weight": 1}],
    },
    "broadcast": {"stream": "s", "sku": "sku", "stock": "qty", "warehouses": ["A", "B"]},
    "levels": {"stream": "s", "sku": "sku", "levels": "list", "stock": "qty", "warehouse": "wh"},
}
quantities = st.one_of(
    st.integers(-20, 40),
    st.floats(-5, 40).map(lambda number: round(number, 2)),
    st.none(),
    st.sampled_from(["7", "7.5", "x", ""]),
)
rows = st.fixed_dictionaries({"qty": quantities, "wh": st.sampled_from(["A", "B"])})
records = st.fixed_dictionaries(
    {
        "sku": st.just("X"),
        "qty": quantities,
        "held": quantities,
        "kept": quantities,
        "wh": st.sampled_from(["A", "B", None]),
        "list": st.lists(rows, max_size=3),
    }
)
policies = st.builds(
    StockPolicy,
    stock_buffer=st.integers(0, 3),
    max_stock=st.none() | st.integers(0, 20),
    null_stock=st.sampled_from(["skip", "zero", "reject"]),
    negative_stock=st.sampled_from(["clamp", "reject"]),
    rounding=st.sampled_from(["floor", "reject"]),
)


@pytest.mark.parametrize("name", MAPPINGS)
@given(record=records, policy=policies)
def test_the_last_step_is_what_is_sent(
    name: str, record: dict[str, Any], policy: StockPolicy
) -> None:
    """Whatever the mapping and the policies, and nothing is counted twice."""
    mapping = compile_mapping(stream_mapping(MAPPINGS[name]), policy)
    outcomes = mapping.outcomes(record)
    counts = (mapping.rules.quantities.clamped, mapping.rules.quantities.cut)
    for stock in [each for each in outcomes if isinstance(each, Stock)]:
        steps = steps_of_record(mapping, record, [stock.identifier], stock.location)
        assert not steps or steps[-1].result == str(stock.quantity)
        assert steps or any(getattr(each, "code", "") == "DUPLICATE_LOCATION" for each in outcomes)
    assert (mapping.rules.quantities.clamped, mapping.rules.quantities.cut) == counts


def test_each_setting_is_a_step() -> None:
    """Also one that changes nothing here: a reader looks for it."""
    policy = StockPolicy(stock_buffer=2, max_stock=50)
    mapping = compile_mapping(stream_mapping(MAPPINGS["subtract"]), policy)
    record = {"sku": "X", "qty": 12.5, "held": 1, "kept": None, "wh": "A"}
    assert steps_of_record(mapping, record, [("sku", "X")], "A") == [
        Step("stock", "12.5"),
        Step("less subtract", "11.5"),
        Step("in whole units, not below 0", "11"),
        Step("less stock_buffer 2", "9"),
        Step("at most max_stock 50", "9"),
    ]
    assert steps_of_record(mapping, record, [("sku", "X")], "B") == []


def test_a_share_is_the_last_step() -> None:
    """The weights divide what is left after all settings."""
    mapping = compile_mapping(stream_mapping(MAPPINGS["split"]), StockPolicy())
    steps = steps_of_record(mapping, {"sku": "X", "qty": 10}, [("sku", "X")], "B")
    assert [step.result for step in steps] == ["10", "3"]


def test_a_sum_is_explained_from_its_parts() -> None:
    """Its parts are added up exactly, and the settings apply to the sum."""
    summed = {**PLACED, "combine": "sum", "part": "bin"}
    mapping = compile_mapping(stream_mapping(summed), StockPolicy(stock_buffer=1))
    assert steps_of_parts(mapping, "1.5 2 2", ("sku", "X"), "A") == [
        Step("sum of the parts", "5.5"),
        Step("in whole units, not below 0", "5"),
        Step("less stock_buffer 1", "4"),
    ]
