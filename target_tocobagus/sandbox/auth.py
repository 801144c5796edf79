"""Who sends this request, and may they: headers, clock, signature, store.

The signature is computed once more from what arrived. Documented in the partner guide: HMAC-SHA256
with the partner's secret over method, path, the identifying headers that were sent, and the SHA-256
of the body, one to a line. Inferred: the secret is its UTF-8 bytes, and no newline ends the base
string.
"""

import hashlib
import hmac
from collections.abc import Mapping

from target_tocobagus.sandbox.replies import Refused
from target_tocobagus.sandbox.request import Request
from target_tocobagus.sandbox.scenario import Credentials, Scenario

WINDOW_MS = 300_000
"""How far a timestamp may be from the server's clock, either way (documented: 300 seconds)."""

SIGNED_HEADERS = (b"x-partner-client-id", b"x-store-client-id", b"x-store-token", b"x-timestamp")
"""The headers that are signed, in the order in which they are signed (documented)."""

REQUIRED_HEADERS = (*SIGNED_HEADERS, b"x-signature")
"""The headers of every request that concerns a store (documented)."""


class Gate:
    """Knows the partner, its stores and how they sign."""

    def __init__(self, credentials: Credentials, scenario: Scenario) -> None:
        stores = (credentials.first_store(), *scenario.stores)
        self._tokens = {store.client_id.encode(): store.token.encode() for store in stores}
        self._credentials = credentials
        self._scenario = scenario

    def store_of(self, request: Request, now_ms: int) -> str:
        """Give the client id of the store that the request is for.

        Raises:
            Refused: The request is not let in. The order of the checks is invented: what the
                caller can correct first comes first, and no store is looked up for a stranger.
        """
        _require_headers(request.headers)
        if request.headers[b"x-partner-client-id"] != self._credentials.partner_client_id.encode():
            raise Refused("AUTH_004", "Unknown partner", "Check x-partner-client-id")
        check_timestamp(request.headers[b"x-timestamp"], now_ms)
        self._check_signature(request)
        return self._check_store(request.headers)

    def _check_signature(self, request: Request) -> None:
        path = self._scenario.signed_path_prefix + request.path
        base = base_string(request.method, path, request.headers, request.body)
        secret = self._credentials.partner_secret
        expected = signature(secret, base, self._scenario.signature_prefix)
        if not hmac.compare_digest(request.headers[b"x-signature"], expected):
            hint = "Check the partner secret, the signed path and the order of the headers"
            raise Refused("AUTH_010", "Invalid signature", hint)

    def _check_store(self, headers: Mapping[bytes, bytes]) -> str:
        store = headers[b"x-store-client-id"]
        if store not in self._tokens:
            raise Refused("AUTH_005", "Unknown store", "Check x-store-client-id")
        if not hmac.compare_digest(headers[b"x-store-token"], self._tokens[store]):
            raise Refused("AUTH_006", "Invalid store token", "Check x-store-token")
        return store.decode()


def _require_headers(headers: Mapping[bytes, bytes]) -> None:
    missing = [name.decode() for name in REQUIRED_HEADERS if not headers.get(name)]
    if missing:
        raise Refused(
            "AUTH_001",
            "Missing header",
            f"Send {', '.join(missing)}",
            {"missing": missing},
        )


def check_timestamp(text: bytes, now_ms: int) -> None:
    """Refuse a timestamp that is not an integer of milliseconds or outside of the window.

    Raises:
        Refused: ``AUTH_003`` with the documented context: ``providedTimestamp`` (as sent, when it
            is not an integer), ``currentTime`` (epoch ms) and ``ageSeconds``.
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
    """Give the bytes that are signed.

    Args:
        method: As in the request line, upper-case.
        path: The path that is signed: by default without the API's base path.
        headers: Header values by lower-case name; a signed header that is absent has no line.
        body: The raw bytes as they arrived, empty for a request without a body.
    """
    lines = [method.encode(), path.encode()]
    lines += [name + b":" + headers[name] for name in SIGNED_HEADERS if name in headers]
    lines.append(hashlib.sha256(body).hexdigest().encode())
    return b"\n".join(lines)


def signature(secret: str, base: bytes, prefix: str) -> bytes:
    """Give the value that ``x-signature`` must have: the prefix and 64 lower-case hex digits."""
    return prefix.encode() + hmac.digest(secret.encode(), base, "sha256").hex().encode()
