"""Wires the stages: rows go in, requests and STATE go out, and all of it ends in one way.

The main thread's room. It alone reads, maps, writes STATE and decides that the run is over; the
workers send and settle, and wake it when there is news. It waits in one place only
(`wakeup.WakeUp.wait`), so that a signal, a fatal error and a STATE whose second has passed are met
at once, also while the tap is silent.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Final

from target_tocobagus.api.item_json import FRAME_BYTES, encode_item
from target_tocobagus.api.transport import outside as outside_of
from target_tocobagus.core.errors import (
    ActionNeeded,
    DeliveryError,
    OutputError,
    RunFailed,
    Stopped,
    TocobagusError,
)
from target_tocobagus.core.first_error import log_later, run_all
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import Level, RecordError, Skipped, Stock
from target_tocobagus.delivery.outcomes import Outcomes, by_cause
from target_tocobagus.delivery.reject_writer import RejectWriter
from target_tocobagus.delivery.reply_handler import Shared
from target_tocobagus.delivery.reply_handler import logger as delivery_log
from target_tocobagus.delivery.throttle import Throttle
from target_tocobagus.delivery.worker import Delivery
from target_tocobagus.mapping.required_columns import RequiredColumns
from target_tocobagus.report.progress import Progress, ProgressSnapshot
from target_tocobagus.report.rejects import Rejects
from target_tocobagus.report.summary import summary_fields, summary_text
from target_tocobagus.report.totals import Totals
from target_tocobagus.state.writer import StateWriter
from target_tocobagus.window.buffer import RowBuffer
from target_tocobagus.window.window import Window

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from target_tocobagus.api.transport import Dependencies
    from target_tocobagus.config.settings import Settings
    from target_tocobagus.core.model import Identifier, Outcome, Stream
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.pipeline.wakeup import WakeUp
    from target_tocobagus.recognition.questions import Questions, Sample
    from target_tocobagus.state.checkpoints import Value

logger = logging.getLogger("target-tocobagus")

_GRACE_SECONDS: Final = 5.0
GRACE_AFTER_SIGNAL: Final = 8.0
"""Kubernetes kills 30 seconds after SIGTERM, Docker 10."""

_MOST_ROWS_AT_ONCE: Final = 1000
_MOST_BYTES_AT_ONCE: Final = 4 << 20
_WINDOW_BYTES: Final = 64 << 20
"""Of what waits and of what is in flight together."""

_UNWRITTEN_BYTES: Final = 8 << 20
_LAST_WRITE_SECONDS: Final = 0.5
_MOST_NAMED: Final = 10


class Pipeline:
    """One run.

    Attributes:
        wakeup: Where the main thread waits.
        keeps_lines: Whether a row must carry its RECORD message, for `rejects_path`.
        position: The number of the last record that was read.
        gathering: What has been taken in and not yet handed to the workers.
        tally: The run's sums.
        questions: What recognition asks, where `streams` is not set.
        maps_nothing: No record has come of a stream that has a mapping.
    """

    def __init__(
        self,
        settings: Settings,
        wakeup: WakeUp,
        *,
        emit: Callable[[str], None],
        input_file: os.stat_result | None = None,
        outside: Dependencies | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Prepare a run; nothing is sent, and no thread started, before the first row.

        Args:
            settings: A checked configuration.
            wakeup: Where the main thread waits.
            emit: Writes one line to stdout.
            input_file: What the run reads from, if it is a file.
            outside: What it meets there; the API itself without it.
            progress: Where it shows how far it is; on stderr without it.

        Raises:
            ConfigurationError: `rejects_path` cannot be used.
        """
        self._settings = settings
        self.wakeup = wakeup
        self.tally = Totals()
        self._rejects = Rejects(settings.rejects_path, input_file=input_file)
        self.keeps_lines = settings.rejects_path is not None
        news = threading.Event()
        skips = settings.unlisted_items == "skip"
        self._outcomes = Outcomes(self.tally, news.set, skip_unlisted=skips)
        self._window = Window(encode_item, FRAME_BYTES)
        self._pacing = Throttle(settings)
        shared = Shared(self._window, self._pacing, self._outcomes, self.tally)
        outside = outside or outside_of(settings)
        self._emit = emit
        self._delivery = Delivery(
            shared,
            outside.send,
            outside.clock,
            max_retry=settings.max_retry_seconds,
            tell=self._hear,
            jitter=outside.jitter,
        )
        self._writer = RejectWriter(
            self._outcomes, self._rejects, self._delivery, news=news, tell=wakeup.wake
        )
        self._states = StateWriter(self._write, self._writer.confirm, outside.state_seconds)
        self._capacity = settings.batch_size_rows * (settings.max_in_flight + 4)
        self.gathering = RowBuffer()
        self._handed_over = 0
        self._held_bytes = 0
        self._flush_rows = min(_MOST_ROWS_AT_ONCE, self._capacity)
        self._mappings: set[CompiledMapping] = set()
        self._watches: dict[str, RequiredColumns] = {}
        self.questions: Questions | None = None
        self.maps_nothing = True
        self._started = False
        self._ending = False
        self._ended = False
        self._began_at = time.monotonic()
        done = "mapped" if settings.dry_run else "accepted"
        self._progress = progress or Progress(self._began_at, done=done)
        self.position = 0

    # What reading hands in

    def next_position(self) -> int:
        """Count one record more."""
        self.position += 1
        return self.position

    def take(self, outcomes: Iterable[Outcome], stream: Stream, line: bytes) -> None:
        """Take in what mapping made of the last record."""
        tally = self.tally
        refused: list[RecordError] = []
        for outcome in outcomes:
            tally.updates += 1
            if isinstance(outcome, Stock):
                level = Level(outcome.quantity, self.position, stream, line, outcome.broadcast)
                self.gathering.add(outcome.identifier, outcome.location, level)
            elif isinstance(outcome, Skipped):
                tally.skipped += 1
            else:
                refused.append(outcome)
        if refused:
            self._reject(refused, stream, line)
        self._held_bytes += len(line)
        if self.gathering.rows >= self._flush_rows or self._held_bytes >= _MOST_BYTES_AT_ONCE:
            self.flush()
            self._await_room()

    def pass_over(self, sample: Sample, record: object) -> None:
        """Take note of a record of a stream that is not recognised."""
        if self.questions is None:
            return
        before = sample.found
        self.questions.take(sample, record, time.monotonic())
        if sample.found is not before:
            self._tell_questions()
            if line := self.questions.ignored(sample):
                logger.warning(line)

    def _tell_questions(self) -> None:
        for line in self.questions.warnings() if self.questions else ():
            logger.warning(line)

    def _reject(self, refused: list[RecordError], stream: Stream, line: bytes) -> None:
        self._writer.start()
        with self._delivery.lock:
            for rejection in by_cause(refused, self.position, stream, line):
                self._outcomes.reject(rejection)

    def count_clamped(self, mapping: CompiledMapping) -> None:
        """Include in the summary what a mapping clamped and rounded down."""
        self._mappings.add(mapping)

    def watch(self, stream: str, mapping: CompiledMapping) -> RequiredColumns:
        """Watch for the columns that a stream's mapping relies on, for the whole run."""
        return self._watches.setdefault(stream, RequiredColumns(mapping.needs, mapping.inner_needs))

    def is_pending(self, identifier: Identifier, position: int) -> bool:
        """Tell whether what a record said of an item waits or is in flight."""
        if position > self._handed_over:
            return True
        with self._delivery.lock:
            return self._window.holds(identifier)

    def checkpoint(self, value: Value) -> None:
        """Take in a STATE, which covers every record so far."""
        self.flush()
        self._states.add(self.position, value)

    # The main thread's time

    def flush(self) -> None:
        """Hand what has been taken in to the workers."""
        if not self.gathering.rows:
            return
        if not self._started:
            self._started = True
            self._writer.start()
            self._delivery.start(self._settings.max_in_flight)
        with self._delivery.lock:
            self._delivery.put(self.gathering)
        self.gathering.clear()
        self._handed_over = self.position
        self._held_bytes = 0

    def breathe(self) -> None:
        """Between two chunks of input: hand over, wait for room, see to STATE and to the news."""
        self.flush()
        self._await_room()
        self._attend()

    def wait_for_input(self, source: int) -> None:
        """Wait until a descriptor can be read, and see meanwhile to all else."""
        while True:
            self._attend()
            began = time.monotonic()
            readable = self.wakeup.wait(self._patience(), source)
            self.tally.waited_for_tap += time.monotonic() - began
            if readable:
                return

    def _await_room(self) -> None:
        if not self._is_full():
            return
        began = time.monotonic()
        self._delivery.hurry(on=True)
        while self._is_full():
            self._attend()
            self.wakeup.wait(self._patience())
        self._delivery.hurry(on=False)
        self.tally.waited_for_api += time.monotonic() - began

    def _is_full(self) -> bool:
        window = self._window
        return (
            len(window) >= self._capacity
            or window.weight + window.leased_weight >= _WINDOW_BYTES
            or self._outcomes.weight >= _UNWRITTEN_BYTES
        )

    def _hear(self) -> None:
        """Take a worker's word to the main thread; of a fatal error too, wherever it waits."""
        if self._delivery.error is not None:
            self.wakeup.stop(_GRACE_SECONDS)
        self.wakeup.wake()

    def _attend(self) -> None:
        """See to what cannot wait.

        Raises:
            Stopped: A signal came.
            TocobagusError: A worker met a fatal error.
        """
        if (error := self._fatal()) is not None:
            raise error
        now = time.monotonic()
        if self.questions is not None and now >= (self.questions.due or math.inf):
            self._ask()
        if (due := self._states.due) is not None and now >= due:
            self._emit_safe()
        if now >= self._progress.due:
            self._progress.show(self._sight(), now)

    def _fatal(self) -> TocobagusError | None:
        if self.wakeup.signal is not None:
            return Stopped(self.wakeup.signal)
        return self._delivery.error

    def _ask(self) -> None:
        """End the run for a question, if one ends it.

        Raises:
            ActionNeeded: With all of them.
        """
        if self.questions is not None and (problem := self.questions.problem()):
            raise problem

    def _patience(self) -> float:
        """Tell how long to wait at the most, if nobody has news."""
        now = time.monotonic()
        due = self._progress.due
        if self.questions is not None and self.questions.due is not None:
            due = min(due, self.questions.due)
        if (state_due := self._states.due) is not None and state_due > now:
            due = min(due, state_due)  # one that is due and not safe waits for a worker's word
        return max(0.0, due - now)

    # STATE

    def _emit_safe(self, *, last: bool = False) -> None:
        """Write the newest STATE that is safe, if one is; at the end, its sums at the least."""
        with self._delivery.lock:
            if self._failing_limit() or (self._ending and self.tally.fruitless):
                return
            value = self._states.take_safe(self._lowest())
            own = self.tally.for_state()
        if self._settings.dry_run:
            return
        if value is not None:
            self._states.emit(value, own, time.monotonic())
        elif last:
            self._states.repeat(own, time.monotonic())

    def _failing_limit(self) -> str | None:
        """Name the setting beyond which the rejections are: then their rows are to come again."""
        limit = self._settings.max_rejected_rows
        if limit is not None and self.tally.rejected > limit:
            return "max_rejected_rows"
        over = self.tally.exceeds(self._settings.max_rejected_percent)
        return "max_rejected_percent" if over else None

    def _write(self, text: str) -> None:
        self._progress.make_way()
        self._emit(text)

    def _lowest(self) -> int | None:
        """Tell the lowest position that a STATE must not cover yet."""
        if self.maps_nothing and self.position:
            return 1
        holds = [watch.hold for watch in self._watches.values()]
        lows = [self._window.lowest(), self._outcomes.lowest, *holds]
        return min([low for low in lows if low is not None], default=None)

    # The end

    def finish(self) -> None:
        """The input is over: send what waits, settle all of it, emit the last STATE.

        Raises:
            TocobagusError: Something came between, or the run is a failure all the same.
        """
        try:
            self._tell_questions()
            self._ask()
            self.flush()
            self._delivery.close()
            self._await(lambda: self._delivery.settled and self._writer.idle)
            with self._delivery.lock:
                self._outcomes.end_suspicion()
            self._await(lambda: self._writer.idle)
            with self._delivery.lock:
                self._ending = True
                self._outcomes.decide()
        except Exception as error:
            self.abort(first := self._first(error))
            if first is not error:
                raise first from None
            raise
        self._end()
        self._raise_verdict()

    def _await(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._attend()
            self.wakeup.wait(self._patience())
        self._attend()

    def end_after(self, error: Exception) -> Exception:
        """End a run whose reading was ended by an error.

        Where the input is at fault, or its handling, what came before it is still good and is
        sent. What else fails meanwhile is logged.

        Returns:
            The error to report: the first, which may be a worker's that was not noticed yet.
        """
        first = self._first(error)
        if isinstance(first, (DeliveryError, OutputError, Stopped)):
            self.abort(first)
        else:
            run_all([self.finish], first)
        return first

    def _first(self, error: Exception) -> Exception:
        """Find what came before an error and was not noticed yet; if nothing did, the error."""
        if error is self._delivery.error or isinstance(error, Stopped):
            return error
        if (first := self._fatal()) is None:
            return error
        log_later(error)
        return first

    def abort(self, error: Exception) -> None:
        """Stop at once: emit what is safe, give what is in flight a few seconds, emit the last.

        What fails meanwhile is logged, for the error is the one to be reported.
        """
        if self._ended:
            return
        self._ending = True
        self.wakeup.stop(GRACE_AFTER_SIGNAL if isinstance(error, Stopped) else _GRACE_SECONDS)
        self._delivery.abandon()
        run_all([self.flush, self._emit_safe, self._await_quiet, self._end], error)

    def _await_quiet(self) -> None:
        """Wait until nothing is in flight, and what was rejected is written down; or no longer."""
        until = self.wakeup.until or 0.0
        while (left := until - time.monotonic()) > 0:
            if self._delivery.quiet and self._writer.idle:
                return
            self.wakeup.wait(left)

    def _end(self) -> None:
        """Emit the last STATE and close the sums.

        Raises:
            TocobagusError: One of that fails; the rest is done all the same.
        """
        self._ending = self._ended = True
        self._delivery.deafen()
        written = self._writer.close(_LAST_WRITE_SECONDS)
        with self._delivery.lock:
            unsettled = self._window.unsettled() + self._outcomes.undecided
        steps = [
            self._progress.close,
            lambda: self._emit_safe(last=True),
            *([self._rejects.close] if written else []),
            delivery_log.flush,
            self._warn_if_unlisted,
            self._warn_of_unused_codes,
            lambda: self._log_summary(unsettled),
            lambda: self.tally.check(unsettled),
        ]
        run_all(steps)

    def _warn_if_unlisted(self) -> None:
        if self.tally.unlisted and not self.tally.listed:
            text = "The store lists none of the items that were sent: %d updates were skipped"
            logger.warning(text, self.tally.unlisted)

    def _warn_of_unused_codes(self) -> None:
        """Name the entries of `warehouse_map` that no row used, if there were rows."""
        asked = {code for mapping in self._mappings for code in mapping.rules.locations.asked}
        has_rows = asked or self.tally.updates > self.tally.skipped
        entries = (self._settings.policy.warehouse_map or {}) if has_rows else {}
        unused = [
            code for code, client_id in entries.items() if asked.isdisjoint({code, client_id})
        ]
        if unused:
            names = ", ".join(map(quoted, unused[:_MOST_NAMED]))
            more = f" and {len(unused) - _MOST_NAMED} more" if len(unused) > _MOST_NAMED else ""
            text = "warehouse_map: no row had the code %s%s: are these what the tap writes?"
            logger.warning(text, names, more)

    def _raise_verdict(self) -> None:
        """Say why a run in which every row has its outcome may yet not count as good."""
        lacking = [(name, watch) for name, watch in self._watches.items() if watch.lacking]
        missing = [
            f"stream {quoted(name)}: {watch.describe()}"
            for name, watch in lacking
            if watch.declared
        ]
        for name, watch in lacking:
            if watch.hold is not None and not watch.declared:
                logger.warning(
                    "No record of stream %s had %s, which its mapping relies on: no STATE that"
                    " covers the stream went out",
                    quoted(name),
                    watch.describe(),
                )
        if missing:
            message = "Columns that a mapping relies on were never seen: " + ", ".join(missing)
            raise ActionNeeded(message)
        tally = self.tally
        if tally.fruitless:
            codes = ", ".join(f"{code} {count}" for code, count in tally.codes.most_common(3))
            message = (
                f"{tally.rejected} rows were rejected and none accepted ({codes}):"
                " the mapping, the store or the credentials are probably wrong"
            )
            raise RunFailed(message)
        if limit := self._failing_limit():
            of = f" of {tally.accepted + tally.rejected}" if limit.endswith("percent") else ""
            message = f"{tally.rejected} rows{of} were rejected, more than {limit} allows"
            raise RunFailed(message)

    # What a person sees

    def _sight(self) -> ProgressSnapshot:
        with self._delivery.lock:
            return ProgressSnapshot(
                records=self.position,
                accepted=self.tally.accepted,
                rejected=self.tally.rejected,
                in_flight=self._pacing.active,
                waiting=len(self._window),
                waiting_since=self._window.waiting_since,
            )

    def _log_summary(self, unsettled: int) -> None:
        seconds = time.monotonic() - self._began_at
        dry_run = self._settings.dry_run
        self.tally.records = self.position
        self.tally.clamped = sum(mapping.clamped for mapping in self._mappings)
        self.tally.cut = sum(mapping.cut for mapping in self._mappings)
        fields = summary_fields(self.tally, unsettled=unsettled, seconds=seconds, dry_run=dry_run)
        logger.info(summary_text(fields), extra={"summary": fields})
