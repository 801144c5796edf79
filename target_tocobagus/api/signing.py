"""The API's signature: HMAC-SHA256 over a base string, put into the headers.

Three strings that can be printed, one function each, so that a wrong signature and a wrong base
string can be told apart. The bytes signed must be the bytes sent. The form is that of the partner
guide; the parts that the guide leaves open (prefix of the value, prefix of the path) are arguments.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.config.settings import Credentials

SIGNED_HEADERS: Final = ("x-partner-client-id", "x-store-client-id", "x-store-token", "x-timestamp")
"""The headers that are signed, in the guide's order, which is alphabetical."""


def signed_headers(credentials: Credentials, timestamp_ms: int) -> dict[str, str]:
    """Make the headers that the signature covers: the partner, the store and the time.

    Args:
        credentials: The partner's and the store's.
        timestamp_ms: Milliseconds since the epoch by the server's clock, which allows 300 s.
    """
    return {
        "x-partner-client-id": credentials.partner_client_id,
        "x-store-client-id": credentials.store_client_id,
        "x-store-token": credentials.store_token,
        "x-timestamp": str(timestamp_ms),
    }


def base_string(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Make the text that is signed: a line each for method, path, headers and the body's hash.

    Args:
        method: ``PATCH``.
        path: The path as it is signed, ``/partner/stores/inventory``: without ``/api/v1``.
        headers: By lower-case name; of `SIGNED_HEADERS` those that are sent.
        body: The exact bytes of the body; empty if there is none.
    """
    lines = [f"{name}:{headers[name]}" for name in SIGNED_HEADERS if name in headers]
    return "\n".join([method, path, *lines, hashlib.sha256(body).hexdigest()])


def signature(base: str, secret: str, prefix: str = "sha256=") -> str:
    """Sign a base string: the prefix and 64 hex digits, the value of ``x-signature``."""
    return prefix + hmac.new(secret.encode(), base.encode(), hashlib.sha256).hexdigest()
