"""Schemas in a few words, and what recognising makes of them."""

from __future__ import annotations

from typing import Any

from target_tocobagus.mapping.recognition import NotStock, Recognised, recognise


def schema_of(columns: str, **typed: Any) -> dict[str, Any]:
    """Make a SCHEMA of columns that may be text or null, and of some that are more."""
    text = {name: {"type": ["null", "string"]} for name in columns.split()}
    return {"type": "object", "properties": {**text, **typed}}


def mapped(stream: str, columns: str, **typed: Any) -> tuple[str, ...]:
    """Recognise a stream and say where its SKU, stock and location are."""
    found = recognise(stream, schema_of(columns, **typed))
    assert isinstance(found, Recognised), found
    mapping = found.mapping
    assert mapping.stream == stream
    return (*mapping.sku, *mapping.stock, *mapping.warehouse)


def ignored(stream: str, columns: str, **typed: Any) -> str:
    """Recognise a stream that is not stock, and give the reason."""
    found = recognise(stream, schema_of(columns, **typed))
    assert isinstance(found, NotStock), found
    return found.reason
