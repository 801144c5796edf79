"""The API's signature: HMAC-SHA256 over a base string, put into the headers.

Three strings that can be printed, one function each, so that a wrong signature can be told from a
wrong base string. The bytes signed must be the bytes sent. The form is the partner guide's; what
the guide leaves open (the prefix of the value, the prefix of the path) are arguments.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.config.settings import Credentials

SIGNED_HEADERS: Final = (
    "x-partner-client-id",
    "x-store-client-id",
    "x-store-token",
    "x-timestamp",
)
"""The headers that are signed, in the guide's order, which is also the alphabet's."""


def signed_headers(credentials: Credentials, timestamp_ms: int) -> dict[str, str]:
    """Name the caller, the store and the moment: the headers that the signature covers.

    Args:
        credentials: Who sends, for whom.
        timestamp_ms: Milliseconds since the epoch by the server's clock, which allows 300 s.
    """
    return {
        "x-partner-client-id": credentials.partner_client_id,
        "x-store-client-id": credentials.store_client_id,
        "x-store-token": credentials.store_token,
        "x-timestamp": str(timestamp_ms),
    }


def base_string(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Write down what is signed: a line each for method, path, headers and the body's hash.

    Args:
        method: ``PATCH``.
        path: The path as it is signed, ``/partner/stores/inventory``: without ``/api/v1``.
        headers: By lower-case name; of `SIGNED_HEADERS` those that are sent.
        body: The body's very bytes; empty where there is none.
    """
    lines = [f"{name}:{headers[name]}" for name in SIGNED_HEADERS if name in headers]
    return "\n".join([method, path, *lines, hashlib.sha256(body).hexdigest()])


def signature(base: str, secret: str, prefix: str = "sha256=") -> str:
    """Sign a base string: the prefix and 64 hex digits, the value of ``x-signature``."""
    return prefix + hmac.new(secret.encode(), base.encode(), hashlib.sha256).hexdigest()
