"""Handles each message of a run: SCHEMA to sinks, RECORD to outcomes, STATE to checkpoints."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from target_tocobagus.core.errors import InputError
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import RecordError, Skipped, Stream
from target_tocobagus.singer.batch_files import read_records
from target_tocobagus.singer.fast_path import MappedSink
from target_tocobagus.singer.readable_schema import names_in, readable_schema
from target_tocobagus.singer.sdk import RecordsWithoutSchemaException
from target_tocobagus.singer.stream_maps import (
    TOO_DEEP,
    is_removed,
    is_unchanged,
    register,
    transformed,
)
from target_tocobagus.state.checkpoints import OWN_KEY, read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.pipeline.run import Pipeline
    from target_tocobagus.singer.reader import MessageReader
    from target_tocobagus.singer.sdk import SdkTarget

logger: Final = logging.getLogger("target-tocobagus")

_FILTERED: Final = Skipped("filtered out by the stream maps")
_NO_RECORD: Final = RecordError("NO_RECORD", "the record is not an object")


class StreamSink(MappedSink, Protocol):
    """A stream's sink, as far as messages need it (`sinks.StockSink`)."""

    @property
    def is_open(self) -> bool:
        """Whether the columns that the mapping does not read can be left out."""
        ...

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Map a record and pass on its outcomes."""


class MessageHandler:
    """Handles the messages of one run, in their order."""

    def __init__(self, target: SdkTarget, reader: MessageReader, pipeline: Pipeline) -> None:
        self._target = target
        self._reader = reader
        self._pipeline = pipeline
        self._streams: dict[str, Stream] = {}

    @property
    def _sinks(self) -> Mapping[str, StreamSink]:
        return cast("Mapping[str, StreamSink]", self._target.sinks)

    def schema(self, message: dict[str, Any]) -> None:
        """Prepare a stream: its maps, and a sink for each stream that they make of it.

        Raises:
            InputError: It is not a JSON Schema of an object.
            ConfigurationError: The maps are invalid for it, or only the user can choose a mapping.
        """
        self._reader.assert_line_requires(message, {"stream", "schema"})
        name, schema = message["stream"], message["schema"]
        if not isinstance(schema, dict) or not isinstance(schema.get("properties") or {}, dict):
            text = "is a SCHEMA message whose schema is not a JSON Schema of an object"
            raise InputError(self._reader.about_line(text))
        self._reader.fast_path.close(name)
        config = self._target.config
        keys = names_in(message.get("key_properties"))
        schema = readable_schema(schema, flattened=bool(config.get("flattening_enabled")))
        # The SDK's maps require declared keys; a document store declares none.
        declared = [key for key in keys if key in schema["properties"]]
        register(self._target.mapper, config, name, schema, declared)
        self._make_sinks(name, keys, declared)
        self._streams[name] = Stream(name, self._reader.line if self._pipeline.keeps_lines else b"")

    def _make_sinks(self, name: str, keys: list[str], declared: list[str]) -> None:
        mapper = self._target.mapper
        for stream_map in mapper.stream_maps[name]:
            if is_removed(mapper, stream_map.stream_alias):
                continue  # it needs no sink
            kept = stream_map.transformed_key_properties
            self._target.get_sink(
                stream_map.stream_alias,
                schema=stream_map.transformed_schema,
                key_properties=keys if kept == declared else names_in(kept),
            )
        self._target.forget_replaced_sinks()

    def record(self, message: dict[str, Any]) -> None:
        """Map a record; the next ones may take the fast path, if no stream map changes them."""
        self._reader.assert_line_requires(message, {"stream", "record"})
        self._take(message, self._reader.line)
        name = message["stream"]
        sink = self._sinks.get(name)
        if sink is not None and sink.is_open and is_unchanged(self._target.mapper, name):
            self._reader.fast_path.open(self._streams[name], sink)

    def batch(self, message: dict[str, Any]) -> None:
        """Read the records of the files now, each as a RECORD message."""
        self._reader.assert_line_requires(message, {"stream", "encoding", "manifest"})
        storage = self._target.config.get("batch_config")
        for line, record in read_records(message, storage, self._pipeline.service):
            self._take({"stream": message["stream"], "record": record}, line)

    def state(self, message: dict[str, Any]) -> None:
        """Keep a STATE until everything before it is settled."""
        self._reader.assert_line_requires(message, {"value"})
        try:
            value = read_value(self._reader.line)
        except ValueError as error:
            logger.warning("A STATE is ignored: %s", error)
            return
        if value is not None:
            self._pipeline.checkpoint(value)

    def _take(self, message: dict[str, Any], line: bytes) -> None:
        """Send a record through the stream maps, and each result to its sink."""
        name, pipeline = message["stream"], self._pipeline
        stream = self._streams.get(name)
        if stream is None:
            text = f"is a record of stream {quoted(name)}, which has no SCHEMA before it"
            raise RecordsWithoutSchemaException(self._reader.about_line(text))
        line = line if pipeline.keeps_lines else b""
        pipeline.position += 1
        if not isinstance(message["record"], dict):
            pipeline.take([_NO_RECORD], stream, line)
            return
        stream_maps = self._target.mapper.stream_maps[name]
        if pipeline.maps_nothing:
            sinks = [self._sinks.get(each.stream_alias) for each in stream_maps]
            pipeline.maps_nothing = not any(sink and sink.mapping for sink in sinks)
        context = {"stream": stream, "line": line, "own": message.get(OWN_KEY)}
        taken = False
        for stream_map in stream_maps:
            record = transformed(stream_map, message["record"])
            if record is None:
                continue
            taken = True
            try:
                if not isinstance(record, RecordError):
                    self._sinks[stream_map.stream_alias].process_record(record, context)
                    continue
            except RecursionError:  # of `validate_records`
                record = TOO_DEEP
            pipeline.take([record], stream, line)
        if not taken:
            pipeline.take([_FILTERED], stream, line)
