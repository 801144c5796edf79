"""One run: takes the outcomes of mapping, and hands rows to the workers.

Only the main thread reads, maps, writes STATE and ends the run; the workers send and settle, and
wake it when there is news. `stages` wires the parts of a run, `poller` does what is due, and
`shutdown` ends it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.completion.completer import CompleteList, Completer
from target_tocobagus.completion.lookups import Lookups
from target_tocobagus.completion.mixed import MixedSources
from target_tocobagus.completion.resolver import Resolver, Row
from target_tocobagus.core.model import Complete, Level, Part, RecordError, Skipped, Stock, Stream
from target_tocobagus.core.versions import is_older, version_of_time
from target_tocobagus.delivery.rejections import by_cause
from target_tocobagus.mapping import doubt_of_streams
from target_tocobagus.mapping.required_columns import RequiredColumns
from target_tocobagus.pipeline.poller import Poller
from target_tocobagus.pipeline.shutdown import Shutdown
from target_tocobagus.pipeline.stages import RunMemory, keeps_lines
from target_tocobagus.window.buffer import RowBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from target_tocobagus.completion.lookups import Renamed
    from target_tocobagus.completion.resolver import Resolved
    from target_tocobagus.core.model import Identifier, Outcome
    from target_tocobagus.ledger.waiting_rows import WaitingRow
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.mapping.looking_up import PairReader
    from target_tocobagus.pipeline.stages import Stages
    from target_tocobagus.recognition.questions import Questions
    from target_tocobagus.report.totals import Totals
    from target_tocobagus.state.checkpoints import Value
    from target_tocobagus.window.buffer import Unsent
    from target_tocobagus.window.newest import Rivals

logger = logging.getLogger("target-tocobagus")

_FEW: Final = 4
"""A window that was full is read into again when a quarter of it is left to send."""

_MOST_ROWS_AT_ONCE: Final = 1000
_MOST_BYTES_AT_ONCE: Final = 4 << 20
_WINDOW_BYTES: Final = 64 << 20
"""Memory of the waiting items and those in flight together."""

_UNWRITTEN_BYTES: Final = 8 << 20
_DAY_MS: Final = 86_400_000


class Pipeline:
    """One run.

    Attributes:
        keeps_lines: Whether rows keep their RECORD messages, for `rejects_path`.
        position: The number of the last record that was read.
        row_buffer: Rows that were taken in and not handed to the workers yet.
        resolver: Completes rows that are parts.
        completer: Finds the locations that complete lists leave out.
        lookups: Gives rows the identifiers that another stream brings.
        mixed: Finds stocks that one mapping adds up and another one sets.
        questions: What recognition asks, where `streams` is not set.
        maps_nothing: No record has come of a stream that has a mapping.
        watches: The columns that each stream's mapping relies on, and those of lookups.
        last_is_meant: Streams whose mapping has `combine: last`.
        mappings: Those in use; the summary adds up their counts.
        send_again: Sends rows again that earlier runs have rejected; with a ledger.
        finish: Ends a run whose input has ended.
        settle: Settles all rows of a second pass.
        end_after: Ends a run after an error in reading.
        abort: Stops a run at once.
    """

    def __init__(self, stages: Stages) -> None:
        """Prepare a run; nothing is sent, and no thread started, before the first row."""
        self.stages, settings = stages, stages.settings
        self.keeps_lines = keeps_lines(settings)
        self.remembers = settings.ledger is not None
        self.position = 0
        self.row_buffer = RowBuffer()
        self.mixed = MixedSources()
        self.completer = Completer(settings.policy.warehouse_map)
        memory = RunMemory(stages)
        self.lookups = Lookups(lambda: memory.pairs, lambda: memory.waiting)
        self.resolver = Resolver(lambda: memory.parts)
        self.totals = stages.shared.totals
        self.questions: Questions | None = None
        self.maps_nothing = True
        self.watches: dict[tuple[str, str], RequiredColumns] = {}
        self.last_is_meant: set[str] = set()
        self._contradicted: set[str] = set()
        self.mappings: set[CompiledMapping] = set()
        self._ended: dict[tuple[Identifier, str | None], int] = {}
        self._overtaken: dict[tuple[Identifier, str | None], int] = {}
        self._named: set[tuple[Identifier, str | None]] = set()
        self._scheduler = stages.scheduler
        self._capacity = settings.batch_size_rows * (settings.max_in_flight + 4)
        self._flush_rows = min(_MOST_ROWS_AT_ONCE, self._capacity)
        self._handed_over = 0
        self._held_bytes = 0
        self._started = False
        self.send_again: Callable[[], Totals | None] | None = None
        self._poller = Poller(stages, self)
        shutdown = Shutdown(stages, self, self._poller)
        self.finish = shutdown.finish
        self.settle = shutdown.settle
        self.end_after = shutdown.end_after
        self.abort = shutdown.abort

    def take(
        self, outcomes: Iterable[Outcome], stream: Stream, line: bytes, said_at: int = 0
    ) -> None:
        """Take in the outcomes of the last record.

        Args:
            outcomes: Of its mapping.
            stream: Where it came.
            line: The RECORD message, if it is kept.
            said_at: See `Level`.
        """
        totals = self.totals
        errors: list[RecordError] = []
        lists: list[Complete] = []
        for row in outcomes:
            totals.updates += 1
            if isinstance(row, Complete):
                totals.updates -= 1  # which are counted once it is known what it leaves out
                lists.append(row)
            elif isinstance(row, Part):
                totals.updates -= 1  # which are counted once it is resolved
                errors += self._wait(row, stream, line)
            elif isinstance(row, Stock) and self._is_ahead(row.version):
                errors.append(_too_new(row))
            elif isinstance(row, Stock):
                level = Level(
                    row.quantity, self.position, stream, line, row.broadcast, row.version, said_at
                )
                self.row_buffer.add(row.identifier, row.location, level)
            elif isinstance(row, Skipped):
                totals.skipped += 1
                self._ended |= dict.fromkeys(row.ended, self.position)
                self._named.update(row.named)
            else:
                errors.append(row)
        if errors:
            ended = [(each.identifier, each.location) for each in errors if each.identifier]
            self._ended |= dict.fromkeys(ended, self.position)
            self._reject(errors, stream, line, self.position)
        if lists:
            self._complete(lists, {each.identifier for each in errors}, stream, line)
        self._held_bytes += len(line)
        waiting = len(self.resolver.waiting) + len(self.completer.waiting)
        rows = self.row_buffer.rows + waiting
        if rows >= self._flush_rows or self._held_bytes >= _MOST_BYTES_AT_ONCE:
            self.flush()
            self._await_room()

    def _complete(
        self,
        lists: Iterable[Complete],
        refused: Collection[Identifier | None],
        stream: Stream,
        line: bytes,
    ) -> None:
        """Let the lists of a record's items wait until the next flush; a refused item has none."""
        places: dict[Identifier, Complete] = {}
        for each in lists:
            before = places.get(each.identifier, each)
            named = tuple(dict.fromkeys([*before.places, *each.places]))
            places[each.identifier] = msgspec.structs.replace(each, places=named)
        self.row_buffer.seal()
        self.completer.waiting += [
            CompleteList(each, self.position, stream, line)
            for each in places.values()
            if each.identifier not in refused
        ]

    def _wait(self, part: Part, stream: Stream, line: bytes) -> list[RecordError]:
        """Let a part wait until the next flush, in its place between the rows.

        Returns:
            What is wrong with its version; it has come then, and stays as it was.
        """
        errors = [_too_new(part)] if self._is_ahead(part.version) else []
        self.totals.updates += len(errors)
        if errors:
            part = Part(part.key, (), is_whole=False)
        self.row_buffer.seal()
        self.resolver.waiting.append(Row(part, self.position, stream, line))
        return errors

    def _is_ahead(self, version: str) -> bool:
        """Whether a version is a time more than a day ahead of the API's clock."""
        if not version:
            return False
        return is_older(version_of_time(self.stages.outside.clock.now_ms() + _DAY_MS), version)

    def _reject(
        self,
        errors: list[RecordError],
        stream: Stream,
        line: bytes,
        position: int,
        low: int | None = None,
    ) -> None:
        self.stages.reject_writer.start()
        self._named.update([(each.identifier, each.location) for each in errors if each.identifier])
        with self.stages.shared.lock:
            for rejection in by_cause(errors, position, stream, line):
                self.stages.shared.outcomes.reject(rejection, low)

    def watch(self, stream: str, mapping: CompiledMapping) -> RequiredColumns:
        """Watch the columns that a stream's mapping relies on; those of earlier runs count."""
        if (stream, "") not in self.watches:
            watch = RequiredColumns(mapping.needs, mapping.inner_needs, mapping.entry)
            self.watches[stream, ""] = self._recalled(stream, watch)
        return self.watches[stream, ""]

    def watch_pairs(self, reader: PairReader) -> RequiredColumns:
        """Watch the columns that a lookup relies on in the other stream."""
        key = (reader.stream, reader.kind)
        if key not in self.watches:
            watch = RequiredColumns(reader.needs, entry=reader.entry)
            self.watches[key] = self._recalled(reader.stream, watch)
        return self.watches[key]

    def _recalled(self, stream: str, watch: RequiredColumns) -> RequiredColumns:
        if self.stages.ledger is not None:
            watch.recall(self.stages.ledger.seen_columns(Stream(stream, entry=watch.entry)))
        return watch

    def is_pending(self, identifier: Identifier, position: int) -> bool:
        """Whether the update of an item at a position may still wait or be in flight."""
        if position > self._handed_over:
            return True
        with self.stages.shared.lock:
            return self.stages.shared.window.holds(identifier)

    def checkpoint(self, value: Value) -> None:
        """Take in a STATE, which covers all records so far."""
        self.flush()
        self.resolver.state_at = self.position
        self.stages.states.add(self.position, value)

    def flush(self) -> None:
        """Hand the rows taken in to the workers."""
        if self.lookups.is_used and not self.stages.shared.over:
            self._look_up()
        if self.resolver.has_rows and not self.stages.shared.over:
            self._take_resolved(self.resolver.resolve())
            self._held_bytes = 0  # those of parts are not kept, if their sums go out later
        if self.completer.waiting and not self.stages.shared.over:
            self._take_left_out()
        if self.mixed.is_possible and self.row_buffer.rows and not self.stages.shared.over:
            self._reject_mixed()
        self._close_rejections()
        self._name_levels()
        self._hand_over(self.row_buffer)
        self._handed_over = self.position
        self._held_bytes = 0

    def _hand_over(self, rows: RowBuffer) -> None:
        """Hand rows to the workers."""
        if not rows.rows and not rows.stale:
            return
        if not self._started:
            self._started = True
            self.stages.reject_writer.start()
            self.stages.workers.start(self.stages.settings.max_in_flight)
        ledger, unsent = self.stages.ledger, None
        try:
            if ledger is not None and not self.stages.shared.over:  # else nothing will be sent
                unsent = ledger.screen(rows)
        finally:  # what the ledger cannot tell is unsettled, and counted there
            self._put(rows, unsent)

    def _put(self, rows: RowBuffer, unsent: Unsent | None) -> None:
        with self.stages.shared.lock:
            self._scheduler.put(rows, unsent)
            rivals = self.stages.shared.window.rivals
            new = [rivals[name] for name in rivals.keys() - self._contradicted]
        for each in new:
            self._warn_of_streams(each)
        rows.clear()

    def _look_up(self) -> None:
        """Give rows their identifiers, by the pairs that have come so far."""
        lookups = self.lookups
        if lookups.must_follow:
            self._follow_pairs()
            self._confirm_pairs()
        for learned in lookups.learn(self._rename):
            self.row_buffer.merge(learned.items, len(learned.items))
            self.totals.skipped += learned.skipped
            self.totals.superseded += learned.superseded
        skipped, superseded, stale = lookups.name_rows(self.row_buffer)
        self.totals.skipped += skipped
        self.totals.superseded += superseded
        self.totals.stale += stale
        if self.resolver.waiting:
            self.resolver.waiting = lookups.name_parts(self.resolver.waiting)

    def _rename(self, each: Renamed) -> None:
        """Let parts follow their pairs."""
        self.resolver.rename(each.names, each.entries, each.at)

    def _follow_pairs(self) -> None:
        """Let the levels of pairs that have changed follow them, once all before is settled.

        The rows that were read since wait meanwhile: they are newer.
        """
        self._settle()
        moved, renamed = self.lookups.follow()
        for each in renamed:
            self._rename(each)
        found, rows = self.resolver.follow(), RowBuffer(moved)
        self.totals.updates += len(moved)
        self._take_resolved(found, rows)
        self._hand_over(rows)

    def _confirm_pairs(self) -> None:
        """Remember pairs that have changed, once their levels are settled."""
        self._settle()
        self.lookups.confirm(self.resolver.have_gone)

    def _settle(self) -> None:
        """Wait until each row that was handed over has its outcome."""
        if self.stages.shared.settled:
            return
        self._scheduler.set_backpressure(on=True)
        self._poller.wait_until(lambda: self.stages.shared.settled)
        self._scheduler.set_backpressure(on=False)

    def end_input(self) -> None:
        """Hand over what goes out at the end of the input."""
        while not self.resolver.is_torn and (missing := self.lookups.missing()):
            self._reject_missing(missing)
        if self.lookups.has_changes:
            self._follow_pairs()
        for found in self.resolver.rest(self.position):
            self._take_resolved(found)
            self.flush()
            self._await_room()
        if self.lookups.has_changes:
            self._confirm_pairs()
        for doubt in (*self.resolver.doubts(), *self.lookups.doubts()):
            logger.warning(doubt)

    def _reject_missing(self, missing: list[tuple[RecordError, WaitingRow]]) -> None:
        """Reject rows whose pair has not come; the ledger keeps them."""
        self.lookups.reject(missing)
        for error, row in missing:
            self._reject([error], row.level.stream, row.level.line, row.level.position, row.low)
        self._await_room()

    def _take_resolved(self, found: Resolved, rows: RowBuffer | None = None) -> None:
        """Take in rows that were completed."""
        rows = self.row_buffer if rows is None else rows
        if found.unnamed:
            skipped, superseded = self.lookups.wait_for_names(found.unnamed)
            self.totals.updates += len(found.unnamed)
            self.totals.skipped += skipped
            self.totals.superseded += superseded
        rows.merge(found.items, found.updates)
        rows.stale += found.stale
        new = found.updates + found.waiting + found.stale + found.skipped + len(found.failed)
        self.totals.updates += new
        self.totals.skipped += found.skipped
        self.totals.superseded += found.superseded
        for error, row in found.failed:
            self._reject([error], row.stream, row.line, row.position)

    def _take_left_out(self) -> None:
        """Take in zeros for the locations that complete lists leave out."""
        with self.stages.shared.lock:
            levels = self.stages.shared.window.levels
            unsettled = {each: levels(each) for each in self.completer.identifiers}
        found = self.completer.resolve(self.row_buffer.items, unsettled, self.stages.ledger)
        self._ended |= found.refused
        if found.items:
            rows = sum(len(item.levels) for item in found.items)
            self.row_buffer.merge(found.items, rows)
            self.totals.updates += rows

    def _reject_mixed(self) -> None:
        """Reject rows of stocks that one mapping adds up and another one sets."""
        with self.stages.shared.lock:
            identifiers = {item.identifier for item in self.row_buffer.items}
            waiting = {each: self.stages.shared.window.levels(each) for each in identifiers}
        for error, level in self.mixed.take_out(
            self.row_buffer, self.resolver.parts, waiting.__getitem__
        ):
            self._reject([error], level.stream, level.line, level.position)

    def overtake(self, identifier: Identifier, location: str | None) -> None:
        """Close what was rejected before of a level, with the next rows."""
        self._ended[identifier, location] = self.position

    def _close_rejections(self) -> None:
        """Close what is rejected of rows that were deleted since, or cannot be used now.

        An earlier row of theirs may still wait or be in flight, and be rejected afterwards. A run
        that must stop does not wait for the ledger: no STATE covers these records, so they come
        again.
        """
        if self.stages.ledger is not None and self._ended and not self.stages.shared.over:
            if self.lookups.is_used:
                self._name_ended()
            with self.stages.shared.lock:
                holds = self.stages.shared.window.holds
                waiting = {key: at for key, at in self._overtaken.items() if holds(key[0])}
            self._overtaken = waiting | self._ended
            self.stages.ledger.close_rejections(self._ended, self._overtaken)
        self._ended = {}

    def _name_levels(self) -> None:
        """Note which levels were named by rows that are not sent; `screen` notes the others."""
        if self.stages.ledger is not None and self._named and not self.stages.shared.over:
            if self.lookups.is_used:
                found = self.lookups.find([identifier for identifier, _ in self._named])
                named = [(found.get(each), place) for each, place in self._named]
                self._named.update([(each, place) for each, place in named if each is not None])
            self.stages.ledger.named_days.name_places(self._named)
        self._named.clear()

    def _name_ended(self) -> None:
        """Add the levels under the identifiers that pairs give them."""
        found = self.lookups.find([identifier for identifier, _ in self._ended])
        self._ended |= {
            (named, place): position
            for (identifier, place), position in self._ended.items()
            if (named := found.get(identifier)) is not None
        }

    def _warn_of_streams(self, rivals: Rivals) -> None:
        """Warn once a stream that its rows differ from another stream's unsettled ones."""
        names = (rivals.older.stream.name, rivals.newer.stream.name)
        self._contradicted.add(names[1])
        if self.last_is_meant.isdisjoint(names):
            quantities = (rivals.older.quantity, rivals.newer.quantity)
            text = doubt_of_streams(names, rivals.identifier, rivals.location, quantities)
            logger.warning(text)

    def service(self) -> None:
        """Called between chunks of input: hand over rows, wait for room, do what is due."""
        self.flush()
        self._await_room()
        self._poller.poll()

    def wait_for_input(self, source: int) -> None:
        """Wait until a descriptor can be read; meanwhile do what is due."""
        readable = False
        while not readable:
            self._poller.poll()
            began = time.monotonic()
            readable = self._poller.wait(source)
            self.totals.waited_for_tap += time.monotonic() - began

    def _await_room(self) -> None:
        """Once the window is full, wait until few items are left that can be sent.

        Mapping and sending take turns for the interpreter's lock; the longer each turn, the less
        the changes cost. Items that wait for a request in flight do not count: that one may be
        tried for minutes, and the other workers must not wait with it.
        """
        if not self._is_full():
            return
        began = time.monotonic()
        self._scheduler.set_backpressure(on=True)
        window, few = self.stages.shared.window, self._capacity // _FEW
        while self._is_full() or len(window.ready) > few:
            self._poller.poll()
            self._poller.wait()
        self._scheduler.set_backpressure(on=False)
        self.totals.waited_for_api += time.monotonic() - began

    def _is_full(self) -> bool:
        window = self.stages.shared.window
        return (
            window.waiting >= self._capacity
            or window.weight >= _WINDOW_BYTES
            or self.stages.shared.outcomes.unwritten.weight >= _UNWRITTEN_BYTES
        )


def _too_new(row: Stock | Part) -> RecordError:
    text = f"newer_by: {row.version[2:]} is more than a day ahead of the API's clock"
    if isinstance(row, Part):
        return RecordError("BAD_VERSION", text)
    return RecordError("BAD_VERSION", text, row.identifier, row.location)
