"""The SDK's stream maps and flattening, for one stream: a mistake is one line, not a traceback.

They raise plain Python exceptions on many mistakes (`"jumlah": ""` in a stream map is an
IndexError). Each is caught here, and reported with the setting, the stream and, where it can be
found, the column.
"""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import clean, reason
from target_tocobagus.core.json_lines import bounded
from target_tocobagus.core.model import RecordError
from target_tocobagus.singer.sdk import (
    PluginMapper,
    RemoveRecordTransform,
    SameRecordTransform,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def is_removed(mapper: PluginMapper, alias: str) -> bool:
    """Tell whether the maps remove every stream of this name."""
    maps = [each for found in mapper.stream_maps.values() for each in found]
    named = [each for each in maps if each.stream_alias == alias]
    return bool(named) and all(isinstance(each, RemoveRecordTransform) for each in named)


def is_unchanged(mapper: PluginMapper, stream: str) -> bool:
    """Tell whether a stream's records are used as they are."""
    maps = mapper.stream_maps[stream]
    same = all(type(each) is SameRecordTransform for each in maps)
    return same and len(maps) == 1 and not maps[0].flattening_enabled


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
