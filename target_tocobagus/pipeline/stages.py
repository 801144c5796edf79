"""The stages of a run, and how they are wired: window, delivery, outcomes, rejects, STATE."""

from __future__ import annotations

import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.api.transport import outside as outside_of
from target_tocobagus.core.collector import not_collecting
from target_tocobagus.delivery.books import Books
from target_tocobagus.delivery.outcomes import Outcomes
from target_tocobagus.delivery.reject_writer import RejectWriter
from target_tocobagus.delivery.reply_handler import ReplyHandler
from target_tocobagus.delivery.scheduler import Scheduler
from target_tocobagus.delivery.shared import Shared
from target_tocobagus.delivery.throttle import Throttle
from target_tocobagus.delivery.worker import Workers
from target_tocobagus.report.metrics import MetricsFile
from target_tocobagus.report.progress import Progress
from target_tocobagus.report.rejects import Rejects
from target_tocobagus.report.totals import Totals
from target_tocobagus.state.writer import StateWriter
from target_tocobagus.window.window import Window

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from target_tocobagus.api.transport import Dependencies
    from target_tocobagus.config.settings import Settings
    from target_tocobagus.ledger.dry_run import CopiedMemory
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.ledger.pairs.pairs import Pairs
    from target_tocobagus.ledger.parts.parts import Parts
    from target_tocobagus.pipeline.wakeup import WakeUp

GRACE_SECONDS: Final = 5.0
"""How long a run that must stop waits for requests in flight."""

_MOST_LOGGED_AGAIN: Final = 10
"""How many rows are logged that are refused again; all of them are in the ledger."""


class Stages(msgspec.Struct, frozen=True, eq=False):
    """The parts of a run.

    Attributes:
        shared: What the threads share; only to be used under its lock.
        states: STATE from the tap to stdout; only for the main thread.
        outside: The API, its clock and jitter.
    """

    settings: Settings
    wakeup: WakeUp
    outside: Dependencies
    shared: Shared
    scheduler: Scheduler
    workers: Workers
    rejects: Rejects
    reject_writer: RejectWriter
    states: StateWriter
    progress: Progress
    ledger: Ledger | None = None
    metrics: MetricsFile | None = None


class _Ends(msgspec.Struct, frozen=True, eq=False):
    """Where what a run says goes to; `write_state` writes a line to stdout."""

    rejects: Rejects
    progress: Progress
    write_state: Callable[[str], None]


def keeps_lines(settings: Settings) -> bool:
    """Whether rows keep their RECORD messages: to be written down, or remembered."""
    return settings.rejects_path is not None or settings.ledger is not None


def wire(
    settings: Settings,
    wakeup: WakeUp,
    *,
    emit: Callable[[str], None],
    input_file: os.stat_result | None = None,
    outside: Dependencies | None = None,
    progress: Progress | None = None,
) -> Stages:
    """Connect the stages of a run; no thread is started.

    Args:
        settings: A checked configuration.
        wakeup: Where the main thread waits.
        emit: Writes one line to stdout.
        input_file: The file that the run reads from, if it is one.
        outside: The API, clock and jitter; by default those of the settings.
        progress: Shows the progress; on stderr by default.

    Raises:
        ConfigurationError: `rejects_path`, `metrics_path` or the ledger cannot be used.
        LedgerError: Another run uses the ledger, or it cannot be written.
    """
    rejects = Rejects(settings.rejects_path, input_file=input_file)
    outside = outside or outside_of(settings)
    done = "mapped" if settings.dry_run else "accepted"
    progress = progress or Progress(time.monotonic(), done=done)

    def write_state(text: str) -> None:
        progress.make_way()
        emit(text)

    ends = _Ends(rejects, progress, write_state)
    metrics = _metrics_file(settings)
    stages = _connect(settings, wakeup, outside, _open_ledger(settings, outside), ends)
    return msgspec.structs.replace(stages, metrics=metrics)


def wire_again(stages: Stages) -> Stages:
    """Connect the stages of a second pass, which sends rejected rows again.

    It has the API and the ledger of the run, and totals of its own. It emits no STATE, and writes
    no rows to `rejects_path`: what is refused again stays open in the ledger. Its rows are not what
    the tap gives now, so they name no level.
    """
    if stages.ledger is not None:
        stages.ledger.named_days.is_on = False
    rejects = Rejects(None, most_logged=_MOST_LOGGED_AGAIN)
    ends = _Ends(rejects, stages.progress, lambda _: None)
    return _connect(stages.settings, stages.wakeup, stages.outside, stages.ledger, ends)


def _connect(
    settings: Settings,
    wakeup: WakeUp,
    outside: Dependencies,
    ledger: Ledger | None,
    ends: _Ends,
) -> Stages:
    totals = Totals()
    news = threading.Event()
    skips = settings.unlisted_items == "skip"
    outcomes = Outcomes(totals, news.set, skip_unlisted=skips)
    window = Window(keeps_lines=keeps_lines(settings))

    def notify_main() -> None:
        # A fatal error also ends a wait for stdout, which only looks at `wakeup`.
        if shared.error is not None:
            wakeup.stop(GRACE_SECONDS)
        elif len(window.ready) <= shared.enough:
            wakeup.wake()

    shared = Shared(window, Throttle(settings), outcomes, totals, notify_main)
    scheduler = Scheduler(shared)
    handler = ReplyHandler(shared, outside.clock, settings.max_retry_seconds, outside.jitter)
    workers = Workers(shared, scheduler, handler, outside.send, _books(settings, ledger, shared))
    reject_writer = RejectWriter(shared, ends.rejects, news=news, tell=wakeup.wake)

    def confirm() -> None:
        reject_writer.confirm()
        if ledger is not None:
            ledger.sync()

    return Stages(
        settings=settings,
        wakeup=wakeup,
        outside=outside,
        shared=shared,
        scheduler=scheduler,
        workers=workers,
        rejects=ends.rejects,
        reject_writer=reject_writer,
        states=StateWriter(ends.write_state, confirm, outside.state_seconds),
        progress=ends.progress,
        ledger=ledger,
    )


def _metrics_file(settings: Settings) -> MetricsFile | None:
    """A dry run leaves the figures of the last run as they are."""
    if settings.metrics_path is None or settings.dry_run or settings.credentials is None:
        return None
    return MetricsFile(settings.metrics_path, settings.credentials.store_client_id)


def _open_ledger(settings: Settings, outside: Dependencies) -> Ledger | None:
    """Open the ledger, if the configuration names one; only then its libraries are imported."""
    if settings.ledger is None:
        return None
    with not_collecting():
        from target_tocobagus.ledger.opening import open_ledger
    return open_ledger(settings, outside.clock.now_ms)


class RunMemory:
    """What a run remembers beside levels: in the ledger, or for a dry run in a copy of its own."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    @property
    def parts(self) -> Parts:
        """The parts of stocks that are added up."""
        return self._of.parts

    @property
    def pairs(self) -> Pairs:
        """The pairs of lookups."""
        return self._of.pairs

    @cached_property
    def _of(self) -> Ledger | CopiedMemory:
        if self._stages.settings.dry_run:
            from target_tocobagus.ledger.dry_run import copy_memory

            return copy_memory(self._stages.settings)
        if self._stages.ledger is None:
            raise AssertionError
        return self._stages.ledger


def _books(settings: Settings, ledger: Ledger | None, shared: Shared) -> Books:
    shared.totals.remembers = settings.ledger is not None
    if ledger is None:
        return Books()
    from target_tocobagus.delivery.ledger_books import LedgerBooks

    shared.totals.accepted_before = ledger.has_accepted
    shared.window.released = set()
    return LedgerBooks(ledger, shared)
