"""What it means that a name, a connection or a certificate is there, or is not."""

from __future__ import annotations

import ipaddress
import shlex
from typing import TYPE_CHECKING, Final

from target_tocobagus.api.network_errors import Failed
from target_tocobagus.cli.check.advice_on_answers import Answers
from target_tocobagus.cli.check.catalogue import Network

if TYPE_CHECKING:
    from target_tocobagus.api.network_errors import Failure
    from target_tocobagus.cli.check.advice import Diagnosis
    from target_tocobagus.cli.check.finding import Finding
    from target_tocobagus.cli.check.observed import Answer, Route

_SHOWN_ADDRESSES: Final = 3
_ASKS_FOR_USER: Final = "407"
_SERVER_ERROR: Final = "5"
_CERTIFI: Final = "the list that comes with this program (certifi)"
_MEANINGS: Final[dict[Failure, Diagnosis]] = {
    "name unknown": Network.NAME_UNKNOWN,
    "names silent": Network.NAMES_SILENT,
    "refused": Network.REFUSED,
    "no connection": Network.NO_CONNECTION,
    "unreachable": Network.UNREACHABLE,
    "proxy speaks no tls": Network.PROXY_SPEAKS_NO_TLS,
    "proxy lost": Network.PROXY_LOST,
    "bundle": Network.BUNDLE_UNREADABLE,
    "untrusted": Network.UNTRUSTED,
    "wrong name": Network.WRONG_NAME,
    "expired": Network.EXPIRED,
    "not yet valid": Network.NOT_YET_VALID,
    "certificate": Network.CERTIFICATE_REFUSED,
    "no tls": Network.NO_TLS,
    "tls": Network.TLS_FAILED,
    "no answer": Answers.NO_ANSWER,
    "lost": Answers.CONNECTION_LOST,
    "garbled": Answers.CONNECTION_LOST,
    "unusable": Answers.CONNECTION_LOST,
}
_AFTER_PROXY: Final = frozenset({"lost", "garbled"})


class Reach:
    """Says what was observed on a route."""

    def __init__(self, route: Route, bundle: str | None, seconds: float) -> None:
        """Take what the texts need to know.

        Args:
            route: The way.
            bundle: The CA bundle that the environment names; ``None`` for none.
            seconds: How long each attempt might take.
        """
        self._route = route
        self._bundle = bundle or _CERTIFI
        self._seconds = seconds

    def resolved(self, addresses: list[str] | Failed) -> Finding:
        """Say what came of the first hop's name."""
        name, _ = self._route.first_hop
        if isinstance(addresses, Failed):
            return self._nameless(name, addresses)
        host = self._route.host
        proxied = self._route.proxy and not _is_address(host)
        by_proxy = f" {host} is for the proxy to resolve." if proxied else ""
        if _is_address(name):
            return Network.NAME_IS_ADDRESS.finding(name=name, by_proxy=by_proxy)
        more = len(addresses) - _SHOWN_ADDRESSES
        shown = ", ".join(addresses[:_SHOWN_ADDRESSES]) + (f" and {more} more" if more > 0 else "")
        return Network.NAME_RESOLVES.finding(name=name, addresses=shown, by_proxy=by_proxy)

    def connected(self, took: int | Failed) -> Finding:
        """Say what came of a connection to the first hop; its duration is in ms."""
        place = _place(*self._route.first_hop)
        if not isinstance(took, Failed):
            return Network.CONNECTS.finding(place=place, ms=max(took, 1))
        if self._route.proxy is None:
            return self.failed(took)
        reason = {
            "refused": "it refuses the connection",
            "no connection": f"no connection within {self._seconds:g} s",
        }.get(took.failure, took.detail)
        return Network.PROXY_DOWN.finding(
            place=place,
            reason=reason,
            variable=self._route.proxy.variable,
            host=self._route.host,
        )

    def certified(self, answer: Answer) -> Finding:
        """Say what is known of the certificate behind an answer."""
        if answer.certificate is None:
            return Network.CERTIFICATE_VERIFIED.finding(host=self._route.host)
        return Network.CERTIFICATE_GOOD.finding(
            host=self._route.host, until=answer.certificate.until, issuer=answer.certificate.issuer
        )

    def failed(self, failed: Failed, now: str = "") -> Finding:
        """Say what it means that there is no answer.

        Args:
            failed: Why there is none.
            now: What this machine's clock says, for who has to judge it.
        """
        if failed.failure == "tunnel":
            return self._no_tunnel(failed.detail)
        by_proxy = self._route.proxy and failed.failure in _AFTER_PROXY
        meaning = Network.PROXY_LOST if by_proxy else _MEANINGS[failed.failure]
        return meaning.finding(
            name=self._route.host,
            place=_place(self._route.host, self._route.port),
            host=self._route.host,
            reason=failed.detail,
            seconds=f"{self._seconds:g}",
            now=now,
            bundle=self._bundle,
            command=self._openssl(),
            variable=self._variable,
        )

    def wants_user(self) -> Finding:
        """Say that a proxy asks who is there."""
        proxy = self._route.proxy
        given = ", and does not take those in its URL" if proxy and proxy.has_user else ""
        return Network.PROXY_WANTS_USER.finding(given=given, variable=self._variable)

    @property
    def _variable(self) -> str:
        proxy = self._route.proxy
        return proxy.variable if proxy else f"HTTP{'S' if self._route.secure else ''}_PROXY"

    def _nameless(self, name: str, failed: Failed) -> Finding:
        if self._route.proxy is None:
            return self.failed(failed)
        variable, host = self._route.proxy.variable, self._route.host
        return Network.PROXY_NAME_UNKNOWN.finding(
            name=name, reason=failed.detail, variable=variable, host=host
        )

    def _no_tunnel(self, status: str) -> Finding:
        if status == _ASKS_FOR_USER:
            return self.wants_user()
        fails = status.startswith(_SERVER_ERROR)
        meaning = Network.PROXY_FAILS if fails else Network.PROXY_FORBIDS
        place = _place(self._route.host, self._route.port)
        return meaning.finding(place=place, host=self._route.host, status=status)

    def _openssl(self) -> str:
        """Write the command that shows a certificate which does not verify."""
        place = _place(self._route.host, self._route.port)
        proxy = self._route.proxy
        through = ["-proxy", _place(proxy.host, proxy.port)] if proxy else []
        connect = shlex.join(["openssl", "s_client", "-connect", place, *through])
        return f"{connect} </dev/null | openssl x509 -noout -subject -issuer -dates"


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
