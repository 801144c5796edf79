"""The way to the API: the proxy, the name, the connection, the certificate, and then an answer.

Each check needs the one before, so after the first that fails the others are shown as not tried.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import shlex
import socket
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from target_tocobagus.api import addresses
from target_tocobagus.api.network_errors import Failed
from target_tocobagus.api.redaction import BLANK
from target_tocobagus.cli.check import answers, http
from target_tocobagus.cli.check.catalogue import Answers, Network
from target_tocobagus.cli.check.page import NETWORK, not_tried
from target_tocobagus.cli.check.signature import SignedReads
from target_tocobagus.core.foreign_text import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_tocobagus.api.network_errors import Failure
    from target_tocobagus.cli.check.page import Diagnosis, Finding
    from target_tocobagus.config.settings import Settings

MOST_SECONDS: Final = 10
"""The longest time limit of an attempt: a person at a terminal has less patience than a run."""

_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SILENT: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
"""Errors of the resolver that mean that no name server answered, or that there is none."""

_SHOWN_ADDRESSES: Final = 3
_WANTS_USER: Final = "407"
"""The status of a proxy that asks for a user and a password."""

_CERTIFI: Final = "the list that comes with this program (certifi)"
_MEANINGS: Final[dict[Failure, Diagnosis]] = {
    "name": Network.NAME_UNKNOWN,
    "refused": Network.REFUSED,
    "no connection": Network.NO_CONNECTION,
    "tunnel": Network.PROXY_REFUSES,
    "proxy lost": Network.PROXY_LOST,
    "bundle": Network.BUNDLE_UNREADABLE,
    "untrusted": Network.UNTRUSTED,
    "wrong name": Network.WRONG_NAME,
    "out of date": Network.OUT_OF_DATE,
    "tls": Network.TLS_FAILED,
    "no answer": Answers.NO_ANSWER,
}
"""All others mean that the connection was lost; with a proxy, see `Route`."""


class Proxy(NamedTuple):
    """A proxy that the environment names.

    Attributes:
        variable: The variable that names it.
        has_user: Its URL has a user.
    """

    host: str
    port: int
    variable: str
    has_user: bool

    @classmethod
    def parse(cls, url: str, variable: str) -> Proxy | None:
        """Read a proxy's URL; ``None`` if a run could not use it."""
        try:
            parts = urlsplit(_with_scheme(url))
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if not host or parts.scheme not in _PORTS:
            return None
        return cls(host, port or _PORTS[parts.scheme], variable, "@" in parts.netloc)


class Route(NamedTuple):
    """The way to the API.

    Attributes:
        secure: By https.
        proxy: ``None`` without a proxy.
        bundle: The CA bundle that the environment names.
        seconds: The time limit of each attempt.
    """

    host: str
    port: int
    secure: bool
    proxy: Proxy | None
    bundle: str | None = None
    seconds: float = 0

    @classmethod
    def to(cls, api_url: str, proxy: Proxy | None, bundle: str | None, seconds: float) -> Route:
        """Find the way to a URL that has been validated."""
        parts = urlsplit(api_url)
        port = parts.port or _PORTS[parts.scheme]
        seconds = min(seconds, MOST_SECONDS)
        return cls(str(parts.hostname), port, parts.scheme == "https", proxy, bundle, seconds)

    @property
    def first_hop(self) -> tuple[str, int]:
        """The host and port that this machine connects to."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)

    def check_name(self, lookup: Callable[..., Any] | None = None) -> Finding:
        """Look up the first hop's addresses, as the target's client does."""
        name, port = self.first_hop
        try:
            entries = addresses.resolve(name, port, self.seconds, lookup)
        except socket.gaierror as error:
            silent = "no name server answers: " if error.errno in _SILENT else ""
            return self.failed(Failed("name", silent + reason(error)))
        except TimeoutError:
            return self.failed(Failed("name", f"no name server answers within {self.seconds:g} s"))
        except (OSError, UnicodeError):
            return self.failed(Failed("name", "it is not a valid name"))
        found = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        more = len(found) - _SHOWN_ADDRESSES
        shown = ", ".join(found[:_SHOWN_ADDRESSES]) + (f" and {more} more" if more > 0 else "")
        by_proxy = self.proxy and not _is_address(self.host)
        return Network.NAME_RESOLVES.finding(
            name=name,
            addresses="an address" if _is_address(name) else shown,
            by_proxy=f" The proxy resolves {self.host}." if by_proxy else "",
        )

    def check_connection(self) -> Finding:
        """Open a connection to one of the first hop's addresses, and close it."""
        began = time.monotonic()
        try:
            addresses.connect(*self.first_hop, began + self.seconds).close()
        except ConnectionRefusedError:
            return self.failed(Failed("refused", "it refuses the connection"))
        except TimeoutError:
            return self.failed(Failed("no connection", f"no connection within {self.seconds:g} s"))
        except OSError as error:
            return self.failed(Failed("no connection", reason(error)))
        ms = max(round((time.monotonic() - began) * 1000), 1)
        return Network.CONNECTS.finding(hop=_place(*self.first_hop), ms=ms)

    def failed(self, failed: Failed, now: str = "") -> Finding:
        """Say why there is no answer; `now` is this machine's time, to be shown."""
        has_user = self.proxy is not None and self.proxy.has_user
        unnamed = "HTTPS_PROXY" if self.secure else "HTTP_PROXY"
        return self._meaning(failed).finding(
            command=self._openssl(),
            now=now,
            host=self.host,
            place=_place(self.host, self.port),
            hop=_place(*self.first_hop),
            reason=failed.detail,
            seconds=f"{self.seconds:g}",
            bundle=self.bundle or _CERTIFI,
            variable=self.proxy.variable if self.proxy else unnamed,
            given=", and does not accept those in its URL" if has_user else "",
        )

    def _meaning(self, failed: Failed) -> Diagnosis:
        if failed == Failed("tunnel", _WANTS_USER):
            return Network.PROXY_WANTS_USER
        if self.proxy and failed.failure in {"name", "refused", "no connection"}:
            return Network.PROXY_UNREACHABLE
        if self.proxy and failed.failure in {"lost", "garbled"}:
            return Network.PROXY_LOST
        return _MEANINGS.get(failed.failure, Answers.CONNECTION_LOST)

    def _openssl(self) -> str:
        """Write the command that shows a certificate which does not verify."""
        through = ["-proxy", _place(*self.first_hop)] if self.proxy else []
        place = _place(self.host, self.port)
        connect = shlex.join(["openssl", "s_client", "-connect", place, *through])
        return f"{connect} </dev/null | openssl x509 -noout -subject -issuer -dates"


def check_network(configured: Settings) -> Iterator[Finding]:
    """Make the checks of the network until one fails; list the others as not tried."""
    made = set()
    for finding in _route(configured):
        yield finding
        made.add(finding.check)
        if finding.blocks:
            left = [check for check in NETWORK if check not in made]
            yield from (not_tried(check, finding.blocks) for check in left)
            return


def _route(configured: Settings) -> Iterator[Finding]:
    url, proxy = configured.api_url, None
    named, bundle = http.proxy_and_bundle(url + http.PRODUCTS)
    if named is not None:
        variable = variable_of(named, url.partition(":")[0], os.environ)
        proxy = Proxy.parse(named, variable)
        used = Network.PROXY_USED if proxy else Network.PROXY_UNUSABLE
        yield used.finding(variable=variable, proxy=masked_url(named))
        if proxy is None:
            return
    route = Route.to(url, proxy, bundle, configured.request_timeout_seconds)
    yield route.check_name()
    yield route.check_connection()
    if not route.secure:
        yield Network.PLAIN_HTTP.finding()
    yield from _read(route, SignedReads(configured, route.seconds))


def _read(route: Route, reads: SignedReads) -> Iterator[Finding]:
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    answer = reads.ask()
    if isinstance(answer, Failed):
        yield route.failed(answer, now)
    elif str(answer.reply.status) == _WANTS_USER:
        yield route.failed(Failed("tunnel", _WANTS_USER))
    else:
        if route.secure:
            yield Network.CERTIFICATE_GOOD.finding(host=route.host, details=answer.certificate)
        yield answers.answered(answer, route.proxy.host if route.proxy else "")
        yield from reads.findings(answer, now)


def variable_of(proxy: str, scheme: str, environ: Mapping[str, str]) -> str:
    """Find the variable that names a proxy, for URLs of a scheme."""
    names = [f"{scheme}_proxy", "all_proxy"]
    named = (name for name, value in environ.items() if value == proxy and name.lower() in names)
    return next(named, names[0].upper())


def secrets_of_proxy(url: str) -> list[str]:
    """Find user and password in a proxy's URL, both as written and percent-decoded."""
    _, _, rest = _with_scheme(url).partition("://")
    user, at, _ = rest.rpartition("@")
    password = user.partition(":")[2]
    return [user, unquote(user), password, unquote(password)] if at else []


def masked_url(url: str) -> str:
    """Write a proxy's URL without user and password, also if it is malformed."""
    scheme, _, rest = _with_scheme(url).partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{BLANK + at if user or at else ''}{place}"


def _with_scheme(url: str) -> str:
    """Add the scheme that `requests` assumes if there is none."""
    return url if _SCHEME.match(url) else f"http://{url}"


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False
