"""The page's switches are valid scenarios, and each does what its sentence says."""

import http.client
from collections import Counter
from typing import Any

import msgspec
import pytest

from target_tocobagus.sandbox.scenario import Scenario
from target_tocobagus.sandbox.switches import SWITCHES, Switchboard
from tests.local_sandbox import running
from tests.sandbox.client import Client, ask, get

ROWS = [{"sku": f"A{number}", "stock": 1} for number in range(11)]


def outcome(client: Client) -> Any:
    """Send an update, and give a code, a number of rejected rows, or that nothing came back."""
    try:
        answer = client.update(*ROWS)
    except (OSError, http.client.HTTPException):
        return "closed"
    return answer.code or len(answer.json()["data"]["errors"])


def outcomes(client: Client, requests: int) -> Counter[Any]:
    """Count the outcomes of so many updates."""
    return Counter(outcome(client) for _ in range(requests))


@pytest.mark.parametrize(
    ("name", "always", "sometimes"),
    [
        ("well", 0, None),
        ("busy", 0, "SBX_429"),
        ("broken", 0, "SBX_503"),
        ("closed", 0, "closed"),
        ("lost", 0, "closed"),
        ("clock", "AUTH_003", None),
        ("rows", 2, None),
        ("signature", "AUTH_010", None),
    ],
)
def test_a_switch_plays_what_it_says(name: str, always: Any, sometimes: Any) -> None:
    """Of thirty requests all have one outcome, or about a third has another."""
    with running() as sandbox, Client(sandbox) as client:
        assert ask(sandbox, "POST", f"/_sandbox/scenario/{name}") == (200, {"status": "ok"})
        counts = outcomes(client, 30)

        assert counts.keys() == {always, sometimes} - {None}
        assert counts[always] == 30 if sometimes is None else 12 <= counts[always] <= 26
        applied = {"closed": bool(counts[0]), "lost": True}.get(name, always in {0, 2})
        assert bool(sandbox.stock()) is applied


def test_nothing_is_applied_where_a_connection_is_closed_and_all_where_an_answer_is_lost() -> None:
    """Both look the same to a client."""
    with running() as sandbox, Client(sandbox) as client:
        for name, applied in (("closed", 0), ("lost", 1)):
            ask(sandbox, "POST", f"/_sandbox/scenario/{name}")
            outcomes(client, 12)
            lost = [each for each in sandbox.requests() if each["status"] is None]
            assert {bool(each["accepted"]) for each in lost} == {bool(applied)}
            sandbox.reset()


def test_too_many_requests_says_when_to_come_again_and_slow_answers_are_slow() -> None:
    """Their scenarios have these values."""
    fields = {switch.name: switch.fields for switch in SWITCHES}

    assert fields["busy"]["rules"][0]["fault"] == {"status": 429, "retry_after": 2}
    assert fields["slow"] == {"latency_ms": 2000}


def test_the_page_learns_its_switches() -> None:
    """Each has a title and one sentence, and no two are the same."""
    with running() as sandbox:
        switches = get(sandbox, "/_sandbox/scenario")

        assert [switch["name"] for switch in switches] == [switch.name for switch in SWITCHES]
        assert len({switch["title"] for switch in switches}) == len(switches)
        for switch in switches:
            assert switch["meaning"].endswith(".")
            assert ". " not in switch["meaning"]
        assert ask(sandbox, "POST", "/_sandbox/scenario/none")[0] == 404


def test_what_the_command_line_says_of_signatures_and_stores_stays() -> None:
    """A client that is right stays right, and the first scenario is a switch of its own."""
    stores = [{"client_id": "second", "token": "its token"}]
    first = {"signature_prefix": "", "stores": stores, "latency_ms": 1}
    with running(first) as sandbox, Client(sandbox) as client:
        names = [switch["name"] for switch in get(sandbox, "/_sandbox/scenario")]
        assert names[:2] == ["started", "well"]
        assert b"its token" not in msgspec.json.encode(get(sandbox, "/_sandbox/scenario"))
        for name in ("well", "rows", "started"):
            assert ask(sandbox, "POST", f"/_sandbox/scenario/{name}")[0] == 200
            headers = {"x-store-client-id": "second", "x-store-token": "its token"}
            signed = client.signed("GET", "/partner/stores/products", b"", headers, prefix="")
            assert client.send("GET", "/partner/stores/products", b"", signed).status == 200


@pytest.mark.parametrize(
    ("scenario", "playing"),
    [
        ({}, {"name": "well", "sets": []}),
        ({"skew_ms": 600_000}, {"name": "clock", "sets": ["skew_ms"]}),
        (
            {"seed": 1, "rules": [{"fault": {"status": 503, "html": True}}]},
            {"name": None, "sets": ["seed", "status", "html"]},
        ),
    ],
)
def test_what_is_playing_is_named(scenario: dict[str, Any], playing: dict[str, Any]) -> None:
    """By its switch if it has one, wherever it was set; and by what it sets, without values."""
    assert Switchboard(Scenario()).playing(msgspec.convert(scenario, Scenario)) == playing
