"""The way to the API, below HTTP: the proxy, the name, the connection, the certificate."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shlex
import socket
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from target_tocobagus.api import addresses
from target_tocobagus.api.network_errors import Failed
from target_tocobagus.api.redaction import BLANK
from target_tocobagus.cli.check.catalogue import Answers, Network
from target_tocobagus.core.foreign_text import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_tocobagus.api.network_errors import Failure
    from target_tocobagus.cli.check.page import Diagnosis, Finding

_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SILENT: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
"""Errors of the resolver that mean that no name server answered, or that there is none."""

_SHOWN_ADDRESSES: Final = 3
_WANTS_USER: Final = "407"
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
"""All others mean that the connection was lost."""


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
        return cls(str(parts.hostname), port, parts.scheme == "https", proxy, bundle, seconds)

    @property
    def first_hop(self) -> tuple[str, int]:
        """The host and port that this machine connects to."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)

    def resolved(self, found: list[str] | Failed) -> Finding:
        """Say what the first hop's name resolves to."""
        if isinstance(found, Failed):
            return self._unreached(found)
        name, _ = self.first_hop
        more = len(found) - _SHOWN_ADDRESSES
        shown = ", ".join(found[:_SHOWN_ADDRESSES]) + (f" and {more} more" if more > 0 else "")
        by_proxy = self.proxy and not _is_address(self.host)
        return Network.NAME_RESOLVES.finding(
            name=name,
            addresses="an address" if _is_address(name) else shown,
            by_proxy=f" The proxy resolves {self.host}." if by_proxy else "",
        )

    def connected(self, took: int | Failed) -> Finding:
        """Say whether the first hop accepts connections; the duration is in ms."""
        if isinstance(took, Failed):
            return self._unreached(took)
        return Network.CONNECTS.finding(hop=_place(*self.first_hop), ms=max(took, 1))

    def certified(self, certificate: str) -> Finding:
        """Describe a certificate that was verified."""
        return Network.CERTIFICATE_GOOD.finding(host=self.host, details=certificate)

    def failed(self, failed: Failed, now: str = "") -> Finding:
        """Say why there is no answer; `now` is this machine's time, to be shown."""
        if failed == Failed("tunnel", _WANTS_USER):
            return self.wants_user()
        lost = self.proxy and failed.failure in {"lost", "garbled"}
        found = Network.PROXY_LOST if lost else _MEANINGS.get(failed.failure)
        return self._finding(found or Answers.CONNECTION_LOST, failed, now)

    def wants_user(self) -> Finding:
        """Say that the proxy asks for a user."""
        given = ", and does not accept those in its URL"
        return Network.PROXY_WANTS_USER.finding(
            given=given if self.proxy and self.proxy.has_user else "", variable=self._variable
        )

    def _unreached(self, failed: Failed) -> Finding:
        if self.proxy:
            return self._finding(Network.PROXY_UNREACHABLE, failed)
        return self.failed(failed)

    @property
    def _variable(self) -> str:
        return self.proxy.variable if self.proxy else f"HTTP{'S' if self.secure else ''}_PROXY"

    def _finding(self, found: Diagnosis, failed: Failed, now: str = "") -> Finding:
        return found.finding(
            command=self._openssl(),
            now=now,
            host=self.host,
            place=_place(self.host, self.port),
            hop=_place(*self.first_hop),
            reason=failed.detail,
            seconds=f"{self.seconds:g}",
            bundle=self.bundle or _CERTIFI,
            variable=self._variable,
        )

    def _openssl(self) -> str:
        """Write the command that shows a certificate which does not verify."""
        through = ["-proxy", _place(*self.first_hop)] if self.proxy else []
        place = _place(self.host, self.port)
        connect = shlex.join(["openssl", "s_client", "-connect", place, *through])
        return f"{connect} </dev/null | openssl x509 -noout -subject -issuer -dates"


def resolve(
    host: str, port: int, seconds: float, lookup: Callable[..., Any] | None = None
) -> list[str] | Failed:
    """Find a host's addresses, each once, as the target's client does."""
    try:
        entries = addresses.resolve(host, port, seconds, lookup)
    except socket.gaierror as error:
        silent = "no name server answers: " if error.errno in _SILENT else ""
        return Failed("name", silent + reason(error))
    except TimeoutError:
        return Failed("name", f"no name server answers within {seconds:g} s")
    except (OSError, UnicodeError):
        return Failed("name", "it is not a valid name")
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def connect(host: str, port: int, seconds: float) -> int | Failed:
    """Open a connection to one of a host's addresses, and close it; returns the time in ms."""
    began = time.monotonic()
    try:
        addresses.connect(host, port, began + seconds).close()
    except ConnectionRefusedError:
        return Failed("refused", "it refuses the connection")
    except TimeoutError:
        return Failed("no connection", f"no connection within {seconds:g} s")
    except OSError as error:
        return Failed("no connection", reason(error))
    return round((time.monotonic() - began) * 1000)


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
