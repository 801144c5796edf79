"""The sandbox shows what it saw, and keeps what it saw within bounds."""

import http.client
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from target_tocobagus.sandbox.handle import connect
from tests.certificates import issue
from tests.local_sandbox import Limits, running
from tests.sandbox.client import Client, get

A = {"sku": "A", "stock": 1}
JSON = {"Content-Type": "application/json"}


def test_requests_are_shown_without_token_and_signature() -> None:
    """Each shows its number, its connection, times, size and outcome, but no secret."""
    with running() as sandbox, Client(sandbox) as first, Client(sandbox) as second:
        first.update(A, {"sku": ""})
        first.products()
        second.update(A)

        shown = sandbox.requests()

        request, on_the_same, on_another = shown
        assert [each["number"] for each in shown] == [1, 2, 3]
        assert request["connection"] == on_the_same["connection"] != on_another["connection"]
        assert request["arrivedMs"] <= request["answeredMs"]
        assert (request["method"], request["path"]) == ("PATCH", "/partner/stores/inventory")
        assert (request["items"], request["accepted"], request["refused"]) == (2, 1, 1)
        assert (request["bodyBytes"], request["status"], request["faults"]) == (44, 200, [])
        assert request["requestId"] == sandbox.batches()[0]["requestId"]
        assert request["headers"]["x-store-client-id"] == sandbox.credentials["store_client_id"]
        assert {request["headers"][name] for name in ("x-store-token", "x-signature")} == {"***"}
        assert sandbox.credentials["store_token"] not in msgspec.json.encode(shown).decode()
        assert "body" not in request


def test_bodies_are_kept_only_when_asked_for() -> None:
    """With `bodies` each request shows its own."""
    with running(limits=Limits(bodies=True)) as sandbox, Client(sandbox) as client:
        client.update(A)
        assert sandbox.requests()[0]["body"] == '{"items":[{"sku":"A","stock":1}]}'


def test_what_is_remembered_is_bounded() -> None:
    """The newest requests stay; the counts go on."""
    limits = Limits(requests=2, history=0)
    with running(limits=limits) as sandbox, Client(sandbox) as client:
        for _ in range(5):
            client.update(A)
        assert [request["number"] for request in sandbox.requests()] == [4, 5]
        assert [batch["request"] for batch in sandbox.batches()] == [4, 5]
        assert get(sandbox, "/_sandbox/history") == {"forgotten": 5, "updates": []}
        assert sandbox.health() == {
            "status": "ok",
            "requests": 5,
            "updates": 5,
            "inFlight": 0,
            "mostInFlight": 1,
        }


def test_stock_is_shown_level_by_level() -> None:
    """A warehouse of null stands for all that have no stock of their own."""
    with running() as sandbox, Client(sandbox) as client:
        client.update(A, {"sku": "A", "stock": 0, "warehouses": ["wh_1"]})
        level = {"store": sandbox.credentials["store_client_id"], "kind": "sku", "identifier": "A"}
        assert get(sandbox, "/_sandbox/stock") == [
            {**level, "warehouse": None, "stock": 1},
            {**level, "warehouse": "wh_1", "stock": 0},
        ]


def test_a_reset_forgets_what_was_seen_and_comes_back_to_the_first_scenario() -> None:
    """Numbers start again at 1, on connections that stay open."""
    first = {"rules": [{"when": {"requests": 1}, "fault": {"status": 503}}]}
    with running(first) as sandbox, Client(sandbox) as client:
        assert [client.update(A).status for _ in range(2)] == [503, 200]
        sandbox.set_scenario({"rules": [{"fault": {"status": 500}}]})
        assert client.update(A).status == 500
        assert len(sandbox.requests()) == 3

        sandbox.reset()

        assert (sandbox.stock(), sandbox.requests(), sandbox.batches()) == ({}, [], [])
        assert sandbox.history() == []
        assert [client.update(A).status for _ in range(2)] == [503, 200]
        assert [request["number"] for request in sandbox.requests()] == [1, 2]


@pytest.mark.parametrize("body", [b"{", b"\xff", b""])
def test_a_scenario_that_is_no_json_is_refused(body: bytes) -> None:
    """The answer is a 400 with the reason, and the scenario stays."""
    with running() as sandbox:
        connection = connect(sandbox.url)
        connection.request("POST", "/_sandbox/scenario", body, JSON)
        with connection.getresponse() as response:
            assert response.status == http.client.BAD_REQUEST
            assert msgspec.json.decode(response.read())["status"] == "refused"
        connection.close()


def test_many_requests_wait_at_once() -> None:
    """Requests do not queue behind each other's latency."""
    with running({"latency_ms": 300}) as sandbox, ThreadPoolExecutor(40) as pool:

        def send(_: int) -> int:
            with Client(sandbox) as client:
                return client.update(A).status

        assert list(pool.map(send, range(40))) == [200] * 40
        assert sandbox.health()["mostInFlight"] > 20


def test_nothing_is_left_when_it_stops() -> None:
    """No thread stays, and the port is closed."""
    before = threading.active_count()
    with running() as sandbox, Client(sandbox) as client:
        client.update(A)
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        sandbox.health()


def test_it_serves_https_with_a_certificate(tmp_path: Path) -> None:
    """A client that trusts the certificate's issuer is served, one that does not is not."""
    with running(tls=issue(tmp_path)) as sandbox, Client(sandbox) as client:
        assert sandbox.api_url.startswith("https://127.0.0.1:")
        assert client.update(A).status == 200
        host, port = sandbox.url.removeprefix("https://").split(":")
        stranger = http.client.HTTPSConnection(
            host, int(port), context=ssl.create_default_context()
        )
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/_sandbox/health")
        stranger.close()
