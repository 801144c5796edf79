"""What cannot work is refused before the first record, naming stream and key."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.config.settings import Share, StockPolicy, StreamMapping, WarehouseColumn
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.mapping import CompiledMapping, PlainMapping, compile_mapping

Keys = dict[str, Any]

LONG: Keys = {"sku": ("sku",), "stock": ("qty",), "warehouse": ("wh",)}
GLOBAL: Keys = {"sku": ("sku",), "stock": ("qty",)}
COLUMNS = (WarehouseColumn("A", "a"), WarehouseColumn("B", "b"))
WIDE: Keys = {"sku": ("sku",), "warehouse_columns": COLUMNS}
SHARES = (Share("a", 1), Share("b", 1))
LEVELS: Keys = {**LONG, "levels": "levels"}


def compiled(keys: Keys, **policy: Any) -> CompiledMapping:
    """Compile a mapping of the stream ``stock``."""
    return compile_mapping(StreamMapping(stream="stock", **keys), StockPolicy(**policy))


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"stock": ("qty",)}, "sku"),
        ({"sku": ("sku",)}, "stock"),
        ({"sku": ("sku",), "levels": "levels", "warehouse": ("wh",)}, "stock"),
        ({**GLOBAL, "levels": "levels"}, "levels"),
        ({**WIDE, "warehouse": ("wh",), "levels": "levels"}, "levels"),
        ({**LEVELS, "warehouses": ("a",)}, "levels"),
        ({**LEVELS, "split": SHARES}, "levels"),
        ({**WIDE, "warehouse": ("wh",)}, "warehouse"),
        ({**LONG, "warehouses": ("a",)}, "warehouse"),
        ({**LONG, "split": SHARES}, "warehouse"),
        ({**WIDE, "warehouses": ("a",)}, "warehouse_columns"),
        ({**WIDE, "split": SHARES}, "warehouse_columns"),
        ({**GLOBAL, "warehouses": ("a",), "split": SHARES}, "warehouses"),
        ({**WIDE, "stock": ("qty",)}, "stock"),
        ({**LEVELS, "items": "levels"}, "levels"),
        ({**GLOBAL, "where": "state = 'A'"}, "where"),
        ({**GLOBAL, "where": "foo(a)"}, "where"),
        ({**GLOBAL, "sku": ("a[",)}, "sku"),
        ({**GLOBAL, "id": ("a[",)}, "id"),
        ({**GLOBAL, "external_id": ("a", "a[")}, "external_id"),
        ({**GLOBAL, "stock": ("Stock (pcs)",)}, "stock"),
        ({**GLOBAL, "subtract": ("a]",)}, "subtract"),
        ({**GLOBAL, "warehouse": ("a|",)}, "warehouse"),
        ({**GLOBAL, "items": "a)"}, "items"),
        ({**LEVELS, "levels": "a?"}, "levels"),
    ],
)
def test_an_impossible_mapping_is_refused_by_its_key(keys: Keys, key: str) -> None:
    """Each message names the stream and the key."""
    with pytest.raises(ConfigurationError) as caught:
        compiled(keys)
    (problem,) = caught.value.problems
    assert problem.startswith(f"mapping of stream 'stock': {key}: ")


def test_all_problems_are_told_at_once() -> None:
    """One error holds everything that is wrong with a mapping."""
    with pytest.raises(ConfigurationError) as caught:
        compiled({"where": "a =", "stock": ("a[", "b[")})
    keys = [problem.split(": ")[1] for problem in caught.value.problems]
    assert keys == ["sku", "where", "stock", "stock"]


def test_warehouse_null_beside_a_location_is_no_contradiction() -> None:
    """A null key means that it is not given, and a location given otherwise counts."""
    assert compiled({**WIDE, "no_warehouse": True}).outcomes({"sku": "x", "A": 1})


def test_a_column_may_have_any_name() -> None:
    """In `warehouse_columns` a column's name is never an expression."""
    keys = {"sku": ("sku",), "warehouse_columns": (WarehouseColumn("Gudang (JKT) [1", "a"),)}
    (outcome,) = compiled(keys).outcomes({"sku": "x", "Gudang (JKT) [1": 1})
    assert outcome.quantity == 1  # type: ignore[union-attr]  # anything else would have none


@pytest.mark.parametrize(
    ("keys", "plain"),
    [
        (LONG, PlainMapping("sku", "sku", "qty", "wh")),
        (GLOBAL, PlainMapping("sku", "sku", "qty", None)),
        ({"external_id": ("x",), "stock": ("q",)}, PlainMapping("externalId", "x", "q", None)),
        ({**LONG, "stock": ("Sisa Stok",)}, PlainMapping("sku", "sku", "Sisa Stok", "wh")),
        ({**LONG, "decimal_mark": ","}, PlainMapping("sku", "sku", "qty", "wh")),
        ({**LONG, "sku": ("a", "b")}, None),
        ({**LONG, "id": ("id",)}, None),
        ({**LONG, "stock": ("a", "b")}, None),
        ({**LONG, "warehouse": ("a", "b")}, None),
        ({**LONG, "stock": ("a.b",)}, None),
        ({**LONG, "warehouse": ("'J'",)}, None),
        ({**LONG, "subtract": ("a",)}, None),
        ({**LONG, "where": "a"}, None),
        ({**LONG, "items": "a"}, None),
        (LEVELS, None),
        (WIDE, None),
        ({**GLOBAL, "warehouses": ("a",)}, None),
        ({**GLOBAL, "split": SHARES}, None),
        ({"native": True}, None),
    ],
)
def test_a_mapping_of_plain_columns_says_so(keys: Keys, plain: PlainMapping | None) -> None:
    """Only one identifier, one stock and at most one warehouse, each a column, are plain."""
    assert compiled(keys).plain == plain


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        (LONG, ("sku",)),
        ({"id": ("a", "b"), "stock": ("q",)}, ("id",)),
        ({**LONG, "external_id": ("x",)}, ("sku", "externalId")),
        ({"native": True}, ("sku", "id", "externalId")),
    ],
)
def test_the_kinds_of_identifier_are_known(keys: Keys, kinds: tuple[str, ...]) -> None:
    """More than one kind can be warned about."""
    assert compiled(keys).kinds == kinds


def groups(*names: str) -> tuple[frozenset[str], ...]:
    """Make groups of columns; the alternatives of one are separated by slashes."""
    return tuple(frozenset(name.split("/")) for name in names)


@pytest.mark.parametrize(
    ("keys", "needs", "columns"),
    [
        (LONG, groups("sku", "qty", "wh"), {"sku", "qty", "wh"}),
        (
            {**LONG, "sku": ("a", "b"), "external_id": ("c",), "subtract": ("d", "e")},
            groups("a/b/c", "qty", "wh", "d", "e"),
            {"a", "b", "c", "qty", "wh", "d", "e"},
        ),
        ({**LONG, "stock": ("v.q",)}, groups("sku", "v.q/v", "wh"), {"sku", "v.q", "v", "wh"}),
        (WIDE, groups("sku", "A", "B"), {"sku", "A", "B"}),
        (LEVELS, groups("sku", "levels"), {"sku", "levels"}),
        (
            {**LONG, "items": "variants", "subtract": ("held",)},
            groups("variants"),
            {"variants", "wh", "held"},
        ),
        (
            {**LONG, "where": "a == b"},
            groups("a", "sku", "qty", "wh", "b"),
            {*"ab", "sku", "qty", "wh"},
        ),
        ({**LONG, "warehouse": ("wh", "'J'")}, groups("sku", "qty"), {"sku", "qty", "wh", "'J'"}),
        ({**LONG, "where": "keys(@)"}, groups("sku", "qty", "wh"), None),
        ({**LONG, "sku": ("\ufeffsku",)}, groups("sku", "qty", "wh"), {"sku", "qty", "wh"}),
        (
            {"native": True},
            groups("sku/id/externalId", "stock/warehouses"),
            {"sku", "id", "externalId", "stock", "warehouses"},
        ),
    ],
)
def test_a_mapping_knows_what_it_relies_on(
    keys: Keys,
    needs: tuple[frozenset[str], ...],
    columns: set[str] | None,
) -> None:
    """Paths tried in turn are one group; each `subtract` and each column is its own."""
    mapping = compiled(keys)
    assert mapping.needs == needs
    assert mapping.columns == (None if columns is None else columns | {"_sdc_deleted_at"})


def test_what_is_relied_on_inside_a_list_is_looked_for_there() -> None:
    """A mistyped path within `levels` can be told from a level without stock."""
    mapping = compiled({**LEVELS, "subtract": ("held",)})
    record = {"sku": "A", "qty": 1, "held": 1, "levels": [{"qty": None}, 5, {"\ufeffwh": "J"}]}
    unmet = [need.names for need in mapping.inner_needs if not need.met_by(record)]
    assert unmet == [{"held"}]
    assert not any(need.met_by({"levels": "[", "qty": 1}) for need in mapping.inner_needs)


def test_what_items_share_with_the_record_may_be_in_either() -> None:
    """`warehouse` and `subtract` of items are found in the record too, their own columns not."""
    mapping = compiled({**LONG, "items": "variants", "subtract": ("held",)})
    record = {"sku": "A", "qty": 1, "wh": "J", "variants": [{"qty": 1, "held": 2}]}
    unmet = [need.names for need in mapping.inner_needs if not need.met_by(record)]
    assert unmet == [{"sku"}]
    nested = compiled({**LEVELS, "items": "variants"})
    record = {"variants": [{"sku": "A", "levels": [{"qty": 1, "wh": "J"}]}]}
    assert all(need.met_by(record) for need in nested.inner_needs)
    assert len(nested.inner_needs) == 3
