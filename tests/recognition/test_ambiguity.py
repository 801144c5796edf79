"""A draft looks where the stock is likeliest to be, and says what is in doubt."""

from typing import Any

import pytest

from target_tocobagus.recognition.recognise import location_columns
from tests.recognition.helpers import asked, drafted, schema_of


def objects(columns: str, kind: str = "array") -> dict[str, Any]:
    """Make a column of objects: a list of them, or one."""
    inner = schema_of(columns)
    return {"type": ["null", "array"], "items": inner} if kind == "array" else inner


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
        ("Bestand", "Artikelnummer Verfügbar Lagerort"),
        ("Lagerliste", "Artikel-Nr Bestand Lager"),
        ("existencias", "Código Existencias Almacén"),
        ("inventario", "SKU Disponible Sucursal"),
        ("stok", "Kod_Item Baki_Stok Cawangan"),
        ("inventory", "ItemNumber QtyOnHand Site"),
    ],
)
def test_common_names_are_drafted(stream: str, columns: str) -> None:
    """SKU, stock and location are found under common names, in five languages."""
    others = "id name price updated_at reorder_level active barcode supplier_sku safety_stock"
    assert drafted(stream, f"{others} {columns}") == tuple(columns.split())


@pytest.mark.parametrize(
    ("columns", "expected", "others"),
    [
        ("sku on_hand available", "available", "on_hand"),
        ("sku total_stock on_hand", "on_hand", "total_stock"),
        ("sku qty tersedia", "tersedia", "qty"),
        ("sku qty saldo", "saldo", "qty"),
        ("sku stok_awal stok_akhir", "stok_akhir", ""),
        ("sku stock stock_quantity", "stock", "stock_quantity"),
    ],
)
def test_available_comes_before_on_hand_and_on_hand_before_the_total(
    columns: str, expected: str, others: str
) -> None:
    """The likeliest quantity is drafted, and every other one named behind its line."""
    found = asked("stock", columns)
    assert found.mapping.stock == (expected,)
    assert found.remarks.get("stock", "") == (f"or: {others}" if others else "")


@pytest.mark.parametrize(
    ("columns", "key", "expected", "others"),
    [
        ("sku seller_sku qty", "sku", "sku", "seller_sku"),
        ("barcode ItemNumber qty", "sku", "ItemNumber", "barcode"),
        ("system_sku custom_sku qty", "sku", "custom_sku", "system_sku"),
        ("id product_id qty", "external_id", "product_id", "id"),
        ("id code qty", "sku", "code", "id"),
        ("EAN Art.-Nr. Bestand", "sku", "Art.-Nr.", "EAN"),
    ],
)
def test_a_merchants_own_code_comes_before_any_other(
    columns: str, key: str, expected: str, others: str
) -> None:
    """A SKU comes before a code, a code before a barcode; an id is at most an external id."""
    found = asked("stock", columns)
    assert getattr(found.mapping, key) == (expected,)
    assert found.remarks[key] == f"or: {others}"
    assert found.mapping.id == ()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"location": objects("id name", "object")}, ("sku", "qty", "location.id")),
        ({"location": objects("id name code", "object")}, ("sku", "qty", "location.code")),
        ({"Gudang/Cabang": {}}, ("sku", "qty", "Gudang/Cabang")),
        ({"Lokasi (Gudang)": {}}, ("sku", "qty", '"Lokasi (Gudang)"')),
    ],
)
def test_a_place_is_found_in_an_object_and_under_two_nouns(
    typed: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Of an object that names the location its code is drafted, or else its id."""
    assert drafted("stock", "sku qty", **typed) == expected


@pytest.mark.parametrize(
    ("columns", "typed", "expected"),
    [
        (
            "sku",
            {"StockLevels": objects("LocationId LocationName StockLevel")},
            {"sku": ("sku",), "levels": "StockLevels", "stock": ("StockLevel",)},
        ),
        (
            "sku stock_on_hand",
            {"warehouses": objects("warehouse_id warehouse_available_stock")},
            {"levels": "warehouses", "warehouse": ("warehouse_id",)},
        ),
        (
            "productcode",
            {"stock": objects("idwarehouse freestock reserved")},
            {"sku": ("productcode",), "levels": "stock", "stock": ("freestock",)},
        ),
        (
            "title",
            {"variants": objects("sku inventory_quantity")},
            {"items": "variants", "sku": ("sku",), "stock": ("inventory_quantity",)},
        ),
        (
            "sku stock",
            {"variants": objects("sku stock")},
            {"items": "variants", "stock": ("stock",)},
        ),
        (
            "title",
            {"data": {"properties": {"variants": objects("sku qty")}}},
            {"items": "data.variants"},
        ),
        (
            "",
            {
                "item": objects("id sku", "object"),
                "location": objects("id", "object"),
                "quantities": objects("name quantity"),
            },
            {
                "sku": ("item.sku",),
                "stock": ("quantities[?name=='available'].quantity | [0]",),
                "warehouse": ("location.id",),
            },
        ),
        (
            "",
            {"item": objects("id", "object"), "quantity": {"type": "number"}},
            {"external_id": ("item.id",), "stock": ("quantity",)},
        ),
    ],
)
def test_lists_are_levels_or_items_and_objects_are_walked(
    columns: str, typed: dict[str, Any], expected: dict[str, Any]
) -> None:
    """A list is never a scalar path: its entries are the locations, or the items."""
    mapping = asked("stock", columns, **typed).mapping
    assert {key: getattr(mapping, key) for key in expected} == expected


def test_records_show_what_the_schema_does_not() -> None:
    """Objects without columns, JSON texts and a SCHEMA without columns are read from rows."""
    nested = [{"attributes": {"sku": "A", "stock": 5}}]
    text = [{"customSku": "A", "ItemShops": '{"ItemShop": [{"qoh": "5", "shopID": "1"}]}'}]
    bare = {"attributes": {"type": "object"}}
    mapping = asked("products", "", (), nested, **bare).mapping
    assert (mapping.sku, mapping.stock) == (("attributes.sku",), ("attributes.stock",))
    mapping = asked("Item", "customSku ItemShops", (), text).mapping
    assert (mapping.levels, mapping.stock) == ("ItemShops.ItemShop", ("qoh",))
    mapping = asked("stok", "", (), [{"kode": "A", "stok": 5}]).mapping
    assert (mapping.sku, mapping.stock) == (("kode",), ("stok",))


@pytest.mark.parametrize(
    ("columns", "record"),
    [
        (["WH SBY", "wh_bdg"], {}),
        (["Stok Jakarta", "Stok Bandung"], {}),
        (["Jakarta", "Bandung"], {"Jakarta": "5", "Bandung": "0"}),
    ],
)
def test_a_table_with_a_column_per_place_is_drafted(
    columns: list[str], record: dict[str, str]
) -> None:
    """Each place's column is drafted by its own name, before a total."""
    typed: dict[str, Any] = {name: {} for name in [*columns, "Total", "updated_at"]}
    records = [{"sku": "A", "Total": "5", **record}]
    found = asked("stock_wide", "sku", (), records, **typed)
    mapping = found.mapping
    assert "or: Total" in found.remarks["warehouse_columns"]
    assert [each.column for each in mapping.warehouse_columns] == columns
    assert [each.client_id for each in mapping.warehouse_columns] == columns
    assert mapping.stock == ()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"track_inventory": {"type": "boolean"}}, "track_inventory != `false`"),
        ({"unlimited": {"type": ["null", "boolean"]}}, "unlimited != `true`"),
        ({"archived": {"type": "boolean"}}, "archived != `true`"),
        ({"deleted_at": {"type": "string", "format": "date-time"}}, "!deleted_at"),
        ({"is-deleted": {"type": "boolean"}}, '"is-deleted" != `true`'),
        ({"track_lots": {"type": "boolean"}, "active": {}}, None),
        ({"archived": {"type": "string"}}, None),
    ],
)
def test_rows_that_mean_nothing_are_left_out_by_a_condition(
    columns: dict[str, Any], expected: str | None
) -> None:
    """What is not tracked, or deleted, is left out where the column says so plainly."""
    assert asked("products", "sku stock", **columns).mapping.where == expected


def test_numbers_of_unknown_names_are_no_places_beside_a_stock() -> None:
    """A column of numbers is not a place's stock if another column is called stock."""
    record = {"sku": "A", "quantityavailable": "5", "preferredbin": "2", "upccode": "1"}
    mapping = asked("item", " ".join(record), (), [record]).mapping
    assert mapping.stock == ("quantityavailable",)
    assert mapping.warehouse_columns == ()


def test_only_the_good_rows_of_a_condition_are_drafted() -> None:
    """Where records have a condition that can be sold among others, only these are stock."""
    records = [{"sku": "A", "qty": 5, "condition": value} for value in ("SELLABLE", "DEFECTIVE")]
    found = asked("stock", "sku qty condition", (), records)
    assert found.mapping.where == "condition == 'SELLABLE'"


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("fulfillment_center_kind", "a place"),
        ("sales_channel", "a place"),
        ("bin", "a part"),
        ("lot_number", "a part"),
        ("kadaluarsa", "a part"),
        ("disposition", "a condition"),
        ("status", "a condition"),
        ("track_inventory", "tracking"),
        ("deleted_at", "life"),
        ("active", "life"),
        ("tanggal", "a day"),
        ("snapshot_date", "a day"),
        ("owner_id", "an owner"),
        ("Ukuran", "a variant"),
    ],
)
def test_a_doubtful_column_is_named(column: str, what: str) -> None:
    """A column that may say a place, a part, a condition … is named with what it may mean."""
    doubts = asked("stock", f"sku qty {column}").doubts
    assert any(repr(column) in doubt and what in doubt for doubt in doubts), doubts


def test_a_key_that_is_more_than_the_item_and_a_name_are_doubted() -> None:
    """A key column that the draft does not read, and a word of the name, are named."""
    doubts = asked("stok_rusak", "sku qty gudang batch", ["sku", "batch"]).doubts
    assert any("'rusak'" in doubt for doubt in doubts)
    assert any("the key has 'batch'" in doubt for doubt in doubts)
    assert not any("the key" in doubt for doubt in asked("stok", "sku qty", ["sku"]).doubts)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("sku qty warehouse_code", "warehouse_code"),
        ("sku qty gudang kode_sku", "gudang"),
        ("sku kode_gudang nama_gudang", "kode_gudang"),
        ("sku nama_gudang", "nama_gudang"),
        ("sku warehouse location_id", "warehouse location_id"),
        ("sku source_code BranchId idToko", "source_code BranchId idToko"),
        ("sku qty fulfillment_center_id", "fulfillment_center_id"),
        ("sku Bestand Lagerort", "Lagerort"),
        ("sku Stock Almacén", "Almacén"),
        ("sku shop_url store_type website_id warehouse_count allocation country", ""),
        ("sku qty WH-JKT wh_bdg preferred_location stok_gudang", ""),
    ],
)
def test_columns_for_the_location_are_named(columns: str, expected: str) -> None:
    """The columns that are taken for a location are listed: a mapping is held to them."""
    assert set(location_columns(schema_of(columns))) == set(expected.split())


def test_a_location_is_a_text_a_number_or_an_object() -> None:
    """A flag, a date or a list that is named like a location is not one."""
    typed = {
        "warehouse": {"type": "boolean"},
        "store": {"type": "array"},
        "branch": {"type": "string", "format": "date-time"},
        "location": {"type": ["null", "object"]},
        "gudang": {},
    }
    assert set(location_columns({"properties": typed})) == {"location", "gudang"}
