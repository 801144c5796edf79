"""The columns that the mappings and lookups of a run rely on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_tocobagus.core.errors import ActionNeeded
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import Stream
from target_tocobagus.mapping.required_columns import RequiredColumns

if TYPE_CHECKING:
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.mapping.looking_up import PairReader

logger = logging.getLogger("target-tocobagus")


class Watches:
    """Those of one pass; columns that were seen in earlier runs of a mapping count."""

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger
        self._by_stream: dict[tuple[str, str], RequiredColumns] = {}

    def of(self, stream: str, mapping: CompiledMapping) -> RequiredColumns:
        """Watch the columns that a stream's mapping relies on."""
        new = RequiredColumns(mapping.needs, mapping.inner_needs, mapping.entry)
        return self._watch((stream, ""), new)

    def of_pairs(self, reader: PairReader) -> RequiredColumns:
        """Watch the columns that a lookup relies on in the other stream."""
        new = RequiredColumns(reader.needs, entry=reader.entry)
        return self._watch((reader.stream, reader.kind), new)

    def _watch(self, key: tuple[str, str], new: RequiredColumns) -> RequiredColumns:
        """Return the watch of before, or else the new one, with what earlier runs have seen."""
        if key not in self._by_stream:
            if self._ledger is not None:
                new.recall(self._ledger.seen_columns(Stream(key[0], entry=new.entry)))
            self._by_stream[key] = new
        return self._by_stream[key]

    @property
    def lows(self) -> list[int]:
        """The lowest positions that no STATE may cover: a column was missing there."""
        return [watch.low for watch in self._by_stream.values() if watch.low is not None]

    @property
    def met(self) -> dict[Stream, set[str]]:
        """The needs that were met; a ledger keeps their names for later runs."""
        watches = self._by_stream.items()
        return {Stream(name, entry=watch.entry): watch.met for (name, _), watch in watches}

    def problem(self) -> ActionNeeded | None:
        """Fail a run in which a declared column that a mapping relies on was never seen."""
        lacking = [(name, watch) for (name, _), watch in self._by_stream.items() if watch.lacking]
        for name, watch in lacking:
            if watch.low is not None and not watch.declared:
                logger.warning(
                    "No record of stream %s had %s, which its mapping relies on: no STATE that"
                    " covers the stream went out",
                    quoted(name),
                    watch.describe(),
                )
        missing = [
            f"stream {quoted(name)}: {watch.describe()}"
            for name, watch in lacking
            if watch.declared
        ]
        if not missing:
            return None
        return ActionNeeded(
            "Columns that a mapping relies on were never seen: " + ", ".join(missing)
        )
