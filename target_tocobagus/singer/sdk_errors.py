"""Where the SDK takes a user's configuration: a mistake in it is one line, never a crash.

Stream maps, flattening, `validate_records` and the logging set-up raise plain Python exceptions on
many mistakes (`"jumlah": ""` in a stream map is an IndexError). Each is caught where it enters, and
said with the setting, the stream and, where it can be found, the column.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from singer_sdk.exceptions import SingerSDKError
from singer_sdk.mapper import PluginMapper

from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAPS: Final = "stream_maps"
_MATCHING: Final = ("__source__", "__alias__")
_LOG_FILE: Final = "SINGER_SDK_LOG_CONFIG"
_LEVELS: Final = ("TARGET_TOCOBAGUS_LOGLEVEL", "LOGLEVEL")


def describe(error: Exception) -> str:
    """Say what an exception of the SDK, or of a library below it, is about."""
    text = str(error)
    return clean(text if isinstance(error, SingerSDKError) else f"{type(error).__name__}: {text}")


def sound_schema(schema: Any) -> Any:
    """Copy the settings' schema without what is no schema: the SDK has a text in an `anyOf`."""
    if isinstance(schema, dict):
        kept = {key: sound_schema(each) for key, each in schema.items()}
        if isinstance(kept.get("anyOf"), list):
            kept["anyOf"] = [form for form in kept["anyOf"] if isinstance(form, dict)]
        return kept
    return [sound_schema(each) for each in schema] if isinstance(schema, list) else schema


def register(
    mapper: PluginMapper,
    config: Mapping[str, Any],
    stream: str,
    schema: dict[str, Any],
    keys: list[str],
) -> None:
    """Hand a SCHEMA to the SDK's stream maps and flattening.

    Raises:
        ConfigurationError: They cannot be used on this stream.
    """
    try:
        mapper.register_raw_stream_schema(stream, schema, keys)
    except Exception as error:  # noqa: BLE001  # whatever the SDK lets through
        setting = _MAPS if config.get(_MAPS) else "flattening_enabled"
        column = next(_columns_at_fault(config, stream, schema, keys), None)
        place = f"{setting}: stream {clean(stream)!r}: " + (f"{clean(column)}: " if column else "")
        raise ConfigurationError([place + describe(error)]) from None


def logging_problem(error: Exception, environment: Mapping[str, str]) -> str:
    """Say which variable of the logging set-up cannot be used."""
    for variable in _LEVELS:
        level = environment.get(variable)
        if level:
            known = isinstance(logging.getLevelName(level.upper()), int)
            return _log_file_problem(error) if known else f"{variable}: {clean(level)!r} is unknown"
    return _log_file_problem(error)


def _log_file_problem(error: Exception) -> str:
    return f"{_LOG_FILE}: the file cannot be used: {describe(error)}"


def _columns_at_fault(
    config: Mapping[str, Any], stream: str, schema: dict[str, Any], keys: list[str]
) -> Iterator[str]:
    """Find the keys of a stream's maps that fail by themselves."""
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
