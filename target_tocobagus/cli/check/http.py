"""One read over HTTP, made as the target's client makes its requests.

By the same library, so that proxies, certificate authorities and ``NO_PROXY`` are read from the
environment in the same way; without ``~/.netrc``, cookies and redirects, as there. Each read has a
connection of its own and is made once.
"""

from __future__ import annotations

import ssl
import time
from datetime import datetime, timezone
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.utils import select_proxy

from target_tocobagus.api.client import USER_AGENT, DeadlineAdapter
from target_tocobagus.api.deadline import set_deadline, was_sent
from target_tocobagus.api.network_errors import Failed, translated
from target_tocobagus.api.response_body import read_body, read_content
from target_tocobagus.cli.check.observed import Answer, Certificate, Surroundings
from target_tocobagus.core.model import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response

_BEGINNING: Final = 4096


def surroundings(url: str) -> Surroundings:
    """Read from the environment what concerns requests to a URL."""
    with requests.Session() as session:
        found = session.merge_environment_settings(url, {}, None, None, None)
    verify = found["verify"]
    proxy = select_proxy(url, found["proxies"])
    return Surroundings(proxy or None, verify if isinstance(verify, str) else None)


def read(url: str, headers: Mapping[str, str], seconds: float) -> Answer | Failed:
    """Make one GET.

    Args:
        url: What to read.
        headers: Those that sign it; the others are the client's.
        seconds: How long it may take, as a whole.
    """
    set_deadline(time.monotonic() + seconds)
    try:
        with _session() as session:
            return _exchange(session, url, headers, seconds)
    except Exception as error:  # noqa: BLE001  # whatever a library raises is a finding
        return translated(error, sent=was_sent())


def _session() -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = USER_AGENT
    adapter = DeadlineAdapter()
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


def _exchange(
    session: requests.Session, url: str, headers: Mapping[str, str], seconds: float
) -> Answer:
    given = {"Accept": "application/json", **headers}
    request = requests.Request("GET", url, headers=given, auth=_unchanged)
    environment = session.merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003  # stream
    sent_ms = _now_ms()
    response = session.send(
        session.prepare_request(request),
        timeout=seconds,
        allow_redirects=False,
        **environment,
    )
    with response:
        received_ms = _now_ms()
        certificate = _certificate(response)
        content = read_content(response.raw)
    shown = {name.lower(): value for name, value in response.headers.items()}
    reply = Reply(response.status_code, read_body(content), shown)
    # Without the NULs of UTF-16, between which no secret would be found.
    text = content[:_BEGINNING].decode(errors="replace").replace("\0", "")
    return Answer(reply, text, sent_ms, received_ms, certificate)


def _unchanged(request: PreparedRequest) -> PreparedRequest:
    """Stand in for an authentication, so that ``~/.netrc`` is not asked for one."""
    return request


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
