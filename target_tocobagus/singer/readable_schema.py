"""The SCHEMA of a stream in a form that the SDK can read, whatever JSON Schema the tap wrote.

A column's schema may be `true`, `{}`, `{"enum": …}`, `{"$ref": …}`, or not a schema at all; the
SDK's flattening reads only one with a `type`, and copying a very deep one would end the run with a
RecursionError. A column that no mapping uses must not stop a run, so a column's schema that cannot
be read declares nothing.
"""

from __future__ import annotations

from typing import Any

from target_tocobagus.core.json_lines import bounded


def readable_schema(schema: dict[str, Any], *, flattened: bool) -> dict[str, Any]:
    """Make a stream's schema readable.

    Args:
        schema: As the tap wrote it; without `properties` it declares no column.
        flattened: The SDK flattens it: then each column needs a `type`, or an empty schema.
    """
    kept: dict[str, Any] = bounded(schema)
    columns = kept.get("properties") or {}
    if flattened:
        columns = {name: _typed(column) for name, column in columns.items()}
    return {**kept, "properties": columns}


def _typed(column: Any) -> dict[str, Any]:
    """Reduce a column's schema to what flattening reads: its types and its columns."""
    if not isinstance(column, dict):
        return {}
    types = _types(column)
    if not types:
        return _chosen(column)
    kept = {**column, "type": types}
    columns = kept.pop("properties", None)
    if isinstance(columns, dict) and columns:
        kept["properties"] = {name: _typed(each) for name, each in columns.items()}
    return kept


def _chosen(column: dict[str, Any]) -> dict[str, Any]:
    """Join the types of the forms that a column may have; an object among them stays whole."""
    choices = as_list(column.get("anyOf", column.get("oneOf")))
    forms = [form for form in choices if isinstance(form, dict)]
    types = [each for form in forms for each in _types(form)]
    formats = {form["format"] for form in forms if isinstance(form.get("format"), str)}
    named = {"format": formats.pop()} if len(formats) == 1 else {}
    return {"type": list(dict.fromkeys(types)), **named} if types else {}


def _types(column: dict[str, Any]) -> list[str]:
    types = column.get("type")
    return names_in([types] if isinstance(types, str) else types)


def names_in(value: Any) -> list[str]:
    """List the texts in a value that should be a list of names."""
    return [each for each in as_list(value) if isinstance(each, str)]


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and an empty one for any other value."""
    return value if isinstance(value, list) else []
