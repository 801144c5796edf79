"""A stream of stock is recognised by common names, or as the API's own items."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from recognising import ignored, mapped, schema_of

from target_tocobagus.mapping.recognition import (
    Ambiguous,
    Recognised,
    recognise,
)
from target_tocobagus.mapping.vocabulary import words
from target_tocobagus.settings import StreamMapping


@pytest.mark.parametrize(
    ("stream", "columns"),
    [
        ("inventory", "sku qty"),
        ("products", "SKU stock"),
        ("products", "product_sku stock_quantity"),
        ("items", "itemSku inventoryLevel"),
        ("public-stock_levels", "sku qty warehouse_code"),
        ("public.Inventory", "Sku Quantity LocationID"),
        ("StockLevel", "sku quantityOnHand branchId"),
        ("availability-eu", "item_code available store_number"),
        ("wms-stok", "kode_sku jumlah gudang"),
        ("barang", "kode_barang stok kode_gudang"),
        ("stok_barang", "kode tersedia cabang"),
        ("persediaan", "kode-produk jml id_lokasi"),
        ("STOK", "SKU SISA GUDANG"),
        ("wms-stock", "sku on-hand fulfillment_node_id"),
        ("stock", "sku free.stock WhsCode"),
        ("stock", "sku qty idwarehouse"),
    ],
)
def test_common_names_are_recognised(stream: str, columns: str) -> None:
    """SKU, stock and location are found under common names, English and Indonesian."""
    others = "id name price updated_at reorder_level active"
    assert mapped(stream, f"{columns} {others}") == tuple(columns.split())


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    """The first column of a CSV file is recognised with the BOM that it came with."""
    assert mapped("stok", "\ufeffSKU stok") == ("SKU", "stok")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qtyOnHand", ("qty", "on", "hand")),
        ("QTY ON HAND", ("qty", "on", "hand")),
        ("public-stock_levels", ("public", "stock", "levels")),
        ("SKUCode", ("sku", "code")),
        ("\ufeffid.gudang", ("id", "gudang")),
        ("", ()),
    ],
)
def test_a_name_is_split_into_words(name: str, expected: tuple[str, ...]) -> None:
    """Names are split at separators and changes of case, and read without case or BOM."""
    assert words(name) == expected


@pytest.mark.parametrize("stream", ["products", "wms-barang", "carts", "people"])
@pytest.mark.parametrize("column", ["qty", "quantity", "jumlah", "available"])
def test_a_quantity_is_stock_only_in_a_stream_that_says_so(stream: str, column: str) -> None:
    """A bare quantity in a stream whose name does not say stock is not stock."""
    ignored(stream, f"sku {column} warehouse")


@pytest.mark.parametrize("stream", ["online_stock", "stock_by_outline", "stok", "minimarket_stock"])
def test_a_word_is_not_found_inside_another(stream: str) -> None:
    """`online` is no line, and `minimarket` no minimum."""
    assert mapped(stream, "sku qty") == ("sku", "qty")


def test_a_column_must_be_able_to_hold_what_it_is_called() -> None:
    """A flag `available`, or a list `stock`, is no quantity."""
    reason = ignored("stock", "sku", available={"type": "boolean"}, stock={"type": "array"})
    assert "no column for stock" in reason


NATIVE = {
    "sku": {"type": "string"},
    "id": {"type": ["null", "string"]},
    "externalId": {},
    "stock": {"type": "integer"},
    "warehouses": {"type": "array"},
}


@pytest.mark.parametrize(
    ("columns", "is_global"),
    [
        ("sku stock", True),
        ("id stock", True),
        ("externalId warehouses", False),
        ("sku stock warehouses", None),
        ("sku id externalId stock warehouses", None),
    ],
)
def test_the_apis_own_items_are_recognised(columns: str, is_global: bool | None) -> None:  # noqa: FBT001  # a table's cell
    """A stream of nothing but the API's own columns is sent as it stands, under any name."""
    typed = {name: NATIVE[name] for name in columns.split()}
    sdc = {"_sdc_extracted_at": {"type": "string"}, "_sdc_deleted_at": {}}
    found = recognise("whatever", {"properties": {**typed, **sdc}})
    assert isinstance(found, Recognised)
    assert found.mapping == StreamMapping(stream="whatever", native=True)
    assert found.is_global is is_global


@pytest.mark.parametrize("kind", ["integer", ["integer", "string"], ["null", "integer"], None])
def test_an_id_that_is_not_a_text_is_not_tocobaguss(kind: Any) -> None:
    """A stream with a number for an id is not the API's own shape: only its SKU is used."""
    number = {"type": kind} if kind else {}
    found = recognise("items", {"properties": {**NATIVE, "id": number, "warehouses": {}}})
    assert isinstance(found, Ambiguous)
    assert mapped("items", "sku stock", id=number) == ("sku", "stock")
    ignored("items", "stock", id=number)


@pytest.mark.parametrize("columns", ["sku", "stock", "warehouses", "", "sku id externalId"])
def test_an_item_has_an_identifier_and_stock(columns: str) -> None:
    """Some of the API's columns alone are not its shape."""
    ignored("items", columns)


def test_meltanos_test_stream_is_taken_gently() -> None:
    """`meltano config test` sends a stream of id, name and created_at: it is not stock."""
    columns = {"id": {"type": "integer"}, "name": {}, "created_at": {"format": "date-time"}}
    reason = ignored("meltano_test_stream", "", **columns)
    assert reason == "it has no column for a SKU (an id is never taken for one)"


def test_what_is_reserved_is_remarked_upon() -> None:
    """A quantity beside a reserved one is recognised, with a word on what is not taken off."""
    found = recognise("stock", schema_of("sku qty qty_reserved"))
    assert isinstance(found, Recognised)
    assert "'qty_reserved'" in found.remark
    assert found.mapping.subtract == ()
