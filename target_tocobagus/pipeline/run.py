"""One run: takes the outcomes of mapping, completes them, and hands rows to the workers.

Only the main thread reads, maps, writes STATE and ends the run; the workers send and settle, and
wake it when there is news. `stages` wires the parts of a run, `completion` gives rows what other
runs and streams know of them, `handover` is the way to the workers, `poller` does what is due, and
`shutdown` ends the run.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from target_tocobagus.completion.completion import Completion
from target_tocobagus.completion.resolved import PartRecord
from target_tocobagus.core.model import Complete, Level, Part, RecordError, Skipped, Stock
from target_tocobagus.core.versions import is_older, version_of_time
from target_tocobagus.pipeline.handover import Handover
from target_tocobagus.pipeline.mentions import Mentions
from target_tocobagus.pipeline.poller import Poller
from target_tocobagus.pipeline.shutdown import Shutdown
from target_tocobagus.pipeline.stages import RunMemory, keeps_lines
from target_tocobagus.pipeline.watches import Watches
from target_tocobagus.window.buffer import RowBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_tocobagus.completion.completed import Completed
    from target_tocobagus.core.model import Identifier, Outcome, Place, Stream
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.pipeline.stages import Stages
    from target_tocobagus.recognition.questions import Questions
    from target_tocobagus.report.totals import Totals
    from target_tocobagus.state.checkpoints import Value

logger = logging.getLogger("target-tocobagus")

_MOST_ROWS_AT_ONCE: Final = 1000
_MOST_BYTES_AT_ONCE: Final = 4 << 20
_DAY_MS: Final = 86_400_000


class Pipeline:
    """One run.

    Attributes:
        keeps_lines: Whether rows keep their RECORD messages, for `rejects_path`.
        remembers: Whether there is a ledger.
        position: The number of the last record that was read.
        row_buffer: Rows that were taken in and not handed to the workers yet.
        completion: Completes rows that need the memory across runs.
        handover: Hands rows to the workers.
        questions: What recognition asks, where `streams` is not set.
        maps_nothing: No record has come of a stream that has a mapping.
        watches: The columns that mappings and lookups rely on.
        mappings: Those in use; the summary adds up their counts.
        send_again: Sends rows again that earlier runs have rejected; with a ledger.
        finish: Ends a run whose input has ended.
        settle: Settles all rows of a second pass.
        end_after: Ends a run after an error in reading.
        abort: Stops a run at once.
        wait_for_input: Waits until a descriptor can be read; meanwhile does what is due.
    """

    def __init__(self, stages: Stages) -> None:
        """Prepare a run; nothing is sent, and no thread started, before the first row."""
        self.stages, settings = stages, stages.settings
        self.keeps_lines = keeps_lines(settings)
        self.remembers = settings.ledger is not None
        self.position = 0
        self.row_buffer = RowBuffer()
        self.totals = stages.shared.totals
        self.questions: Questions | None = None
        self.maps_nothing = True
        self.watches = Watches(stages.ledger)
        self.mappings: set[CompiledMapping] = set()
        self.send_again: Callable[[], Totals | None] | None = None
        self._poller = Poller(stages, self)
        self.handover = Handover(stages, self._poller)
        places = settings.policy.warehouse_map
        unsettled = self.handover.unsettled
        self.completion = Completion(RunMemory(stages), stages.ledger, unsettled, places)
        self._mentions = Mentions(stages, self.completion.lookups)
        # Small batches are handed over sooner: as many as can be in flight, and four more.
        rows = settings.batch_size_rows * (settings.max_in_flight + 4)
        self._flush_rows = min(_MOST_ROWS_AT_ONCE, rows)
        self._handed_over = 0
        self._held_bytes = 0
        self._checkpoints: list[tuple[int, Value]] = []
        shutdown = Shutdown(stages, self, self._poller)
        self.finish = shutdown.finish
        self.settle = shutdown.settle
        self.end_after = shutdown.end_after
        self.abort = shutdown.abort
        self.wait_for_input = self._poller.wait_for_input

    def take(
        self, outcomes: Iterable[Outcome], stream: Stream, line: bytes, rejected_at: int = 0
    ) -> None:
        """Take in the outcomes of the last record.

        Args:
            outcomes: Of its mapping.
            stream: Where it came.
            line: The RECORD message, if it is kept.
            rejected_at: See `Level`.
        """
        totals = self.totals
        errors: list[RecordError] = []
        lists: list[Complete] = []
        for row in outcomes:
            # What a list leaves out, and the sum that a part counts in, are counted once known.
            totals.updates += not isinstance(row, (Complete, Part))
            if isinstance(row, Complete):
                lists.append(row)
            elif isinstance(row, Part):
                errors += self._wait(row, stream, line)
            elif isinstance(row, Stock) and row.version and self._is_ahead(row.version):
                errors.append(_too_new(row))
            elif isinstance(row, Stock):
                level = Level(
                    row.quantity,
                    self.position,
                    stream,
                    line,
                    row.broadcast,
                    row.version,
                    rejected_at,
                )
                self.row_buffer.add(row.identifier, row.location, level)
            elif isinstance(row, Skipped):
                totals.skipped += 1
                self._mentions.end(dict.fromkeys(row.ended, self.position))
                self._mentions.end_items(row.gone)
                self._mentions.name(row.named)
            else:
                errors.append(row)
        if errors:
            self._mentions.end(dict.fromkeys(_named(errors), self.position))
            self._reject(errors, stream, line, self.position)
        if lists:
            self.row_buffer.seal()
            refused = {each.identifier for each in errors}
            self.completion.lists.take(lists, refused, self.position, stream, line)
        self._held_bytes += len(line)
        rows = max(self.row_buffer.rows, self.position - self._handed_over)
        if rows >= self._flush_rows or self._held_bytes >= _MOST_BYTES_AT_ONCE:
            self.flush()
            self.handover.await_room()

    def _wait(self, part: Part, stream: Stream, line: bytes) -> list[RecordError]:
        """Let a part wait until the next flush, in its place between the rows.

        Returns:
            What is wrong with its version; it has come then, and stays as it was.
        """
        errors = [_too_new(part)] if part.version and self._is_ahead(part.version) else []
        self.totals.updates += len(errors)
        if errors:
            part = Part(part.key, (), is_whole=False)
        self.row_buffer.seal()
        self.completion.sums.waiting.append(PartRecord(part, self.position, stream, line))
        return errors

    def _is_ahead(self, version: str) -> bool:
        """Whether a version is a time more than a day ahead of the API's clock."""
        return is_older(version_of_time(self.stages.outside.clock.now_ms() + _DAY_MS), version)

    def _reject(
        self,
        errors: Sequence[RecordError],
        stream: Stream,
        line: bytes,
        position: int,
        low: int | None = None,
    ) -> None:
        self._mentions.name(_named(errors))
        self.handover.reject(errors, stream, line, position, low)

    def overtake(self, identifier: Identifier, location: str | None) -> None:
        """Close what was rejected before of a level, with the next rows."""
        self._mentions.end({(identifier, location): self.position})

    def is_pending(self, identifier: Identifier, position: int) -> bool:
        """Whether the update of an item at a position may still wait or be in flight."""
        if position > self._handed_over:
            return True
        with self.stages.shared.lock:
            return self.stages.shared.window.holds(identifier)

    def checkpoint(self, value: Value) -> None:
        """Take in a STATE, which covers all records so far; it counts with the next flush."""
        self.completion.sums.last.state_at = self.position
        self._checkpoints.append((self.position, value))

    def service(self) -> None:
        """Called between chunks of input: hand over rows, wait for room, do what is due."""
        self.flush()
        self.handover.await_room()
        self._poller.poll()

    def flush(self) -> None:
        """Complete the rows taken in, and hand them to the workers.

        A run that must stop completes none, and tells the ledger nothing. No STATE that came since
        the last flush counts then, nor if this raises: the rows come again.
        """
        checkpoints, self._checkpoints = self._checkpoints, []
        if not self.stages.shared.over:
            self._let_pairs_follow()
            for found in self.completion.complete(self.row_buffer):
                self._take_completed(found, self.row_buffer)
        self._mentions.tell_ledger()
        self.handover.hand_over(self.row_buffer)
        self._handed_over = self.position
        self._held_bytes = 0
        if not self.stages.shared.over:  # nor was it while the ledger was told
            for position, value in checkpoints:
                self.stages.states.add(position, value)

    def _take_completed(self, found: Completed, rows: RowBuffer) -> None:
        """Take in rows that were completed, into those that are handed over next."""
        if found.rows:
            rows.merge(found.items, found.rows)
        if found.unsent:
            self.handover.settle_unsent(found.unsent)
        rows.stale += found.stale
        self.totals.updates += found.new
        self.totals.skipped += found.skipped
        self.totals.superseded += found.superseded
        self._mentions.end(found.ended)
        for each in found.failed:
            self._reject([each.error], each.stream, each.line, each.position, each.low)

    def _let_pairs_follow(self) -> None:
        """Let levels follow changed pairs now, where what has come since may not wait for it."""
        if self.completion.pairs.must_follow:
            self._follow_pairs()
            self._confirm_pairs()
        self.completion.pairs.compare()
        if self.completion.takes_over(self.row_buffer):
            self._follow_pairs()
            self._confirm_pairs()

    def _follow_pairs(self) -> None:
        """Let the levels of pairs that have changed follow them, once all before is settled.

        The rows that were read since wait meanwhile: they are newer.
        """
        self.handover.settle()
        rows = RowBuffer()
        try:
            for found in self.completion.follow():
                self._take_completed(found, rows)
        finally:  # what was taken in is counted
            self.handover.hand_over(rows)

    def _confirm_pairs(self) -> None:
        """Remember pairs that have changed, once their levels are settled."""
        self.handover.settle()
        self.completion.confirm()

    def end_input(self) -> None:
        """Hand over what goes out at the end of the input."""
        if not self.completion.sums.last.is_torn:
            for found in self.completion.unnamed.reject():
                self._take_completed(found, self.row_buffer)
                self.handover.await_room()
        if self.completion.lookups.changes:
            self._follow_pairs()
        for found in self.completion.rest(self.position):
            self._take_completed(found, self.row_buffer)
            self.flush()
            self.handover.await_room()
        if self.completion.lookups.changes:
            self._confirm_pairs()
        for doubt in self.completion.doubts():
            logger.warning(doubt)


def _named(errors: Iterable[RecordError]) -> list[Place]:
    return [(each.identifier, each.location) for each in errors if each.identifier]


def _too_new(row: Stock | Part) -> RecordError:
    text = f"newer_by: {row.version[2:]} is more than a day ahead of the API's clock"
    if isinstance(row, Part):
        return RecordError("BAD_VERSION", text)
    return RecordError("BAD_VERSION", text, row.identifier, row.location)
