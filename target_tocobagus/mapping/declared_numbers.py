"""Whether a stream's SCHEMA declares the values that a mapping reads as numbers.

A column that is declared a number may still come as text (CSV taps, exact decimals); its point is
then a decimal mark, and `1.250` is not ambiguous. A schema may be of any form, and wrong: a part
that cannot be read declares nothing.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Schema: TypeAlias = Any
"""A JSON Schema, or any other value."""

Follow: TypeAlias = "Callable[[Schema], Schema]"
"""Finds in the schema of a record or entry that of one of its values; None if unknown."""

_BOM: Final = "\ufeff"
_NUMBERS: Final = frozenset({"number", "integer"})
_STEPS: Final = frozenset({"subexpression", "index_expression", "pipe"})
_PROJECTIONS: Final = frozenset({"projection", "filter_projection"})


def declares_number(schema: Schema) -> bool:
    """Whether a schema allows only numbers (and null), or has the format `singer.decimal`."""
    forms = [form for form in _forms(schema) if form.get("type") != "null"]
    return bool(forms) and all(map(_is_number, forms))


def property_of(schema: Schema, name: str) -> Schema:
    """Find the schema of a column; a byte order mark before its name is ignored."""
    declared = [form["properties"] for form in _forms(schema) if "properties" in form]
    columns: dict[str, Schema] = {}
    for each in reversed(declared):
        columns |= each if isinstance(each, dict) else {}
    return columns.get(name, columns.get(_BOM + name))


def entries_of(schema: Schema) -> Schema:
    """Find the schema of a list's entries."""
    return next((form["items"] for form in _forms(schema) if "items" in form), None)


def dotted(text: str) -> Follow:
    """Follow a dotted path: the column of exactly that name, or else step by step."""

    def follow(schema: Schema) -> Schema:
        exact = property_of(schema, text)
        return reduce(property_of, text.split("."), schema) if exact is None else exact

    return follow


def node(tree: Any) -> Follow:
    """Follow a node of jmespath's tree; for an element of a list, the schema of its entries."""
    return lambda schema: _follow(tree, schema)


def nothing(_: Schema) -> Schema:
    """Follow nothing."""
    return None


def _follow(tree: Any, schema: Schema) -> Schema:
    kind, children = tree["type"], tree["children"]
    if kind == "field":
        return property_of(schema, tree["value"])
    if kind in _STEPS:
        for child in children:
            schema = _follow(child, schema)
        return schema
    if kind in _PROJECTIONS:
        return _follow(children[1], _entries_or_itself(_follow(children[0], schema)))
    if kind == "flatten":
        return _entries_or_itself(_follow(children[0], schema))
    if kind == "index":
        return _entries_or_itself(schema)
    return schema if kind in {"identity", "current", "slice"} else None


def _entries_or_itself(schema: Schema) -> Schema:
    """Return the schema of a list's entries, or the schema itself if it is not a list."""
    entries = entries_of(schema)
    return schema if entries is None else entries


def _forms(schema: Schema) -> Iterator[dict[str, Any]]:
    """List the forms that a schema allows: itself, or those of `anyOf` and `oneOf`."""
    if not isinstance(schema, dict):
        return
    choices = schema.get("anyOf", schema.get("oneOf"))
    if not isinstance(choices, list):
        yield schema
        return
    yield from (choice for choice in choices if isinstance(choice, dict))


def _is_number(form: dict[str, Any]) -> bool:
    if form.get("format") == "singer.decimal":
        return True
    types = form.get("type")
    named = {str(each) for each in (types if isinstance(types, list) else [types])}
    return bool(named & _NUMBERS) and named <= _NUMBERS | {"null"}
