"""The errors that end a run, by what to do next.

    TocobagusError
    ├── ConfigurationError    before the first record: the user must correct it
    ├── InputError            a line is not a Singer message: what came before it is settled
    ├── DeliveryError         nothing more can be sent: the run ends, unsettled rows come again
    │   ├── CredentialError   the API does not accept the credentials
    │   └── SetupError        the URL, proxy, CA bundle or certificate is wrong
    ├── OutputError           the reader of STATE, or the file of rejected rows, is gone
    ├── LedgerError           the memory across runs cannot be read or written
    │   └── LedgerRefused     it is of another version, or of another program
    ├── RunFailed             every row has its outcome, and the run counts as failed
    │   └── ActionNeeded      a person must act before another run can succeed
    │       └── StockOutsHeld the guard holds stock-outs that are too many
    ├── AccountingError       the totals do not add up: a bug of this program
    └── Stopped               a signal

The exit code is 1 if another run may succeed, and 2 if a person must act first. Of several errors
the first is reported, because later ones often follow from it: later ones are logged when they
come, the first by the command at the very end. Its exit code becomes 2 if any of them needs a
person, because another run would fail in the same way.

A rejected row is not an error but a value (`model.RecordError`), because one bad row never stops a
run. No message here may contain a secret.
"""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger("target-tocobagus")


class TocobagusError(Exception):
    """An expected reason for the end of a run; its text is for the user."""

    exit_code = 1


class ConfigurationError(TocobagusError):
    """The configuration cannot be used.

    Attributes:
        problems: One sentence each, naming the setting, never its value.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class InputError(TocobagusError):
    """A line of the input is not a Singer message."""


class DeliveryError(TocobagusError):
    """The API cannot be written to, now or at all."""


NO_THREAD: Final = "no request can be made: this machine does not allow another thread"


class CredentialError(DeliveryError):
    """The API does not accept the credentials or the signature."""

    exit_code = 2


class SetupError(DeliveryError):
    """No request can be made in this way: its URL, proxy, CA bundle or certificate is wrong."""

    exit_code = 2


class OutputError(TocobagusError):
    """STATE or a rejected row cannot be written."""


class LedgerError(TocobagusError):
    """The ledger cannot be read or written, or another run uses it."""


class LedgerRefused(LedgerError):  # noqa: N818  # what was done, and not what happened
    """The ledger is of a later version, or no ledger at all; it is left alone."""

    exit_code = 2


class RunFailed(TocobagusError):  # noqa: N818  # a verdict on the run, not a mishap
    """Every row has its outcome, but the run counts as failed."""


class ActionNeeded(RunFailed):
    """A person must act first: a mapped column never came, or recognition has a question."""

    exit_code = 2


class StockOutsHeld(ActionNeeded):
    """GUARD: more stock would fall to 0 than `max_zeroed_percent` allows; the rest was sent."""


class AccountingError(TocobagusError):
    """The outcomes do not add up to the updates."""


class Stopped(TocobagusError):  # noqa: N818  # a request, not a mishap
    """SIGTERM, SIGINT or SIGHUP asked the run to end."""

    def __init__(self, signum: int) -> None:
        """Set the exit code to 128 + the signal's number, as shells do."""
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum


def run_all(steps: Sequence[Callable[[], object]], first: BaseException | None = None) -> None:
    """Run each step, even if an earlier one fails.

    Args:
        steps: In order.
        first: An earlier error, which the caller will report.

    Raises:
        Exception: The first error of a step, unless there was an earlier one.
    """
    raised: Exception | None = None
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001, PERF203  # raised below, or logged
            if first or raised:
                log_later(error, first or raised)
            else:
                raised = error
    if raised is not None:
        raise raised


def log_later(error: Exception, first: Any) -> None:
    """Log an error that came after the first one, unless its text is the same.

    Args:
        error: The later one; if it needs a person, the first gets exit code 2, unless it is a
            signal.
        first: The one to be reported, or ``None``.
    """
    needs_person = getattr(error, "exit_code", 1) == ActionNeeded.exit_code
    if needs_person and first is not None and getattr(first, "exit_code", 1) == 1:
        first.exit_code = ActionNeeded.exit_code
    if str(error) == str(first):
        return
    foreseen = isinstance(error, TocobagusError)
    logger.error("%s", error, exc_info=None if foreseen else error)
