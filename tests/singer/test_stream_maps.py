"""A SCHEMA in a form that the SDK can read: whatever the tap wrote, no column of it is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.helpers._flattening import flatten_schema

from target_tocobagus.singer.stream_maps import names_in, readable_schema

HARD: list[Any] = [
    {"enum": ["aktif", None]},
    {"enum": [{"a": 1}]},
    {"const": 1},
    True,
    False,
    {},
    None,
    [],
    "string",
    {"$ref": "#/definitions/x"},
    {"allOf": [{"type": "string"}]},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"anyOf": [{"$ref": "#"}, True]},
    {"anyOf": "string"},
    {"oneOf": [{"type": ["object", "null"], "properties": {"a": True}}]},
    {"type": None, "properties": 5},
    {"type": {"x": 1}},
    {"type": [["object"]]},
    {"type": "object", "properties": None},
    {"type": "object", "properties": {"a": {"enum": [1]}, "b": True}},
    {"type": ["array", "null"], "items": False},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["object", "array", "string", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "anyOf", "oneOf", "enum", "items", "a", "format"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Flatten a schema as the SDK does, once it can be read."""
    columns: dict[str, Any] = flatten_schema(readable_schema(schema, flattened=True), 3)
    return columns["properties"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("column", HARD, ids=str)
def test_any_schema_of_a_column_can_be_flattened(column: Any) -> None:
    """Neither a column beside it nor the column itself is lost, at the top and within."""
    within = {"type": "object", "properties": {"x": column}}
    found = flat({"properties": {"x": column, "outer": within, "kode": {"type": "string"}}})
    assert found["kode"] == {"type": ["string"]}
    assert any(name.startswith("x") for name in found)
    assert any(name.startswith("outer__x") for name in found)


@given(JSON)
def test_flattening_raises_nothing_whatever_a_column_says(column: Any) -> None:
    """No schema of a column makes flattening fail."""
    assert "kode" in flat({"properties": {"x": column, "kode": {}}})


def test_a_number_among_forms_stays_one_when_flattened() -> None:
    """The SDK would lose such a column."""
    decimal = {"anyOf": [{"type": "string", "format": "singer.decimal"}, {"type": "null"}]}
    number = {"anyOf": [{"type": "null"}, {"type": "number"}]}
    found = flat({"properties": {"a": number, "b": decimal}})
    assert found["a"] == {"type": ["null", "number"]}
    assert found["b"] == {"type": ["string", "null"], "format": "singer.decimal"}


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": None}])
@pytest.mark.parametrize("flattened", [True, False])
def test_no_properties_declare_no_column(schema: Any, *, flattened: bool) -> None:
    """A document store's SCHEMA declares no columns."""
    assert readable_schema(schema, flattened=flattened)["properties"] == {}


def test_what_is_not_flattened_stays_as_it_is() -> None:
    """Only what is nested too deeply is left out."""
    schema = {"type": "object", "required": ["x"], "properties": {"x": {"enum": [1]}, "y": True}}
    assert readable_schema(schema, flattened=False) == schema
    deep: Any = {}
    for _ in range(700):
        deep = {"properties": {"x": deep}}
    cut = readable_schema(deep, flattened=False)
    for _ in range(32):
        cut = cut["properties"]["x"]
    assert cut == {}


@pytest.mark.parametrize(
    ("value", "names"), [(["a", 1, None, "b"], ["a", "b"]), (None, []), ("a", []), ({"a": 1}, [])]
)
def test_names_are_taken_from_whatever_holds_them(value: Any, names: list[str]) -> None:
    """`key_properties` may be null, or anything."""
    assert names_in(value) == names
