"""The page's events are snapshots: none is missed, none piles up, and none is large."""

import gc
import http.client
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from target_tocobagus.sandbox.handle import Sandbox, connect
from tests.local_sandbox import running
from tests.sandbox.client import Client, ask

EVENTS = "/_sandbox/events"
A = {"sku": "A", "stock": 1}


@contextmanager
def listening(sandbox: Sandbox) -> Iterator[http.client.HTTPResponse]:
    """Open a stream of events."""
    connection = connect(sandbox.url)
    connection.request("GET", EVENTS)
    with connection.getresponse() as response:
        yield response
    connection.close()


def next_event(stream: http.client.HTTPResponse) -> dict[str, Any]:
    """Read an event: one line of data, and an empty one."""
    data, end = stream.readline(), stream.readline()
    assert (data[:6], end) == (b"data: ", b"\n")
    event: dict[str, Any] = msgspec.json.decode(data[6:])
    return event


def test_a_page_gets_all_that_is_shown(sandbox: Sandbox) -> None:
    """Totals, the newest requests first, refused rows, and what is playing."""
    with Client(sandbox) as client:
        client.update(A, {"sku": "B", "stock": -1, "warehouses": ["wh_1", "wh_2", "wh_3", "wh_4"]})
        client.products()
    sandbox.set_scenario({"skew_ms": 1})
    with listening(sandbox) as stream:
        assert stream.getheader("Content-Type") == "text/event-stream"
        assert stream.getheader("Cache-Control") == "no-store"
        event = next_event(stream)

    of_requests = {"requests": 2, "in_flight": 0}
    assert event["totals"] == of_requests | {"accepted": 1, "refused": 1, "updates": 1, "levels": 1}
    assert [request["number"] for request in event["requests"]] == [2, 1]
    assert event["requests"][1]["endedMs"] >= event["requests"][1]["arrivedMs"]
    assert event["scenario"] == {"name": None, "sets": ["skew_ms"]}
    (refused,) = event["refusedRows"]
    assert refused.pop("reason")
    assert refused == {
        "request": 1,
        "rowIndex": 1,
        "identifier": "B",
        "warehouses": ["wh_1", "wh_2", "wh_3", "…"],
        "code": "INV_010",
    }


@pytest.mark.parametrize(
    ("row", "identifier", "warehouses"),
    [
        (7, None, None),
        ({"stock": 1}, None, None),
        ({"sku": "A", "stock": -1, "warehouses": "wh_1"}, "A", None),
        ({"sku": "A", "warehouses": [{"clientId": "wh_1"}, {"clientId": 7}, 7]}, "A", ["wh_1"]),
    ],
)
def test_a_refused_row_may_be_any_json(
    sandbox: Sandbox, row: Any, identifier: str | None, warehouses: list[str] | None
) -> None:
    """What can be read of it is shown."""
    with Client(sandbox) as client:
        assert client.update(row).status == 200
    with listening(sandbox) as stream:
        (refused,) = next_event(stream)["refusedRows"]

    assert (refused["identifier"], refused["warehouses"]) == (identifier, warehouses)


def test_a_page_is_told_only_what_has_changed(sandbox: Sandbox) -> None:
    """No event repeats the one before; many changes between two of them are one."""
    with listening(sandbox) as stream, Client(sandbox) as client:
        events = [next_event(stream)]
        time.sleep(0.6)  # more than a snapshot takes: another one would be the same
        for _ in range(300):
            client.update(A)
        while events[-1]["totals"]["requests"] < 300:
            events.append(next_event(stream))
        sandbox.reset()
        while events[-1]["totals"]["requests"]:
            events.append(next_event(stream))

    assert len(events) < 100
    assert all(before != after for before, after in pairwise(events))
    assert events[-1]["sinceMs"] > events[0]["sinceMs"]


def test_a_snapshot_has_a_largest_size(sandbox: Sandbox) -> None:
    """However many rows are refused, and however long their texts are."""
    long = "x" * 10_000
    row = {"sku": long, "stock": -1, "warehouses": [long] * 5}
    with Client(sandbox) as client:
        for _ in range(30):
            client.update(*[row] * 10)
    with listening(sandbox) as stream:
        event = next_event(stream)

    assert len(event["refusedRows"]) == 100
    assert len(msgspec.json.encode(event)) < 200_000


def test_few_pages_at_once_are_served(sandbox: Sandbox) -> None:
    """The seventeenth is refused; when one leaves, another may come."""
    streams = [listening(sandbox) for _ in range(16)]
    for stream in streams:
        next_event(stream.__enter__())
    assert ask(sandbox, "GET", EVENTS)[0] == 503

    streams.pop().__exit__(None, None, None)
    gc.collect()
    while True:
        with listening(sandbox) as again:
            if again.status == 200:
                break
    for stream in streams:
        stream.__exit__(None, None, None)


def test_an_open_page_does_not_keep_the_sandbox_from_stopping(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its stream ends, and nothing is logged."""
    with running() as sandbox:
        stream = listening(sandbox)
        response = stream.__enter__()
        next_event(response)

    with pytest.raises((OSError, http.client.IncompleteRead)):
        response.read()
    stream.__exit__(None, None, None)
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
