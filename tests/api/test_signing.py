"""The signature, held to cases that were made with openssl alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.api.signing import SIGNED_HEADERS, base_string, signature, signed_headers
from target_tocobagus.config.settings import Credentials

VECTORS = Path(__file__).parents[1] / "data" / "signing-vectors"
CASES = sorted(path.name for path in VECTORS.iterdir() if path.is_dir())


class Case:
    """One golden case."""

    def __init__(self, name: str) -> None:
        self.body = (VECTORS / name / "body").read_bytes()
        self.base = (VECTORS / name / "base-string").read_text("utf-8")
        facts: dict[str, Any] = json.loads((VECTORS / name / "case.json").read_text("utf-8"))
        self.method, self.path = facts["method"], facts["path"]
        self.headers: dict[str, str] = facts["headers"]
        self.secret, self.signature = facts["secret"], facts["x_signature"]


def test_there_are_vectors() -> None:
    """The golden cases are there: a body, none, and one beyond ASCII."""
    assert {"documented-payload", "no-body-no-store", "utf8-sku"} <= set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_base_string_is_the_golden_one(name: str) -> None:
    """The base string is the golden one, to the last byte and without a newline at its end."""
    case = Case(name)
    assert base_string(case.method, case.path, case.headers, case.body) == case.base


@pytest.mark.parametrize("name", CASES)
def test_signature_is_the_golden_one(name: str) -> None:
    """The signature of the golden base string is the golden one, its secret taken as UTF-8."""
    case = Case(name)
    assert signature(case.base, case.secret) == case.signature


@pytest.mark.parametrize("name", [name for name in CASES if "no-store" not in name])
def test_headers_are_the_golden_ones(name: str) -> None:
    """The four signed headers carry the credentials and the milliseconds, as text."""
    headers = Case(name).headers
    who = Credentials(
        headers["x-partner-client-id"],
        "a secret that is never sent",
        headers["x-store-client-id"],
        headers["x-store-token"],
    )
    assert signed_headers(who, int(headers["x-timestamp"])) == headers


def test_headers_are_signed_in_the_order_of_the_guide() -> None:
    """Headers are signed in the guide's order, in whatever order they come."""
    case = Case("documented-payload")
    backwards = dict(reversed(case.headers.items()))
    assert list(SIGNED_HEADERS) == sorted(SIGNED_HEADERS)
    assert base_string(case.method, case.path, backwards, case.body) == case.base


def test_other_headers_are_not_signed() -> None:
    """A header that the guide does not name changes nothing."""
    case = Case("documented-payload")
    more = {**case.headers, "content-type": "application/json", "x-signature": "sha256=00"}
    assert base_string(case.method, case.path, more, case.body) == case.base


@pytest.mark.parametrize("prefix", ["", "sha256=", "v1:"])
def test_prefix_stands_before_64_hex_digits(prefix: str) -> None:
    """The setting `signature_prefix` is followed by 64 lower-case hex digits, and nothing else."""
    value = signature("base", "secret", prefix)
    digits = value.removeprefix(prefix)
    assert value == prefix + digits
    assert len(digits) == 64
    assert set(digits) <= set("0123456789abcdef")


@settings(deadline=None)
@given(st.binary(), st.binary())
def test_another_body_has_another_base_string(one: bytes, other: bytes) -> None:
    """Two bodies share a base string only if they are the same bytes."""
    headers = Case("documented-payload").headers
    bases = [base_string("PATCH", "/partner/stores/inventory", headers, b) for b in (one, other)]
    assert (bases[0] == bases[1]) == (one == other)
