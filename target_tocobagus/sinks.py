"""A stream's sink: how its records become outcomes.

The SDK's sink collects records until it is drained. This one maps each record at once and passes
the outcomes on; the window collects them for all streams together. It is never drained.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from target_tocobagus.core.errors import ActionNeeded
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import RecordError, Skipped
from target_tocobagus.mapping.looking_up import Pair
from target_tocobagus.mapping.replay import only_rejected, rejected_at, rejected_updates
from target_tocobagus.mapping.values import BOM
from target_tocobagus.recognition.fields import is_own
from target_tocobagus.singer.sdk import SdkSink
from target_tocobagus.singer.stream_maps import TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_tocobagus.core.model import Identifier, Outcome, Stream
    from target_tocobagus.mapping import CompiledMapping, PartsWatch, SeenRow
    from target_tocobagus.mapping.required_columns import RequiredColumns
    from target_tocobagus.recognition.questions import Sample
    from target_tocobagus.singer.stream_setup import StreamSetup

logger: Final = logging.getLogger("target-tocobagus")

_IGNORED: Final = Skipped("the stream holds no stock")
_PAIR: Final = Skipped("a pair of a lookup")


class _HasStreamSetup(Protocol):
    stream_setup: StreamSetup


class StockSink(SdkSink):
    """Maps the records of a stream under one schema.

    Attributes:
        mapping: Of its records; None if it holds no stock.
        columns: All that a record may have of the API's own; None if it may have any.
        parts: Looks for rows that are parts of one stock, until they are warned about.
        readers: Read its records as the pairs of lookups.
        is_open: The columns that the mapping does not read can be left out.
    """

    def __init__(
        self,
        target: _HasStreamSetup,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Choose the stream's mapping.

        Raises:
            ConfigurationError: Only the user can say which columns hold its stock.
        """
        super().__init__(target, stream_name, schema, key_properties)  # type: ignore[arg-type]  # a target that has one
        self._setup = target.stream_setup
        self._pipeline = target.stream_setup.pipeline
        self._validates = self.is_validating
        self._declared = schema, key_properties
        self._is_first = True
        self.choose()

    def choose(self) -> None:
        """Choose the stream's mapping by what is known now.

        Raises:
            ConfigurationError: Only the user can say which columns hold its stock.
        """
        stream_name, (schema, key_properties) = self.stream_name, self._declared
        choice = self._setup.choose(stream_name, schema, key_properties)
        self._sample = choice.sample
        self.columns = choice.columns
        self.mapping: CompiledMapping | None = None
        self.parts: PartsWatch | None = None
        self._watch: RequiredColumns | None = None
        if choice.mapping is not None:
            names_filtered = self._pipeline.remembers
            self.mapping = choice.mapping.under(schema, names_filtered=names_filtered)
            if choice.named:
                self._watch = self._setup.watch_columns(stream_name, choice.mapping, schema)
            self.parts = self._setup.watch_parts(stream_name, self.mapping, self.key_properties)
        self.readers = self._pipeline.completion.lookups.readers(stream_name)
        self._pair_watches = self._setup.watch_pairs(stream_name, schema)
        self.is_open = self._watch is None and not self._pair_watches and not self._validates

    def stream_of(self, stream: Stream) -> Stream:
        """Add to a stream what the ledger keeps of its rows, if there is one."""
        if (mapping := self.mapping) is None or not self._pipeline.remembers:
            return stream
        columns = tuple(sorted(mapping.columns or ()))
        stream = msgspec.structs.replace(stream, entry=mapping.entry, columns=columns)
        looks_up = mapping.pairs is not None
        self._pipeline.completion.begin(stream, mapping.summing, looks_up=looks_up)
        return stream

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Map a record and pass on its outcomes.

        Args:
            record: The record after the stream maps.
            context: `stream` and `line` for the rejects; `own`: the value of our key, if any.

        Raises:
            InvalidRecord: It does not fit its SCHEMA, and `validate_records` is on.
            ConfigurationError: It has a column that only the user can tell about.
        """
        if self._is_first and self.mapping is not None:
            self._setup.check_first(self.stream_name, self._declared[0], record)
        self._is_first = False
        stream = context["stream"]
        if self._validates and not self.validate(record):
            self._pipeline.take([TOO_DEEP], stream, context["line"])
            return
        if self.columns is not None:
            self._reject_unknown_columns(record, self.columns)
        if not self.is_open:
            self._see_columns(record)
        own = context["own"]
        outcomes = self.outcomes(record, own)
        if own is not None and self.mapping is not None:
            sums = self.mapping.summing is not None
            known = self._setup.warehouse_map
            names = self._pipeline.completion.lookups.names_in(outcomes)
            outcomes = only_rejected(outcomes, own, known, names, sums=sums)
        elif self.mapping is None and self._sample is not None and not self.readers:
            self._ask(self._sample, record)
        if self.parts is not None:
            self.look_for_parts(record, outcomes)
        self._pipeline.take(outcomes, stream, context["line"], rejected_at(own))
        self.record_counter_metric.increment()

    def outcomes(self, record: dict[str, Any], own: Any = None) -> list[Outcome]:
        """Map a record; if lookups need its pair, take that in.

        Args:
            record: The record.
            own: The value of our key, if any: a record that was rejected brings no pair, because a
                newer one may have come since.
        """
        if not self.readers:
            return [_IGNORED] if self.mapping is None else self.mapping.outcomes(record)
        found = [reader.pair(record) for reader in self.readers if rejected_updates(own) is None]
        errors: list[Outcome] = [each for each in found if isinstance(each, RecordError)]
        for reader, pair in zip(self.readers, found, strict=False):
            if isinstance(pair, Pair):
                self._pipeline.completion.pairs.note(reader, pair, self._pipeline.position)
        if self.mapping is not None:
            return [*self.mapping.outcomes(record), *errors]
        return errors or [_PAIR]

    def _see_columns(self, record: dict[str, Any]) -> None:
        """Look for columns that mappings rely on."""
        watches = [*self._pair_watches, *([self._watch] if self._watch else [])]
        for watch in watches:
            watch.see(record, self._pipeline.position)
        if self._watch is not None and self._watch.complete:
            self._watch = None
        self._pair_watches = [watch for watch in self._pair_watches if not watch.complete]
        left = self._watch or self._pair_watches
        self.is_open = not left and not self._validates

    def _ask(self, sample: Sample, record: dict[str, Any]) -> None:
        """Give a record of an unrecognised stream to recognition's questions."""
        if (questions := self._pipeline.questions) is None:
            return
        before = sample.found
        questions.take(sample, record, time.monotonic())
        if sample.found is not before and (line := questions.ignored(sample)):
            logger.warning(line)

    def _reject_unknown_columns(self, record: dict[str, Any], known: frozenset[str]) -> None:
        """End the run if a record of the API's own items has a column that was not declared.

        Raises:
            ActionNeeded: The column may change what the stock means.
        """
        names = [name.removeprefix(BOM) for name in record if is_own(name)]
        if unknown := [name for name in names if name not in known]:
            message = (
                f"stream {quoted(self.stream_name)} was recognised as the API's own items, and"
                f" a record has the column {quoted(unknown[0])}, which its SCHEMA does not"
                " declare. Only you can tell whether it changes the stock. Give the stream a"
                " mapping in streams; `tocobagus map FILE` drafts one"
            )
            raise ActionNeeded(message)

    def look_for_parts(self, record: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
        """Warn once a stream if the last record contradicts one that is not settled yet."""
        if self.parts is not None:
            for found in self.parts.contradictions(record, outcomes, self._pipeline.position):
                self.doubt(*found)

    def doubt(
        self, identifier: Identifier, location: str | None, rows: tuple[SeenRow, SeenRow]
    ) -> None:
        """Warn of two rows that contradict each other, if the first is not settled yet."""
        if self.parts is not None and self._pipeline.is_pending(identifier, rows[0].position):
            text = self.parts.doubt(self.stream_name, identifier, location, rows)
            self._setup.warn_of_parts(self.stream_name, text)
            self.parts = None
