"""What is read from a reply beside its rows: a failure, a number, two kinds of time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.core.model import Reply
from target_tocobagus.delivery.reply_fields import (
    describe,
    failure_code,
    failure_message,
    refuses_request,
    request_id,
    retry_after,
    server_clock,
)

MOMENT = 1_770_230_415.0
"""Wed, 04 Feb 2026 18:40:15 GMT."""

ODD_BODIES: list[Any] = [
    None,
    [],
    "error",
    3,
    {},
    {"error": None},
    {"error": []},
    {"error": "AUTH_003"},
    {"error": {"code": None, "message": 5, "details": []}},
    {"error": {"code": 3, "details": {"context": "now"}}},
]


def failing(code: str = "", **context: Any) -> dict[str, Any]:
    """Make the body of a failure."""
    return {
        "success": False,
        "error": {"code": code, "message": "No.", "details": {"context": context}},
        "requestId": "r-1",
    }


def test_a_failure_is_read_from_its_own_places() -> None:
    """Code, message and number stand where the guide says."""
    body = failing("AUTH_010")
    assert (failure_code(body), failure_message(body), request_id(body)) == (
        "AUTH_010",
        "No.",
        "r-1",
    )


@pytest.mark.parametrize("body", ODD_BODIES)
def test_an_odd_body_has_no_failure(body: Any) -> None:
    """A field that is not in its place, or is not a text, counts as absent."""
    assert (failure_code(body), failure_message(body), request_id(body)) == ("", "", "")
    assert server_clock(Reply(400, body)) is None


def test_a_reply_is_named_by_all_that_helps() -> None:
    """Status, code, message and requestId are named, and what is absent leaves no gap."""
    assert describe(Reply(418, failing("X")), "odd") == "odd (HTTP 418, X, No., requestId r-1)"
    assert describe(Reply(418), "odd") == "odd (HTTP 418)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("5", 5.0),
        (" 120 ", 120.0),
        ("86400", 86400.0),
        ("99999999999999999999", 999999999.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("\u0665", None),
        ("soon", None),
        ("5 seconds", None),
        ("Wed, 04 Feb 2026 18:40:25 GMT", 10.0),
        ("Wednesday, 04-Feb-26 18:40:25 GMT", 10.0),
        ("Wed Feb  4 18:40:25 2026", 10.0),
        ("Wed, 04 Feb 2026 18:40:05 GMT", 0.0),
        ("Wed, 99 Feb 2026 18:40:05 GMT", None),
        ("Wed, 04 Feb 99999 18:40:05 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """`Retry-After` is whole seconds or one of HTTP's three dates; anything else is none."""
    assert retry_after(Reply(429, headers={"retry-after": text}), MOMENT) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 04 Feb 2026 17:40:15 GMT", 3610.0),
        ("Wed, 04 Feb 2026 18:40:25 GMT", 0.0),
        ("Thu, 05 Feb 2026 18:40:25 GMT", 0.0),
        ("now", 10.0),
        ("", 10.0),
    ],
)
def test_a_date_is_counted_from_the_replys_own(date: str, seconds: float) -> None:
    """The reply's `Date` says what its sender takes for now; without it the known clock does."""
    headers = {"retry-after": "Wed, 04 Feb 2026 18:40:25 GMT", "date": date}
    assert retry_after(Reply(429, headers=headers), MOMENT) == seconds


@pytest.mark.parametrize(
    ("body", "refuses"),
    [
        (failing("INV_050"), True),
        (failing(""), False),
        ({**failing("INV_050"), "success": True}, False),
        ({**failing("INV_050"), "success": "false"}, False),
        ({**failing("INV_050"), "success": 0}, False),
        ({"success": False, "error": {"code": 5}}, False),
        ({"success": False, "error": "INV_050"}, False),
        ({"success": False}, False),
        ([{"success": False}], False),
        (None, False),
    ],
)
def test_a_refusal_is_success_false_and_a_code(body: Any, *, refuses: bool) -> None:
    """Both are needed: without a code nobody knows that it is the API that refuses."""
    assert refuses_request(body) is refuses


def test_without_the_header_there_is_no_retry_after() -> None:
    """A reply without `Retry-After` asks for no wait."""
    assert retry_after(Reply(429), MOMENT) is None


@pytest.mark.parametrize("zone", ["UTC", "Asia/Jakarta", "America/New_York"])
def test_a_date_without_a_zone_is_utc_wherever_this_machine_stands(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dates of HTTP are UTC, whatever the machine's time zone."""
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        reply = Reply(429, headers={"retry-after": "Wed Feb  4 18:40:25 2026"})
        assert retry_after(reply, MOMENT) == 10.0
    finally:
        monkeypatch.undo()
        time.tzset()


@settings(deadline=None)
@given(
    st.text() | st.from_regex(r"\w{3}, \d\d \w{3} \d{1,6} \d\d:\d\d:\d\d.{0,8}"), st.floats(0, 4e9)
)
def test_whatever_the_header_says_the_wait_is_a_time_or_none(text: str, wall: float) -> None:
    """No text of `Retry-After` raises, and no wait is negative."""
    wait = retry_after(Reply(503, headers={"retry-after": text}), wall)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("current", "clock"),
    [
        (1_758_100_350_458, 1_758_100_350_458),
        (1_758_100_350_458.7, 1_758_100_350_458),
        (None, 1_770_230_415_000),
        ("1758100350458", 1_770_230_415_000),
        (True, 1_770_230_415_000),
        (0, 1_770_230_415_000),
        (-5, 1_770_230_415_000),
        (10**40, 1_770_230_415_000),
        (float("inf"), 1_770_230_415_000),
        (float("nan"), 1_770_230_415_000),
        ([], 1_770_230_415_000),
    ],
)
def test_the_servers_clock_is_its_current_time_else_its_date(current: Any, clock: int) -> None:
    """`currentTime` counts if it is a possible time, else the `Date` header does."""
    headers = {"date": "Wed, 04 Feb 2026 18:40:15 GMT"}
    body = failing("AUTH_003", currentTime=current)
    assert server_clock(Reply(401, body, headers)) == clock


@pytest.mark.parametrize("date", [None, "", "yesterday", "Wed, 04 Feb 12345 00:00:00 GMT"])
def test_a_reply_that_names_no_time_has_no_clock(date: str | None) -> None:
    """Without either there is no clock to follow."""
    headers = {} if date is None else {"date": date}
    assert server_clock(Reply(401, failing("AUTH_003"), headers)) is None
