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
    """Of each group one name, by its letters, a byte order mark aside; in SCHEMA or a record."""
    watch = RequiredColumns([SKU, STOCK])
    if in_schema:
        watch.see_schema(columns)
    else:
        watch.see(dict.fromkeys(columns), 1)
    assert watch.missing == missing
    assert (watch.complete, watch.lacking) == (not missing, bool(missing))


def test_a_schema_without_a_column_holds_nothing_back() -> None:
    """Before the first record there is nothing that a STATE must not cover."""
    watch = RequiredColumns([STOCK])
    watch.see_schema(["sku"])
    assert watch.hold is None


def test_the_first_record_without_the_column_is_held() -> None:
    """STATE stays before the first record that came while a column was missing."""
    watch = RequiredColumns([SKU, STOCK])
    watch.see({"sku": "A"}, 3)
    watch.see({"sku": "B"}, 4)
    assert watch.hold == 3


def test_columns_may_be_seen_in_different_records() -> None:
    """Each column must be seen once, in whatever record; then STATE may go on."""
    watch = RequiredColumns([SKU, STOCK])
    watch.see({"sku": "A"}, 3)
    watch.see({"stok": 1}, 4)
    assert (watch.complete, watch.hold) == (True, None)


def test_a_later_schema_releases_too() -> None:
    """A column that a later SCHEMA declares is there."""
    watch = RequiredColumns([STOCK])
    watch.see({"sku": "A"}, 3)
    watch.see_schema(["sku", "stok"])
    assert (watch.complete, watch.hold) == (True, None)


def test_what_was_seen_once_stays_seen() -> None:
    """A later record without the column holds nothing back; a null is enough to be seen."""
    watch = RequiredColumns([STOCK])
    watch.see({"stok": None}, 1)
    watch.see({}, 2)
    assert (watch.complete, watch.hold) == (True, None)


def test_a_column_once_seen_is_seen_whatever_a_later_schema_declares() -> None:
    """Neither a SCHEMA nor records without the column hold anything back again."""
    watch = RequiredColumns([STOCK])
    watch.see_schema(["stok"])
    watch.see_schema(["quantity"])
    watch.see({"quantity": 1}, 2)
    assert (watch.complete, watch.lacking, watch.hold) == (True, False, None)


def test_a_stream_whose_schemas_declare_nothing_is_told_apart() -> None:
    """Its records are held all the same; a SCHEMA that declares any column ends that."""
    watch = RequiredColumns([STOCK])
    watch.see_schema({})
    watch.see({"sku": "A"}, 1)
    assert (watch.declared, watch.lacking, watch.hold) == (False, True, 1)
    watch.see_schema({"sku": {}})
    assert (watch.declared, watch.lacking, watch.hold) == (True, True, 1)


def test_what_is_missing_is_named() -> None:
    """Groups are named by their alternatives."""
    assert RequiredColumns([STOCK, SKU]).describe() == "'stok'; 'kode' or 'sku'"


def test_a_mapping_that_relies_on_nothing_waits_for_nothing() -> None:
    """Without groups nothing is missing."""
    watch = RequiredColumns([])
    watch.see({}, 1)
    assert (watch.complete, watch.lacking, watch.hold) == (True, False, None)


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
        """Where there is no entry, nothing can be missed: STATE goes on."""
        watch = self.watch()
        watch.see({"sku": "A", "levels": levels}, 1)
        assert (watch.complete, watch.lacking, watch.hold) == (False, False, None)

    def test_an_entry_that_lacks_it_is_held(self) -> None:
        """From the first entry on that lacks a column, STATE waits and the column is named."""
        watch = self.watch()
        watch.see({"sku": "A", "levels": []}, 1)
        watch.see({"sku": "A", "levels": [{"wh": "W", "quantity": 1}]}, 2)
        watch.see({"sku": "A", "levels": []}, 3)
        assert (watch.lacking, watch.hold) == (True, 2)
        assert watch.describe() == "'qty'"

    def test_one_entry_that_has_it_is_enough(self) -> None:
        """Entries may differ: one that has the column lets STATE go on."""
        watch = self.watch()
        watch.see({"sku": "A", "levels": [{"wh": "W"}]}, 1)
        watch.see({"sku": "A", "levels": [{"wh": "W"}, {"wh": "V", "qty": 1}]}, 2)
        assert (watch.complete, watch.lacking, watch.hold) == (True, False, None)
