"""One request in full, so that the author of a client sees what was sent and what was signed."""

from typing import Any, Final

import msgspec

from target_tocobagus.sandbox.auth import SIGNED_HEADERS, Signing
from target_tocobagus.sandbox.diagnosis import likely_cause
from target_tocobagus.sandbox.scenario import Credentials
from target_tocobagus.sandbox.state import World
from target_tocobagus.sandbox.visits import Record

_MASKED_HEADERS: Final = {b"x-store-token", b"x-signature"}
_MASK: Final = "***"


def shown(record: Record, body: bytes) -> dict[str, Any]:
    """Show a request: the fields of its `Visit`, ``headers``, and ``body`` unless it is empty."""
    headers = {
        name.decode("latin-1"): _MASK if name in _MASKED_HEADERS else value.decode("latin-1")
        for name, value in record.headers.items()
    }
    recorded = {"body": body.decode(errors="replace")} if body else {}
    return {**msgspec.to_builtins(record.visit), "headers": headers, **recorded}


def in_full(record: Record, world: World, credentials: Credentials) -> dict[str, Any]:
    """Show a request with all that is kept of it.

    Returns:
        As `shown`; also ``bodyKept``, the number of its bytes that are kept, ``error``, and
        ``signing``, None for a request that had no need of a signature.
    """
    body = world.body_of(record)
    signing = record.signing and _signing(record, record.signing, body, credentials)
    return {
        **shown(record, body),
        "bodyKept": len(body),
        "error": record.error,
        "signing": signing,
    }


def _signing(
    record: Record, signing: Signing, body: bytes, credentials: Credentials
) -> dict[str, Any]:
    """Show the base string line by line, and both signatures if they made the refusal."""
    sent = record.headers.get(b"x-signature", b"")
    is_right = sent == signing.expected
    told: dict[str, Any] = {"isRight": is_right, "lines": _lines(record, signing.base)}
    if record.visit.code == "AUTH_010" and not is_right:
        whole = body if len(body) == record.visit.body_bytes else None
        told["sent"] = sent.decode("latin-1")
        told["expected"] = signing.expected.decode()
        told["cause"] = likely_cause(sent, signing.base, whole, credentials)
    return told


def _lines(record: Record, base: bytes) -> list[tuple[str, str]]:
    """Name each line of a base string; the store's token is blanked out."""
    headers = [name for name in SIGNED_HEADERS if name in record.headers]
    names = ["method", "path", *(name.decode() for name in headers), "SHA-256 of the body"]
    return [
        (name, f"{name}:{_MASK}" if name.encode() in _MASKED_HEADERS else line.decode("latin-1"))
        for name, line in zip(names, base.split(b"\n"), strict=True)
    ]
