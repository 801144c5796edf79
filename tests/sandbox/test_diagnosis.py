"""A wrong signature is told from another by the mistake that gives it."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from target_tocobagus.sandbox.auth import base_string
from target_tocobagus.sandbox.diagnosis import likely_cause
from target_tocobagus.sandbox.scenario import Credentials

CREDENTIALS = Credentials()
SECRET = CREDENTIALS.partner_secret.encode()
PATH = "/partner/stores/inventory"
BODY = json.dumps({"items": [{"sku": "Größe", "stock": 1}]}).encode()
COMPACT = json.dumps(json.loads(BODY), separators=(",", ":"), ensure_ascii=False).encode()
HEADERS = {
    b"x-partner-client-id": b"1",
    b"x-store-client-id": b"2",
    b"x-store-token": b"t",
    b"x-timestamp": b"3",
}
DIGEST = hashlib.sha256(BODY).digest()
BASE = base_string("PATCH", PATH, HEADERS, BODY)
HEAD = BASE.rpartition(b"\n")[0]


def signed(base: bytes, key: bytes = SECRET) -> bytes:
    """Sign as documented."""
    return b"sha256=" + hmac.digest(key, base, "sha256").hex().encode()


def raw() -> bytes:
    """Give the bytes of the right signature."""
    return hmac.digest(SECRET, BASE, "sha256")


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (signed(base_string("PATCH", "/api/v1" + PATH, HEADERS, BODY)), f"as /api/v1{PATH}"),
        (signed(base_string("PATCH", PATH + "/", HEADERS, BODY)), "slash at its end"),
        (signed(base_string("patch", PATH, HEADERS, BODY)), "small letters"),
        (signed(BASE + b"\n"), "line end was signed after the last line"),
        (signed(BASE.replace(b"\n", b"\r\n")), "CR LF"),
        (signed(BASE.replace(b":", b": ")), "space was signed after each colon"),
        (
            signed(b"\n".join([b"PATCH", PATH.encode(), *HEADERS.values(), DIGEST.hex().encode()])),
            "without their names",
        ),
        (signed(HEAD), "body was left out"),
        (signed(HEAD + b"\n" + DIGEST.hex().upper().encode()), "capital letters"),
        (signed(HEAD + b"\n" + base64.b64encode(DIGEST)), "hash was signed in Base64"),
        (signed(base_string("PATCH", PATH, HEADERS, b"")), "empty body"),
        (signed(HEAD + b"\n" + BODY), "body was signed, not its hash"),
        (signed(base_string("PATCH", PATH, HEADERS, COMPACT)), "without spaces"),
        (signed(BASE, CREDENTIALS.store_token.encode()), "token was used as the key"),
        (signed(BASE, SECRET + b"\n"), "key had a line end"),
        (raw().hex().encode(), "without sha256= before"),
        (b"sha256=" + raw().hex().upper().encode(), "x-signature has capital letters"),
        (raw().hex().upper().encode(), "and no sha256="),
        (b"sha256=" + base64.b64encode(raw()), "x-signature is in Base64"),
        (base64.b64encode(raw()), "Base64, and without sha256="),
    ],
)
def test_each_usual_mistake_is_found(sent: bytes, cause: str) -> None:
    """It is named in a few words."""
    assert cause in (likely_cause(sent, BASE, BODY, CREDENTIALS) or "")


def test_two_mistakes_at_once_are_both_named() -> None:
    """One of what is signed, and one of how the signature is written."""
    base = base_string("PATCH", "/api/v1" + PATH, HEADERS, BODY)
    sent = hmac.digest(SECRET, base, "sha256").hex().encode()

    found = likely_cause(sent, BASE, BODY, CREDENTIALS) or ""
    assert found.startswith(f"the path was signed as /api/v1{PATH}; x-signature")


def test_the_path_is_without_the_base_where_it_should_have_it() -> None:
    """A scenario may expect the long path."""
    base = base_string("PATCH", "/api/v1" + PATH, HEADERS, BODY)

    assert likely_cause(signed(BASE), base, BODY, CREDENTIALS) == f"the path was signed as {PATH}"


@pytest.mark.parametrize("body", [None, b"{", b"\xff", BODY])
def test_another_secret_has_no_usual_cause(body: Any) -> None:
    """Nor has anything else that is not known, whatever the body is."""
    for sent in (signed(BASE, b"another secret"), b"", b"nonsense", "ü".encode()):
        assert likely_cause(sent, BASE, body, CREDENTIALS) is None
