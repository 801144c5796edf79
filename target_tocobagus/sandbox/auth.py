"""Checks who sends a request: headers, clock, signature, store.

The signature is computed again from the bytes that arrived. Documented in the partner guide: it is
an HMAC-SHA256 with the partner's secret over a line each for method, path, the identifying headers
and the body's SHA-256. Inferred: the secret is used as UTF-8, and no newline ends the base string.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

from target_tocobagus.sandbox.messages import Refused, Request
from target_tocobagus.sandbox.scenario import Credentials, Scenario

WINDOW_MS = 300_000
"""How far a timestamp may be from the server's clock, either way (documented: 300 seconds)."""

SIGNED_HEADERS = (b"x-partner-client-id", b"x-store-client-id", b"x-store-token", b"x-timestamp")
"""The signed headers, in their order (documented)."""

REQUIRED_HEADERS = (*SIGNED_HEADERS, b"x-signature")
"""The headers of every request that concerns a store (documented)."""


class Signing(NamedTuple):
    """What is signed, and the value of ``x-signature`` that follows from it."""

    base: bytes
    expected: bytes


def sign(request: Request, credentials: Credentials, scenario: Scenario) -> Signing:
    """Sign a request as its client should have done."""
    path = scenario.signed_path_prefix + request.path
    base = base_string(request.method, path, request.headers, request.body)
    return Signing(base, signature(credentials.partner_secret, base, scenario.signature_prefix))


def check(
    request: Request,
    expected: bytes,
    credentials: Credentials,
    scenario: Scenario,
    now_ms: int,
) -> str:
    """Check a request, and return the client id of its store.

    Args:
        request: As it arrived.
        expected: Its signature, as `sign` makes it.
        credentials: Of the partner and its first store.
        scenario: Has the other stores.
        now_ms: The server's time.

    Raises:
        Refused: The request is not accepted. The order of the checks is invented.
    """
    headers = request.headers
    missing = [name.decode() for name in REQUIRED_HEADERS if not headers.get(name)]
    if missing:
        hint = f"Send {', '.join(missing)}"
        raise Refused("AUTH_001", "Missing header", hint, {"missing": missing})
    if headers[b"x-partner-client-id"] != credentials.partner_client_id.encode():
        raise Refused("AUTH_004", "Unknown partner", "Check x-partner-client-id")
    check_timestamp(headers[b"x-timestamp"], now_ms)
    if not hmac.compare_digest(headers[b"x-signature"], expected):
        hint = "Check the partner secret, the signed path and the order of the headers"
        raise Refused("AUTH_010", "Invalid signature", hint)
    return _check_store(headers, credentials, scenario)


def _check_store(
    headers: Mapping[bytes, bytes], credentials: Credentials, scenario: Scenario
) -> str:
    tokens = {credentials.store_client_id: credentials.store_token}
    tokens |= {store.client_id: store.token for store in scenario.stores}
    store = headers[b"x-store-client-id"].decode(errors="replace")
    if store not in tokens:
        raise Refused("AUTH_005", "Unknown store", "Check x-store-client-id")
    if not hmac.compare_digest(headers[b"x-store-token"], tokens[store].encode()):
        raise Refused("AUTH_006", "Invalid store token", "Check x-store-token")
    return store


def check_timestamp(text: bytes, now_ms: int) -> None:
    """Refuse a timestamp that is not an integer, or is outside of the window.

    Raises:
        Refused: ``AUTH_003`` with the documented context: ``providedTimestamp``, ``currentTime``
            (epoch ms) and ``ageSeconds``.
    """
    # isdigit() of bytes knows ASCII digits only, and 19 of them fit into 64 bits with room to spare
    readable = text.isdigit() and len(text) <= 18  # noqa: PLR2004  # said on the line above
    provided = int(text) if readable else None
    age_ms = None if provided is None else now_ms - provided
    if age_ms is not None and abs(age_ms) <= WINDOW_MS:
        return
    raise Refused(
        "AUTH_003",
        "Expired or invalid timestamp",
        "x-timestamp is the time in epoch milliseconds, within 300 seconds of the server's clock",
        {
            "providedTimestamp": text.decode("latin-1") if provided is None else provided,
            "currentTime": now_ms,
            "ageSeconds": None if age_ms is None else age_ms / 1000,
        },
    )


def base_string(method: str, path: str, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
    """Make the bytes that are signed.

    Args:
        method: Upper-case.
        path: By default without the API's base path.
        headers: Values by lower-case name; a signed header that is absent has no line.
        body: The raw bytes as they arrived.
    """
    lines = [method.encode(), path.encode()]
    lines += [name + b":" + headers[name] for name in SIGNED_HEADERS if name in headers]
    lines.append(hashlib.sha256(body).hexdigest().encode())
    return b"\n".join(lines)


def signature(secret: str, base: bytes, prefix: str) -> bytes:
    """Make the value of ``x-signature``: the prefix and 64 lower-case hex digits."""
    return prefix.encode() + hmac.digest(secret.encode(), base, "sha256").hex().encode()
