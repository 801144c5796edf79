"""Whatever a tap declares, recognition answers, and keeps to what it promises."""

from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from target_tocobagus.mapping import compile_mapping
from target_tocobagus.mapping.recognition import (
    Ambiguous,
    Recognised,
    location_columns,
    propose,
    recognise,
)
from target_tocobagus.mapping.vocabulary import QUANTITY, SKU, STOCK, is_delta
from target_tocobagus.model import Stock
from target_tocobagus.settings import StockPolicy, parse_settings

HOSTILE = [
    *("id", "externalId", "qtyDelta", "stock_adjustment", "selisih", "order_id", "bin", "item"),
    *("warehouse", "gudang", "location", "warehouses", "variants", "quantities"),
    *("WH-JKT", "WH-SBY", "\ufeffsku", "_sdc_x", "Stock?", "[qty]", "'sku'", "(gudang)"),
]
names = st.sampled_from([*sorted(SKU | STOCK | QUANTITY), *HOSTILE]) | st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
kinds = st.sampled_from(["string", "integer", "number", "null", "object", "array", "boolean"])
keywords = st.sampled_from(["type", "items", "anyOf", "oneOf", "format", "properties"])
schemas: st.SearchStrategy[Any] = st.recursive(
    scalars | kinds | st.fixed_dictionaries({"type": kinds | st.lists(kinds | scalars)}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keywords, inner)
        | st.fixed_dictionaries({"properties": st.dictionaries(names, inner, max_size=6)})
    ),
    max_leaves=20,
)
streams = st.sampled_from(["stock", "stok", "products", "inventory", "stock_delta"]) | st.text()


@given(streams, schemas)
@example("stock", {"properties": {"sku": {"type": ["string", {}]}, "stock": {"anyOf": [{}, 1]}}})
@example("stock", {"properties": []})
def test_no_schema_is_too_strange(stream: str, schema: Any) -> None:
    """Any JSON for a SCHEMA is answered: no id and no delta unasked, and lines that are valid."""
    found = recognise(stream, schema)
    proposal = propose(stream, schema)
    assert isinstance(location_columns(schema), tuple)
    assert proposal.is_certain == isinstance(found, Recognised)
    assert not any(is_delta(name) for name in proposal.mapping.stock)
    if isinstance(found, Recognised) and not found.mapping.native:
        assert found.mapping.id == found.mapping.external_id == ()
        assert found.mapping.sku
        assert found.mapping.stock
        assert found.is_global is not bool(found.mapping.warehouse)
        compile_mapping(found.mapping, StockPolicy())
    if isinstance(found, Ambiguous) and stream:
        config = yaml.safe_load(found.message.partition("):\n")[2])
        assert parse_settings({"dry_run": True, **config}).streams == (found.mapping,)


@given(streams, st.dictionaries(names, st.just({"type": ["string", "null"]}), max_size=8))
def test_a_stream_with_a_location_is_never_sent_as_global(
    stream: str, columns: dict[str, Any]
) -> None:
    """Whatever is recognised by names is mapped with its location, if a column names one."""
    schema = {"properties": columns}
    found = recognise(stream, schema)
    if isinstance(found, Recognised) and not found.mapping.native:
        mapped = compile_mapping(found.mapping, StockPolicy())
        record = dict.fromkeys(columns, "7")
        places = location_columns(schema)
        assert mapped.outcomes(record) == [Stock(("sku", "7"), "7" if places else None, 7)]
        assert len(found.mapping.warehouse) == len(places)
