"""The contract's table of replies, row by row, and the laws behind it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.core.errors import CredentialError, DeliveryError
from target_tocobagus.core.model import Level, NoReply, Reply, Stream
from target_tocobagus.delivery.reply_fields import as_time
from target_tocobagus.delivery.request_part import RequestPart, halves
from target_tocobagus.delivery.retry import (
    Again,
    Answer,
    RejectItem,
    Settle,
    Situation,
    Stop,
    answer,
    back_off,
)
from target_tocobagus.window.pending import Item

STREAM = Stream("stock")
CALM = Situation(
    now=100.0,
    wall=1_770_230_415.0,
    machine=1_770_230_415.0,
    clock=0,
    accepted_at=None,
    failures=0,
    max_retry=300,
    jitter=1.0,
)
GOOD: dict[str, Any] = {"data": {"acceptedRows": [{"rowIndex": 0}], "errors": [{"rowIndex": 1}]}}
CONTINUED: dict[str, Any] = {"data": {"acceptedRows": [], "batchId": "b"}}


@cache
def items(count: int) -> tuple[Item, ...]:
    """Make items of distinct identifiers."""
    level = Level(1, 1, STREAM)
    return tuple(Item(("sku", f"S{n}"), {None: level}, 1) for n in range(count))


def part(rows: int = 4, **more: Any) -> RequestPart:
    """Make a part that was first tried ten seconds ago."""
    return RequestPart(items(rows), **{"since": 90.0, **more})


def at(**more: Any) -> Situation:
    """Make a situation that differs from a calm one."""
    return msgspec.structs.replace(CALM, **more)


def failure(code: str, **context: Any) -> dict[str, Any]:
    """Make the documented body of a failure."""
    return {
        "success": False,
        "error": {"code": code, "message": "No.", "details": {"context": context}},
        "requestId": "r-1",
    }


def again(found: Answer) -> Again:
    """Take an answer that must be to send again."""
    assert isinstance(found, Again), found
    return found


def stop(found: Answer) -> str:
    """Take the text of an answer that must be to stop."""
    assert isinstance(found, Stop), found
    return str(found.error)


def rows(parts: tuple[RequestPart, ...]) -> list[int]:
    """Count the items of each part."""
    return [len(each.items) for each in parts]


class TestRows:
    """A reply that names rows settles them, whatever its status says."""

    @pytest.mark.parametrize("status", [200, 201, 202, 207, 400, 409, 422])
    @pytest.mark.parametrize("success", [True, False, None])
    def test_settled_by_the_lists(self, status: int, success: Any) -> None:
        """Lists of rows settle, with any of these statuses and `success` either way."""
        body = {**GOOD, "success": success, "requestId": "r-1"}
        found = answer(Reply(status, body), part(2), CALM)
        assert isinstance(found, Settle)
        assert (found.settlement.accepted, found.settlement.refused[0][0]) == ((0,), 1)
        assert found.request_id == "r-1"

    @pytest.mark.parametrize("data", [{"acceptedRows": []}, {"errors": []}])
    def test_one_empty_list_is_enough(self, data: dict[str, Any]) -> None:
        """An empty list is an answer too: every row is unaccounted for."""
        found = answer(Reply(200, {"data": data}), part(2), CALM)
        assert isinstance(found, Settle)
        assert found.settlement.unaccounted == (0, 1)

    def test_row_errors_beside_a_failure_still_settle(self) -> None:
        """A 422 with an `error` and row errors is settled row by row."""
        body = {**failure("VALIDATION"), "data": {"errors": [{"rowIndex": 0, "code": "INV_001"}]}}
        assert isinstance(answer(Reply(422, body), part(1), CALM), Settle)


NOW_MS = 1_770_230_415_000
HOUR_MS = 3_600_000


def wrong_time(server_ms: Any, **more: Any) -> Reply:
    """Make a reply that refuses the timestamp."""
    return Reply(401, failure("AUTH_003", currentTime=server_ms), **{"signed_ms": NOW_MS, **more})


class TestTime:
    """`AUTH_003` is answered by following the server's clock, where that can be the reason."""

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
    @pytest.mark.parametrize("ahead_ms", [HOUR_MS, -HOUR_MS, 300_001, 86_400_000])
    def test_the_clock_is_followed(self, status: int, ahead_ms: int) -> None:
        """The server's time is taken over, whatever the status, and the part goes again."""
        reply = Reply(status, failure("AUTH_003", currentTime=NOW_MS + ahead_ms))
        found = again(answer(reply, part(attempts=2), CALM))
        assert found.server_ms == NOW_MS + ahead_ms
        assert found.parts == (part(attempts=3),)
        assert found.after == back_off(2, 1.0)

    def test_signed_before_the_clock_was_set_is_only_sent_again(self) -> None:
        """An attempt from before the last setting is signed anew; the clock stays."""
        found = again(answer(wrong_time(NOW_MS + HOUR_MS, clock=1), part(), at(clock=2)))
        assert (found.server_ms, found.parts) == (None, (part(attempts=1),))

    @pytest.mark.parametrize("off_ms", [0, 300_000, -300_000])
    @pytest.mark.parametrize("situation", [CALM, at(accepted_at=99.0)])
    def test_the_servers_own_time_is_refused(self, situation: Situation, off_ms: int) -> None:
        """If what was signed is the server's own time, the clock is not the reason: stop."""
        found = answer(wrong_time(NOW_MS + off_ms), part(), situation)
        assert isinstance(found, Stop)
        assert isinstance(found.error, CredentialError)
        assert "clock" in str(found.error)

    @pytest.mark.parametrize(
        "situation", [at(accepted_at=99.0), at(clock=1), at(clock=3, accepted_at=99.0)]
    )
    def test_a_clock_that_has_served_is_kept_once(self, situation: Situation) -> None:
        """One of several servers may have a wrong clock: the next attempt tells."""
        reply = wrong_time(NOW_MS + HOUR_MS, clock=situation.clock)
        first = again(answer(reply, part(), situation))
        assert first.server_ms is None
        second = again(answer(reply, first.parts[0], situation))
        assert second.server_ms == NOW_MS + HOUR_MS
        assert again(answer(reply, second.parts[0], situation)).server_ms is None

    @pytest.mark.parametrize("server_ms", [32_503_680_000_000, NOW_MS - 86_401_000, 1_770_230_415])
    def test_a_time_more_than_a_day_away_is_not_followed(self, server_ms: int) -> None:
        """Then one of the two clocks is broken, and the message names both."""
        found = answer(wrong_time(server_ms), part(), CALM)
        assert isinstance(found, Stop)
        assert found.error.exit_code == 2
        assert "this machine 2026-02-04T18:40:15+00:00" in str(found.error)
        assert f"server {as_time(server_ms / 1000)}" in str(found.error)

    def test_the_day_is_counted_from_this_machines_clock(self) -> None:
        """However the clock was set before, a server's time is held to this machine's."""
        ahead = at(wall=CALM.wall + 80_000, clock=1)
        reply = wrong_time(NOW_MS + 90_000_000, clock=1, signed_ms=NOW_MS + 80_000_000)
        assert "more than a day apart" in stop(answer(reply, part(doubted=True), ahead))

    def test_no_time_to_follow_stops(self) -> None:
        """A reply that names no time at all cannot be followed."""
        assert "has no time" in stop(answer(Reply(401, failure("AUTH_003")), part(), CALM))

    def test_the_time_for_a_batch_bounds_it(self) -> None:
        """A clock that is refused again and again ends with `max_retry_seconds`."""
        found = answer(wrong_time(NOW_MS + HOUR_MS), part(), at(now=390.0))
        assert "max_retry_seconds" in stop(found)


class TestCredentials:
    """Nothing more is sent with credentials that the API does not accept."""

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (401, None),
            (403, None),
            (401, failure("OTHER")),
            (403, {**GOOD}),
            (200, failure("AUTH_010")),
            (400, failure("AUTH_001")),
            (500, failure("AUTH_999")),
            (422, {**GOOD, **failure("AUTH_010")}),
        ],
    )
    def test_stops_at_once(self, status: int, body: Any) -> None:
        """Any `AUTH_` code but that of the clock, 401 and 403 stop the run."""
        found = answer(Reply(status, body), part(), at(accepted_at=95.0))
        assert isinstance(found, Stop)
        assert isinstance(found.error, CredentialError)

    @pytest.mark.parametrize(("accepted_at", "named"), [(None, True), (95.0, False)])
    def test_before_any_acceptance_the_form_of_the_signature_is_named(
        self, accepted_at: float | None, *, named: bool
    ) -> None:
        """Only before the first acceptance may the two prefixes be to blame."""
        reply = Reply(401, failure("AUTH_010"))
        text = stop(answer(reply, part(), at(accepted_at=accepted_at)))
        assert ("signature_prefix" in text and "signed_path_prefix" in text) == named
        assert "partner_secret" in text
        assert "r-1" in text


class TestAgain:
    """What says nothing of rows is sent again, for as long as there is time."""

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
    @pytest.mark.parametrize("body", [None, failure("SOMETHING"), CONTINUED, GOOD])
    def test_transient_statuses(self, status: int, body: Any) -> None:
        """The part goes again, whole, after the back-off, whatever code the body has."""
        found = again(answer(Reply(status, body), part(attempts=2), CALM))
        assert found.parts == (part(attempts=3),)
        assert found.after == back_off(2, 1.0)
        assert not found.hold

    @pytest.mark.parametrize(
        "body",
        [
            None,
            "ok",
            {},
            {"success": True},
            {"success": False},
            {"success": False, "error": {"code": ""}},
            {"success": False, "error": "INV_050"},
            {**failure("INTERNAL"), "success": None},
            {**failure("INTERNAL"), "success": True},
        ],
    )
    @pytest.mark.parametrize("status", [200, 202, 204])
    def test_success_that_names_no_rows(self, status: int, body: Any) -> None:
        """A 200 that neither names rows nor refuses by a code leaves the outcome unknown."""
        assert again(answer(Reply(status, body), part(), CALM)).parts == (part(attempts=1),)

    def test_a_body_that_was_not_decoded_is_not_called_invalid(self) -> None:
        """The log says why it was not."""
        found = again(answer(Reply(200, unread="it is longer than 8 MiB"), part(), CALM))
        assert "names no rows: it is longer than 8 MiB" in found.cause

    def test_connection_lost(self) -> None:
        """A lost connection is not a timeout: the part stays whole."""
        found = again(answer(NoReply(timed_out=False, cause="reset"), part(), CALM))
        assert found.parts == (part(attempts=1),)
        assert found.cause == "reset"

    def test_read_timeout_halves_the_batch(self) -> None:
        """After a read timeout both halves know what size it was that timed out."""
        found = again(answer(NoReply(timed_out=True, cause="timeout"), part(5), CALM))
        assert rows(found.parts) == [3, 2]
        assert {each.timed_out for each in found.parts} == {5}
        assert {each.attempts for each in found.parts} == {1}
        assert found.after == back_off(0, 1.0)

    def test_a_single_row_that_times_out_goes_again(self) -> None:
        """One row cannot be halved."""
        found = again(answer(NoReply(timed_out=True, cause="timeout"), part(1), CALM))
        assert rows(found.parts) == [1]

    @pytest.mark.parametrize(("status", "throttle"), [(429, True), (503, True), (500, False)])
    def test_too_many_requests_at_once(self, status: int, *, throttle: bool) -> None:
        """429 and 503 ask for fewer requests at once."""
        assert again(answer(Reply(status), part(), CALM)).throttle is throttle

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
    @pytest.mark.parametrize(
        ("text", "wait"), [("7", 7.0), ("Wed, 04 Feb 2026 18:40:25 GMT", 10.0)]
    )
    def test_retry_after_holds_all(self, status: int, text: str, wait: float) -> None:
        """`Retry-After`, in seconds or as a date, is waited out by everyone."""
        found = again(answer(Reply(status, headers={"retry-after": text}), part(), CALM))
        assert (found.after, found.hold) == (wait, wait)

    @pytest.mark.parametrize("attempts", [0, 1, 3, 9])
    @pytest.mark.parametrize("text", ["0", "1", "Wed, 04 Feb 2026 18:40:05 GMT", "soon", "-1"])
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_no_wait_is_shorter_than_the_back_off(
        self, status: int, text: str, attempts: int
    ) -> None:
        """`Retry-After: 0`, a past date or an odd text does not let requests follow at once."""
        reply = Reply(status, headers={"retry-after": text})
        found = again(answer(reply, part(attempts=attempts), CALM))
        asked = 1.0 if text == "1" else 0.0
        assert (found.after, found.hold) == (max(asked, back_off(attempts, 1.0)), asked)

    @pytest.mark.parametrize("text", ["291", "99999999999", "Wed, 04 Feb 2032 18:40:25 GMT"])
    def test_retry_after_beyond_the_limit_stops(self, text: str) -> None:
        """A wait that ends after `max_retry_seconds` is not begun."""
        found = answer(Reply(429, headers={"retry-after": text}), part(), CALM)
        assert "max_retry_seconds" in stop(found)

    def test_retry_after_up_to_the_limit_is_waited_for(self) -> None:
        """The whole of what is left may be waited for."""
        found = answer(Reply(429, headers={"retry-after": "290"}), part(), CALM)
        assert again(found).after == 290.0

    def test_back_off_ends_with_the_time(self) -> None:
        """The last attempt comes when the time is over, not later."""
        found = answer(Reply(429), part(attempts=9), at(now=385.0))
        assert again(found).after == 5.0

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(429),
            Reply(408),
            Reply(200),
            Reply(500),
            NoReply(timed_out=False, cause="reset"),
            NoReply(timed_out=True, cause="timeout"),
        ],
    )
    def test_time_is_over(self, reply: Reply | NoReply) -> None:
        """After `max_retry_seconds` without an answer the run stops, its rows unsettled."""
        found = answer(reply, part(), at(now=390.0))
        assert "max_retry_seconds" in stop(found)
        assert isinstance(answer(reply, part(), at(now=389.9)), Again)


class TestSize:
    """413 teaches how large a request may be."""

    @pytest.mark.parametrize("body", [None, failure("X"), GOOD])
    def test_halved_at_once(self, body: Any) -> None:
        """The batch is halved without a wait, and the size remembered."""
        found = again(answer(Reply(413, body), part(5), at(now=1e6)))
        assert (rows(found.parts), found.after, found.refused_size) == ([3, 2], 0.0, True)


LATE = at(now=390.0, accepted_at=389.0)
"""The time of a batch is over, and others were accepted meanwhile."""


class TestRejected:
    """A row that is refused alone is rejected under the reply's code, or the status as one."""

    @pytest.mark.parametrize(
        ("reply", "marks", "situation", "expected"),
        [
            (Reply(422, failure("VAL_001")), {}, CALM, ("VAL_001", "No.", True, "r-1")),
            (Reply(400), {}, CALM, ("HTTP_400", "HTTP 400", True, "")),
            (Reply(413), {}, CALM, ("TOO_LARGE", None, False, "")),
            (Reply(500), {}, LATE, ("SERVER_ERROR", None, False, "")),
            (Reply(500), {"probing": 380.0}, LATE, ("SERVER_ERROR", None, False, "")),
        ],
    )
    def test_a_single_row(
        self, reply: Reply, marks: dict[str, Any], situation: Situation, expected: Any
    ) -> None:
        """Only a refusal that names no reason of the row is blind."""
        found = answer(reply, part(1, **marks), situation)
        assert isinstance(found, RejectItem)
        message = found.error.message if expected[1] else None
        assert (found.error.code, message, found.blind, found.request_id) == expected


REFUSING = [200, 202, 206, 400, 402, 404, 405, 409, 410, 415, 418, 422, 451, 499]


class TestRefusal:
    """A refusal that names no row is bisected."""

    @pytest.mark.parametrize("status", [400, 422])
    @pytest.mark.parametrize("body", [None, "no", {}, {"data": {}}, failure("VAL_001")])
    def test_bisected(self, status: int, body: Any) -> None:
        """The request is divided at once until the rows to blame stand alone."""
        found = again(answer(Reply(status, body), part(5), CALM))
        assert (rows(found.parts), found.after, found.refused_size) == ([3, 2], 0.0, False)

    @pytest.mark.parametrize("status", REFUSING)
    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"data": None},
            {"data": {}},
            {"data": {"errors": [], "acceptedRows": []}},
            {"data": {"errors": [{"code": "INV_050"}]}},
            {"data": {"errors": [{"rowIndex": 99, "code": "INV_050"}]}},
        ],
    )
    def test_a_code_refuses_whatever_the_status(self, status: int, more: dict[str, Any]) -> None:
        """`success: false` with a code is a refusal of the request, if it names no row of it."""
        reply = Reply(status, {**failure("INV_050"), **more})
        assert rows(again(answer(reply, part(5), at(now=1e6))).parts) == [3, 2]
        alone = answer(reply, part(1), CALM)
        assert isinstance(alone, RejectItem)
        assert (alone.error.code, alone.blind, alone.request_id) == ("INV_050", True, "r-1")

    @pytest.mark.parametrize("status", REFUSING)
    def test_rows_that_are_named_come_before_the_code(self, status: int) -> None:
        """A refusal that names rows settles them."""
        assert isinstance(answer(Reply(status, {**failure("X"), **GOOD}), part(2), CALM), Settle)

    @pytest.mark.parametrize(
        ("status", "kind"), [(413, Again), (302, Stop), (401, Stop), (403, Stop), (429, Again)]
    )
    def test_these_statuses_come_before_the_code(self, status: int, kind: type) -> None:
        """Size, redirects, credentials and limits are told by the status, whatever the code."""
        for body in (failure("INV_050"), {**failure("INV_050"), **GOOD}):
            found = answer(Reply(status, body), part(5), CALM)
            assert isinstance(found, kind)
            assert not isinstance(found, Again) or found.refused_size or found.after

    def test_the_blamed_row_alone_is_found(self) -> None:
        """Bisecting 500 rows of which one is bad sends the 499 and refuses the one."""
        bad = items(500)[377].identifier
        queue = [part(500)]
        accepted: list[Item] = []
        refused: list[Item] = []
        requests = 0
        while queue:
            one = queue.pop()
            requests += 1
            if bad not in [item.identifier for item in one.items]:
                accepted += one.items
                continue
            found = answer(Reply(422), one, CALM)
            if isinstance(found, Again):
                queue += found.parts
            elif isinstance(found, RejectItem):
                refused += one.items
        assert [item.identifier for item in refused] == [bad]
        assert len(accepted) == 499
        assert requests < 25


class TestProbing:
    """A 5xx that outlasts the time is a row's fault only while others are accepted."""

    def test_divided_while_others_are_accepted(self) -> None:
        """When the time is over and others were accepted since, the batch is divided."""
        found = again(answer(Reply(500), part(5, attempts=9), LATE))
        assert rows(found.parts) == [3, 2]
        assert {(each.probing, each.attempts) for each in found.parts} == {(390.0, 0)}
        assert found.after == 0.0

    def test_parts_are_divided_further_at_once(self) -> None:
        """A part that fails again is divided without another wait, and keeps when it all began."""
        found = again(answer(Reply(502), part(2, probing=380.0), LATE))
        assert rows(found.parts) == [1, 1]
        assert {each.probing for each in found.parts} == {380.0}

    def test_a_single_row_is_first_postponed(self) -> None:
        """If none was accepted since the search began, the row is tried after the others."""
        found = again(answer(Reply(500), part(1, probing=389.5), LATE))
        assert found.last
        assert [each.postponed for each in found.parts] == [True]

    def test_postponed_and_still_none_accepted(self) -> None:
        """If then still none was accepted, it is an outage and no row's fault."""
        found = answer(Reply(500), part(1, probing=389.5, postponed=True), LATE)
        assert isinstance(found, Stop)

    @pytest.mark.parametrize(
        "situation",
        [
            at(now=390.0),
            at(now=390.0, accepted_at=89.0),
            at(now=390.0, accepted_at=389.0, failures=20),
        ],
    )
    @pytest.mark.parametrize("count", [1, 5])
    def test_an_outage_stops(self, situation: Situation, count: int) -> None:
        """Nothing accepted since the batch began, or twenty failures in a row, is an outage."""
        found = answer(Reply(500), part(count), situation)
        assert "max_retry_seconds" in stop(found)

    @pytest.mark.parametrize("status", [408, 425, 429])
    def test_other_statuses_are_not_searched(self, status: int) -> None:
        """Only the server's own errors can be one row's fault."""
        assert isinstance(answer(Reply(status), part(5), LATE), Stop)

    def test_before_the_time_is_over_nothing_is_divided(self) -> None:
        """A 5xx is waited out first."""
        found = again(answer(Reply(500), part(5), at(now=389.0, accepted_at=388.0)))
        assert rows(found.parts) == [5]


class TestAnythingElse:
    """What is not in the table is fatal."""

    @pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
    @pytest.mark.parametrize("body", [None, GOOD])
    def test_redirects_are_never_followed(self, status: int, body: Any) -> None:
        """A redirect stops the run, even one that seems to name rows."""
        assert "redirect" in stop(answer(Reply(status, body), part(2), CALM))

    @pytest.mark.parametrize("status", [100, 101, 199, 402, 404, 405, 409, 410, 415, 418, 451, 499])
    def test_fatal_with_status_code_and_number(self, status: int) -> None:
        """What is not a refusal of the API is fatal; the message names status, code, requestId."""
        body = {key: value for key, value in failure("X_7").items() if key != "success"}
        text = stop(answer(Reply(status, body), part(), CALM))
        assert str(status) in text
        assert "X_7" in text
        assert "r-1" in text


BODIES: list[Any] = [
    None,
    [],
    "text",
    7,
    True,
    {},
    GOOD,
    {"data": []},
    {"data": {"acceptedRows": [None, {}, {"rowIndex": "0"}], "errors": 3}},
    {"error": "AUTH_003"},
    {"error": {"code": 3, "details": []}},
    failure("AUTH_003"),
    failure("AUTH_003", currentTime=float("nan")),
    failure("AUTH_003", currentTime=10**400),
    failure("AUTH_010"),
    failure("VAL"),
    {**failure("VAL"), "data": {"errors": []}},
]
SITUATIONS = st.builds(
    Situation,
    now=st.floats(90, 500),
    wall=st.floats(0, 4e9),
    machine=st.floats(0, 4e9),
    clock=st.integers(0, 2),
    accepted_at=st.none() | st.floats(0, 500),
    failures=st.integers(0, 40),
    max_retry=st.integers(0, 400),
    jitter=st.floats(0, 1),
)
PIECES = st.builds(
    part,
    st.integers(1, 9),
    attempts=st.integers(0, 5000),
    timed_out=st.integers(0, 9),
    forgotten=st.booleans(),
    single=st.booleans(),
    probing=st.sampled_from([0.0, 95.0]),
    postponed=st.booleans(),
    doubted=st.booleans(),
)
REPLIES = st.builds(
    Reply,
    st.integers(100, 599),
    st.sampled_from(BODIES),
    st.dictionaries(
        st.sampled_from(["retry-after", "date"]),
        st.sampled_from(["0", "5", "999999999999", "soon", "Wed, 04 Feb 2026 18:40:15 GMT", "-1"]),
    ),
    st.integers(0, 2),
) | st.builds(NoReply, st.booleans(), st.just("gone"))


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_an_answer(status: int) -> None:
    """Every status with every odd body gives an answer, and none raises."""
    for body in BODIES:
        for count in (1, 4):
            found = answer(Reply(status, body), part(count), CALM)
            assert isinstance(found, (Settle, Again, RejectItem, Stop))
            if isinstance(found, Stop):
                assert isinstance(found.error, DeliveryError)


@settings(deadline=None)
@given(REPLIES, PIECES, SITUATIONS)
def test_sending_again_never_loses_or_repeats_an_item(
    reply: Reply | NoReply, one: RequestPart, situation: Situation
) -> None:
    """Whatever is sent again is exactly the part's items, once each and in their order."""
    found = answer(reply, one, situation)
    if isinstance(found, Again):
        assert tuple(item for each in found.parts for item in each.items) == one.items
        assert all(each.items for each in found.parts)
        assert {each.since for each in found.parts} == {one.since}
        assert {(each.forgotten, each.single) for each in found.parts} == {
            (one.forgotten, one.single)
        }
    elif isinstance(found, RejectItem):
        assert len(one.items) == 1


@settings(deadline=None)
@given(REPLIES, PIECES, SITUATIONS)
def test_no_wait_outlasts_the_time_of_the_batch(
    reply: Reply | NoReply, one: RequestPart, situation: Situation
) -> None:
    """A wait is never negative, never shorter than the back-off, nor beyond the batch's time."""
    found = answer(reply, one, situation)
    if isinstance(found, Again) and found.parts[0].attempts > one.attempts:
        left = one.since + situation.max_retry - situation.now
        assert min(back_off(one.attempts, situation.jitter), left) <= found.after <= left
        assert 0 <= found.hold <= left


@settings(deadline=None)
@given(st.integers(1, 600))
def test_halving_keeps_every_item(count: int) -> None:
    """Halves differ by one item at the most, and together are the whole."""
    parts = halves(part(count))
    assert tuple(item for part in parts for item in part.items) == items(count)
    assert len(parts) == min(count, 2)
    assert max(rows(parts)) - min(rows(parts)) <= 1


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_back_off_is_exponential_with_full_jitter(attempts: int, jitter: float) -> None:
    """The wait lies between 0 and a bound that doubles from 0.5 s and ends at 30 s."""
    bound = min(30.0, 0.5 * 2.0 ** min(attempts, 20))
    assert back_off(attempts, jitter) == pytest.approx(jitter * bound)
    assert 0 <= back_off(attempts, jitter) <= bound
    assert back_off(attempts, 0.0) == 0.0
