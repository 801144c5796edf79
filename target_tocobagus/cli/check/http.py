"""One read over HTTP, made as the target's client makes its requests.

The same library reads proxies, certificate authorities and ``NO_PROXY`` from the environment. No
session sends it, so ``~/.netrc``, cookies and redirects are ignored. Each read has its own
connection and is made once.
"""

from __future__ import annotations

import ssl
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import requests
from requests.utils import select_proxy

from target_tocobagus.api.client import HEADERS, DeadlineAdapter, environment_of
from target_tocobagus.api.deadline import set_deadline, was_sent
from target_tocobagus.api.network_errors import Failed, translated
from target_tocobagus.api.response_body import read_body, read_content
from target_tocobagus.core.model import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCTS: Final = "/partner/stores/products"
"""A documented read of this API, signed like the write; it changes nothing."""

_BEGINNING: Final = 4096


class Answer(NamedTuple):
    """An answer over HTTP.

    Attributes:
        reply: As the target reads it, but with all headers, by lower-case name.
        certificate: Until when it is valid and who issued it, as the end of a sentence; empty for
            plain http, or if the connection was closed with the answer.
    """

    reply: Reply
    text: str
    sent_ms: int
    received_ms: int
    certificate: str


def proxy_and_bundle(url: str) -> tuple[str | None, str | None]:
    """Read from the environment the proxy's URL, with its password, and the CA bundle's file."""
    found = environment_of(url)
    verify = found["verify"]
    return select_proxy(url, found["proxies"]) or None, verify if isinstance(verify, str) else None


def read(url: str, headers: Mapping[str, str], seconds: float) -> Answer | Failed:
    """Make one signed GET; the time limit is that of the whole exchange."""
    set_deadline(time.monotonic() + seconds)
    adapter = DeadlineAdapter()
    try:
        request = requests.Request("GET", url, headers={**HEADERS, **headers}).prepare()
        environment, sent_ms = environment_of(url), _now_ms()
        with adapter.send(request, timeout=seconds, **environment) as response:
            return _answer(response, sent_ms)
    except Exception as error:  # noqa: BLE001  # whatever a library raises is a finding
        return translated(error, sent=was_sent())
    finally:
        adapter.close()


def _answer(response: Any, sent_ms: int) -> Answer:
    """Read urllib3's response."""
    received_ms = _now_ms()
    certificate = _certificate(response)
    content = read_content(response)
    named = {name.lower(): response.headers[name] for name in response.headers}
    reply = Reply(response.status, read_body(content), named)
    # Without the NULs of UTF-16: a secret with NULs in between would not be found.
    text = content[:_BEGINNING].decode(errors="replace").replace("\0", "")
    return Answer(reply, text, sent_ms, received_ms, certificate)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _certificate(response: Any) -> str:
    """Look at the certificate of a connection that is still open."""
    connection = getattr(response, "connection", None)
    sock: Any = getattr(connection, "sock", None)
    if not hasattr(sock, "getpeercert"):
        return ""
    found = sock.getpeercert()
    names = {key: value for part in found.get("issuer", ()) for key, value in part}
    issuer = names.get("organizationName") or names.get("commonName", "(no name)")
    seconds = ssl.cert_time_to_seconds(found["notAfter"])
    until = datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()
    return f" until {until}, issued by {issuer}"
