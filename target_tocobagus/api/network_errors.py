"""Translates errors of the HTTP libraries to values that name the step that failed.

For the client and for `tocobagus check`. The libraries' messages may contain URLs with passwords
and headers with tokens, so only the messages of OpenSSL and of the system, and a proxy's status,
are used.
"""

from __future__ import annotations

import http.client
import re
import ssl
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import requests
from urllib3.exceptions import DecodeError, HTTPError, InvalidHeader

from target_tocobagus.api.deadline import (
    ConnectionTimeoutError,
    HandshakeTimeoutError,
    UntrustedAnswer,
)
from target_tocobagus.core.foreign_text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

Failure: TypeAlias = Literal[
    "name",
    "refused",
    "no connection",
    "tunnel",
    "proxy lost",
    "bundle",
    "untrusted",
    "wrong name",
    "out of date",
    "tls",
    "no answer",
    "lost",
    "garbled",
    "unusable",
]
"""Which step failed, from the first to the last.

``garbled`` is an answer that cannot be trusted, ``unusable`` a request that cannot be made.
"""


class Failed(NamedTuple):
    """A failed step.

    Attributes:
        detail: The message of the system or of the other side; may be empty.
    """

    failure: Failure
    detail: str = ""


_BY_VERIFYING: Final[dict[int, Failure]] = {
    9: "out of date",
    10: "out of date",
    62: "wrong name",
    64: "wrong name",
}
"""By OpenSSL's X509_V_ERR_… (x509_vfy.h); all others mean: not trusted."""

_NO_BUNDLE: Final = "no certificate or crl found"
_BY_REQUESTS: Final = "CA certificate bundle"
"""In the text of the plain OSError that requests raises for a missing CA bundle."""

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
"""The message of `http.client` for a proxy's answer to CONNECT; 407 asks for a user."""

_OPENSSL: Final = re.compile(r"^\[[^\]]*\] *| *\(_ssl\.c:\d+\)$")
"""The text around OpenSSL's message."""

_IN_TIME: Final = "no answer in time"
_BY_CLASS: Final[tuple[tuple[type[BaseException], Failed], ...]] = (
    (HandshakeTimeoutError, Failed("tls", _IN_TIME)),
    (ConnectionTimeoutError, Failed("no connection", "no connection in time")),
    (TimeoutError, Failed("no answer", _IN_TIME)),
    (http.client.RemoteDisconnected, Failed("lost", "it was closed without an answer")),
    (http.client.IncompleteRead, Failed("lost", "the answer is incomplete")),
    (InvalidHeader, Failed("garbled", "its Content-Length headers differ")),
    (DecodeError, Failed("garbled", "it cannot be decompressed")),
    (http.client.LineTooLong, Failed("garbled", "its headers are too long")),
    (http.client.BadStatusLine, Failed("garbled", "it is not HTTP")),
    (http.client.UnknownProtocol, Failed("garbled", "it is not HTTP")),
)
"""The failure by a class in the chain of causes; the first match counts."""


def translated(error: Exception, *, sent: bool = True) -> Failed:
    """Translate an error, without any header or proxy password.

    Args:
        error: Any error of an attempt.
        sent: A byte of the request may have been sent; if none was, the request may be wrong.
    """
    chain = list(_causes(error))
    by_proxy = isinstance(error, requests.exceptions.ProxyError)
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return _of_tls(cause, by_proxy=by_proxy)
        if tunnel := _TUNNEL.match(str(cause)):
            return Failed("tunnel", tunnel[1])
    if by_proxy:
        return Failed("proxy lost", _beside_tls(chain).detail)
    if _BY_REQUESTS in str(error):
        return Failed("bundle")
    of_network = isinstance(error, (OSError, HTTPError)) and not isinstance(error, ValueError)
    return _beside_tls(chain) if sent or of_network else Failed("unusable")


def _beside_tls(chain: list[BaseException]) -> Failed:
    for kind, failed in _BY_CLASS:
        if any(isinstance(cause, kind) for cause in chain):
            return failed
    for cause in chain:
        if isinstance(cause, UntrustedAnswer):
            return Failed("garbled", str(cause))
        if isinstance(cause, http.client.HTTPException):
            return Failed("garbled", "it has too many headers")
    reasons = [cause.strerror for cause in chain if isinstance(cause, OSError) and cause.strerror]
    if reasons:
        return Failed("lost", clean(reasons[-1]))
    return Failed("garbled", "it cannot be understood")


def _of_tls(error: ssl.SSLError, *, by_proxy: bool) -> Failed:
    said = str(error).lower().replace("_", " ")
    if _NO_BUNDLE in said:
        return Failed("bundle")
    words = _openssl_words(error)
    if by_proxy:
        return Failed("proxy lost", words)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failed(_BY_VERIFYING.get(error.verify_code, "untrusted"), words)
    return Failed("tls", words)


def _openssl_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return clean(error.verify_message)
    reason = getattr(error, "reason", None)
    words = str(reason).lower().replace("_", " ") if reason else error.strerror
    return clean(_OPENSSL.sub("", words or str(error)))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes; requests and urllib3 keep them in several places."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = [arg for arg in (*current.args, getattr(current, "reason", None)) if arg]
        wrapped = [arg for arg in inner if isinstance(arg, BaseException)]
        current = wrapped[0] if wrapped else current.__cause__ or current.__context__
