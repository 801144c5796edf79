"""What the HTTP libraries raise, as a value that says at which step of the way it happened.

The one translation, for the client and for `tocobagus check`. The libraries' exceptions hold URLs
with passwords and headers with tokens in their texts. So nothing of these is taken over but the
words of OpenSSL and of the system, and a proxy's status.
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
"""In what way something did not come about, from the first step to the last.

``garbled`` is an answer that cannot be trusted, ``unusable`` a request that cannot be made.
"""


class Failed(NamedTuple):
    """Something that did not come about.

    Attributes:
        detail: What the system or the other side said of it; may be empty.
    """

    failure: Failure
    detail: str = ""


_BY_VERIFYING: Final[dict[int, Failure]] = {
    9: "out of date",
    10: "out of date",
    62: "wrong name",
    64: "wrong name",
}
"""By OpenSSL's X509_V_ERR_…, in x509_vfy.h; the others mean that it is not trusted."""

_NO_BUNDLE: Final = "no certificate or crl found"
_BY_REQUESTS: Final = "CA certificate bundle"
"""A plain OSError by which requests says that a CA bundle is not there holds these words."""

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
"""What `http.client` says of a proxy's answer to CONNECT; 407 where it wants a user."""

_OPENSSL: Final = re.compile(r"^\[[^\]]*\] *| *\(_ssl\.c:\d+\)$")
"""What stands around OpenSSL's words."""

_IN_TIME: Final = "no answer in time"
_BY_CLASS: Final[tuple[tuple[type[BaseException], Failed], ...]] = (
    (HandshakeTimeoutError, Failed("tls", _IN_TIME)),
    (ConnectionTimeoutError, Failed("no connection", "no connection in time")),
    (TimeoutError, Failed("no answer", _IN_TIME)),
    (http.client.RemoteDisconnected, Failed("lost", "it was closed without an answer")),
    (http.client.IncompleteRead, Failed("lost", "the answer breaks off")),
    (InvalidHeader, Failed("garbled", "its Content-Length headers differ")),
    (DecodeError, Failed("garbled", "it cannot be decompressed")),
    (http.client.LineTooLong, Failed("garbled", "its headers are too long")),
    (http.client.BadStatusLine, Failed("garbled", "what came is not HTTP")),
    (http.client.UnknownProtocol, Failed("garbled", "what came is not HTTP")),
)
"""What went wrong, by a class in the chain of causes; the first that fits."""


def translated(error: Exception, *, sent: bool = True) -> Failed:
    """Say what went wrong, in words that hold no header and no proxy's password.

    Args:
        error: What an attempt raised, whatever it is.
        sent: A byte of the request may have left; if none has, it may be the request's fault.
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
    """Walk from an error to what lies under it; requests and urllib3 put that in many places."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = [arg for arg in (*current.args, getattr(current, "reason", None)) if arg]
        wrapped = [arg for arg in inner if isinstance(arg, BaseException)]
        current = wrapped[0] if wrapped else current.__cause__ or current.__context__
