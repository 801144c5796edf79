"""Finds out why a signature is wrong, by making the usual mistakes and comparing.

Two signatures that differ do not say why. So each mistake that clients are known to make is made
here; if one gives the signature that was sent, it is the cause.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator

import msgspec

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.scenario import Credentials


def likely_cause(
    sent: bytes, base: bytes, body: bytes | None, credentials: Credentials
) -> str | None:
    """Say which mistakes give the signature that was sent, None if no known ones do.

    Args:
        sent: The value of ``x-signature``.
        base: What should have been signed.
        body: As it was sent; None if it is no longer known.
        credentials: With the secret that is the right key.
    """
    for what, lines in _base_strings(base, body):
        for key_is, key in _keys(credentials):
            for form, text in _forms(hmac.digest(key, lines, "sha256")):
                if text == sent.strip():
                    found = [said for said in (what, key_is, form) if said]
                    return "; ".join(found) or None
    return None


def _base_strings(base: bytes, body: bytes | None) -> Iterator[tuple[str, bytes]]:
    """Yield base strings as clients make them by mistake."""
    method, path, *headers, digest = base.split(b"\n")
    prefix = BASE_PATH.encode()
    other = path.removeprefix(prefix) if path.startswith(prefix) else prefix + path
    values = [header.partition(b":")[2] for header in headers]
    spaced = [header.replace(b":", b": ", 1) for header in headers]
    for what, lines in (
        ("", [method, path, *headers, digest]),
        (f"the path was signed as {other.decode()}", [method, other, *headers, digest]),
        ("the path was signed with a slash at its end", [method, path + b"/", *headers, digest]),
        ("the method was signed in small letters", [method.lower(), path, *headers, digest]),
        ("the headers were signed without their names", [method, path, *values, digest]),
        ("a space was signed after each colon", [method, path, *spaced, digest]),
        ("a line end was signed after the last line", [method, path, *headers, digest, b""]),
        ("the body was left out", [method, path, *headers]),
        *((what, [method, path, *headers, signed]) for what, signed in _digests(digest, body)),
    ):
        yield what, b"\n".join(lines)
    yield "the lines were ended by CR LF", base.replace(b"\n", b"\r\n")


def _digests(digest: bytes, body: bytes | None) -> Iterator[tuple[str, bytes]]:
    """Yield what clients sign by mistake in place of the body's hash."""
    yield "the body's hash was signed in capital letters", digest.upper()
    raw = bytes.fromhex(digest.decode())
    yield "the body's hash was signed in Base64", base64.b64encode(raw)
    yield "the hash of an empty body was signed", hashlib.sha256().hexdigest().encode()
    if body is None:
        return
    yield "the body was signed, not its hash", body
    for what, written in _rewritten(body):
        yield what, hashlib.sha256(written).hexdigest().encode()


def _rewritten(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the body as a library would write it, for a client that signs one and sends another."""
    import json

    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for spaces, separators in (("without", (",", ":")), ("with", (", ", ": "))):
        for escapes in (False, True):
            text = json.dumps(value, separators=separators, ensure_ascii=escapes)
            yield f"the body was signed {spaces} spaces, and sent otherwise", text.encode()


def _keys(credentials: Credentials) -> Iterator[tuple[str, bytes]]:
    yield "", credentials.partner_secret.encode()
    yield "the store's token was used as the key", credentials.store_token.encode()
    yield "the key had a line end", f"{credentials.partner_secret}\n".encode()


def _forms(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the forms in which clients write a signature."""
    digits, letters = raw.hex(), base64.b64encode(raw).decode()
    yield "", f"sha256={digits}".encode()
    yield "x-signature is the hex digits, without sha256= before them", digits.encode()
    yield "x-signature has capital letters", f"sha256={digits.upper()}".encode()
    yield "x-signature has capital letters, and no sha256= before them", digits.upper().encode()
    yield "x-signature is in Base64", f"sha256={letters}".encode()
    yield "x-signature is in Base64, and without sha256=", letters.encode()
