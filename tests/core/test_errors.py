"""The exit code says who can help: another run, or a person."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import pytest

from target_tocobagus.core import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

CODES: Final = {
    "ConfigurationError": 2,
    "InputError": 1,
    "DeliveryError": 1,
    "CredentialError": 2,
    "SetupError": 2,
    "OutputError": 1,
    "LedgerError": 1,
    "LedgerRefused": 2,
    "RunFailed": 1,
    "ActionNeeded": 2,
    "StockOutsHeld": 2,
    "AccountingError": 1,
}


def below(error: type[errors.TocobagusError]) -> Iterator[type[errors.TocobagusError]]:
    """Go through all of the program's errors that derive from one."""
    for each in error.__subclasses__():
        if each.__module__.startswith("target_tocobagus."):  # other tests have their own
            yield each
            yield from below(each)


def test_each_error_ends_a_run_with_1_or_2() -> None:
    """2 where a person must act before another run can do better; none is left out."""
    found = {each.__name__: each.exit_code for each in below(errors.TocobagusError)}

    assert found.pop("Stopped") == 1  # a signal's number decides, in each case
    assert found == CODES


def test_a_signal_ends_a_run_as_a_shell_expects() -> None:
    """The exit code is 128 plus the signal's number."""
    assert errors.Stopped(signal.SIGTERM).exit_code == 143
    assert errors.Stopped(signal.SIGINT).exit_code == 130


def test_each_step_runs_and_the_first_error_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    """A step that fails does not keep the next ones from running, and no later error hides it."""
    done: list[str] = []

    def fail(text: str) -> None:
        done.append(text)
        raise errors.OutputError(text)

    steps = [lambda: fail("first"), lambda: fail("second"), lambda: done.append("last")]
    with pytest.raises(errors.OutputError, match="first"):
        errors.run_all(steps)

    assert done == ["first", "second", "last"]
    assert caplog.messages == ["second"]
