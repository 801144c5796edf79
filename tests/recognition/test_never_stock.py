"""Orders, movements, changes and database keys are never taken for stock or for its identifier."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from recognising import ignored, mapped, schema_of

from target_tocobagus.mapping.recognition import (
    propose,
)

NEVER = [
    "order_lines stock_orders salesOrders order-stock inventory_lines stocklines stock_sales",
    "inventory_sale purchase_stock stock_movements StockMovement stock_transactions",
    "inventory_adjustments stock_history public-inventory_history stockHistory stock_deltas",
    "stock_transfers stock_changes stock_in stok_keluar inventory-cart_items stock_reservations",
    "stok_pesanan penjualan_stok pembelian_stok mutasi_stok stok-mutasi transaksi_stok",
    "riwayat_stok penyesuaian_stok safety_stock min_stock stock_log stock_receipts",
]


@pytest.mark.parametrize("stream", " ".join(NEVER).split())
def test_a_stream_of_orders_or_movements_is_never_recognised(stream: str) -> None:
    """Names that say order, line, sale, movement, history … are not stock, whatever they hold."""
    assert "its name says" in ignored(stream, "sku stock warehouse")
    ignored(stream, "sku qty warehouse")
    ignored(stream, "sku stock")
    start = propose(stream, schema_of("sku qty stock warehouse"))
    assert (start.mapping.stock, start.is_certain) == ((), False)


@pytest.mark.parametrize(
    "column", ["order_id", "orderNumber", "invoice_no", "no_pesanan", "cart_id"]
)
def test_a_row_that_belongs_to_a_document_is_no_stock(column: str) -> None:
    """A column that names an order or an invoice says that the rows are its lines."""
    assert repr(column) in ignored("stock_items", f"sku qty {column}")


@pytest.mark.parametrize(
    "column",
    ["delta", "adjustment", "qtyDelta", "selisih", "stock_change", "stok_masuk", "QTY_DELTA"],
)
def test_a_change_is_never_a_stock(column: str) -> None:
    """A delta-like column is not taken for stock, and beside a stock it is left alone."""
    assert repr(column) in ignored("stock_levels", f"sku {column} warehouse")
    assert propose("stock_levels", schema_of(f"sku {column}")).mapping.stock == ()
    assert mapped("stock_levels", f"sku qty {column}") == ("sku", "qty")


@pytest.mark.parametrize(
    "identifier", ["id", "product_id", "sku_id", "barcode", "uuid", "externalId"]
)
def test_a_databases_key_is_never_an_identifier(identifier: str) -> None:
    """Without a column for the SKU a stream is not recognised: an id is not taken for one."""
    assert "no column for a SKU" in ignored("stock", f"{identifier} stock warehouse name")
