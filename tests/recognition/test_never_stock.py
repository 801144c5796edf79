"""Orders, movements and documents are never asked about, and changes never drafted as stock."""

import pytest

from target_tocobagus.recognition.recognise import NotStock, recognise
from tests.recognition.helpers import drafted, ignored, schema_of, start

NEVER = [
    "order_lines stock_orders salesOrders order-stock inventory_lines stocklines stock_sales",
    "inventory_sale purchase_stock stock_movements StockMovement stock_transactions",
    "inventory_adjustments stock_history public-inventory_history stockHistory stock_deltas",
    "stock_transfers stock_changes stock_in stok_keluar inventory-cart_items stock_reservations",
    "stok_pesanan penjualan_stok pembelian_stok mutasi_stok stok-mutasi transaksi_stok",
    "riwayat_stok penyesuaian_stok safety_stock min_stock stock_log stock_receipts",
    "inventory_ledger stock_count stock_alerts price_list item_prices supplier_stock plans",
    "inventory_valuation stock_opname replenishment removal_inventory customer_stock",
    "Lagerbewegungen bestellungen movimientos_inventario pedidos ventas jualan_stok",
]


@pytest.mark.parametrize("stream", " ".join(NEVER).split())
def test_a_stream_of_orders_or_movements_is_never_asked_about(stream: str) -> None:
    """Names that say order, line, sale, movement, history … are not stock, whatever they hold."""
    assert "its name has" in ignored(stream, "sku stock warehouse")
    ignored(stream, "sku stock")
    assert start(stream, schema_of("sku qty stock warehouse")).stock == ()
    found = recognise(stream, {}, (), [{"sku": "A", "stock": 1}])
    assert isinstance(found, NotStock)
    assert found.is_final


@pytest.mark.parametrize("stream", ["online_stock", "stock_by_outline", "stok", "minimarket_stock"])
def test_a_word_is_not_found_inside_another(stream: str) -> None:
    """`online` does not mean a line, nor `minimarket` a minimum."""
    assert drafted(stream, "sku qty") == ("sku", "qty")


@pytest.mark.parametrize(
    "column", ["order_id", "orderNumber", "invoice_no", "no_pesanan", "cart_id"]
)
def test_a_row_that_belongs_to_a_document_is_no_stock(column: str) -> None:
    """A column that names an order or an invoice says that the rows are its lines."""
    assert repr(column) in ignored("stock_items", f"sku qty {column}")


@pytest.mark.parametrize(
    "column",
    [
        *("delta", "adjustment", "qtyDelta", "selisih", "stock_change", "stok_masuk", "QTY_DELTA"),
        *(
            "reserved_stock",
            "safety stock",
            "Stok Awal",
            "incoming_qty",
            "projectedStock",
            "min_qty",
        ),
        *(
            "stock_value",
            "stock_status",
            "reorder_qty",
            "stock_in",
            "damaged_qty",
            "Mindestbestand",
        ),
    ],
)
def test_what_is_no_available_stock_is_never_drafted_as_stock(column: str) -> None:
    """A change, a reserved, a planned or a damaged quantity is left alone, beside a stock too."""
    typed = {column: {"type": "integer"}}
    ignored("stock_levels", "sku warehouse", **typed)
    assert start("stock_levels", schema_of("sku", **typed)).stock == ()
    assert drafted("stock_levels", "sku qty", **typed) == ("sku", "qty")


def test_a_flag_or_a_list_of_texts_is_no_quantity() -> None:
    """A column must be able to hold what it is called."""
    reason = ignored("stock", "sku", available={"type": "boolean"}, stock={"type": "array"})
    assert "called stock" in reason


@pytest.mark.parametrize("stream", ["wms-carts", "people", "shelves", "campaigns"])
@pytest.mark.parametrize("column", ["qty", "quantity", "jumlah", "saldo"])
def test_a_bare_quantity_is_a_sign_of_stock_only_among_stock_or_items(
    stream: str, column: str
) -> None:
    """A quantity in a stream that speaks of neither stock nor items may count anything."""
    ignored(stream, f"sku {column} warehouse")
