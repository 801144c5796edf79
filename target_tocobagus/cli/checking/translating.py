"""What `requests` raises, as a value that says at which step of the way it happened.

Its exceptions hold URLs with passwords and headers with tokens in their texts. So nothing is taken
over of these but OpenSSL's and the system's own words, and a proxy's status.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Final

import requests

from target_tocobagus.cli.checking.observed import Failed
from target_tocobagus.client import causes

if TYPE_CHECKING:
    from target_tocobagus.cli.checking.observed import Failure

_BY_VERIFYING: Final[dict[int, Failure]] = {
    9: "not yet valid",
    10: "expired",
    18: "untrusted",
    19: "untrusted",
    20: "untrusted",
    21: "untrusted",
    62: "wrong name",
    64: "wrong name",
}
"""By OpenSSL's X509_V_ERR_…, in x509_vfy.h."""

_NO_TLS: Final = ("wrong version number", "unknown protocol", "record layer failure")
"""What OpenSSL's versions say of a first record that is none."""

_NO_BUNDLE: Final = "no certificate or crl found"
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
_WORDS: Final = {
    "RemoteDisconnected": "without a word",
    "BadStatusLine": "what came is no HTTP",
    "IncompleteRead": "in the middle of it",
    "TimeoutError": "no answer in time",
    "ValueError": "what came cannot be understood",
}


def translated(error: Exception) -> Failed:
    """Say what went wrong, in words that hold no header and no proxy's password."""
    chain = list(causes(error))
    by_proxy = isinstance(error, requests.exceptions.ProxyError)
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return _of_tls(cause, by_proxy=by_proxy)
        if tunnel := _TUNNEL.match(str(cause)):
            return Failed("tunnel", tunnel[1])
    if by_proxy:
        return Failed("proxy lost", _reason(chain))
    return _beside_tls(error, chain)


def _beside_tls(error: Exception, chain: list[BaseException]) -> Failed:
    if "CA certificate bundle" in str(error):
        return Failed("bundle")
    if any(isinstance(cause, TimeoutError) for cause in chain):
        before = isinstance(error, requests.ConnectTimeout)
        return Failed("no connection" if before else "no answer")
    return Failed("lost", _reason(chain))


def _of_tls(error: ssl.SSLError, *, by_proxy: bool) -> Failed:
    said = str(error).lower().replace("_", " ")
    if _NO_BUNDLE in said:
        return Failed("bundle")
    words = _openssl_words(error)
    speaks_none = any(sign in said for sign in _NO_TLS)
    if by_proxy:
        return Failed("proxy speaks no tls" if speaks_none else "proxy lost", words)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failed(_BY_VERIFYING.get(error.verify_code, "certificate"), words)
    return Failed("no tls" if speaks_none else "tls", words)


def _openssl_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    reason = getattr(error, "reason", None)
    return str(reason or type(error).__name__).lower().replace("_", " ")


def _reason(chain: list[BaseException]) -> str:
    """Name the innermost cause; its words only where they are the system's own."""
    reasons = [cause.strerror for cause in chain if isinstance(cause, OSError) and cause.strerror]
    name = type(chain[-1]).__name__
    return reasons[-1] if reasons else _WORDS.get(name, name)
