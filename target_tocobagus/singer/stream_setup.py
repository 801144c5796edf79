"""What a stream gets at its SCHEMA: a mapping, watches, and remarks in the log.

Invariants:
- A remark is logged once a run, however often a SCHEMA comes again.
- What was seen of a stream's columns and keys stays known under its next SCHEMA.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.mapping import PartsWatch, doubt_at_schema, watch_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.mapping.required_columns import RequiredColumns
    from target_tocobagus.pipeline.run import Pipeline
    from target_tocobagus.recognition.stream_router import Route, StreamRouter

logger: Final = logging.getLogger("target-tocobagus")


class StreamSetup:
    """One run's streams.

    Attributes:
        pipeline: Where their rows go.
        warehouse_map: The client id of each location's code, if there is a map.
    """

    def __init__(
        self, pipeline: Pipeline, chooser: StreamRouter, warehouse_map: Mapping[str, str] | None
    ) -> None:
        self.pipeline = pipeline
        self.warehouse_map = warehouse_map
        self._chooser = chooser
        self._logged: set[str] = set()
        self._parts: dict[str, PartsWatch | None] = {}

    def choose(
        self, stream: str, schema: dict[str, Any], keys: Sequence[str] | None
    ) -> tuple[Route, RequiredColumns | None]:
        """Choose a stream's mapping, and the columns to watch for.

        Raises:
            ConfigurationError: Only the user can say where its stock is.
        """
        choice = self._chooser.choose(stream, schema, keys)
        if choice.remark:
            self._log_once(logging.INFO if choice.mapping else logging.WARNING, choice.remark)
        if choice.mapping is None:
            return choice, None
        self.pipeline.mappings.add(choice.mapping)
        if choice.mapping.last_is_meant:
            self.pipeline.last_is_meant.add(stream)
        return choice, self._watch(stream, choice.mapping, schema) if choice.named else None

    def _watch(
        self, stream: str, mapping: CompiledMapping, schema: dict[str, Any]
    ) -> RequiredColumns:
        watch = self.pipeline.watch(stream, mapping)
        watch.see_schema(schema["properties"])
        if watch.missing and watch.declared:
            logger.warning(
                "Stream %s has no column %s, which its mapping relies on: until a record has it,"
                " no STATE goes out",
                quoted(stream),
                watch.describe(),
            )
        return watch

    def watch_parts(
        self, stream: str, mapping: CompiledMapping, keys: Sequence[str]
    ) -> PartsWatch | None:
        """Warn of a key that the mapping does not read, and watch for rows that are parts."""
        if doubt := doubt_at_schema(stream, mapping, keys):
            self._log_once(logging.WARNING, doubt)
        watch, known = watch_for(mapping, keys), self._parts.get(stream)
        if watch is None or (known is None and stream in self._parts):
            return None  # in the latter case it was warned about
        if known is None or known.columns != watch.columns:
            known = self._parts[stream] = watch
        return known

    def warn_of_parts(self, stream: str, text: str) -> None:
        """Warn of two rows that contradict each other; this stream is not watched any more."""
        logger.warning(text)
        self._parts[stream] = None

    def _log_once(self, level: int, text: str) -> None:
        if text not in self._logged:
            self._logged.add(text)
            logger.log(level, text)
