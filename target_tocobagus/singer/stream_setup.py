"""What the streams of a run get at their SCHEMA: a mapping, watches, and remarks in the log."""

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
    """Those of one pass.

    Invariants:
    - A remark is logged once a run, however often a SCHEMA comes again.
    - What was seen of a stream's columns and keys stays known under its next SCHEMA.

    Attributes:
        warehouse_map: The client id of each location's code, if there is a map.
        logged: The remarks that were logged.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        router: StreamRouter,
        warehouse_map: Mapping[str, str] | None,
        before: StreamSetup | None = None,
    ) -> None:
        """Begin without streams; after a first pass `before`, its remarks are not logged again."""
        self.pipeline = pipeline
        self.warehouse_map = warehouse_map
        self._router = router
        self.logged: set[str] = set() if before is None else before.logged
        for mapping in router.looking_up:
            pipeline.completion.lookups.register(mapping)
        self._parts: dict[str, PartsWatch | None] = {}

    def choose(self, stream: str, schema: dict[str, Any], keys: Sequence[str] | None) -> Route:
        """Choose a stream's mapping.

        Raises:
            ConfigurationError: Only the user can say where its stock is.
        """
        choice = self._router.choose(stream, schema, keys)
        if choice.remark:
            self._log_once(logging.INFO if choice.mapping else logging.WARNING, choice.remark)
        if choice.mapping is not None:
            self.pipeline.mappings.add(choice.mapping)
            self.pipeline.completion.lookups.register(choice.mapping)
            if choice.mapping.last_is_meant:
                self.pipeline.handover.last_is_meant.add(stream)
        return choice

    def check_first(self, stream: str, schema: dict[str, Any], record: dict[str, Any]) -> None:
        """Look at what a stream's first record has beside its SCHEMA.

        Raises:
            ConfigurationError: Only the user can say where its stock is.
        """
        self._router.check_first(stream, schema, record)

    def watch_columns(
        self, stream: str, mapping: CompiledMapping, schema: dict[str, Any]
    ) -> RequiredColumns | None:
        """Watch for the columns that a mapping relies on, unless all were seen."""
        return self._watch(stream, self.pipeline.watches.of(stream, mapping), schema)

    def watch_pairs(self, stream: str, schema: dict[str, Any]) -> list[RequiredColumns]:
        """Watch for the columns that lookups of a stream rely on, unless all were seen."""
        readers = self.pipeline.completion.lookups.readers(stream)
        watches = [self.pipeline.watches.of_pairs(reader) for reader in readers]
        found = [self._watch(stream, watch, schema) for watch in watches]
        return [watch for watch in found if watch is not None]

    def _watch(
        self, stream: str, watch: RequiredColumns, schema: dict[str, Any]
    ) -> RequiredColumns | None:
        watch.see_schema(schema["properties"])
        if watch.missing and watch.declared:
            logger.warning(
                "Stream %s has no column %s, which its mapping relies on: until a record has it,"
                " no STATE goes out",
                quoted(stream),
                watch.describe(),
            )
        return None if watch.complete else watch

    def watch_parts(
        self, stream: str, mapping: CompiledMapping, keys: Sequence[str]
    ) -> PartsWatch | None:
        """Warn of a key that the mapping does not read, and watch for rows that are parts."""
        if doubt := doubt_at_schema(stream, mapping, keys):
            self._log_once(logging.WARNING, doubt)
        watch, known = watch_for(mapping, keys), self._parts.get(stream)
        if watch is None or (known is None and stream in self._parts) or (known and known.is_over):
            return None  # in the second case it was warned about
        if known is None or known.columns != watch.columns:
            known = self._parts[stream] = watch
        return known

    def warn_of_parts(self, stream: str, text: str) -> None:
        """Warn of two rows that contradict each other; this stream is not watched any more."""
        logger.warning(text)
        self._parts[stream] = None

    def _log_once(self, level: int, text: str) -> None:
        if text not in self.logged:
            self.logged.add(text)
            logger.log(level, text)
