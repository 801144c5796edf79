"""The sums of the parts in a file are those that a first run sends."""

from __future__ import annotations

from typing import Any, Final

import pytest

from target_tocobagus.cli.map.sums import Sums
from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.model import Part, Stock
from target_tocobagus.mapping import compile_mapping

MAPPING: Final = {
    "stream": "lots",
    "sku": "sku",
    "stock": "qty",
    "warehouse": "wh",
    "combine": "sum",
    "part": "lot",
    "newer_by": "at",
}


def lot(key: str, qty: Any, sku: str = "A", wh: str = "J", at: Any = 1) -> dict[str, Any]:
    """Make a record."""
    return {"lot": key, "sku": sku, "wh": wh, "qty": qty, "at": at}


def gone(key: str) -> dict[str, Any]:
    """Make the record of a deleted lot."""
    return {"lot": key, "at": 2, "_sdc_deleted_at": "2026-01-14T00:00:00Z"}


def added_up(records: list[dict[str, Any]], **policy: Any) -> tuple[dict[Any, Any], int]:
    """Add records up.

    Returns:
        By item and place the stock and how many parts it has; and how many parts have stock.
    """
    compiled = compile_mapping(stream_mapping(MAPPING), StockPolicy(**policy))
    assert compiled.summing is not None
    sums = Sums(compiled.summing)
    for record in records:
        for part in compiled.outcomes(record):
            if isinstance(part, Part):
                sums.add(part)
    found: dict[Any, Any] = {}
    for stock, parts in sums.added_up(lambda identifier: identifier):
        assert stock.identifier is not None
        what = stock.quantity if isinstance(stock, Stock) else stock.code
        found[stock.identifier[1], stock.location] = (what, parts)
    return found, len(sums)


@pytest.mark.parametrize(
    ("records", "sums", "parts"),
    [
        ([lot("1", 40), lot("2", 25.5)], {("A", "J"): (65, 2)}, 2),
        ([lot("1", 40), lot("1", 4)], {("A", "J"): (4, 1)}, 1),
        ([lot("1", 40, at=2), lot("1", 4)], {("A", "J"): (40, 1)}, 1),
        ([lot("1", 40), lot("1", None)], {("A", "J"): (40, 1)}, 1),
        ([lot("1", 40), lot("1", "x")], {("A", "J"): (40, 1)}, 1),
        ([lot("1", 40), lot("1", 4, at="x")], {("A", "J"): (40, 1)}, 1),
        ([lot("1", 4), lot("1", 4, wh="S")], {("A", "J"): (0, 0), ("A", "S"): (4, 1)}, 1),
        ([lot("1", 4), gone("1")], {("A", "J"): (0, 0)}, 0),
        ([gone("1")], {}, 0),
        ([lot("1", 0)], {("A", "J"): (0, 1)}, 1),
        ([lot("1", -4), lot("2", 3)], {("A", "J"): (0, 2)}, 2),
        ([lot("1", 1e15), lot("2", 9e15)], {("A", "J"): ("QUANTITY_TOO_LARGE", 2)}, 2),
    ],
    ids=[
        "parts",
        "newer",
        "older",
        "null",
        "unreadable",
        "no-version",
        "moved",
        "deleted",
        "unknown",
        "zero",
        "negative",
        "too-large",
    ],
)
def test_what_the_newest_record_says_of_each_part_is_added_up(
    records: list[dict[str, Any]], sums: dict[Any, Any], parts: int
) -> None:
    """Where a part was, and no other is, the stock is 0."""
    assert added_up(records) == (sums, parts)


def test_the_policies_change_the_sum() -> None:
    """A part by itself is not changed by them."""
    records = [lot("1", 4), lot("2", 5)]
    assert added_up(records, stock_buffer=3, max_stock=5)[0] == {("A", "J"): (5, 2)}
