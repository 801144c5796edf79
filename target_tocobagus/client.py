"""The door to the API: one signed attempt, and what came back as a value.

The only module that knows `requests`. One adapter serves all workers, so that connections are kept
and shared. A session is asked once what the environment says of proxies and certificate
authorities, and sends nothing: it would ask ``~/.netrc`` for other credentials and keep cookies,
and cost as much again as all that a request needs. What each request has in common is prepared
once; each attempt is signed anew.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from target_tocobagus import __version__, signing
from target_tocobagus.errors import SetupError
from target_tocobagus.model import NoReply, Reply
from target_tocobagus.timely import POOL_CLASSES, set_deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import PreparedRequest

    from target_tocobagus.settings import Credentials, Settings

INVENTORY: Final = "/partner/stores/inventory"
USER_AGENT: Final = f"target-tocobagus/{__version__}"
_HEADERS: Final = {
    **requests.utils.default_headers(),
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Content-Type": "application/json",
}
_SHORTEST_SECRET: Final = 6
"""A shorter one may stand in an answer by chance, and blanking it would break the JSON."""

_READ_HEADERS: Final = ("retry-after", "date")


class Clock:
    """The server's clock, as far as it is known.

    Attributes:
        offset_ms: What the server's clock is ahead of this machine's.
        setting: How often it has been set; 0 means that this machine's clock is trusted.
    """

    def __init__(self) -> None:
        """Trust this machine's clock."""
        self.offset_ms = 0
        self.setting = 0

    def now_ms(self) -> int:
        """Tell the server's time, in milliseconds since the epoch."""
        return int(time.time() * 1000) + self.offset_ms

    def set(self, server_ms: int) -> None:
        """Follow the server's clock from now on."""
        self.offset_ms = server_ms - int(time.time() * 1000)
        self.setting += 1


class Client:
    """Sends bodies to the API's bulk endpoint. Its method may be called by several threads."""

    def __init__(self, settings: Settings, credentials: Credentials, clock: Clock) -> None:
        """Prepare what all requests have in common; no connection is made yet.

        Raises:
            SetupError: No request can be made to this URL.
        """
        url = settings.api_url + INVENTORY
        self._request = _prepared(url)
        self._timeout = settings.request_timeout_seconds
        self._secrets = [
            secret.encode()
            for secret in (credentials.partner_secret, credentials.store_token)
            if len(secret) >= _SHORTEST_SECRET
        ]
        self._credentials = credentials
        self._signed_path = settings.signed_path_prefix + INVENTORY
        self._signature_prefix = settings.signature_prefix
        self._clock = clock
        self._adapter = TimelyAdapter(pool_maxsize=settings.max_in_flight)
        self._environment: Any = requests.Session().merge_environment_settings(
            url, {}, None, None, None
        )

    def send(self, body: bytes) -> Reply | NoReply:
        """Make one attempt.

        Raises:
            SetupError: Another attempt would fail in the same way: a certificate that does not
                verify, a URL that is none.
        """
        started = time.monotonic()
        set_deadline(started + self._timeout)
        setting = self._clock.setting
        try:
            response = self._adapter.send(
                self._signed(body), timeout=self._timeout, **self._environment
            )
            # Read as a whole: `response.content` would read and join it by 10 KiB.
            content = self._without_secrets(response.raw.read(decode_content=True))
        except (requests.RequestException, HTTPError, OSError, ValueError, TypeError) as error:
            return _translate(error, time.monotonic() - started)
        headers = {
            name: response.headers[name] for name in _READ_HEADERS if name in response.headers
        }
        seconds = time.monotonic() - started
        return Reply(response.status_code, _read_reply(content), headers, setting, seconds)

    def close(self) -> None:
        """Close the kept connections."""
        self._adapter.close()

    def _without_secrets(self, content: bytes) -> bytes:
        """Blank out what a server may echo: parts of its answer are logged and written down."""
        for secret in self._secrets:
            content = content.replace(secret, b"***")
        return content

    def _signed(self, body: bytes) -> PreparedRequest:
        """Make a request of the very bytes that it is signed for."""
        headers = signing.signed_headers(self._credentials, self._clock.now_ms())
        base = signing.base_string("PATCH", self._signed_path, headers, body)
        secret = self._credentials.partner_secret
        request = self._request.copy()
        request.body = body
        request.headers.update(headers)
        request.headers["x-signature"] = signing.signature(base, secret, self._signature_prefix)
        request.headers["Content-Length"] = str(len(body))
        return request


def _prepared(url: str) -> PreparedRequest:
    try:
        return requests.Request("PATCH", url, headers=_HEADERS).prepare()
    except (requests.RequestException, ValueError) as error:
        raise _unusable(error) from error


class _AcceptedRow(TypedDict, total=False):
    rowIndex: Any


class _Data(TypedDict, total=False):
    acceptedRows: list[_AcceptedRow]
    errors: Any
    summary: Any
    batchId: Any


class _Usual(TypedDict, total=False):
    """A reply that settles rows, without what it says of each accepted row and nobody reads."""

    data: _Data
    meta: Any
    error: Any
    requestId: Any


_decode_usual: Final = msgspec.json.Decoder(_Usual).decode


def _read_reply(content: bytes) -> Any:
    """Read what a run needs of a reply."""
    try:
        return _decode_usual(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return read_body(content)


def read_body(content: bytes) -> Any:
    """Read a body as JSON, as tolerantly as it is harmless; ``None`` where it is none."""
    text = content.removeprefix(b"\xef\xbb\xbf")
    for read in (msgspec.json.decode, json.loads):
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            return read(text)
    return None


def _translate(error: Exception, seconds: float) -> NoReply:
    """Say in a value what went wrong, in words that hold no header and no proxy's password."""
    chain = list(causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        message = "the API's certificate does not verify; nothing was sent"
        raise SetupError(message) from error
    if isinstance(error, _UNUSABLE) or not isinstance(error, (HTTPError, OSError)):
        raise _unusable(error) from error
    tunnels = [_TUNNEL_REFUSED.match(str(cause)) for cause in chain]
    if status := next((tunnel[1] for tunnel in tunnels if tunnel), None):
        message = f"the proxy that the environment names refuses to connect (HTTP {status})"
        raise SetupError(message) from error
    if _is_missing_bundle(error) or any("NO_CERTIFICATE_OR_CRL" in str(each) for each in chain):
        message = "the CA bundle that the environment names (REQUESTS_CA_BUNDLE) cannot be read"
        raise SetupError(message) from error
    if any(isinstance(cause, (ReadTimeoutError, requests.ReadTimeout)) for cause in chain):
        return NoReply(timed_out=True, cause="no answer in time", seconds=seconds)
    if isinstance(error, requests.ConnectTimeout):
        return NoReply(timed_out=False, cause="no connection in time", seconds=seconds)
    reasons = [cause.strerror for cause in chain if isinstance(cause, OSError) and cause.strerror]
    reason = reasons[-1] if reasons else type(chain[-1]).__name__
    return NoReply(timed_out=False, cause=f"the connection failed ({reason})", seconds=seconds)


def _unusable(error: Exception) -> SetupError:
    return SetupError(
        f"the request cannot be made ({type(error).__name__}); check api_url"
        " and the proxies that the environment names"
    )


_TUNNEL_REFUSED: Final = re.compile(r"Tunnel connection failed: (4\d\d)")
"""What `http.client` says of a proxy's answer to CONNECT; 407 where it wants a user."""

_UNUSABLE: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
)


def _is_missing_bundle(error: Exception) -> bool:
    """Tell the plain OSError by which requests says that a CA bundle is not there."""
    return type(error) is OSError and "CA certificate bundle" in str(error)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what lies under it; requests and urllib3 put that in many places."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = [arg for arg in (*current.args, getattr(current, "reason", None)) if arg]
        wrapped = [arg for arg in inner if isinstance(arg, BaseException)]
        current = wrapped[0] if wrapped else current.__cause__ or current.__context__


class TimelyAdapter(HTTPAdapter):
    """Makes connections whose answers have a deadline, with a proxy or without."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the connections to servers."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the connections to a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager
