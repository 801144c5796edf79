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

from target_tocobagus.api.client import USER_AGENT, DeadlineAdapter
from target_tocobagus.api.deadline import set_deadline, was_sent
from target_tocobagus.api.network_errors import Failed, translated
from target_tocobagus.api.response_body import read_body, read_content
from target_tocobagus.core.model import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

PRODUCTS: Final = "/partner/stores/products"
"""A read that is documented for this API, signed like the write: nothing changes by it."""

_BEGINNING: Final = 4096
_HEADERS: Final = {
    **requests.utils.default_headers(),
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}


class Surroundings(NamedTuple):
    """What the environment says of requests to a URL, as `requests` reads it.

    Attributes:
        proxy: The proxy's URL, with its password; ``None`` for none.
        bundle: The CA bundle's file; ``None`` for the one that comes with `requests`.
    """

    proxy: str | None
    bundle: str | None


class Certificate(NamedTuple):
    """A certificate that was verified.

    Attributes:
        until: The last day on which it is valid, as ``2027-01-31``.
    """

    issuer: str
    until: str


class Answer(NamedTuple):
    """What came back over HTTP.

    Attributes:
        reply: As the target reads it; with all headers, by lower-case name.
        text: The beginning of the body.
        sent_ms: The time of the request by this machine's clock, in ms since the epoch.
        received_ms: The time of the answer.
        certificate: ``None`` by plain http, or where the connection was closed with the answer.
    """

    reply: Reply
    text: str
    sent_ms: int
    received_ms: int
    certificate: Certificate | None


def surroundings(url: str) -> Surroundings:
    """Read from the environment what concerns requests to a URL."""
    found = _environment(url)
    verify = found["verify"]
    proxy = select_proxy(url, found["proxies"])
    return Surroundings(proxy or None, verify if isinstance(verify, str) else None)


def read(url: str, headers: Mapping[str, str], seconds: float) -> Answer | Failed:
    """Make one GET within a time limit.

    Args:
        url: What to read.
        headers: Those that sign it; the client's others are added.
        seconds: The time limit of the whole exchange.
    """
    set_deadline(time.monotonic() + seconds)
    adapter = DeadlineAdapter()
    try:
        return _exchange(adapter, url, headers, seconds)
    except Exception as error:  # noqa: BLE001  # whatever a library raises is a finding
        return translated(error, sent=was_sent())
    finally:
        adapter.close()


def _exchange(
    adapter: DeadlineAdapter, url: str, headers: Mapping[str, str], seconds: float
) -> Answer:
    request = requests.Request("GET", url, headers={**_HEADERS, **headers}).prepare()
    environment = _environment(url)
    sent_ms = _now_ms()
    with adapter.send(request, timeout=seconds, **environment) as response:
        received_ms = _now_ms()
        certificate = _certificate(response)
        content = read_content(response.raw)
    named = {name.lower(): value for name, value in response.headers.items()}
    reply = Reply(response.status_code, read_body(content), named)
    # Without the NULs of UTF-16, between which no secret would be found.
    text = content[:_BEGINNING].decode(errors="replace").replace("\0", "")
    return Answer(reply, text, sent_ms, received_ms, certificate)


def _environment(url: str) -> Any:
    with requests.Session() as session:
        return session.merge_environment_settings(url, {}, None, None, None)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _certificate(response: Response) -> Certificate | None:
    """Look at the certificate of a connection that is still open."""
    connection = getattr(response.raw, "connection", None)
    sock: Any = getattr(connection, "sock", None)
    if not hasattr(sock, "getpeercert"):
        return None
    found = sock.getpeercert()
    names = {key: value for part in found.get("issuer", ()) for key, value in part}
    seconds = ssl.cert_time_to_seconds(found["notAfter"])
    until = datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()
    return Certificate(names.get("organizationName") or names.get("commonName", "(no name)"), until)
