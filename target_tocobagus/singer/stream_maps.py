"""The SDK's stream maps and flattening, for one stream: a mistake is one line, not a traceback.

They raise plain Python exceptions on many mistakes (`"jumlah": ""` in a stream map is an
IndexError). Each is caught here, and reported with the setting, the stream and, where it can be
found, the column.

Before that, a stream's SCHEMA is put into a form that the SDK can read, whatever JSON Schema the
tap wrote. A column's schema may be `true`, `{}`, `{"enum": …}`, `{"$ref": …}`, or not a schema at
all; the SDK's flattening reads only one with a `type`, and copying a very deep one would end the
run with a RecursionError. A column that no mapping uses must not stop a run, so a column's schema
that cannot be read declares nothing.
"""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import clean, reason
from target_tocobagus.core.json_lines import bounded
from target_tocobagus.core.model import RecordError
from target_tocobagus.singer.sdk import PluginMapper, SameRecordTransform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_tocobagus.singer.sdk import StreamMap

TOO_DEEP: Final = RecordError("TOO_DEEP", "the record is nested too deeply")
_MAPS: Final = "stream_maps"
_MATCHING: Final = ("__source__", "__alias__")


def register(
    mapper: PluginMapper,
    config: Mapping[str, Any],
    stream: str,
    schema: dict[str, Any],
    keys: list[str],
) -> None:
    """Prepare the maps of a stream from its SCHEMA.

    Raises:
        ConfigurationError: They are invalid for this stream.
    """
    try:
        mapper.register_raw_stream_schema(stream, schema, keys)
    except Exception as error:  # noqa: BLE001  # the SDK lets errors of any type through
        setting = _MAPS if config.get(_MAPS) else "flattening_enabled"
        column = next(_columns_at_fault(config, stream, schema, keys), None)
        place = f"{setting}: stream {clean(stream)!r}: " + (f"{clean(column)}: " if column else "")
        raise ConfigurationError([place + reason(error)]) from None


def is_unchanged(stream_maps: Sequence[StreamMap]) -> bool:
    """Tell whether a stream's records are used as they are."""
    first = stream_maps[0]
    same = len(stream_maps) == 1 and type(first) is SameRecordTransform
    return same and not first.flattening_enabled


def transformed(
    stream_map: StreamMap, record: dict[str, Any], *, cut: bool = False
) -> dict[str, Any] | RecordError | None:
    """Apply a stream map to a record; `None` if that filters it out.

    If the record is too deep for the SDK, a second attempt leaves out its deepest part.
    """
    try:
        return stream_map.transform(copy.copy(record))
    except RecursionError:
        return TOO_DEEP if cut else transformed(stream_map, bounded(record), cut=True)
    except Exception as error:  # noqa: BLE001  # a user's expression may raise anything
        # The SDK's own error names the expression only.
        text = f"a stream map fails on this record: {reason(error.__cause__ or error)}"
        return RecordError("STREAM_MAP", clean(text))


def _columns_at_fault(
    config: Mapping[str, Any], stream: str, schema: dict[str, Any], keys: list[str]
) -> Iterator[str]:
    """Find the keys of a stream's maps that fail if used alone."""
    for name, entry in (config.get(_MAPS) or {}).items():
        if not isinstance(entry, dict):
            continue
        matching = {key: entry[key] for key in _MATCHING if key in entry}
        if _fails(config, {name: matching}, stream, schema, keys):
            continue
        for key, value in entry.items():
            if _fails(config, {name: {**matching, key: value}}, stream, schema, keys):
                yield str(key)


def _fails(
    config: Mapping[str, Any],
    maps: dict[str, Any],
    stream: str,
    schema: dict[str, Any],
    keys: list[str],
) -> bool:
    mapper = PluginMapper({**config, _MAPS: maps}, logging.getLogger(__name__))
    try:
        mapper.register_raw_stream_schema(stream, schema, keys)
    except Exception:  # noqa: BLE001  # that it fails is the answer
        return True
    return False


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
    choices = _as_list(column.get("anyOf", column.get("oneOf")))
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
    return [each for each in _as_list(value) if isinstance(each, str)]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
