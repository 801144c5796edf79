"""Columns that a mapping relies on must have been seen."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.config.settings import StockPolicy, StreamMapping
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.mapping.required_columns import RequiredColumns

SKU = frozenset({"sku", "kode"})
STOCK = frozenset({"stok"})


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (["sku", "stok", "x"], []),
        (["kode", "stok"], []),
        (["sku"], [STOCK]),
        (["stok"], [SKU]),
        ([], [SKU, STOCK]),
        (["SKU", "Stok"], [SKU, STOCK]),
        (["\ufeffsku", "stok"], []),
    ],
)
@pytest.mark.parametrize("in_schema", [True, False])
def test_one_of_each_group_must_be_seen(
    columns: list[str], missing: list[frozenset[str]], *, in_schema: bool
) -> None:
    """One name of each group is enough, in SCHEMA or a record, a byte order mark aside."""
    watch = RequiredColumns([SKU, STOCK])
    if in_schema:
        watch.see_schema(columns)
    else:
        watch.see(dict.fromkeys(columns), 1)
    assert watch.missing == missing
    assert (watch.complete, watch.lacking) == (not missing, bool(missing))


@pytest.mark.parametrize(
    ("where", "columns"),
    [
        ("state == 'sold'", ["state"]),
        ('state == "sold"', ["state", "sold"]),
        ("tracked == true", ["tracked", "true"]),
        ("state != null", ["state"]),
        ("qty > reserved && !(state == sold)", ["qty", "reserved", "sold"]),
        ("lots[?state == sold]", ["lots"]),
        ("starts_with(state, \"sold\") || contains(tags, 'x')", ["state", "sold"]),
        ("contains", ["contains"]),
    ],
)
def test_what_a_condition_compares_with_must_be_seen(where: str, columns: list[str]) -> None:
    """A text in double quotes is a column's name, and a record without it meets nothing."""
    mapping = StreamMapping(stream="s", sku=("sku",), stock=("qty",), where=where)
    needs = compile_mapping(mapping, StockPolicy()).needs
    assert {*needs} == {frozenset({name}) for name in (*columns, "sku", "qty")}


ROW = tuple[dict[str, Any], int]


@pytest.mark.parametrize(
    ("groups", "steps", "complete", "lacking", "low"),
    [
        ([STOCK], [["sku"]], False, True, None),
        ([SKU, STOCK], [({"sku": "A"}, 3), ({"sku": "B"}, 4)], False, True, 3),
        ([SKU, STOCK], [({"sku": "A"}, 3), ({"stok": 1}, 4)], True, False, None),
        ([STOCK], [({"sku": "A"}, 3), ["sku", "stok"]], True, False, None),
        ([STOCK], [({"stok": None}, 1), ({}, 2)], True, False, None),
        ([STOCK], [["stok"], ["quantity"], ({"quantity": 1}, 2)], True, False, None),
        ([], [({}, 1)], True, False, None),
    ],
    ids=[
        "a schema alone holds nothing back",
        "the first record that lacks a column is held",
        "columns may be seen in different records",
        "a later schema declares the column",
        "a null is seen, and stays so",
        "a column once declared stays seen",
        "a mapping that relies on nothing",
    ],
)
def test_state_is_held_from_the_first_record_without_a_column_that_was_never_seen(
    groups: list[frozenset[str]],
    steps: list[list[str] | ROW],
    *,
    complete: bool,
    lacking: bool,
    low: int | None,
) -> None:
    """A column counts as seen by a SCHEMA or a record, for good."""
    watch = RequiredColumns(groups)
    for step in steps:
        if isinstance(step, list):
            watch.see_schema(step)
        else:
            watch.see(*step)
    assert (watch.complete, watch.lacking, watch.low) == (complete, lacking, low)


def test_a_stream_whose_schemas_declare_nothing_is_told_apart() -> None:
    """Its records are held all the same; a SCHEMA that declares any column ends that."""
    watch = RequiredColumns([STOCK])
    watch.see_schema({})
    watch.see({"sku": "A"}, 1)
    assert (watch.declared, watch.lacking, watch.low) == (False, True, 1)
    watch.see_schema({"sku": {}})
    assert (watch.declared, watch.lacking, watch.low) == (True, True, 1)


def test_what_is_missing_is_named() -> None:
    """Groups are named by their alternatives."""
    assert RequiredColumns([STOCK, SKU]).describe() == "'stok'; 'kode' or 'sku'"


class TestInner:
    """What a mapping relies on within the entries of a list."""

    @staticmethod
    def watch() -> RequiredColumns:
        """Watch for the columns of a mapping of levels."""
        keys: dict[str, Any] = {"sku": ("sku",), "stock": ("qty",), "warehouse": ("wh",)}
        mapping = StreamMapping(stream="stock", levels="levels", **keys)
        compiled = compile_mapping(mapping, StockPolicy())
        watch = RequiredColumns(compiled.needs, compiled.inner_needs)
        watch.see_schema(["sku", "levels"])
        return watch

    @pytest.mark.parametrize("levels", [None, [], "[]"])
    def test_a_list_without_entries_lacks_nothing(self, levels: Any) -> None:
        """A list without entries holds no STATE back."""
        watch = self.watch()
        watch.see({"sku": "A", "levels": levels}, 1)
        assert (watch.complete, watch.lacking, watch.low) == (False, False, None)

    def test_an_entry_that_lacks_it_is_held(self) -> None:
        """From the first entry on that lacks a column, STATE waits and the column is named."""
        watch = self.watch()
        watch.see({"sku": "A", "levels": []}, 1)
        watch.see({"sku": "A", "levels": [{"wh": "W", "quantity": 1}]}, 2)
        watch.see({"sku": "A", "levels": []}, 3)
        assert (watch.lacking, watch.low) == (True, 2)
        assert watch.describe() == "'qty'"

    def test_one_entry_that_has_it_is_enough(self) -> None:
        """Entries may differ: one that has the column lets STATE go on."""
        watch = self.watch()
        watch.see({"sku": "A", "levels": [{"wh": "W"}]}, 1)
        watch.see({"sku": "A", "levels": [{"wh": "W"}, {"wh": "V", "qty": 1}]}, 2)
        assert (watch.complete, watch.lacking, watch.low) == (True, False, None)
