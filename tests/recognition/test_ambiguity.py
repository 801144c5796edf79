"""What can be read in two ways is asked, with the lines to write; a location is never left out."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from recognising import mapped, schema_of

from target_tocobagus.mapping.recognition import (
    Ambiguous,
    location_columns,
    recognise,
)
from target_tocobagus.settings import parse_settings


def objects(columns: str, kind: str = "array") -> dict[str, Any]:
    """Make a column of objects: a list of them, or one."""
    inner = schema_of(columns)
    return {"type": ["null", "array"], "items": inner} if kind == "array" else inner


def asked(stream: str, columns: str, **typed: Any) -> str:
    """Recognise an ambiguous stream, check its lines, and give the message."""
    found = recognise(stream, schema_of(columns, **typed))
    assert isinstance(found, Ambiguous), found
    assert found.message.startswith(found.question)
    config = yaml.safe_load(found.message.partition("\n")[2])
    assert parse_settings({"dry_run": True, **config}).streams == (found.mapping,)
    return found.message


@pytest.mark.parametrize(
    ("columns", "candidates"),
    [
        ("sku gudang tersedia jumlah", ["tersedia", "jumlah"]),
        ("sku on_hand available", ["on_hand", "available"]),
        ("sku stock stock_quantity", ["stock", "stock_quantity"]),
        ("sku qty warehouse location", ["warehouse", "location"]),
        ("sku qty warehouse_id store_id", ["warehouse_id", "store_id"]),
        ("sku seller_sku qty", ["sku", "seller_sku"]),
    ],
)
def test_several_candidates_are_an_error_with_the_lines_to_write(
    columns: str, candidates: list[str]
) -> None:
    """Two columns that may hold the same are both shown, in lines that are a configuration."""
    message = asked("wms-stok", columns)
    first, second = candidates
    assert f"{first!r}, {second!r} may each hold" in message
    assert f": {first}  # or: {second}\n" in message


def test_the_lines_of_an_error_can_be_copied() -> None:
    """The message of an ambiguous stream ends in YAML, with the alternatives in comments."""
    assert asked("wms-stok", "sku gudang tersedia jumlah") == (
        "stream 'wms-stok' is not clear: 'tersedia', 'jumlah' may each hold the stock. "
        "Put what is right into the configuration "
        "(with `streams` set, only what it names is sent):\n"
        "streams:\n"
        "  - stream: wms-stok\n"
        "    sku: sku\n"
        "    stock: tersedia  # or: jumlah\n"
        "    warehouse: gudang\n"
    )


@pytest.mark.parametrize(
    ("columns", "typed"),
    [
        ("sku qty warehouse bin", {}),
        ("sku qty lot_number", {}),
        ("sku stok kode_rak", {}),
        ("sku stock", {"variants": objects("sku stock")}),
        ("sku stock", {"levels": objects("warehouse_id available")}),
        ("sku stock name", {"warehouses": {"type": "array", "items": {"type": "string"}}}),
        ("sku stock WH-JKT WH-SBY", {}),
        ("sku stock", {"location": objects("id name", "object")}),
    ],
)
def test_a_part_is_not_taken_for_the_whole(columns: str, typed: dict[str, Any]) -> None:
    """Stock per shelf or lot, beside a list or columns of places, is a question, not a guess."""
    asked("stock", columns, **typed)


def test_the_path_into_a_location_is_proposed() -> None:
    """Of an object that names the location the lines show its code, or else its id."""
    typed = {"location": objects("id name", "object")}
    assert "warehouse: location.id" in asked("stock", "sku qty", **typed)
    typed = {"location": objects("id name code", "object")}
    assert "warehouse: location.code" in asked("stock", "sku qty", **typed)


@pytest.mark.parametrize(
    "stream", ["warehouse_stock", "stok_gudang_bandung", "public-stock_branch"]
)
def test_a_stream_of_one_place_is_not_taken_for_global_stock(stream: str) -> None:
    """A name that speaks of a place, without a column that says which, is a question."""
    assert "warehouse: null" in asked(stream, "sku qty")
    assert mapped(stream, "sku qty warehouse_id") == ("sku", "qty", "warehouse_id")


def test_a_schemas_prefix_is_no_place() -> None:
    """A data warehouse's name before a stream's own does not make its stock that of one place."""
    assert mapped("warehouse-stock_levels", "sku qty") == ("sku", "qty")


def test_a_row_of_a_location_is_not_doubted_for_a_list() -> None:
    """A row with a location of its own is a stock level, whatever lists it carries."""
    variants = objects("sku inventory_quantity")
    assert mapped("inventory", "sku qty warehouse", variants=variants)[2] == "warehouse"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("sku qty warehouse_code", "warehouse_code"),
        ("sku qty gudang kode_sku", "gudang"),
        ("sku kode_gudang nama_gudang", "kode_gudang"),
        ("sku nama_gudang", "nama_gudang"),
        ("sku warehouse location_id", "warehouse location_id"),
        ("sku source_code BranchId idToko", "source_code BranchId idToko"),
        ("sku shop_url store_type website_id warehouse_count allocation", ""),
        ("sku qty WH-JKT wh_bdg", ""),
    ],
)
def test_columns_for_the_location_are_named(columns: str, expected: str) -> None:
    """The columns that are taken for a location are listed: a mapping is held to them."""
    assert location_columns(schema_of(columns)) == tuple(expected.split())


def test_a_location_is_a_text_a_number_or_an_object() -> None:
    """A flag, a date or a list by a location's name is no location of the row."""
    typed = {
        "warehouse": {"type": "boolean"},
        "store": {"type": "array"},
        "branch": {"type": "string", "format": "date-time"},
        "location": {"type": ["null", "object"]},
        "gudang": {},
    }
    assert location_columns({"properties": typed}) == ("location", "gudang")
