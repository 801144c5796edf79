"""The stages of a run, and how they are wired: window, delivery, outcomes, rejects, STATE."""

from __future__ import annotations

import threading
import time
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
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.pipeline.wakeup import WakeUp

GRACE_SECONDS: Final = 5.0
"""How long a run that must stop waits for requests in flight."""


class Stages(msgspec.Struct, frozen=True, eq=False):
    """The parts of a run.

    Attributes:
        shared: What the threads share; only to be used under its lock.
        states: STATE from the tap to stdout; only for the main thread.
        began_at: The beginning of the run, by the monotonic clock.
        now_ms: The API's time, as far as it is known.
    """

    settings: Settings
    wakeup: WakeUp
    shared: Shared
    scheduler: Scheduler
    workers: Workers
    rejects: Rejects
    reject_writer: RejectWriter
    states: StateWriter
    progress: Progress
    began_at: float
    now_ms: Callable[[], int]
    ledger: Ledger | None = None


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
        ConfigurationError: `rejects_path` or the ledger cannot be used.
        LedgerError: Another run uses the ledger, or it cannot be written.
    """
    began_at = time.monotonic()
    totals = Totals()
    rejects = Rejects(settings.rejects_path, input_file=input_file)
    news = threading.Event()
    skips = settings.unlisted_items == "skip"
    outcomes = Outcomes(totals, news.set, skip_unlisted=skips)
    window = Window(keeps_lines=keeps_lines(settings))
    outside = outside or outside_of(settings)
    progress = progress or Progress(began_at, done="mapped" if settings.dry_run else "accepted")

    def notify_main() -> None:
        # A fatal error also ends a wait for stdout, which only looks at `wakeup`.
        if shared.error is not None:
            wakeup.stop(GRACE_SECONDS)
        wakeup.wake()

    def write_state(text: str) -> None:
        progress.make_way()
        emit(text)

    shared = Shared(window, Throttle(settings), outcomes, totals, notify_main)
    scheduler = Scheduler(shared)
    handler = ReplyHandler(shared, outside.clock, settings.max_retry_seconds, outside.jitter)
    ledger, books = _open_ledger(settings, outside, shared)
    workers = Workers(shared, scheduler, handler, outside.send, books)
    reject_writer = RejectWriter(shared, rejects, news=news, tell=wakeup.wake)
    states = StateWriter(write_state, reject_writer.confirm, outside.state_seconds)
    return Stages(
        settings=settings,
        wakeup=wakeup,
        shared=shared,
        scheduler=scheduler,
        workers=workers,
        rejects=rejects,
        reject_writer=reject_writer,
        states=states,
        progress=progress,
        began_at=began_at,
        now_ms=outside.clock.now_ms,
        ledger=ledger,
    )


def _open_ledger(
    settings: Settings, outside: Dependencies, shared: Shared
) -> tuple[Ledger | None, Books]:
    """Open the ledger, if the configuration names one; only then its libraries are imported."""
    if settings.ledger is None:
        return None, Books()
    with not_collecting():
        from target_tocobagus.delivery.ledger_books import LedgerBooks
        from target_tocobagus.ledger.opening import open_ledger
    ledger = open_ledger(settings, outside.clock.now_ms)
    shared.totals.remembers = True
    if ledger is None:
        return None, Books()
    shared.totals.accepted_before = ledger.has_accepted
    shared.window.released = set()
    return ledger, LedgerBooks(ledger, shared)
