"""What can go wrong, by what is to be done next.

    TocobagusError
    ├── ConfigurationError    before the first record: the user must correct it
    ├── InputError            a line is not a Singer message: what came before it is settled
    ├── DeliveryError         nothing more can be sent: the run ends, unsettled rows come again
    │   ├── CredentialError   … and only the user can change that
    │   └── SetupError        … for the way to the API is set up wrongly, which is the user's, too
    ├── OutputError           the reader of STATE, or the file of rejected rows, is gone
    ├── RunFailed             everything was done, and the run is a failure all the same
    │   └── ActionNeeded      … and a person must act before another run can do better
    ├── AccountingError       the sums do not close: a fault of this program
    └── Stopped               a signal

The exit code says who can help: 1 where another run may, 2 where a person must act first. Of
several errors the first decides, unless a later one needs a person (`first_error`).

A rejected row is none of these: it is a value (`model.RecordError`), because one bad row never
stops a run. No message here, and no value that one is built from, may hold a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class TocobagusError(Exception):
    """Whatever ends a run in a way that this program foresaw; its text is for the user."""

    exit_code = 1


class ConfigurationError(TocobagusError):
    """The configuration cannot be used.

    Attributes:
        problems: One sentence each, naming the setting, never its value.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        """Take the problems, in the order in which they are to be shown."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class InputError(TocobagusError):
    """A line of the input is not a Singer message."""


class DeliveryError(TocobagusError):
    """The API cannot be written to, now or at all."""


NO_THREAD: Final = "no request can be made: this machine allows no further thread"


class CredentialError(DeliveryError):
    """The API does not accept the credentials or the signature."""

    exit_code = 2


class SetupError(DeliveryError):
    """No request can be made in this way: its URL, proxy, CA bundle or certificate is wrong."""

    exit_code = 2


class OutputError(TocobagusError):
    """STATE or a rejected row cannot be written."""


class RunFailed(TocobagusError):  # noqa: N818  # a verdict on the run, not a mishap
    """Every row has its outcome, and yet the run may not count as good."""


class ActionNeeded(RunFailed):
    """A person must act first: a mapped column never came, or recognition has a question."""

    exit_code = 2


class AccountingError(TocobagusError):
    """The outcomes do not add up to the updates."""


class Stopped(TocobagusError):  # noqa: N818  # a request, not a mishap
    """SIGTERM, SIGINT or SIGHUP asked the run to end."""

    def __init__(self, signum: int) -> None:
        """Take the signal's number; the shell's convention makes the exit code of it."""
        super().__init__(f"stopped by signal {signum}")
        self.exit_code = 128 + signum
