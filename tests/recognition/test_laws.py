"""Whatever a tap declares, recognition answers, and keeps to what it promises."""

from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_tocobagus.config.settings import parse_settings
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.recognition.drafts import draft
from target_tocobagus.recognition.questions import Sample, block
from target_tocobagus.recognition.recognise import (
    NotStock,
    Question,
    Recognised,
    location_columns,
    recognise,
    start_from,
)
from target_tocobagus.recognition.vocabulary import NO_QUANTITY, QUANTITY, SKU, STOCK, tokens
from tests.recognition.helpers import start

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


records = st.lists(
    st.recursive(
        scalars | st.sampled_from(["5", '{"a": [1]}', "[{}]", "{"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
        max_leaves=20,
    ),
    max_size=3,
)


@settings(deadline=None)
@given(streams, schemas, st.lists(names, max_size=2), records)
@example(
    "stock", {"properties": {"sku": {"type": ["string", {}]}, "stock": {"anyOf": [{}, 1]}}}, [], []
)
@example("stock", {"properties": []}, [], [{"sku": "A", "stock": [{"gudang": 1, "qty": 2}]}])
def test_no_schema_and_no_record_is_too_strange(
    stream: str, schema: Any, keys: list[str], found_records: list[Any]
) -> None:
    """Whatever comes is answered, and a question's lines are a configuration that compiles."""
    sample = Sample(stream, schema, keys)
    for record in found_records:
        sample.add(record)
    found = sample.judge()
    mapping = start_from(found, stream, schema, found_records)
    assert isinstance(location_columns(schema), tuple)
    assert mapping.id == () or isinstance(found, Recognised)
    if isinstance(found, Question) and stream:
        config = yaml.safe_load(block([sample]))
        parsed = parse_settings({"dry_run": True, **config})
        assert parsed.streams == (found.mapping,)
        compile_mapping(found.mapping, parsed.policy)


@settings(deadline=None)
@given(streams, st.dictionaries(names, st.just({"type": ["string", "null"]}), max_size=8), records)
def test_only_the_apis_own_columns_are_sent_unasked(
    stream: str, columns: dict[str, Any], found_records: list[Any]
) -> None:
    """Of any columns by any names nothing but the API's own shape is recognised."""
    found = recognise(stream, {"properties": columns}, (), found_records)
    if isinstance(found, Recognised):
        own = {name for name in columns if not name.startswith("_sdc_")}
        assert own <= {"sku", "id", "externalId", "stock", "warehouses"}
        assert found.mapping.native


@settings(deadline=None)
@given(streams, st.dictionaries(names, st.just({"type": "string"}), max_size=8), records)
@example("people", {"sku": {}}, [{"data": [{"stock": 1}]}])
@example("people", {"sku": {}, "WH A": {}, "WH B": {}}, [])
def test_what_names_alone_rule_out_no_draft_finds(
    stream: str, columns: dict[str, Any], found_records: list[Any]
) -> None:
    """A stream that no name calls stock is ignored at once, as if it had been looked through."""
    found = recognise(stream, {"properties": columns}, (), found_records)
    drafted = draft(stream, {"properties": columns}, found_records)
    if isinstance(found, NotStock) and "called stock" in found.reason:
        assert not drafted.quantities
        assert not drafted.spread


@settings(deadline=None)
@given(st.dictionaries(names, st.just({"type": ["integer", "null"]}), max_size=8))
def test_a_change_is_never_drafted_as_stock(columns: dict[str, Any]) -> None:
    """What a name says is a change, a reserved or a planned quantity stands in no draft."""
    for path in start("stock", {"properties": columns}).stock:
        assert not set(tokens(path)) & NO_QUANTITY
