"""The end of a run: at the end of the input, after an error, or after a signal.

Invariants:
- The first error is reported; later ones are logged.
- The last STATE is written, and rejects and totals are closed, exactly once.
- A run that is stopped waits for requests in flight no longer than the grace period.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.errors import (
    CredentialError,
    DeliveryError,
    LedgerError,
    OutputError,
    RunFailed,
    SetupError,
    Stopped,
    log_later,
    run_all,
)
from target_tocobagus.core.plural import counted
from target_tocobagus.delivery.reply_handler import logger as delivery_log
from target_tocobagus.pipeline.last_lines import LastLines
from target_tocobagus.pipeline.stages import GRACE_SECONDS
from target_tocobagus.state.gate import exceeded_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.config.settings import Settings
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.pipeline.poller import Intake, Poller
    from target_tocobagus.pipeline.stages import Stages
    from target_tocobagus.report.totals import Totals

logger = logging.getLogger("target-tocobagus")

GRACE_AFTER_SIGNAL: Final = 8.0
"""Kubernetes kills 30 seconds after SIGTERM, Docker 10."""

_LAST_WRITE_SECONDS: Final = 0.5


class Shutdown:
    """Ends a run."""

    def __init__(self, stages: Stages, intake: Intake, poller: Poller) -> None:
        self._stages = stages
        self._shared = stages.shared
        self._outcomes = stages.shared.outcomes
        self._totals = stages.shared.totals
        self._intake = intake
        self._poller = poller
        self._last_lines = LastLines(stages, intake)
        self._ended = False

    def finish(self, failed: Exception | None = None) -> None:
        """After the end of the input: send what waits, settle all of it, emit the last STATE.

        Args:
            failed: What has ended the input, if it is not its end; the caller reports it.

        Raises:
            TocobagusError: An error ended the run before, or the run failed at its end.
        """
        try:
            self._settle_all()
        except Exception as error:
            self.abort(first := self._first_error(error))
            if first is not error:
                raise first from None
            raise
        problem = failed
        for found in (
            self._intake.watches.problem(),
            self._intake.completion.sums.last.problem(),
            self._guard_problem(),
            _rejections_problem(self._totals, self._stages.settings),
        ):
            if found is not None and problem is not None:
                log_later(found, problem)
            problem = problem or found
        problem = problem or self._send_again() or self._guard_problem()
        self._end(problem)
        if problem is not None and problem is not failed:
            raise problem

    def _guard_problem(self) -> RunFailed | None:
        ledger = self._stages.ledger
        return ledger.guard.problem() if ledger is not None else None

    def _send_again(self) -> Exception | None:
        """After a good run, and its last STATE: send what earlier runs have rejected.

        Returns:
            What has ended the run; that the API cannot be reached now is only logged.
        """
        if self._intake.send_again is None:
            return None
        try:
            self._poller.emit_safe(last=True)
            self._totals.again = self._intake.send_again()
        except (CredentialError, SetupError) as error:
            return error
        except DeliveryError as error:
            logger.warning("Rows that were rejected before could not be sent again: %s", error)
        except Exception as error:  # noqa: BLE001  # raised again, once the run has ended
            return error
        return None

    def settle(self, failed: Exception | None = None) -> None:
        """Settle all rows of a second pass, which is a part of a run.

        Args:
            failed: What has ended the pass before, if something has: what is in flight gets its
                time, and nothing more is sent.

        Raises:
            TocobagusError: They cannot be settled now.
        """
        try:
            if failed is None:
                self._settle_all()
        except Exception as error:  # noqa: BLE001  # raised again, once the threads are quiet
            failed = error
        if failed is not None:
            failed = self._first_error(failed)
            self._stages.wakeup.stop(GRACE_SECONDS)
            self._shared.abandon()
            self._await_quiet()
        unsettled, close_rejects = self._close()
        check = partial(self._totals.check, unsettled)
        run_all([*close_rejects, delivery_log.flush, check], failed)
        if failed is not None:
            raise failed

    def _close(self) -> tuple[int, list[Callable[[], None]]]:
        """Ignore late replies; returns how many rows are left, and what closes the rejects."""
        self._poller.ending = self._ended = True
        self._shared.ignore_late_replies()
        written = self._stages.reject_writer.close(_LAST_WRITE_SECONDS)
        with self._shared.lock:
            unsettled = self._stages.shared.window.unsettled() + self._outcomes.undecided
        unsettled += self._intake.completion.unsettled
        return unsettled, [self._stages.rejects.close] if written else []

    def _settle_all(self) -> None:
        writer = self._stages.reject_writer
        self._poller.ask()
        self._poller.warn_questions()
        self._intake.flush()
        self._intake.end_input()
        self._stages.scheduler.close()
        self._poller.wait_until(lambda: self._shared.settled and writer.idle)
        with self._shared.lock:
            self._outcomes.end_suspicion()
        self._poller.wait_until(lambda: writer.idle)
        with self._shared.lock:
            self._poller.ending = True
            self._outcomes.decide()

    def end_after(self, error: Exception) -> Exception:
        """End a run after an error in reading.

        If the input or its handling is wrong, the records before it are still good and are sent.
        Later errors are logged.

        Returns:
            The error to report: the first, which may be one of a worker that was not noticed yet.
        """
        first = self._first_error(error)
        self._intake.completion.sums.last.is_torn = True
        if isinstance(first, (DeliveryError, LedgerError, OutputError, Stopped)):
            self.abort(first)
        else:
            run_all([partial(self.finish, first)], first)
        return first

    def _first_error(self, error: Exception) -> Exception:
        """Return an earlier error that was not noticed yet, or else the error itself."""
        if error is self._shared.error or isinstance(error, Stopped):
            return error
        if (first := self._poller.fatal_error()) is None:
            return error
        log_later(error, first)
        return first

    def abort(self, error: Exception) -> None:
        """Stop at once: emit a safe STATE, give requests in flight a few seconds, emit the last.

        Later errors are logged: the caller reports `error`.
        """
        if self._ended:
            return
        self._poller.ending = True
        grace = GRACE_AFTER_SIGNAL if isinstance(error, Stopped) else GRACE_SECONDS
        self._stages.wakeup.stop(grace)
        self._shared.abandon()
        emit_safe = self._poller.emit_safe
        steps = [self._intake.flush, emit_safe, self._await_quiet, lambda: self._end(error)]
        run_all(steps, error)
        if (held := self._guard_problem()) is not None:
            log_later(held, error)

    def _await_quiet(self) -> None:
        """Wait until nothing is in flight and every rejection is written, or the time is over."""
        until = self._stages.wakeup.until or 0.0
        while (left := until - time.monotonic()) > 0:
            if self._shared.quiet and self._stages.reject_writer.idle:
                return
            self._stages.wakeup.wait(left)

    def _end(self, problem: Exception | None) -> None:
        """Emit the last STATE and close the totals.

        Raises:
            TocobagusError: The first step that failed; the others are still done.
        """
        unsettled, close_rejects = self._close()
        left_open: dict[str, int] = {}
        steps = [
            self._stages.progress.close,
            lambda: self._poller.emit_safe(last=True),
            *close_rejects,
            delivery_log.flush,
            self._last_lines.name_codes,
            lambda: self._last_lines.log_summary(unsettled),
            lambda: self._totals.check(unsettled),
            lambda: self._close_ledger(unsettled, problem, left_open),
        ]
        try:
            run_all(steps)
        except Exception as error:
            problem = problem or error
            raise
        finally:
            self._last_lines.write_metrics(unsettled, left_open, is_good=problem is None)

    def _close_ledger(
        self, unsettled: int, problem: Exception | None, left_open: dict[str, int]
    ) -> None:
        ledger = self._stages.ledger
        if ledger is None:
            return
        met = self._intake.watches.met
        read = self._intake.completion.sums.last.read_once()
        suspects = self._outcomes.suspects.levels
        steps = [
            lambda: ledger.close_rejections(suspects, undecided=True),
            lambda: ledger.end(self._last_lines.fields(unsettled), problem, met, read),
            lambda: self._count_left_open(ledger, left_open),
            ledger.close,
        ]
        run_all(steps)

    def _count_left_open(self, ledger: Ledger, found: dict[str, int]) -> None:
        """Count for the metrics what the ledger has left open; a run does not fail by it."""
        if self._stages.metrics is not None:
            with suppress(LedgerError):
                found |= ledger.left_open()


def _rejections_problem(totals: Totals, settings: Settings) -> RunFailed | None:
    """Fail a run in which too many rows were rejected, though each has its outcome."""
    if totals.fruitless:
        codes = ", ".join(f"{code} {count}" for code, count in totals.codes.most_common(3))
        message = (
            f"{totals.rejected} rows were rejected and none accepted ({codes}):"
            " the mapping, the store or the credentials are probably wrong"
        )
        return RunFailed(message)
    if limit := exceeded_limit(totals.accepted, totals.rejected, settings):
        of = f" of {totals.accepted + totals.rejected}" if limit.endswith("percent") else ""
        rejected = counted(totals.rejected, f"row{of} was rejected", f"rows{of} were rejected")
        return RunFailed(f"{rejected}, more than {limit} allows")
    return None
