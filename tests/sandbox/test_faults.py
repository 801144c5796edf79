"""The sandbox misbehaves exactly as its scenario says, also on a kept-alive connection."""

import http.client
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pytest

from target_tocobagus.sandbox.scenario import Fault
from tests.local_sandbox import running
from tests.sandbox.client import WHEN, Answer, Client, rule, warm

A = {"sku": "A", "stock": 1}
B = {"id": "B", "stock": 2, "warehouses": ["wh_1", "wh_2"]}
APPLIED = {("sku", "A"): {None: 1}, ("id", "B"): {"wh_1": 2, "wh_2": 2}}
LOST = (OSError, http.client.HTTPException)


ANSWERS: list[tuple[dict[str, Any], Callable[[Answer], bool]]] = [
    ({"status": 429, "retry_after": 7}, lambda a: a.headers["retry-after"] == "7"),
    ({"status": 503}, lambda a: a.status == 503 and "retry-after" not in a.headers),
    ({"status": 500, "code": "X", "message": "Y"}, lambda a: (a.status, a.code) == (500, "X")),
    ({"status": 400}, lambda a: a.code == "SBX_400" and "data" not in a.json()),
    ({"status": 422}, lambda a: a.code == "SBX_422" and "data" not in a.json()),
    ({"status": 401, "code": "AUTH_001"}, lambda a: (a.status, a.code) == (401, "AUTH_001")),
    ({"status": 403}, lambda a: a.status == 403),
    ({"max_items": 1}, lambda a: (a.status, a.code) == (413, "REQ_003")),
    (
        {"status": 302, "headers": {"location": "http://127.0.0.1:1/x"}},
        lambda a: (a.status, a.headers["location"]) == (302, "http://127.0.0.1:1/x"),
    ),
    ({"html": True}, lambda a: a.status == 200 and a.body.startswith(b"<!DOCTYPE html>")),
    (
        {"html": True, "status": 407, "headers": {"via": "1.1 gate"}},
        lambda a: (a.status, a.headers["via"]) == (407, "1.1 gate"),
    ),
    ({"html": True, "status": 502}, lambda a: a.headers["content-type"].startswith("text/html")),
    ({"body": {"success": True}}, lambda a: (a.status, a.json()) == (200, {"success": True})),
    ({"body": [], "status": 418}, lambda a: (a.status, a.json()) == (418, [])),
]


@pytest.mark.parametrize("when", WHEN, ids=str)
@pytest.mark.parametrize(("fault", "is_right"), ANSWERS, ids=[str(fault) for fault, _ in ANSWERS])
def test_an_answer_in_place_of_the_apis_applies_nothing(
    fault: dict[str, Any], is_right: Callable[[Answer], bool], when: dict[str, Any]
) -> None:
    """A status, a page or a body comes instead, nothing is applied, the connection stays."""
    with running(rule(fault, when)) as sandbox, Client(sandbox) as client:
        warm(client, when)

        assert is_right(client.update(A, B))

        assert sandbox.stock() == {}
        assert sandbox.requests()[-1]["faults"] == as_declared(fault)
        client.products()
        assert len({request["connection"] for request in sandbox.requests()}) == 1


def as_declared(fault: dict[str, Any]) -> list[str]:
    """Give a fault's fields in the order in which the journal names them."""
    return [name for name in Fault.__struct_fields__ if name in fault]


def test_an_answer_may_deny_what_was_applied() -> None:
    """With apply, a 503 comes although the update counts."""
    with running(rule({"status": 503, "apply": True})) as sandbox, Client(sandbox) as client:
        assert client.update(A, B).status == 503
        assert sandbox.stock() == APPLIED


def test_a_limit_lets_through_what_is_not_above_it() -> None:
    """A request of exactly the allowed size is answered by the API."""
    with running(rule({"max_items": 2})) as sandbox, Client(sandbox) as client:
        assert client.update(A, B).status == 200


@pytest.mark.parametrize("fault", [{}, {"status": 503}, {"drip_ms": 0.01}], ids=str)
def test_an_answer_may_tell_no_time(fault: dict[str, Any]) -> None:
    """Whatever the answer is, it then has no Date."""
    with running() as sandbox, Client(sandbox) as client:
        assert "date" in client.update(A).headers
        sandbox.set_scenario(rule({**fault, "drop_date": True}))
        assert "date" not in client.update(A).headers


def test_retry_after_may_be_a_date() -> None:
    """The date is that of the server's own clock, so many seconds ahead."""
    fault = {"status": 503, "retry_after": 60, "retry_after_date": True, "skew_ms": 3_600_000}
    with running(rule(fault)) as sandbox, Client(sandbox) as client:
        headers = client.update(A).headers
        wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(
            headers["date"]
        )
        assert wait.total_seconds() == pytest.approx(60, abs=1)


@pytest.mark.parametrize("when", WHEN, ids=str)
@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize(("name", "stock"), [("drop_before", {}), ("drop_after", APPLIED)])
def test_a_connection_is_dropped_before_or_after_applying(
    name: str, stock: dict[Any, Any], how: str, when: dict[str, Any]
) -> None:
    """There is no answer; only the stock tells whether it was before or after."""
    with running(rule({name: how}, when)) as sandbox, Client(sandbox) as client:
        warm(client, when)

        expected = ConnectionResetError if how == "rst" else http.client.RemoteDisconnected
        with pytest.raises(expected) as caught:
            client.update(A, B)

        assert how != "rst" or not isinstance(caught.value, http.client.RemoteDisconnected)
        assert sandbox.stock() == stock
        assert sandbox.requests()[-1]["status"] is None
        assert sandbox.health()["inFlight"] == 0


@pytest.mark.parametrize("when", WHEN, ids=str)
def test_a_hanging_request_is_never_answered(when: dict[str, Any]) -> None:
    """The client gives up, nothing is applied, and the next request is served."""
    with running(rule({"hang": True}, when)) as sandbox:
        with Client(sandbox, timeout=0.1) as client:
            warm(client, when)
            with pytest.raises(TimeoutError):
                client.update(A)
        sandbox.set_scenario({})
        assert sandbox.stock() == {}
        with Client(sandbox) as client:
            assert client.update(A).status == 200


@pytest.mark.parametrize(
    "scenario",
    [
        rule({"latency_ms": 100}),
        {"latency_ms": 100},
        {"latency_ms": 50, **rule({"latency_ms": 50})},
    ],
)
def test_latency_delays_every_answer(scenario: dict[str, Any]) -> None:
    """An answer comes after 100 ms, however that was said."""
    with running(scenario) as sandbox, Client(sandbox) as client:
        started = time.monotonic()
        assert client.update(A, B).status == 200
        assert 0.1 <= time.monotonic() - started < 1


def test_an_update_is_applied_late_though_the_client_has_given_up() -> None:
    """First nothing is to be seen of it, later it is there."""
    with running(rule({"apply_late_ms": 200})) as sandbox:
        with Client(sandbox, timeout=0.05) as client, pytest.raises(TimeoutError):
            client.update(A)
        assert sandbox.stock() == {}
        wait_until(lambda: sandbox.stock() == {("sku", "A"): {None: 1}})
        wait_until(lambda: sandbox.requests()[0]["clientGone"])


def test_an_update_that_comes_late_after_a_reset_changes_nothing() -> None:
    """What arrived before a reset belongs to the world before it."""
    with running(rule({"apply_late_ms": 100})) as sandbox:
        with Client(sandbox, timeout=0.05) as client, pytest.raises(TimeoutError):
            client.update(A)
        sandbox.reset()
        time.sleep(0.15)
        assert (sandbox.stock(), sandbox.requests()) == ({}, [])


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that another thread is about to do."""
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("when", WHEN, ids=str)
@pytest.mark.parametrize("headers", [False, True])
def test_an_answer_drips_in_byte_by_byte(headers: bool, when: dict[str, Any]) -> None:  # noqa: FBT001  # a table
    """It is whole in the end, but it takes its time."""
    fault = {"drip_ms": 1, "drip_headers": headers, "body": {"x": "y" * 40}}
    with running(rule(fault, when)) as sandbox, Client(sandbox) as client:
        warm(client, when)
        started = time.monotonic()
        assert client.update(A).json() == {"x": "y" * 40}
        assert time.monotonic() - started >= 0.048


@pytest.mark.parametrize("when", WHEN, ids=str)
@pytest.mark.parametrize("length", [0, 1, 40])
def test_an_answer_is_truncated_without_a_sign_of_it(length: int, when: dict[str, Any]) -> None:
    """The body is shorter and its length agrees, so only its JSON is broken."""
    with running(rule({"truncate": length}, when)) as sandbox, Client(sandbox) as client:
        warm(client, when)
        answer = client.update(A)
        assert (answer.status, len(answer.body)) == (200, length)
        with pytest.raises(msgspec.DecodeError):
            answer.json()
        assert sandbox.stock() == {("sku", "A"): {None: 1}}


@pytest.mark.parametrize("when", WHEN, ids=str)
@pytest.mark.parametrize("length", [0, 40])
def test_an_answer_is_cut_by_the_end_of_the_connection(length: int, when: dict[str, Any]) -> None:
    """The client was promised more bytes than came."""
    with running(rule({"cut": length}, when)) as sandbox, Client(sandbox) as client:
        warm(client, when)
        with pytest.raises(http.client.IncompleteRead) as caught:
            client.update(A)
        assert len(caught.value.partial) == length


def test_a_stop_ends_requests_that_hang() -> None:
    """The sandbox does not wait for what will never end, and the client hears of it."""
    with running(rule({"hang": True})) as sandbox, Client(sandbox, timeout=0.1) as client:
        with pytest.raises(LOST):
            client.update(A)
        started = time.monotonic()
    assert time.monotonic() - started < 1
