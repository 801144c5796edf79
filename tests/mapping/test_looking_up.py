"""A record of a stream that is looked up says which item its match stands for."""

from __future__ import annotations

from typing import Any, Final

import pytest

from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.model import RecordError
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.mapping.looking_up import Pair, PairReader

LOOKUP: Final = {"stream": "items", "match": "id", "path": "item.id", "sku": "sku"}


def reader(**lookup: Any) -> PairReader:
    """Compile a mapping that looks up, and return what reads the other stream."""
    entry = {"stream": "levels", "stock": "qty", "lookup": {**LOOKUP, **lookup}}
    found = compile_mapping(stream_mapping(entry), StockPolicy()).pairs
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("record", "pair"),
    [
        ({"id": 7, "sku": " A ", "on": True}, Pair("7", ("sku", "A"))),
        ({"id": 7.0, "sku": 12, "on": True}, Pair("7", ("sku", "12"))),
        ({"id": 7, "sku": None, "on": True}, Pair("7", None)),
        ({"id": 7, "on": True}, Pair("7", None)),
        ({"id": 7, "sku": "A", "on": False}, Pair("7", None)),
        ({"id": 7, "sku": "A"}, Pair("7", None)),
        ({"id": 7, "sku": "A", "on": True, "_sdc_deleted_at": "2026-01-14"}, Pair("7", None)),
        ({"id": 7, "_sdc_deleted_at": "2026-01-14"}, Pair("7", None)),
        ({"id": 7, "sku": "A", "on": True, "_sdc_deleted_at": None}, Pair("7", ("sku", "A"))),
        ({"id": None, "sku": "A", "on": True}, None),
        ({"sku": "A", "on": True}, None),
    ],
)
def test_a_record_is_a_pair(record: dict[str, Any], pair: Pair | None) -> None:
    """Without an identifier if there is none, `where` is not met, or the record is deleted."""
    found = reader(where="on")
    assert found.pair(record) == pair
    if "_sdc_deleted_at" not in record:
        assert found.plain_pair(*(record.get(name) for name in ("id", "sku", "on"))) in {pair, None}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"id": "8.99E+12", "sku": "A"}, "SPOILED_IDENTIFIER"),
        ({"id": 7, "sku": "8.99E+12"}, "SPOILED_IDENTIFIER"),
        ({"id": 7, "sku": "x" * 1001}, "BAD_IDENTIFIER"),
        ({"id": [7], "sku": "A"}, "BAD_IDENTIFIER"),
    ],
)
def test_a_pair_that_cannot_be_read_is_rejected(record: dict[str, Any], code: str) -> None:
    """The pair that is known stays."""
    found = reader().pair(record)
    assert isinstance(found, RecordError)
    assert found.code == code


def test_pairs_of_another_lookup_are_not_used() -> None:
    """All but `path` is a part of what pairs are remembered under."""
    assert reader(path="other").entry == reader().entry
    changes: list[dict[str, Any]] = [{"match": "key"}, {"sku": "code"}, {"where": "on"}]
    others = {reader(**change).entry for change in changes}
    others.add(reader(sku=None, id="sku").entry)
    assert len(others | {reader().entry}) == 5


def test_a_pair_of_columns_alone_is_plain() -> None:
    """A condition that is more than a column is not; a deleted record's mark is none of them."""
    assert reader().plain == ("id", "sku")
    assert reader(where="on").plain == ("id", "sku", "on")
    assert reader(where="on").plain_pair(7, "A", "x") == Pair("7", ("sku", "A"))
    others = [{"where": "!on"}, {"sku": "item.sku"}, {"match": "sku"}, {"match": "_sdc_deleted_at"}]
    assert [reader(**other).plain for other in others] == [None] * 4


def test_its_columns_are_needed_and_read() -> None:
    """The other stream is watched for them, and nothing else of it is decoded."""
    found = reader(where="on && tags.kind == 'x'")
    assert found.columns == frozenset({"id", "sku", "on", "tags", "_sdc_deleted_at"})
    assert frozenset({"sku"}) in found.needs
    assert (found.kind, found.as_stream.name) == ("items.id", "items")
