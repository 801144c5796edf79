"""A mapping is written back as the configuration that sets it."""

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_tocobagus.config.settings import (
    Share,
    StreamMapping,
    WarehouseColumn,
    parse_settings,
    stream_mapping,
)
from target_tocobagus.recognition.yaml_lines import as_config, as_yaml_lines, streams_block

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
paths = st.lists(texts, max_size=3).map(tuple)
client_ids = st.lists(texts.filter(str.strip), max_size=3, unique=True)
columns = client_ids.map(lambda ids: tuple(WarehouseColumn(f"at {each}", each) for each in ids))
shares = client_ids.map(lambda ids: tuple(Share(each, len(each)) for each in ids))
mappings = st.builds(
    StreamMapping,
    stream=texts,
    where=st.none() | texts,
    sku=paths,
    id=paths,
    external_id=paths,
    decimal_mark=st.sampled_from([".", ","]),
    stock=paths,
    subtract=paths,
    warehouse=paths,
    warehouse_columns=columns,
    items=st.none() | texts,
    levels=st.none() | texts,
    warehouses=client_ids.map(tuple),
    split=shares,
)
FULL = StreamMapping(
    stream="public-stock_*",
    where="state == 'IN_STOCK'",
    sku=("sku", "variant.sku"),
    decimal_mark=",",
    stock=("quantities[?name=='available'].quantity | [0]",),
    warehouse_columns=(WarehouseColumn("WH SBY", "wh_1"), WarehouseColumn("null", "2026")),
    split=(Share("wh_1", 3),),
)


@settings(deadline=None)
@given(mappings)
@example(FULL)
@example(StreamMapping(stream="yes", sku=("on", "~", "1", "1.5", "- a", "a: b", "a #b", "")))
def test_yaml_reads_back_as_the_same_mapping(mapping: StreamMapping) -> None:
    """The lines of a mapping, read as YAML and as settings, are that mapping again."""
    config = as_config(mapping)
    assert yaml.safe_load(as_yaml_lines(mapping)) == [config]
    assert yaml.safe_load(streams_block([as_yaml_lines(mapping)])) == {"streams": [config]}
    assert stream_mapping(config or {}) == mapping


@settings(deadline=None)
@given(mappings)
@example(FULL)
def test_the_configuration_is_one_that_settings_accept(mapping: StreamMapping) -> None:
    """What is written is valid, says nothing that is not set, and means the mapping."""
    config = as_config(mapping)
    parsed = parse_settings({"dry_run": True, "streams": [config]})
    assert parsed.streams == (mapping,)


def test_no_warehouse_is_written_as_null() -> None:
    """A mapping whose stock is global on purpose says `warehouse: null`."""
    mapping = StreamMapping(stream="stok", sku=("sku",), stock=("stok",), no_warehouse=True)
    assert as_config(mapping) == {
        "stream": "stok",
        "sku": "sku",
        "stock": "stok",
        "warehouse": None,
    }
    assert (
        as_yaml_lines(mapping) == "- stream: stok\n  sku: sku\n  stock: stok\n  warehouse: null\n"
    )
    assert stream_mapping(as_config(mapping) or {}) == mapping


def test_lines_are_as_a_person_would_write_them() -> None:
    """Names stand plainly, expressions in quotes, several paths in a list, places one a line."""
    assert as_yaml_lines(FULL, {"stock": "or:  another\nplace"}) == (
        '- stream: "public-stock_*"\n'
        "  where: \"state == 'IN_STOCK'\"\n"
        "  sku: [sku, variant.sku]\n"
        '  decimal_mark: ","\n'
        "  stock: \"quantities[?name=='available'].quantity | [0]\"  # or: another place\n"
        "  warehouse_columns:\n"
        '    - {column: "WH SBY", client_id: wh_1}\n'
        '    - {column: "null", client_id: "2026"}\n'
        "  split:\n"
        "    - {client_id: wh_1, weight: 3}\n"
    )


@pytest.mark.parametrize("stream", ["items", "line\nbreak", "\ufeff"])
def test_the_apis_own_items_are_no_configuration(stream: str) -> None:
    """A native mapping is written as a comment that says so, never as something else."""
    mapping = StreamMapping(stream=stream, native=True)
    assert as_config(mapping) is None
    assert yaml.safe_load(as_yaml_lines(mapping)) is None
