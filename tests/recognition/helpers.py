"""Short schemas, and what recognition makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_tocobagus.recognition.recognise import NotStock, Question, recognise, start_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_tocobagus.config.settings import StreamMapping


def schema_of(columns: str, **typed: Any) -> dict[str, Any]:
    """Make a SCHEMA of columns that may be text or null, and of some that are more."""
    text = {name: {"type": ["null", "string"]} for name in columns.split()}
    return {"type": "object", "properties": {**text, **typed}}


def asked(
    stream: str,
    columns: str,
    keys: Sequence[str] = (),
    records: Iterable[Any] = (),
    **typed: Any,
) -> Question:
    """Recognise a stream that is asked about."""
    found = recognise(stream, schema_of(columns, **typed), keys, records)
    assert isinstance(found, Question), found
    assert found.mapping.stream == stream
    return found


def drafted(stream: str, columns: str, **typed: Any) -> tuple[str, ...]:
    """Recognise a stream that is asked about, and say where its draft looks."""
    mapping = asked(stream, columns, **typed).mapping
    return (*mapping.sku, *mapping.external_id, *mapping.stock, *mapping.warehouse)


def ignored(stream: str, columns: str, **typed: Any) -> str:
    """Recognise a stream that is not stock, and give the reason."""
    found = recognise(stream, schema_of(columns, **typed))
    assert isinstance(found, NotStock), found
    return found.reason


def start(stream: str, schema: dict[str, Any], records: Iterable[Any] = ()) -> StreamMapping:
    """Give the mapping that a person may start from."""
    return start_from(recognise(stream, schema, (), records), stream, schema, records)
