"""Handles each message of a run: SCHEMA to sinks, RECORD to outcomes, STATE to checkpoints."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.errors import InputError
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import RecordError, Skipped, Stream
from target_tocobagus.recognition.known_taps import looked_up
from target_tocobagus.singer.batch_files import read_records
from target_tocobagus.singer.sdk import RecordsWithoutSchemaException, RemoveRecordTransform
from target_tocobagus.singer.stream_maps import (
    is_unchanged,
    names_in,
    readable_schema,
    register,
    transformed,
)
from target_tocobagus.state.checkpoints import OWN_KEY, read_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_tocobagus.pipeline.run import Pipeline
    from target_tocobagus.singer.reader import MessageReader
    from target_tocobagus.singer.sdk import SdkTarget, StreamMap
    from target_tocobagus.singer.stream_decoder import MappedSink

logger: Final = logging.getLogger("target-tocobagus")

_FILTERED: Final = Skipped("filtered out by the stream maps")
_NO_RECORD: Final = RecordError("NO_RECORD", "the record is not an object")


@dataclass(slots=True)
class _Route:
    """Where the records of a stream go under one SCHEMA.

    Attributes:
        stream_maps: The SDK's; each makes a record of another stream, or of the same.
        streams: By the alias of each: its stream, with what the ledger keeps of its rows.
        is_unchanged: They change nothing.
        on_fast_path: Its lines may take the fast path by now.
    """

    stream: Stream
    stream_maps: Sequence[StreamMap]
    streams: Mapping[str, Stream]
    is_unchanged: bool
    on_fast_path: bool = False


class MessageHandler:
    """Handles the messages of one run, in their order.

    Attributes:
        by_type: What handles each type of message.
    """

    def __init__(self, target: SdkTarget, reader: MessageReader, pipeline: Pipeline) -> None:
        self._target = target
        self._reader = reader
        self._pipeline = pipeline
        self._routes: dict[str, _Route] = {}
        self._sinks: dict[str, MappedSink] = {}
        self.by_type: Mapping[str, Callable[[dict[str, Any]], None]] = {
            "SCHEMA": self.schema,
            "RECORD": self.record,
            "BATCH": self.batch,
            "STATE": self.state,
            # A row that is missing in a version need not have a stock of zero.
            "ACTIVATE_VERSION": lambda _: None,
        }

    def schema(self, message: dict[str, Any]) -> None:
        """Prepare a stream: its maps, and a sink for each stream that they make of it.

        Raises:
            InputError: It is not a JSON Schema of an object.
            ConfigurationError: The maps are invalid for it, or only the user can choose a mapping.
        """
        name, schema = message["stream"], message["schema"]
        if not isinstance(schema, dict) or not isinstance(schema.get("properties") or {}, dict):
            text = "is a SCHEMA message whose schema is not a JSON Schema of an object"
            raise InputError(self._reader.about_line(text))
        self._reader.fast_path.close(name)
        config, mapper = self._target.config, self._target.mapper
        keys = names_in(message.get("key_properties"))
        schema = readable_schema(schema, flattened=bool(config.get("flattening_enabled")))
        # The SDK's maps require declared keys; a document store declares none.
        declared = [key for key in keys if key in schema["properties"]]
        register(mapper, config, name, schema, declared)
        stream_maps = mapper.stream_maps[name]
        stream = Stream(name, self._reader.line if self._pipeline.keeps_lines else b"")
        streams = {
            each.stream_alias: self._make_sink(each, keys, declared).stream_of(stream)
            for each in stream_maps
            if not isinstance(each, RemoveRecordTransform)  # which needs no sink
        }
        self._routes[name] = _Route(stream, stream_maps, streams, is_unchanged(stream_maps))
        if self._pipeline.questions is not None:
            self._choose_beside(name)

    def _choose_beside(self, name: str) -> None:
        """Choose again for a stream that is recognised only beside another, which came later."""
        beside = looked_up()
        others = [beside.get(name), *(each for each, by in beside.items() if by == name)]
        found = [each for each in others if each in self._routes]
        for other in [*found, name] if found else ():
            route = self._routes[other]
            self._reader.fast_path.close(other)
            for alias in route.streams:
                self._sinks[alias].choose()
            route.streams = {
                alias: self._sinks[alias].stream_of(route.stream) for alias in route.streams
            }
            route.on_fast_path = False

    def _make_sink(self, stream_map: StreamMap, keys: list[str], declared: list[str]) -> MappedSink:
        kept = stream_map.transformed_key_properties
        made: Any = self._target.get_sink(
            stream_map.stream_alias,
            schema=stream_map.transformed_schema,
            key_properties=keys if kept == declared else names_in(kept),
        )
        sink: MappedSink = made
        self._sinks[stream_map.stream_alias] = sink
        self._target.forget_replaced_sinks()
        return sink

    def record(self, message: dict[str, Any], line: bytes = b"") -> None:
        """Send a record through the stream maps, and each result to its sink.

        The next records may take the fast path, if no stream map changes them.

        Args:
            message: The RECORD message.
            line: Its text, if it is not the line that is being read.
        """
        name, pipeline = message["stream"], self._pipeline
        route = self._routes.get(name)
        if route is None:
            text = f"is a record of stream {quoted(name)}, which has no SCHEMA before it"
            raise RecordsWithoutSchemaException(self._reader.about_line(text))
        line = (line or self._reader.line) if pipeline.keeps_lines else b""
        pipeline.position += 1
        if not isinstance(message["record"], dict):
            pipeline.take([_NO_RECORD], route.stream, line)
            return
        if pipeline.maps_nothing:
            sinks = [self._sinks.get(each.stream_alias) for each in route.stream_maps]
            used = any(sink and (sink.mapping or sink.readers) for sink in sinks)
            pipeline.maps_nothing = not used
        stream = route.streams.get(name, route.stream)
        context = {"stream": stream, "line": line, "own": message.get(OWN_KEY)}
        if not route.is_unchanged:
            self._transform(route, message["record"], context)
            return
        sink = self._sinks[name]
        sink.process_record(message["record"], context)
        if not route.on_fast_path and sink.is_open:
            self._reader.fast_path.open(stream, sink)
            route.on_fast_path = True

    def _transform(self, route: _Route, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Give each stream map's result to its sink."""
        made = [(each, transformed(each, record)) for each in route.stream_maps]
        kept = [(each.stream_alias, result) for each, result in made if result is not None]
        for alias, result in kept:
            if isinstance(result, RecordError):
                self._pipeline.take([result], route.stream, context["line"])
            else:
                own = {**context, "stream": route.streams[alias]}
                self._sinks[alias].process_record(result, own)
        if not kept:
            self._pipeline.take([_FILTERED], route.stream, context["line"])

    def batch(self, message: dict[str, Any]) -> None:
        """Read the records of the files now, each as a RECORD message."""
        storage = self._target.config.get("batch_config")
        for line, record in read_records(message, storage, self._pipeline.service):
            self.record({"stream": message["stream"], "record": record}, line)

    def state(self, message: dict[str, Any]) -> None:  # noqa: ARG002  # a handler's signature
        """Keep a STATE until everything before it is settled."""
        try:
            value = read_value(self._reader.line)
        except ValueError as error:
            logger.warning("A STATE is ignored: %s", error)
            return
        if value is not None:
            self._pipeline.checkpoint(value)
