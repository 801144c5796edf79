"""The translation of the libraries' exceptions."""

from __future__ import annotations

import ssl

import pytest
import requests

from target_tocobagus.api.deadline import ConnectionTimeoutError
from target_tocobagus.api.network_errors import Failed, translated


@pytest.mark.parametrize(
    ("code", "failure"),
    [(26, "untrusted"), (18, "untrusted"), (62, "wrong name"), (9, "out of date")],
)
def test_why_a_certificate_does_not_verify_is_told_by_openssls_number(
    code: int, failure: str
) -> None:
    """An unknown number is reported with OpenSSL's own message."""
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_code, cause.verify_message = code, "unsuitable purpose"
    failed = translated(OSError("outer", cause))

    assert failed == Failed(failure, "unsuitable purpose")  # type: ignore[arg-type]  # a table of texts


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (
            requests.exceptions.ProxyError("outer", ConnectionRefusedError(111, "Refused")),
            Failed("proxy lost", "Refused"),
        ),
        (requests.exceptions.ProxyError(TimeoutError()), Failed("proxy lost", "no answer in time")),
        (
            requests.ConnectTimeout(ConnectionTimeoutError(None, "")),
            Failed("no connection", "no connection in time"),
        ),
        (requests.ReadTimeout("outer", TimeoutError()), Failed("no answer", "no answer in time")),
        (ssl.SSLError(1, "[SSL] record layer failure"), Failed("tls", "record layer failure")),
    ],
    ids=str,
)
def test_what_breaks_between_two_steps_is_told_by_the_second(
    error: Exception, failed: Failed
) -> None:
    """A connection may fail at a step after one that was checked."""
    assert translated(error) == failed


def test_errors_that_go_round_in_a_circle_are_read_once() -> None:
    """Whatever wraps what, the innermost cause is found, or at least the walk ends."""
    first, second = OSError("first"), LookupError("second")
    first.__cause__, second.__cause__ = second, first

    assert translated(first) == Failed("garbled", "it cannot be understood")
