"""The request's signature, computed once more from what arrived.

Documented in the partner guide: HMAC-SHA256 with the partner's secret over method, path, the
identifying headers that were sent, and the SHA-256 of the body, one to a line. Inferred: the secret
is its UTF-8 bytes, and no newline ends the base string.
"""

import hashlib
import hmac
from collections.abc import Mapping

SIGNED_HEADERS = (b"x-partner-client-id", b"x-store-client-id", b"x-store-token", b"x-timestamp")
"""The headers that are signed, in the order in which they are signed (documented)."""


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


def is_signed(given: bytes, expected: bytes) -> bool:
    """Compare two signatures in a time that does not depend on where they differ."""
    return hmac.compare_digest(given, expected)
