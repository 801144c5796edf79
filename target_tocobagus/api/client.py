"""The API's client: makes one signed attempt, and returns the answer as a value.

All workers share one adapter, so that connections are kept. A session only reads proxies and
certificate authorities from the environment, once; it sends nothing, because it would read other
credentials from ``~/.netrc``, keep cookies, and double the cost of a request. The common parts of
all requests are prepared once; each attempt is signed anew.

Invariants: an attempt returns a value, or raises a `SetupError` and has sent nothing; no secret is
in a reply, whatever a server echoes, nor in an exception or its causes.
"""

from __future__ import annotations

import copy
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import requests
from requests.adapters import HTTPAdapter

from target_tocobagus import __version__
from target_tocobagus.api import signing
from target_tocobagus.api.deadline import POOL_CLASSES, set_deadline, was_sent
from target_tocobagus.api.network_errors import translated
from target_tocobagus.api.redaction import Redactor
from target_tocobagus.api.response_body import read_content, read_reply, why_unread
from target_tocobagus.core.errors import SetupError
from target_tocobagus.core.json_lines import value_at
from target_tocobagus.core.model import NoReply, Reply

if TYPE_CHECKING:
    from requests import PreparedRequest

    from target_tocobagus.api.network_errors import Failed, Failure
    from target_tocobagus.config.settings import Credentials, Settings

INVENTORY: Final = "/partner/stores/inventory"
HEADERS: Final = {
    **requests.utils.default_headers(),
    "User-Agent": f"target-tocobagus/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}
"""The headers of every request; signing and a body add more."""

_READ_HEADERS: Final = ("retry-after", "date")


class Clock:
    """The server's clock, as far as it is known.

    Attributes:
        offset_ms: How far the server's clock is ahead of this machine's.
        setting: How often it was set; 0 means that this machine's clock is used.
    """

    def __init__(self) -> None:
        self.offset_ms = 0
        self.setting = 0

    def now_ms(self) -> int:
        """Return the server's time, in milliseconds since the epoch."""
        return int(time.time() * 1000) + self.offset_ms

    def set(self, server_ms: int) -> None:
        """Use the server's time from now on."""
        self.offset_ms = server_ms - int(time.time() * 1000)
        self.setting += 1


class Client:
    """Sends bodies to the API's bulk endpoint; `send` may be called by several threads."""

    def __init__(self, settings: Settings, credentials: Credentials, clock: Clock) -> None:
        """Prepare the common parts of all requests; no connection is made yet.

        Raises:
            SetupError: No request can be made to this URL.
        """
        url = settings.api_url + INVENTORY
        self._request = _prepared(url)
        self._headers = dict(self._request.headers)
        self._timeout = settings.request_timeout_seconds
        self._redactor = Redactor((credentials.partner_secret, credentials.store_token))
        self._credentials = credentials
        self._signed_path = settings.signed_path_prefix + INVENTORY
        self._signature_prefix = settings.signature_prefix
        self._clock = clock
        self._adapter = DeadlineAdapter(pool_maxsize=settings.max_in_flight)
        self._environment = environment_of(url)

    def send(self, body: bytes) -> Reply | NoReply:
        """Make one attempt, within `request_timeout_seconds` as a whole.

        Raises:
            SetupError: Another attempt would fail in the same way: a certificate that does not
                verify, an invalid URL. Nothing was sent.
        """
        started, worked = time.monotonic(), time.thread_time()
        set_deadline(started + self._timeout)
        # In this order, so that an offset that is set in between counts as newer.
        setting, signed_ms = self._clock.setting, self._clock.now_ms()
        try:
            response: Any = self._adapter.send(
                self._signed(body, signed_ms), timeout=self._timeout, **self._environment
            )
            content = read_content(response)
        except Exception as error:  # noqa: BLE001  # after any error the API may have the request
            failed, sent = translated(error, sent=was_sent()), was_sent()
        else:
            headers = {
                name: response.headers[name] for name in _READ_HEADERS if name in response.headers
            }
            unread = why_unread(content, len(body))
            return Reply(
                response.status,
                None if unread else self._read(content),
                headers,
                setting,
                time.monotonic() - started,
                signed_ms,
                unread,
                time.thread_time() - worked,
            )
        # Outside of the `except`: the libraries' exceptions may contain secrets.
        return _no_reply(failed, time.monotonic() - started, sent=sent)

    def close(self) -> None:
        """Close the kept connections."""
        self._adapter.close()

    def _read(self, content: bytes) -> Any:
        """Read a body and blank out secrets, because it is logged and written to files."""
        body = read_reply(content)
        if not self._redactor.may_be_in(_shortened(body) or content):
            return body
        try:
            return self._redactor.value(body)
        except RecursionError:
            return None

    def _signed(self, body: bytes, timestamp_ms: int) -> PreparedRequest:
        """Make a request with exactly the bytes that are signed."""
        headers = signing.signed_headers(self._credentials, timestamp_ms)
        base = signing.base_string("PATCH", self._signed_path, headers, body)
        secret = self._credentials.partner_secret
        request = copy.copy(self._request)
        request.body = body
        request.headers = {  # type: ignore[assignment]  # names of any case are a third slower
            **self._headers,
            **headers,
            "x-signature": signing.signature(base, secret, self._signature_prefix),
            "Content-Length": str(len(body)),
        }
        return request


def _shortened(body: Any) -> bytes:
    """Encode the used part of a reply, if it is less than the whole; otherwise empty."""
    is_usual = isinstance(value_at(body, "data", "acceptedRows"), tuple)
    return msgspec.json.encode(body) if is_usual else b""


def environment_of(url: str) -> Any:
    """Read ``proxies`` and ``verify`` for a URL from the environment."""
    with requests.Session() as session:
        return session.merge_environment_settings(url, {}, None, None, None)


def _prepared(url: str) -> PreparedRequest:
    headers = {**HEADERS, "Content-Type": "application/json"}
    try:
        return requests.Request("PATCH", url, headers=headers).prepare()
    except (requests.RequestException, ValueError):
        pass
    raise SetupError(_FINAL["unusable"])


_DISTRUSTED: Final = "the API's certificate does not verify; nothing was sent"
_FINAL: Final[dict[Failure, str]] = {
    "untrusted": _DISTRUSTED,
    "wrong name": _DISTRUSTED,
    "out of date": _DISTRUSTED,
    "bundle": "the CA bundle that the environment names (REQUESTS_CA_BUNDLE) cannot be read",
    "unusable": (
        "the request cannot be made; check api_url and the proxies that the environment names"
    ),
}
"""Failures after which another attempt would fail in the same way."""

_CAUSES: Final[dict[Failure, str]] = {
    "no answer": "{}",
    "no connection": "{}",
    "garbled": "an answer that cannot be trusted ({})",
    "tunnel": "the connection failed (the proxy answers HTTP {})",
}


def _no_reply(failed: Failed, seconds: float, *, sent: bool) -> NoReply:
    """Make the value for an attempt without an answer.

    Raises:
        SetupError: Another attempt would fail in the same way.
    """
    failure, detail = failed
    if message := _FINAL.get(failure):
        raise SetupError(message)
    if failure == "tunnel" and detail.startswith("4"):
        message = f"the proxy that the environment names refuses to connect (HTTP {detail})"
        raise SetupError(message)
    cause = _CAUSES.get(failure, "the connection failed ({})").format(detail)
    return NoReply(timed_out=failure == "no answer", cause=cause, seconds=seconds, sent=sent)


class DeadlineAdapter(HTTPAdapter):
    """Makes connections that keep to the deadline, with a proxy or without; for one URL.

    It returns urllib3's response: a response of requests, with cookies and history that are not
    used, and a lookup of the only pool for each request cost a quarter of a request.
    """

    _pool: Any = None
    _request_url = ""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Look up the pool of connections to the server once."""
        self._pool = self._pool or super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def request_url(self, *args: Any, **kwargs: Any) -> str:
        """Find the text for the request line once; it needs three parsings of the URL."""
        self._request_url = self._request_url or super().request_url(*args, **kwargs)
        return self._request_url

    def build_response(self, _: PreparedRequest, response: Any) -> Any:
        """Return urllib3's response."""
        return response

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the connections to servers."""
        _silence_libraries()
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the connections to a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager


def _silence_libraries() -> None:
    """Keep the libraries from logging headers and URLs, at any LOGLEVEL."""
    for name in ("urllib3", "requests", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in {"urllib3", "requests"}:
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.ERROR))
