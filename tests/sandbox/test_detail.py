"""A request is shown in full: enough to find a client's mistake, and no secret."""

from typing import Any

import msgspec
import pytest

from tests.local_sandbox import Sandbox, running
from tests.sandbox.client import INVENTORY, PRODUCTS, Client, ask, get, rule

BODY = b'{"items":[{"sku":"A","stock":1}]}'
NAMES = [
    "method",
    "path",
    "x-partner-client-id",
    "x-store-client-id",
    "x-store-token",
    "x-timestamp",
    "SHA-256 of the body",
]


def detail(sandbox: Sandbox, number: int = 1) -> dict[str, Any]:
    """Read a request in full."""
    found: dict[str, Any] = get(sandbox, f"/_sandbox/requests/{number}")
    return found


def test_a_right_request_is_shown_with_what_it_signed(sandbox: Sandbox) -> None:
    """Body and base string line by line; the signatures are not needed, and are not shown."""
    with Client(sandbox) as client:
        client.update({"sku": "A", "stock": 1})
    shown = detail(sandbox)

    assert (shown["body"], shown["bodyKept"], shown["error"]) == (BODY.decode(), len(BODY), None)
    assert shown["signing"].keys() == {"isRight", "lines"}
    assert shown["signing"]["isRight"] is True
    lines = shown["signing"]["lines"]
    assert [name for name, _ in lines] == NAMES
    assert [line for _, line in lines[:3]] == [
        "PATCH",
        INVENTORY,
        f"x-partner-client-id:{sandbox.credentials['partner_client_id']}",
    ]
    assert dict(lines)["x-store-token"] == "x-store-token:***"


def test_a_refused_signature_is_shown_beside_the_expected_one(sandbox: Sandbox) -> None:
    """With the likely cause; the secret and the store's token are nowhere."""
    with Client(sandbox) as client:
        wrong = client.signed("PATCH", f"/api/v1{INVENTORY}", BODY)
        right = client.signed("PATCH", INVENTORY, BODY, {"x-timestamp": wrong["x-timestamp"]})
        client.send("PATCH", INVENTORY, BODY, wrong)
    shown = detail(sandbox)

    signing = shown["signing"]
    assert (shown["code"], shown["error"]["code"]) == ("AUTH_010", "AUTH_010")
    assert (signing["isRight"], signing["sent"]) == (False, wrong["x-signature"])
    assert signing["expected"] == right["x-signature"]
    assert signing["cause"] == f"the path was signed as /api/v1{INVENTORY}"
    text = msgspec.json.encode(shown).decode()
    for secret in ("partner_secret", "store_token"):
        assert sandbox.credentials[secret] not in text


@pytest.mark.parametrize(
    ("change", "code"),
    [({"x-partner-client-id": "other"}, "AUTH_004"), ({"x-signature": ""}, "AUTH_001")],
)
def test_an_expected_signature_is_shown_only_where_it_was_refused(
    sandbox: Sandbox, change: dict[str, str], code: str
) -> None:
    """For another refusal it would help a client to nothing."""
    with Client(sandbox) as client:
        client.send("GET", PRODUCTS, b"", {**client.signed("GET", PRODUCTS), **change})
    shown = detail(sandbox)

    assert shown["code"] == code
    assert shown["signing"].keys() == {"isRight", "lines"}


def test_a_request_that_needs_no_signature_has_none(sandbox: Sandbox) -> None:
    """Neither a path that is unknown, nor one whose header is missing, is an error here."""
    with Client(sandbox) as client:
        client.send("GET", "/partner/else", b"", {})
        headers = client.signed("GET", PRODUCTS)
        del headers["x-store-token"]
        client.send("GET", PRODUCTS, b"", headers)

    assert detail(sandbox, 1)["signing"] is None
    assert [name for name, _ in detail(sandbox, 2)["signing"]["lines"]] == [
        name for name in NAMES if name != "x-store-token"
    ]
    assert ask(sandbox, "GET", "/_sandbox/requests/3")[0] == 404


def test_a_fault_that_pretends_is_shown_as_a_right_signature() -> None:
    """A scenario may answer AUTH_010 to a client that is right."""
    fault = {"status": 401, "code": "AUTH_010", "message": "Invalid signature"}
    with running(rule(fault)) as sandbox, Client(sandbox) as client:
        client.update({"sku": "A", "stock": 1})
        assert detail(sandbox)["error"]["code"] == "AUTH_010"
        assert detail(sandbox)["signing"] is None


@pytest.mark.parametrize("body", [{"error": {"code": 7}}, {"error": "text"}, [1], "text"])
def test_an_answer_may_be_any_json(body: Any) -> None:
    """A scenario's answer need not have an error of the API's form."""
    with running(rule({"body": body})) as sandbox, Client(sandbox) as client:
        client.update({"sku": "A", "stock": 1})
        given = body.get("error") if isinstance(body, dict) else None
        assert detail(sandbox)["error"] == given
        assert ask(sandbox, "GET", "/_sandbox/requests")[0] == 200
