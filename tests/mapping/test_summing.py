"""Rows that are parts: what a record says of its part, and how a sum becomes stock."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.model import Identifier, Part, RecordError, Skipped, Stock
from target_tocobagus.mapping import CompiledMapping, compile_mapping
from target_tocobagus.mapping.totals import total_of

SUM: dict[str, Any] = {
    "stream": "lots",
    "sku": "sku",
    "stock": "qty",
    "combine": "sum",
    "part": "lot",
}
ROW: dict[str, Any] = {"sku": "a", "qty": 1, "lot": "1", "wh": "W"}


def compiled(policy: StockPolicy | None = None, **changes: Any) -> CompiledMapping:
    """Compile a mapping that adds up."""
    return compile_mapping(stream_mapping({**SUM, **changes}), policy or StockPolicy())


def part(*rows: tuple[str, str | None, str], key: str = "1", whole: bool = True) -> Part:
    """Make what is said of a part of items with a SKU."""
    return Part(key, tuple((("sku", sku), place, qty) for sku, place, qty in rows), whole)


@pytest.mark.parametrize(
    ("changes", "record", "said"),
    [
        ({}, {}, part(("a", None, "1"))),
        ({}, {"qty": "2.5"}, part(("a", None, "2.5"))),
        ({}, {"qty": 2.5}, part(("a", None, "~2.5"))),
        ({"subtract": "taken"}, {"qty": 1, "taken": 4}, part(("a", None, "-3"))),
        ({}, {"lot": 7}, part(("a", None, "1"), key="7")),
        ({"part": ["lot", "bin"]}, {"bin": "x"}, part(("a", None, "1"), key='["1","x"]')),
        ({"part": ["lot", "bin"]}, {}, part(("a", None, "1"), key='["1",null]')),
        ({"warehouse": "wh"}, {}, part(("a", "W", "1"))),
        ({"warehouses": ["A", "B"]}, {}, part(("a", "A", "1"), ("a", "B", "1"))),
        (
            {"split": [{"client_id": "A", "weight": 1}, {"client_id": "B", "weight": 2}]},
            {"qty": 5},
            part(("a", "A", "5"), ("a", "B", "5")),
        ),
        (
            {
                "stock": None,
                "warehouse_columns": [
                    {"column": "qty", "client_id": "A"},
                    {"column": "more", "client_id": "A"},
                ],
            },
            {"more": 3},
            part(("a", "A", "1"), ("a", "A", "3")),
        ),
        ({"where": "qty > `5`"}, {}, part()),
        ({}, {"_sdc_deleted_at": "2026-01-01"}, part()),
        ({"sku": "sku"}, {"sku": None, "qty": None, "_sdc_deleted_at": "2026-01-01"}, part()),
    ],
)
def test_a_record_says_what_its_part_has(
    changes: dict[str, Any], record: dict[str, Any], said: Part
) -> None:
    """Exactly, at each place; nothing if it is deleted or does not meet where."""
    assert compiled(**changes).outcomes({**ROW, **record}) == [said]


@pytest.mark.parametrize(
    ("record", "code", "items"),
    [
        ({"qty": "x"}, "BAD_QUANTITY", (("sku", "a"),)),
        ({"sku": ["a"]}, "BAD_IDENTIFIER", ()),
        ({"sku": None}, "NO_IDENTIFIER", ()),
        ({"wh": None}, "NO_WAREHOUSE", (("sku", "a"),)),
    ],
)
def test_a_part_that_cannot_be_read_stays_as_it_is(
    record: dict[str, Any], code: str, items: tuple[Identifier, ...]
) -> None:
    """The row is rejected, and what its item has of the part is kept."""
    said, error = compiled(warehouse="wh").outcomes({**ROW, **record})
    assert said == Part("1", (), is_whole=False, items=items)
    assert isinstance(error, RecordError)
    assert error.code == code


@pytest.mark.parametrize("null", ["skip", "zero"])
def test_a_part_without_a_quantity_keeps_its_last_one(null: Any) -> None:
    """It is not 0, whatever `null_stock` says of rows that are stocks."""
    outcomes = compiled(StockPolicy(null_stock=null)).outcomes({**ROW, "qty": None})
    named: tuple[tuple[Identifier, None], ...] = ((("sku", "a"), None),)
    kept = Part("1", (), is_whole=False, items=(("sku", "a"),))
    assert outcomes == [kept, Skipped("no quantity", named=named)]


@pytest.mark.parametrize(
    ("lists", "given", "said"),
    [
        ("levels", [], part()),
        ("levels", "[]", part()),
        ("items", [], part()),
        ("levels", None, Part("1", (), is_whole=False, items=(("sku", "a"),))),
        ("items", None, Part("1", (), is_whole=False)),
    ],
)
def test_an_empty_list_says_that_a_part_has_nothing(lists: str, given: Any, said: Part) -> None:
    """A list that is null says nothing of it."""
    changes: dict[str, Any] = {lists: "list"}
    if lists == "levels":
        changes["warehouse"] = "wh"
    mapping = compiled(None, **changes)
    assert mapping.outcomes({**ROW, "list": given})[0] == said


@pytest.mark.parametrize("rule", ["skip", "reject"])
def test_a_part_at_a_place_that_is_not_sent_to_is_taken_off(rule: Any) -> None:
    """It is known to be elsewhere now."""
    policy = StockPolicy(warehouse_map={"V": "v"}, unmapped_warehouse=rule)
    said, *errors = compiled(policy, warehouse="wh").outcomes(ROW)
    assert said == part()
    assert len(errors) == (rule == "reject")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"lot": None}, "NO_PART"),
        ({"lot": " "}, "NO_PART"),
        ({"lot": ["x"]}, "BAD_PART"),
        ({"lot": "x" * 1001}, "BAD_PART"),
    ],
)
def test_a_row_must_tell_its_part_from_others(record: dict[str, Any], code: str) -> None:
    """Otherwise it would be added to itself each time it comes."""
    (error,) = compiled().outcomes({**ROW, **record})
    assert isinstance(error, RecordError)
    assert error.code == code
    *unknown, error = compiled(parts_complete=True).outcomes({**ROW, **record})
    assert unknown == [Part("", (), is_whole=False, items=(("sku", "a"),))]
    assert isinstance(error, RecordError)
    (skipped,) = compiled(where="sku == 'b'").outcomes({**ROW, **record})
    assert isinstance(skipped, Skipped)


def test_a_version_that_cannot_be_read_leaves_the_part_as_it_is() -> None:
    """It would make an old quantity the newest."""
    part, error = compiled(newer_by="at").outcomes({**ROW, "at": "soon"})
    assert isinstance(part, Part)
    assert (part.rows, part.is_whole) == ((), False)
    assert isinstance(error, RecordError)
    assert error.code == "BAD_VERSION"
    (said,) = compiled(newer_by="at").outcomes({**ROW, "at": 3})
    assert isinstance(said, Part)
    assert said.version == "n 3"


@pytest.mark.parametrize(
    ("texts", "policy", "quantity"),
    [
        (["1", "2"], StockPolicy(), 3),
        (["1", "", "2"], StockPolicy(), 3),
        (["1 4", "2"], StockPolicy(), 7),
        (["0.5", "0.5"], StockPolicy(rounding="reject"), 1),
        (["~0.1", "~0.2", "~2.7"], StockPolicy(rounding="reject"), 3),
        (["~0.33333333333"] * 3, StockPolicy(rounding="reject"), 1),
        (["5", "-7"], StockPolicy(), 0),
        (["5", "-2"], StockPolicy(stock_buffer=1), 2),
        (["5", "5"], StockPolicy(max_stock=7), 7),
        ([], StockPolicy(), 0),
        ([""], StockPolicy(), 0),
    ],
)
def test_the_policies_are_for_the_sum(texts: list[str], policy: StockPolicy, quantity: int) -> None:
    """A part may be a fraction, or below 0; what is sent may not."""
    summing = compiled(policy).summing
    assert summing is not None
    assert summing.stock(("sku", "a"), "W", total_of(" ".join(texts))) == Stock(
        ("sku", "a"), "W", quantity
    )


@pytest.mark.parametrize(
    ("texts", "policy", "code"),
    [
        (["0.33333333333"] * 3, StockPolicy(rounding="reject"), "FRACTIONAL_STOCK"),
        (["9007199254740991", "1"], StockPolicy(), "QUANTITY_TOO_LARGE"),
        (["1", "-2"], StockPolicy(negative_stock="reject"), "NEGATIVE_STOCK"),
        (["1e-400", "1e-1400"], StockPolicy(), "INEXACT_QUANTITY"),
    ],
)
def test_a_sum_that_cannot_be_sent_is_an_error(
    texts: list[str], policy: StockPolicy, code: str
) -> None:
    """With the item and the place."""
    summing = compiled(policy).summing
    assert summing is not None
    error = summing.stock(("sku", "a"), "W", total_of(" ".join(texts)))
    assert isinstance(error, RecordError)
    assert (error.code, error.identifier, error.location) == (code, ("sku", "a"), "W")


def test_what_is_split_is_the_sum() -> None:
    """Nothing is lost by dividing each part."""
    shares = [{"client_id": name, "weight": 1} for name in ("A", "B")]
    summing = compiled(split=shares).summing
    assert summing is not None
    found = [summing.stock(("sku", "a"), place, total_of("1 1 1")) for place in ("A", "B")]
    assert found == [Stock(("sku", "a"), "A", 2), Stock(("sku", "a"), "B", 1)]


@pytest.mark.parametrize(
    "changes", [{"part": None}, {"combine": "last"}, {"combine": None, "parts_complete": True}]
)
def test_what_belongs_together_is_asked_for(changes: dict[str, Any]) -> None:
    """A mapping that adds up says what tells parts apart, and no other one does."""
    written = {**SUM, **changes}
    if changes.get("parts_complete"):
        written["part"] = None
    with pytest.raises(ConfigurationError):
        compile_mapping(stream_mapping(written), StockPolicy())


def test_with_the_map_of_warehouses_the_entry_changes() -> None:
    """Parts are remembered at the places that it names."""
    other = StockPolicy(warehouse_map={"W": "w"})
    assert compiled().entry != compiled(other).entry
    assert (
        compiled(combine="last", part=None).entry
        == compiled(other, combine="last", part=None).entry
    )
