"""The sandbox lets in what is signed as documented, and says why it refuses the rest."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from target_tocobagus.sandbox.auth import base_string, check_timestamp, signature
from target_tocobagus.sandbox.messages import Refused
from tests.local_sandbox import running
from tests.sandbox.client import INVENTORY, PRODUCTS, Client

VECTORS = sorted((Path(__file__).parents[1] / "data" / "signing-vectors").iterdir())
ITEM = {"sku": "SKU-1", "stock": 1}
BODY = json.dumps({"items": [ITEM]}).encode()
NOW_MS = 1_758_100_350_458


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.name)
def test_the_signature_is_the_one_that_openssl_makes(vector: Path) -> None:
    """For each golden case the sandbox finds the same base string and the same signature."""
    case = json.loads((vector / "case.json").read_text())
    headers = {name.encode(): value.encode() for name, value in case["headers"].items()}

    base = base_string(case["method"], case["path"], headers, (vector / "body").read_bytes())

    assert base == (vector / "base-string").read_bytes()
    assert signature(case["secret"], base, "sha256=").decode() == case["x_signature"]


@pytest.mark.parametrize(
    "name",
    [
        "x-partner-client-id",
        "x-store-client-id",
        "x-store-token",
        "x-timestamp",
        "x-signature",
    ],
)
def test_a_missing_header_is_named(name: str) -> None:
    """Each of the five headers is required, and the refusal says which one is missing."""
    with running() as sandbox, Client(sandbox) as client:
        headers = client.signed("PATCH", INVENTORY, BODY)
        del headers[name]

        answer = client.send("PATCH", INVENTORY, BODY, headers)

        assert (answer.status, answer.code) == (401, "AUTH_001")
        assert answer.json()["error"]["details"]["context"] == {"missing": [name]}
        assert sandbox.stock() == {}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("x-partner-client-id", "AUTH_004"),
        ("x-store-client-id", "AUTH_005"),
        ("x-store-token", "AUTH_006"),
        ("x-timestamp", "AUTH_003"),
    ],
)
def test_a_wrong_header_is_refused_though_its_signature_is_right(name: str, code: str) -> None:
    """A stranger, a strange store, a wrong token and a time that is none each have a code."""
    with running() as sandbox, Client(sandbox) as client:
        answer = client.update(ITEM, change={name: "nobody"})

        assert (answer.status, answer.code) == (401, code)
        assert answer.json()["success"] is False
        assert sandbox.stock() == {}


@pytest.mark.parametrize("wrong", ["sha256=" + "0" * 64, "", "sha256=", "é"])
def test_a_wrong_signature_is_refused(wrong: str) -> None:
    """A signature that is not the expected one is AUTH_010 (an empty one counts as missing)."""
    with running() as sandbox, Client(sandbox) as client:
        headers = {**client.signed("PATCH", INVENTORY, BODY), "x-signature": wrong}

        answer = client.send("PATCH", INVENTORY, BODY, headers)

        assert answer.code == ("AUTH_010" if wrong else "AUTH_001")


def test_a_body_that_was_changed_after_signing_is_refused() -> None:
    """The raw bytes are what is signed: one space more is another body."""
    with running() as sandbox, Client(sandbox) as client:
        headers = client.signed("PATCH", INVENTORY, BODY)

        assert client.send("PATCH", INVENTORY, BODY + b" ", headers).code == "AUTH_010"


@pytest.mark.parametrize(
    ("scenario", "prefix", "path", "code"),
    [
        ({}, "sha256=", INVENTORY, None),
        ({}, "", INVENTORY, "AUTH_010"),
        ({"signature_prefix": ""}, "", INVENTORY, None),
        ({"signature_prefix": ""}, "sha256=", INVENTORY, "AUTH_010"),
        ({}, "sha256=", "/api/v1" + INVENTORY, "AUTH_010"),
        ({"signed_path_prefix": "/api/v1"}, "sha256=", "/api/v1" + INVENTORY, None),
        ({"signed_path_prefix": "/api/v1"}, "sha256=", INVENTORY, "AUTH_010"),
    ],
)
def test_prefix_and_signed_path_are_what_the_scenario_says(
    scenario: dict[str, Any], prefix: str, path: str, code: str | None
) -> None:
    """By default the guide's form is accepted and no other; a scenario may ask for another."""
    with running(scenario) as sandbox, Client(sandbox) as client:
        headers = client.signed("PATCH", path, BODY, prefix=prefix)

        assert client.send("PATCH", INVENTORY, BODY, headers).code == code


@pytest.mark.parametrize("age_ms", [0, 300_000, -300_000, 299_999])
def test_a_timestamp_within_300_seconds_is_let_in(age_ms: int) -> None:
    """The window reaches 300 seconds both ways, its edges included."""
    check_timestamp(str(NOW_MS - age_ms).encode(), NOW_MS)


@pytest.mark.parametrize(
    ("text", "provided", "age"),
    [
        (str(NOW_MS - 300_001), NOW_MS - 300_001, 300.001),
        (str(NOW_MS + 300_001), NOW_MS + 300_001, -300.001),
        ("1758100350", 1758100350, (NOW_MS - 1758100350) / 1000),
        ("1758100350458.5", "1758100350458.5", None),
        ("-5", "-5", None),
        ("soon", "soon", None),
        ("9" * 5000, "9" * 5000, None),
    ],
)
def test_any_other_timestamp_is_refused_with_both_clocks(
    text: str, provided: int | str, age: float | None
) -> None:
    """AUTH_003 says what was provided, what time it is here, and the age in seconds."""
    with pytest.raises(Refused) as caught:
        check_timestamp(text.encode(), NOW_MS)

    assert caught.value.code == "AUTH_003"
    assert caught.value.context == {
        "providedTimestamp": provided,
        "currentTime": NOW_MS,
        "ageSeconds": age,
    }


@pytest.mark.parametrize("place", ["scenario", "rule"])
def test_a_skewed_clock_shows_in_the_window_the_body_and_the_date(place: str) -> None:
    """A server 10 minutes ahead refuses a client that is right, and tells it its own time."""
    ahead = {"skew_ms": 600_000}
    scenario: dict[str, Any] = ahead if place == "scenario" else {"rules": [{"fault": ahead}]}
    with running(scenario) as sandbox, Client(sandbox) as client:
        answer = client.update(ITEM)
        context = answer.json()["error"]["details"]["context"]
        there = str(context["currentTime"])

        assert answer.code == "AUTH_003"
        assert context["currentTime"] - time.time() * 1000 == pytest.approx(600_000, abs=5000)
        assert context["ageSeconds"] == pytest.approx(600, abs=5)
        assert answer.headers["date"].endswith("GMT")
        assert client.update(ITEM, change={"x-timestamp": there}).status == 200


def test_a_read_is_signed_as_the_hash_of_nothing() -> None:
    """Without a body the base string ends in the hash of the empty string, and in no other."""
    with running() as sandbox, Client(sandbox) as client:
        of_nothing = client.signed("GET", PRODUCTS)
        of_another = client.signed("GET", PRODUCTS, b"{}")
        of_a_write = client.signed("PATCH", PRODUCTS)

        answer = client.send("GET", PRODUCTS, b"", of_nothing)

        assert answer.status == 200
        assert {"success", "message", "data"} <= answer.json().keys()
        assert answer.json()["success"] is True
        assert client.send("GET", PRODUCTS, b"", of_another).code == "AUTH_010"
        assert client.send("GET", PRODUCTS, b"", of_a_write).code == "AUTH_010"
        assert sandbox.stock() == {}


def test_each_store_has_stock_of_its_own() -> None:
    """A scenario adds stores; what one sets, the other does not see."""
    stores = [{"client_id": "second", "token": "its token"}]
    with running({"stores": stores}) as sandbox, Client(sandbox) as client:
        second = {"x-store-client-id": "second", "x-store-token": "its token"}

        assert client.update(ITEM, change=second).status == 200
        assert client.update(ITEM, change={"x-store-client-id": "second"}).code == "AUTH_006"
        assert sandbox.stock() == {}
        assert sandbox.stock("second") == {("sku", "SKU-1"): {None: 1}}
