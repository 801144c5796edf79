"""The main thread between two rows: signals, fatal errors, questions, STATE, progress.

It waits in one place only (`wakeup.WakeUp.wait`), so that a signal, a fatal error and a due STATE
are noticed at once, also while the tap is silent.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Protocol

from target_tocobagus.core.errors import Stopped
from target_tocobagus.report.progress import ProgressSnapshot
from target_tocobagus.state.gate import exceeded_limit, first_held, is_open

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.completion.completion import Completion
    from target_tocobagus.core.errors import TocobagusError
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.pipeline.stages import Stages
    from target_tocobagus.pipeline.watches import Watches
    from target_tocobagus.recognition.questions import Questions
    from target_tocobagus.report.totals import Totals

logger = logging.getLogger("target-tocobagus")


class Intake(Protocol):
    """How far reading is.

    Attributes:
        position: The number of the last record that was read.
        questions: What recognition asks, where `streams` is not set.
        maps_nothing: No record of a stream with a mapping has come.
        watches: The columns that mappings and lookups rely on.
        completion: Completes rows that need the memory across runs.
        send_again: Sends rows again that earlier runs have rejected; with a ledger.
    """

    position: int
    questions: Questions | None
    maps_nothing: bool
    watches: Watches
    mappings: set[CompiledMapping]
    completion: Completion
    send_again: Callable[[], Totals | None] | None

    def flush(self) -> None:
        """Hand the rows taken in to the workers."""

    def end_input(self) -> None:
        """Hand over what goes out at the end of the input."""


class Poller:
    """Does what is due, between rows and while waiting.

    Attributes:
        ending: No further row is sent.
    """

    def __init__(self, stages: Stages, intake: Intake) -> None:
        self._stages = stages
        self._intake = intake
        self.ending = False

    def poll(self) -> None:
        """Do what is due now.

        Raises:
            Stopped: A signal came.
            TocobagusError: A worker met a fatal error, or a question needs an answer.
        """
        if (error := self.fatal_error()) is not None:
            raise error
        now = time.monotonic()
        questions, progress = self._intake.questions, self._stages.progress
        if questions is not None and now >= (questions.due or math.inf):
            self.ask()
        self.warn_questions()
        if (due := self._stages.states.due) is not None and now >= due:
            self.emit_safe()
        if now >= progress.due:
            progress.show(self._snapshot(), now)

    def wait(self, source: int | None = None, *, at_most: float = math.inf) -> bool:
        """Wait for news of another thread, for the next due time, or for a readable descriptor."""
        return self._stages.wakeup.wait(min(at_most, self._next_timeout()), source)

    def wait_for_input(self, source: int) -> None:
        """Wait until a descriptor can be read; meanwhile do what is due."""
        self.poll()
        if self.wait(source, at_most=0):
            return
        self._stages.scheduler.set_silence(on=True)
        readable = False
        while not readable:
            self.poll()
            began = time.monotonic()
            readable = self.wait(source)
            self._stages.shared.totals.waited_for_tap += time.monotonic() - began
        self._stages.scheduler.set_silence(on=False)

    def wait_until(self, condition: Callable[[], bool], *, look_seconds: float = math.inf) -> None:
        """Poll until the API's answers have made a condition true, and once more after that.

        Without news of another thread, the condition is looked at after `look_seconds`.
        """
        began = time.monotonic()
        try:
            while not condition():
                self.poll()
                self.wait(at_most=look_seconds)
        finally:
            self._stages.shared.totals.waited_for_api += time.monotonic() - began
        self.poll()

    def fatal_error(self) -> TocobagusError | None:
        """Find an error that ends the run at once: a signal, or a worker's error."""
        if self._stages.wakeup.signal is not None:
            return Stopped(self._stages.wakeup.signal)
        return self._stages.shared.error

    def ask(self) -> None:
        """End the run if recognition has questions that end it.

        Raises:
            ActionNeeded: With all questions.
        """
        questions = self._intake.questions
        if questions is not None and (problem := questions.problem()):
            raise problem

    def warn_questions(self) -> None:
        """Log the questions that are new."""
        for line in self._intake.questions.warnings() if self._intake.questions else ():
            logger.warning(line)

    def emit_safe(self, *, last: bool = False) -> None:
        """Write the newest safe STATE; at the end, repeat the latest one if its counts changed."""
        stages, totals = self._stages, self._stages.shared.totals
        waits = self._intake.completion.lowest
        with stages.shared.lock:
            limit = exceeded_limit(totals.accepted, totals.rejected, stages.settings)
            if not is_open(limit, ending=self.ending, fruitless=totals.fruitless):
                return
            value = stages.states.take_safe(self._first_held(waits))
            own = totals.for_state()
        if stages.settings.dry_run:
            return
        if value is not None:
            stages.states.emit(value, own, time.monotonic())
        elif last:
            stages.states.repeat(own, time.monotonic())

    def _first_held(self, waits: int | None) -> int | None:
        intake, shared = self._intake, self._stages.shared
        lows = [shared.window.lowest(), shared.outcomes.lowest, waits, *intake.watches.lows]
        return first_held(lows, position=intake.position, maps_nothing=intake.maps_nothing)

    def _next_timeout(self) -> float:
        now = time.monotonic()
        questions, states = self._intake.questions, self._stages.states
        due = self._stages.progress.due
        if questions is not None and questions.due is not None:
            due = min(due, questions.due)
        if (state_due := states.due) is not None and state_due > now:
            due = min(due, state_due)  # one that is due but not safe waits for news of a worker
        return max(0.0, due - now)

    def _snapshot(self) -> ProgressSnapshot:
        shared = self._stages.shared
        with shared.lock:
            return ProgressSnapshot(
                records=self._intake.position,
                accepted=shared.totals.accepted,
                rejected=shared.totals.rejected,
                in_flight=shared.throttle.active,
                unsettled=shared.window.unsettled_items,
                waiting_since=oldest.arrived if (oldest := shared.window.ready.oldest) else None,
            )
