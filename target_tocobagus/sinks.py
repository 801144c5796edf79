"""A stream's sink: maps its records to outcomes.

The SDK's sink collects records until it is drained. This one maps each record at once and passes
the outcomes on; the window collects them for all streams together. It is never drained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from target_tocobagus.core.errors import ActionNeeded
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import Skipped
from target_tocobagus.mapping.paths import BOM
from target_tocobagus.mapping.replay import only_rejected, rejected_updates
from target_tocobagus.recognition.fields import is_own
from target_tocobagus.singer.sdk import SdkSink

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_tocobagus.core.model import Identifier, Outcome, Stream
    from target_tocobagus.mapping import PartsWatch, Row
    from target_tocobagus.singer.stream_setup import StreamSetup

_IGNORED = [Skipped("the stream holds no stock")]


class _HasStreamSetup(Protocol):
    stream_setup: StreamSetup


class StockSink(SdkSink):
    """Maps the records of a stream under one schema."""

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
        self._warehouse_map = target.stream_setup.warehouse_map
        self._choice, self._watch = self._setup.choose(stream_name, schema, key_properties)
        mapping = self._choice.mapping
        self.mapping = mapping and mapping.under(schema)
        self.columns = self._choice.columns
        self.parts: PartsWatch | None = None
        if mapping is not None:
            self.parts = self._setup.watch_parts(stream_name, mapping, self.key_properties)

    @property
    def is_open(self) -> bool:
        """Whether the columns that the mapping does not read can be left out."""
        complete = self._watch is None or self._watch.complete
        return complete and not self.is_validating

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Map a record and pass on its outcomes.

        Args:
            record: The record after the stream maps.
            context: `stream` and `line` for the rejects; `own`: the value of our key, if any.

        Raises:
            InvalidRecord: It does not fit its SCHEMA, and `validate_records` is on.
        """
        self.validate(record)
        if self.columns is not None:
            self._reject_unknown_columns(record, self.columns)
        if self._watch is not None:
            self._watch.see(record, self._pipeline.position)
        stream: Stream = context["stream"]
        outcomes = self._outcomes(record, context)
        self.look_for_parts(record, outcomes)
        self._pipeline.take(outcomes, stream, context["line"])
        self.record_counter_metric.increment()

    def _outcomes(self, record: dict[str, Any], context: dict[str, Any]) -> list[Outcome]:
        if self.mapping is None:
            if self._choice.sample is not None:
                self._pipeline.pass_over(self._choice.sample, record)
            return list(_IGNORED)
        outcomes = self.mapping.outcomes(record)
        updates = rejected_updates(context.get("own"))
        return (
            outcomes if updates is None else only_rejected(outcomes, updates, self._warehouse_map)
        )

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

    def doubt(self, identifier: Identifier, location: str | None, rows: tuple[Row, Row]) -> None:
        """Warn of two rows that contradict each other, if the first is not settled yet."""
        if self.parts is not None and self._pipeline.is_pending(identifier, rows[0].position):
            text = self.parts.doubt(self.stream_name, identifier, location, rows)
            self._setup.warn_of_parts(self.stream_name, text)
            self.parts = None
