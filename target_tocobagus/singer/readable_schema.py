"""The SCHEMA of a stream in a form that the SDK can read, whatever JSON Schema the tap wrote.

A column's schema may be `true`, `{}`, `{"enum": …}`, `{"$ref": …}`, or something that is no schema;
of all this the SDK's flattening reads only what has a `type`. And what is nested very deeply would
end the run in the recursion of whatever copies it. What no mapping uses must not stop a run, so a
column's schema that cannot be read declares nothing.
"""

from __future__ import annotations

from typing import Any

from target_tocobagus.core.json_lines import bounded


def readable_schema(schema: dict[str, Any], *, flattened: bool) -> dict[str, Any]:
    """Make a stream's schema readable.

    Args:
        schema: As the tap wrote it; no `properties` means that it declares no column.
        flattened: The SDK flattens it: then each column needs a `type`, or nothing at all.
    """
    kept: dict[str, Any] = bounded(schema)
    columns = kept.get("properties") or {}
    if flattened:
        columns = {name: _typed(column) for name, column in columns.items()}
    return {**kept, "properties": columns}


def _typed(column: Any) -> dict[str, Any]:
    """Reduce a column's schema to what flattening understands: its types, and its columns."""
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
    """Take the names in a list of them, which may be no list, and hold anything."""
    return [each for each in as_list(value) if isinstance(each, str)]


def as_list(value: Any) -> list[Any]:
    """Take a value as a list; empty for anything else."""
    return value if isinstance(value, list) else []
