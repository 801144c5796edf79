"""A stream is sent unasked only if it is the API's own items, by columns, name and key."""

from typing import Any

import pytest

from target_tocobagus.config.settings import StreamMapping
from target_tocobagus.recognition.recognise import NotStock, Question, Recognised, recognise
from target_tocobagus.recognition.vocabulary import tokens, words
from tests.recognition.helpers import ignored, schema_of

NATIVE: dict[str, Any] = {
    "sku": {"type": "string"},
    "id": {"type": ["null", "string"]},
    "externalId": {},
    "stock": {"type": "integer"},
    "warehouses": {"type": "array"},
}
LEVELS = {"type": "array", "items": {"properties": {"clientId": {}, "stock": {}}}}


def native(columns: str, **typed: Any) -> dict[str, Any]:
    """Make a SCHEMA of the API's own columns, and of others."""
    return {"properties": {**{name: NATIVE[name] for name in columns.split()}, **typed}}


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
    """A stream of nothing but the API's own columns is sent as it is."""
    sdc = {"_sdc_extracted_at": {"type": "string"}, "_sdc_deleted_at": {}}
    found = recognise("items", native(columns, **sdc), columns.split()[:1])
    assert isinstance(found, Recognised)
    assert found.mapping == StreamMapping(stream="items", native=True)
    assert found.is_global is is_global


@pytest.mark.parametrize(
    "stream",
    [
        *("stock", "Stok", "inventory_levels", "public-current_stock", "dbo.Products", "Sheet1"),
        *("persediaan_barang", "ProductVariants", "data", "sku_list", "stock-export"),
    ],
)
def test_a_name_of_stock_or_items_is_recognised(stream: str) -> None:
    """Each word of the name is one that says stock, items, or nothing."""
    assert isinstance(recognise(stream, native("sku stock")), Recognised)


@pytest.mark.parametrize(
    "stream",
    [
        *("whatever", "stok_rusak", "stock_jakarta", "damaged_stock", "stock_2025", "stok_lama"),
        *("safety stock", "stock_snapshot", "warehouse_stock", "stocks", "produk_test"),
    ],
)
def test_any_other_name_is_not(stream: str) -> None:
    """A word more may mean a part of the stock; beside client ids it is not judged."""
    assert not isinstance(recognise(stream, native("sku stock")), Recognised)
    found = recognise(stream, native("sku stock", warehouses=LEVELS))
    assert isinstance(found, NotStock if stream == "safety stock" else Recognised)


@pytest.mark.parametrize(
    ("keys", "is_sent"),
    [
        ([], True),
        (["sku"], True),
        (["\ufeffsku"], True),
        (["sku", "id"], True),
        (["sku", "stock"], False),
        (["sku", "bin"], False),
        (["row"], False),
    ],
)
def test_the_key_is_the_items(keys: list[str], *, is_sent: bool) -> None:
    """A key that is more than the item says that the rows are parts of it."""
    found = recognise("items", native("sku id stock"), keys)
    assert isinstance(found, Recognised if is_sent else Question)


@pytest.mark.parametrize("column", ["updated_at", "name", "gudang", "active", "x"])
def test_any_other_column_is_a_question(column: str) -> None:
    """A column that the API's items do not have may change what a row means."""
    assert isinstance(recognise("items", native("sku stock", **{column: {}})), Question)


@pytest.mark.parametrize("kind", ["integer", ["integer", "string"], ["null", "integer"], None])
def test_an_id_that_is_not_a_text_is_not_tocobaguss(kind: Any) -> None:
    """A stream with a number for an id is not the API's own shape."""
    number = {"type": kind} if kind else {}
    found = recognise("items", native("sku stock", id=number))
    assert isinstance(found, Question)
    assert found.mapping.sku == ("sku",)
    assert found.mapping.id == ()


@pytest.mark.parametrize("columns", ["sku", "stock", "warehouses", "", "sku id externalId"])
def test_an_item_has_an_identifier_and_stock(columns: str) -> None:
    """Some of the API's columns alone are not its shape."""
    ignored("items", columns)


def test_meltanos_test_stream_is_taken_gently() -> None:
    """`meltano config test` sends a stream of id, name and created_at: it is not stock."""
    columns: dict[str, Any] = {"id": {"type": "integer"}, "name": {}, "created_at": {}}
    records = [{"id": 1, "name": "Test Record 1", "created_at": "2025-01-01T00:00:00"}]
    found = recognise("meltano_test_stream", {"properties": columns}, ["id"], records)
    assert isinstance(found, NotStock)


@pytest.mark.parametrize(
    "columns",
    [
        "sku qty",
        "SKU stok gudang",
        "sku stock_quantity",
        "item_code available store_number",
        "kode-produk jml id_lokasi",
    ],
)
def test_common_names_are_asked_about_and_never_sent(columns: str) -> None:
    """A stream that is understood word for word still does not say what a row is."""
    assert isinstance(recognise("stock", schema_of(columns), ["sku"]), Question)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qtyOnHand", ("qty", "on", "hand")),
        ("QTY ON HAND", ("qty", "on", "hand")),
        ("public-stock_levels", ("public", "stock", "levels")),
        ("SKUCode", ("sku", "code")),
        ("\ufeffid.gudang", ("id", "gudang")),
        ("Almacén", ("almacen",)),
        ("Verfügbarer Bestand", ("verfugbarer", "bestand")),
        ("", ()),
    ],
)
def test_a_name_is_split_into_words(name: str, expected: tuple[str, ...]) -> None:
    """Names are split at separators and changes of case, without case, accents or BOM."""
    assert words(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kodegudang", ("kode", "gudang")),
        ("WhsCode", ("whs", "code")),
        ("Lagerbestand", ("lager", "bestand")),
        ("artikelnummer", ("artikel", "nummer")),
        ("qtyonhand", ("qty", "onhand")),
        ("location", ("location",)),
        ("wholesale", ("wholesale",)),
        ("online", ("online",)),
    ],
)
def test_words_that_are_run_together_are_read_one_by_one(
    name: str, expected: tuple[str, ...]
) -> None:
    """A word is split only if all of it is words that are known."""
    assert tokens(name) == expected
