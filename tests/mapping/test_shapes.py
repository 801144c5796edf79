"""Every shape in which a record says what there is and where."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from target_tocobagus.config.settings import Share, StockPolicy, StreamMapping, WarehouseColumn
from target_tocobagus.core.model import MAX_QUANTITY, Outcome, RecordError, Skipped, Stock
from target_tocobagus.mapping import compile_mapping

Keys = dict[str, Any]

LONG: Keys = {"sku": ("sku",), "stock": ("qty",), "warehouse": ("wh",)}
GLOBAL: Keys = {"sku": ("sku",), "stock": ("qty",)}
WIDE: Keys = {
    "sku": ("SKU",),
    "warehouse_columns": (WarehouseColumn("WH-JKT", "jkt"), WarehouseColumn("WH SBY", "sby")),
}
LEVELS: Keys = {"sku": ("sku",), "levels": "levels", "warehouse": ("code",), "stock": ("free",)}
ITEMS: Keys = {"sku": ("sku",), "items": "variants", "stock": ("qty",)}
SPLIT: Keys = {**GLOBAL, "split": (Share("a", 2), Share("b", 1))}
NATIVE: Keys = {"native": True}


def mapped(keys: Keys, record: Any, **policy: Any) -> list[Outcome]:
    """Map one record by the keys of a mapping and the settings of a policy."""
    mapping = StreamMapping(stream="stock", **keys)
    return compile_mapping(mapping, StockPolicy(**policy)).outcomes(record)


def told(keys: Keys, record: Any, **policy: Any) -> list[Any]:
    """Map one record; each outcome short: (identifier, location, quantity), ``skip`` or a code."""
    return [_short(outcome) for outcome in mapped(keys, record, **policy)]


def _short(outcome: Outcome) -> Any:
    if isinstance(outcome, Stock):
        return (outcome.identifier[1], outcome.location, outcome.quantity)
    return outcome.code if isinstance(outcome, RecordError) else "skip"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"sku": "A", "qty": 5, "wh": "J"}, [("A", "J", 5)]),
        ({"sku": " A ", "qty": "5", "wh": " J "}, [("A", "J", 5)]),
        ({"sku": 123, "qty": 5, "wh": Decimal("4.0")}, [("123", "4", 5)]),
        ({"\ufeffsku": "A", "qty": 5, "wh": "J"}, [("A", "J", 5)]),
        ({"sku": "A", "qty": 5, "wh": None}, ["NO_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": " "}, ["NO_WAREHOUSE"]),
        ({"sku": "A", "qty": 5}, ["NO_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": ["J"]}, ["BAD_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": True}, ["BAD_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": "\ud800"}, ["BAD_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": "J\0"}, ["BAD_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": "J" * 1001}, ["BAD_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": "é" * 501}, ["BAD_WAREHOUSE"]),
        ({"sku": "A", "qty": 5, "wh": "é" * 500}, [("A", "é" * 500, 5)]),
        ({"sku": "A" * 1000, "qty": 5, "wh": "J"}, [("A" * 1000, "J", 5)]),
        ({"sku": "A" * 1001, "qty": 5, "wh": "J"}, ["BAD_IDENTIFIER"]),
        ({"sku": "é" * 501, "qty": 5, "wh": "J"}, ["BAD_IDENTIFIER"]),
        ({"sku": "A\0B", "qty": 5, "wh": "J"}, ["BAD_IDENTIFIER"]),
        ({"sku": " 8.99123E+12 ", "qty": 5, "wh": "J"}, ["SPOILED_IDENTIFIER"]),
        ({"sku": "8,99123E+12", "qty": 5, "wh": "J"}, ["SPOILED_IDENTIFIER"]),
        ({"sku": "9E+100", "qty": 5, "wh": "J"}, ["SPOILED_IDENTIFIER"]),
        ({"sku": "9E+1", "qty": 5, "wh": "J"}, [("9E+1", "J", 5)]),
        ({"sku": "12E+12", "qty": 5, "wh": "J"}, [("12E+12", "J", 5)]),
        ({"sku": "X8.99E+12", "qty": 5, "wh": "J"}, [("X8.99E+12", "J", 5)]),
        ({"sku": Decimal("8.99E+12"), "qty": 5, "wh": "J"}, [("8990000000000", "J", 5)]),
        ({"sku": "A", "qty": None, "wh": None}, ["skip"]),
        ({"sku": "A", "wh": "J"}, ["skip"]),
        ({"sku": "A", "qty": "N/A", "wh": "J"}, ["BAD_QUANTITY"]),
        ({"sku": None, "qty": 5, "wh": "J"}, ["NO_IDENTIFIER"]),
        ({"sku": " ", "qty": "N/A", "wh": "J"}, ["NO_IDENTIFIER"]),
        ({"sku": None, "qty": None, "wh": "J"}, ["skip"]),
        ({"sku": ["A"], "qty": 5, "wh": "J"}, ["BAD_IDENTIFIER"]),
        ({"sku": False, "qty": 5, "wh": "J"}, ["BAD_IDENTIFIER"]),
        ({"sku": "A\udcff", "qty": 5, "wh": "J"}, ["BAD_IDENTIFIER"]),
        ({}, ["skip"]),
    ],
)
def test_long_a_row_is_one_item_at_one_location(record: Any, expected: list[Any]) -> None:
    """With `warehouse`, a record is one row, and never a global one."""
    assert told(LONG, record) == expected


def test_global_a_row_is_the_item_everywhere() -> None:
    """Without a location, the stock is the item's own."""
    assert mapped(GLOBAL, {"sku": "A", "qty": 5}) == [Stock(("sku", "A"), None, 5)]


def test_a_null_stock_that_is_zero_or_rejected_still_needs_its_location() -> None:
    """Only a row that is skipped for its null stock is not asked where it is."""
    record = {"sku": "A", "qty": None, "wh": None}
    assert told(LONG, record, null_stock="zero") == ["NO_WAREHOUSE"]
    assert told(LONG, {**record, "wh": "J"}, null_stock="zero") == [("A", "J", 0)]
    assert told(LONG, {**record, "wh": "J"}, null_stock="reject") == ["NULL_STOCK"]
    assert told(LONG, {"sku": None, "qty": None}, null_stock="zero") == ["skip"]


def test_warehouse_map_gives_a_code_its_client_id() -> None:
    """A code that is not in the map is a refusal with that code, or skipped."""
    policy = {"warehouse_map": {"J": "wh_1"}}
    assert told(LONG, {"sku": "A", "qty": 5, "wh": " J "}, **policy) == [("A", "wh_1", 5)]
    record = {"sku": "A", "qty": 5, "wh": "X"}
    (refused,) = mapped(LONG, record, **policy)
    assert isinstance(refused, RecordError)
    assert (refused.code, refused.identifier, refused.location) == (
        "UNMAPPED_WAREHOUSE",
        ("sku", "A"),
        "X",
    )
    assert told(LONG, record, unmapped_warehouse="skip", **policy) == ["skip"]
    record["qty"] = "N/A"
    assert told(LONG, record, unmapped_warehouse="skip", **policy) == ["skip"]


def test_a_refusal_names_item_and_location_or_shows_the_mapped_values() -> None:
    """What could be read of a row stands in its refusal; without identifier, its values do."""
    (bad,) = mapped(LONG, {"sku": "A", "qty": "x" * 500, "wh": "J"})
    assert isinstance(bad, RecordError)
    assert (bad.identifier, bad.location) == (("sku", "A"), "J")
    assert len(bad.message) < 120
    (unknown,) = mapped(LONG, {"sku": None, "qty": 5, "wh": "J"})
    assert isinstance(unknown, RecordError)
    assert unknown.values == (("stock", "5"), ("warehouse", "'J'"))


@pytest.mark.parametrize(
    ("record", "identifier"),
    [
        ({"a": "1", "b": "2", "ext": "3"}, ("sku", "1")),
        ({"a": " ", "b": "2", "ext": "3"}, ("sku", "2")),
        ({"a": None, "ext": "3"}, ("externalId", "3")),
        ({"i": "9", "ext": "3"}, ("id", "9")),
    ],
)
def test_identifiers_are_tried_in_turn(record: Any, identifier: tuple[str, str]) -> None:
    """Several paths, then several kinds, in the order sku, id, external_id."""
    keys = {"sku": ("a", "b"), "id": ("i",), "external_id": ("ext",), "stock": ("qty",)}
    assert mapped(keys, {**record, "qty": 1}) == [Stock(identifier, None, 1)]  # type: ignore[arg-type]  # a table's kinds are plain strings


def test_stock_and_warehouse_are_tried_in_turn() -> None:
    """The first path that yields a value counts, an empty text being none, a 0 being one."""
    keys = {"sku": ("sku",), "stock": ("a", "b"), "warehouse": ("w", "v")}
    assert told(keys, {"sku": "A", "a": "", "b": 5, "w": " ", "v": "J"}) == [("A", "J", 5)]
    assert told(keys, {"sku": "A", "a": 0, "b": 5, "w": "J"}) == [("A", "J", 0)]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"SKU": "A", "WH-JKT": "12", "WH SBY": 0}, [("A", "jkt", 12), ("A", "sby", 0)]),
        ({"SKU": "A", "WH-JKT": "", "WH SBY": "5"}, ["skip", ("A", "sby", 5)]),
        ({"SKU": "A", "WH-JKT": "N/A", "WH SBY": "5"}, ["BAD_QUANTITY", ("A", "sby", 5)]),
        ({"SKU": None, "WH-JKT": 1, "WH SBY": None}, ["NO_IDENTIFIER"]),
        ({"SKU": None, "WH-JKT": "", "WH SBY": None}, ["skip"]),
    ],
)
def test_wide_each_column_is_a_location(record: Any, expected: list[Any]) -> None:
    """A column's client id is given and not mapped again; a bad column is refused by itself."""
    assert told(WIDE, record, warehouse_map={"x": "y"}) == expected


def test_wide_what_is_subtracted_is_taken_off_each_column() -> None:
    """`subtract` beside `warehouse_columns` belongs to every column."""
    keys = {**WIDE, "subtract": ("safety",)}
    record = {"SKU": "A", "WH-JKT": 12, "WH SBY": 1, "safety": 2}
    assert told(keys, record) == [("A", "jkt", 10), ("A", "sby", 0)]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([{"code": "J", "free": 1}, {"code": 7, "free": "2"}], [("A", "J", 1), ("A", "7", 2)]),
        ([{"code": "J", "free": "N/A"}, {"code": "S", "free": 2}], ["BAD_QUANTITY", ("A", "S", 2)]),
        ([{"code": None, "free": 1}, {"code": "S", "free": 2}], ["NO_WAREHOUSE", ("A", "S", 2)]),
        ([{"code": "J", "free": None}], ["skip"]),
        (["x", None, {"code": "S", "free": 2}], ["BAD_ENTRY", "skip", ("A", "S", 2)]),
        ([], ["skip"]),
        (None, ["skip"]),
        ("", ["skip"]),
        ("null", ["skip"]),
        ({"code": "J", "free": 1}, ["BAD_LIST"]),
        (5, ["BAD_LIST"]),
        ("text", ["BAD_LIST"]),
        ('[{"code": "J", "free": 1.50}]', [("A", "J", 1)]),
        ('[{"code": "J", "free"', ["BAD_JSON"]),
        ("[ ]", ["skip"]),
        (['{"code": "J", "free": 1}', "{"], [("A", "J", 1), "BAD_JSON"]),
    ],
)
def test_levels_each_entry_is_a_location(levels: Any, expected: list[Any]) -> None:
    """A list of objects, or the JSON text of one; a bad entry is refused by itself."""
    assert told(LEVELS, {"sku": "A", "levels": levels}) == expected


def test_levels_paths_are_within_the_level() -> None:
    """`warehouse`, `stock` and `subtract` are not looked for in the record around a level."""
    keys = {**LEVELS, "subtract": ("held",)}
    record = {"sku": "A", "held": 9, "code": "X", "free": 9}
    levels = [{"code": "J", "free": 5, "held": 2}, {"code": "S", "free": 5}, {"free": 1}, {}]
    assert told(keys, {**record, "levels": levels}) == [
        ("A", "J", 3),
        ("A", "S", 5),
        "NO_WAREHOUSE",
        "skip",
    ]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([{"code": "J", "free": 1}], ["NO_IDENTIFIER"]),
        ([{"code": "J", "free": None}, None], ["skip"]),
        ([], ["skip"]),
        ([5], ["NO_IDENTIFIER"]),
        (5, ["NO_IDENTIFIER"]),
    ],
)
def test_levels_without_identifier_are_one_refusal(levels: Any, expected: list[Any]) -> None:
    """An item that cannot be named is refused once, or skipped if no level has a quantity."""
    assert told(LEVELS, {"sku": None, "levels": levels}) == expected


def test_the_same_location_twice_in_one_record_is_refused() -> None:
    """Every row of that location is refused, also one that is bad; the others are sent."""
    levels = [
        {"code": "J", "free": 1},
        {"code": "S", "free": 2},
        {"code": " J", "free": "N/A"},
        {"code": "B", "free": None},
        {"code": "B", "free": 3},
        {"code": None, "free": 3},
        {"code": None, "free": 3},
    ]
    outcomes = mapped(LEVELS, {"sku": "A", "levels": levels})
    assert [_short(outcome) for outcome in outcomes] == [
        "DUPLICATE_LOCATION",
        ("A", "S", 2),
        "DUPLICATE_LOCATION",
        "skip",
        ("A", "B", 3),
        "NO_WAREHOUSE",
        "NO_WAREHOUSE",
    ]
    assert isinstance(outcomes[0], RecordError)
    assert (outcomes[0].identifier, outcomes[0].location) == (("sku", "A"), "J")


def test_two_codes_of_one_client_id_are_one_location() -> None:
    """Locations are compared as they are sent."""
    levels = [{"code": 4, "free": 1}, {"code": Decimal("4.0"), "free": 2}]
    assert told(LEVELS, {"sku": "A", "levels": levels}) == ["DUPLICATE_LOCATION"] * 2


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        ([{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}], [("A", None, 1), ("B", None, 2)]),
        ([{"qty": 1}, {"sku": "B", "qty": 2}], ["NO_IDENTIFIER", ("B", None, 2)]),
        ([{"sku": "A"}, {"sku": "B", "qty": "x"}, 5], ["skip", "BAD_QUANTITY", "BAD_ENTRY"]),
        ([{"sku": "A", "qty": 1}, {"sku": "A", "qty": 1}], ["DUPLICATE_LOCATION"] * 2),
        ([{}], ["skip"]),
        ([], ["skip"]),
        (None, ["skip"]),
        ("N/A", ["BAD_LIST"]),
        ('[{"sku": "A", "qty": 1}]', [("A", None, 1)]),
    ],
)
def test_items_each_entry_is_an_item(variants: Any, expected: list[Any]) -> None:
    """Identifier and stock are looked for in the item alone; a bad item is refused by itself."""
    assert told(ITEMS, {"sku": "record's", "qty": 99, "variants": variants}) == expected


def test_items_find_warehouse_and_subtract_also_in_the_record() -> None:
    """The item's own come first."""
    keys = {**ITEMS, "warehouse": ("wh",), "subtract": ("held",)}
    variants = [{"sku": "A", "qty": 9, "wh": "own", "held": 1}, {"sku": "B", "qty": 9}]
    record = {"wh": "J", "held": 2, "variants": variants}
    assert told(keys, record) == [("A", "own", 8), ("B", "J", 7)]


def test_items_may_hold_levels_columns_shares_and_broadcasts() -> None:
    """Inside an item, every way to say where is the same as in a record."""
    item = {"sku": "A", "SKU": "A", "qty": 4, "levels": [{"code": "J", "free": 1}], "WH-JKT": 3}
    record = {"variants": [item], "levels": [{"code": "X", "free": 9}], "WH SBY": 9}
    assert told({**LEVELS, "items": "variants"}, record) == [("A", "J", 1)]
    assert told({**WIDE, "items": "variants"}, record) == [("A", "jkt", 3), "skip"]
    assert told({**SPLIT, "items": "variants"}, record) == [("A", "a", 3), ("A", "b", 1)]
    broadcast = {**ITEMS, "warehouses": ("a", "b")}
    assert told(broadcast, record) == [("A", "a", 4), ("A", "b", 4)]


def test_warehouses_broadcast_one_stock() -> None:
    """Each client id gets the whole quantity, marked as one said of all of them at once."""
    keys = {**GLOBAL, "warehouses": ("a", "b")}
    item = ("sku", "A")
    outcomes = mapped(keys, {"sku": "A", "qty": 5}, warehouse_map={"a": "z"})
    assert outcomes == [Stock(item, "a", 5, broadcast=True), Stock(item, "b", 5, broadcast=True)]  # type: ignore[arg-type]  # a pair of strings
    assert told(keys, {"sku": "A", "qty": "x"}) == ["BAD_QUANTITY"]
    assert told(keys, {"sku": "A", "qty": None}) == ["skip"]


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [(0, (0, 0)), (1, (1, 0)), (2, (1, 1)), (3, (2, 1)), (100, (67, 33)), (Decimal("5.9"), (3, 2))],
)
def test_split_divides_whole_units(quantity: Any, expected: tuple[int, int]) -> None:
    """A quantity is rounded first and divided afterwards, by the largest remainder."""
    parts = [("A", "a", expected[0]), ("A", "b", expected[1])]
    assert told(SPLIT, {"sku": "A", "qty": quantity}) == parts


def test_split_of_the_largest_quantity_is_exact() -> None:
    """Shares are calculated in integers."""
    first, second = mapped(SPLIT, {"sku": "A", "qty": MAX_QUANTITY})
    assert isinstance(first, Stock)
    assert isinstance(second, Stock)
    assert (first.quantity, second.quantity) == (6004799503160661, 3002399751580330)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"sku": "A", "stock": 5}, [("A", None, 5)]),
        ({"sku": None, "id": "9", "externalId": "", "stock": 5}, [("9", None, 5)]),
        ({"sku": "A", "stock": 5, "warehouses": None}, [("A", None, 5)]),
        ({"sku": "A", "stock": 5, "warehouses": ["a", 7]}, [("A", "a", 5), ("A", "7", 5)]),
        ({"sku": "A", "stock": 5, "warehouses": ["a", None]}, [("A", "a", 5), "NO_WAREHOUSE"]),
        ({"sku": "A", "stock": 5, "warehouses": ["a", "a"]}, ["DUPLICATE_LOCATION"] * 2),
        ({"sku": "A", "stock": "x", "warehouses": ["a", "b"]}, ["BAD_QUANTITY"]),
        ({"sku": "A", "warehouses": [{"clientId": "a", "stock": 8}]}, [("A", "a", 8)]),
        (
            {"sku": "A", "warehouses": [{"clientId": "a", "stock": 8}, {"clientId": "b"}, "c"]},
            [("A", "a", 8), "skip", "BAD_ENTRY"],
        ),
        (
            {"sku": "A", "warehouses": '[{"clientId": "a", "stock": 8}]'},
            [("A", "a", 8)],
        ),
        ({"sku": "A", "warehouses": [{"stock": 8}, None]}, ["NO_WAREHOUSE", "skip"]),
        ({"sku": "A", "warehouses": []}, ["skip"]),
        ({"sku": "A", "stock": 5, "warehouses": []}, ["BAD_LIST"]),
        ({"sku": "A", "stock": 5, "warehouses": "a"}, ["BAD_LIST"]),
        ({"sku": "A", "id": "9", "stock": 5}, ["SEVERAL_IDENTIFIERS"]),
        ({"stock": 5}, ["NO_IDENTIFIER"]),
        ({"warehouses": [{"clientId": "a", "stock": 8}]}, ["NO_IDENTIFIER"]),
        ({"sku": "A"}, ["skip"]),
        ({}, ["skip"]),
        ({"sku": True, "stock": 5}, ["BAD_IDENTIFIER"]),
    ],
)
def test_native_records_are_the_apis_own_items(item: Any, expected: list[Any]) -> None:
    """One identifier, and the three forms of stock."""
    assert told(NATIVE, item) == expected


def test_native_client_ids_are_mapped_where_the_map_knows_them() -> None:
    """A client id that the map maps to is left as it is; an unknown one follows the policy."""
    policy = {"warehouse_map": {"J": "wh_1"}}
    item = {"sku": "A", "stock": 5, "warehouses": ["J", "x"]}
    assert told(NATIVE, item, **policy) == [("A", "wh_1", 5), "UNMAPPED_WAREHOUSE"]
    item["warehouses"] = ["wh_1"]
    assert mapped(NATIVE, item, **policy) == [Stock(("sku", "A"), "wh_1", 5, broadcast=True)]
    item["warehouses"] = ["wh_1", "x"]
    assert told(NATIVE, item, unmapped_warehouse="skip", **policy) == [("A", "wh_1", 5), "skip"]


@pytest.mark.parametrize(
    ("keys", "record", "expected"),
    [
        (LONG, {"sku": "A", "qty": 5, "wh": "J"}, [("A", "J", 0)]),
        (LONG, {"sku": "A", "qty": None, "wh": "J"}, [("A", "J", 0)]),
        (LONG, {"sku": "A", "qty": "N/A", "wh": "J"}, [("A", "J", 0)]),
        (
            {**LONG, "subtract": ("held",)},
            {"sku": "A", "qty": 5, "held": "N/A", "wh": "J"},
            [("A", "J", 0)],
        ),
        (LONG, {"id": 4}, ["NO_IDENTIFIER"]),
        (LONG, {"sku": "A"}, ["NO_WAREHOUSE"]),
        (WIDE, {"SKU": "A", "WH-JKT": 4}, [("A", "jkt", 0), ("A", "sby", 0)]),
        (LEVELS, {"sku": "A", "levels": [{"code": "J", "free": 3}]}, [("A", "J", 0)]),
        (LEVELS, {"sku": "A", "levels": None}, ["NO_WAREHOUSE"]),
        (LEVELS, {"sku": "A", "levels": []}, ["NO_WAREHOUSE"]),
        (SPLIT, {"sku": "A", "qty": 3}, [("A", "a", 0), ("A", "b", 0)]),
        (ITEMS, {"variants": [{"sku": "A", "qty": 3}]}, [("A", None, 0)]),
        (ITEMS, {"id": 4}, ["NO_IDENTIFIER"]),
        (NATIVE, {"sku": "A", "stock": 3, "warehouses": ["a"]}, [("A", "a", 0)]),
        (NATIVE, {"sku": "A", "warehouses": [{"clientId": "a", "stock": 3}]}, [("A", "a", 0)]),
    ],
)
def test_a_deleted_record_is_skipped_or_zero(keys: Keys, record: Any, expected: Any) -> None:
    """With `on_delete: zero` it is 0 wherever it would have been a quantity; by default skipped."""
    gone = {**record, "_sdc_deleted_at": "2025-11-20T08:15:00Z"}
    assert told(keys, gone) == ["skip"]
    assert told(keys, gone, on_delete="zero") == expected
    (skipped,) = mapped(keys, gone)
    zeros = [each for each in mapped(keys, gone, on_delete="zero") if isinstance(each, Stock)]
    assert isinstance(skipped, Skipped)
    assert skipped.ended[: len(zeros)] == tuple((each.identifier, each.location) for each in zeros)


@pytest.mark.parametrize(("policy", "asked"), [({}, set()), ({"on_delete": "zero"}, {"X"})])
def test_a_deleted_record_that_is_skipped_asks_for_no_code(
    policy: dict[str, Any], asked: set[str]
) -> None:
    """A code that only such records have is not one that `warehouse_map` lacks."""
    found = StockPolicy(warehouse_map={"J": "jkt"}, **policy)
    mapping = compile_mapping(StreamMapping(stream="stock", **LONG), found)
    mapping.outcomes({"sku": "A", "qty": 5, "wh": "X", "_sdc_deleted_at": "2025-11-20"})
    assert mapping.rules.asked == asked


@pytest.mark.parametrize("mark", [None, "", " ", False, "false", "FALSE ", 0, "0"])
def test_an_empty_deletion_mark_is_none(mark: Any) -> None:
    """`_sdc_deleted_at` that is null, empty or false means that the record is there."""
    record = {"sku": "A", "qty": 5, "wh": "J", "_sdc_deleted_at": mark}
    assert told(LONG, record, on_delete="zero") == [("A", "J", 5)]


def test_where_selects_records() -> None:
    """A record that does not meet the condition is skipped, deleted or not."""
    keys = {**LONG, "where": "state == 'IN_STOCK'"}
    record = {"sku": "A", "qty": 5, "wh": "J", "state": "IN_STOCK"}
    assert told(keys, record) == [("A", "J", 5)]
    (skipped,) = mapped(keys, {**record, "state": "SOLD"})
    assert skipped == Skipped("the record does not meet where")
    gone = {**record, "state": "SOLD", "_sdc_deleted_at": "x"}
    assert told(keys, gone, on_delete="zero") == ["skip"]


def test_an_expression_that_fails_refuses_the_level_alone() -> None:
    """What cannot be evaluated in one entry is refused there, under the item's identifier."""
    keys = {**LEVELS, "stock": ("abs(free)",)}
    levels = [{"code": "J", "free": "x"}, {"code": "S", "free": -2}]
    outcomes = mapped(keys, {"sku": "A", "levels": levels})
    assert [_short(outcome) for outcome in outcomes] == ["BAD_EXPRESSION", ("A", "S", 2)]
    assert isinstance(outcomes[0], RecordError)
    assert outcomes[0].identifier == ("sku", "A")


@pytest.mark.parametrize(
    ("keys", "record", "expected"),
    [
        (
            {
                "sku": ("item.sku",),
                "warehouse": ("location.id",),
                "stock": ("quantities[?name=='available'].quantity | [0]",),
            },
            {
                "item": {"sku": "K"},
                "location": {"id": "gid://shopify/Location/1"},
                "quantities": [
                    {"name": "on_hand", "quantity": 9},
                    {"name": "available", "quantity": 7},
                ],
            },
            [("K", "gid://shopify/Location/1", 7)],
        ),
        (
            {
                "sku": ("articleNumber",),
                "levels": "items",
                "warehouse": ("warehouse.code",),
                "stock": ("numberOfItems",),
            },
            {"articleNumber": "K", "items": [{"warehouse": {"code": "W"}, "numberOfItems": 3}]},
            [("K", "W", 3)],
        ),
        (
            {
                "sku": ("customSku",),
                "levels": "ItemShops.ItemShop",
                "warehouse": ("shopID",),
                "stock": ("qoh",),
            },
            {"customSku": "K", "ItemShops": json.dumps({"ItemShop": [{"shopID": 1, "qoh": "3"}]})},
            [("K", "1", 3)],
        ),
    ],
)
def test_real_taps_are_mapped(keys: Keys, record: Any, expected: list[Any]) -> None:
    """The shapes of tap-shopify, tap-ongoing and tap-lightspeed-rseries."""
    assert told(keys, record) == expected
