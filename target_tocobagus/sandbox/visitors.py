"""Who may speak to the sandbox: programs on this machine, and no page in a browser.

A page of any site can make a browser send requests to 127.0.0.1. Its own name may even be made to
resolve there (DNS rebinding), and a form may be posted across sites without asking. So a request is
served only under a host's name that means this machine, or the address that it listens on; and one
that may change something must be JSON, which no form can send and a script of another site only
after asking (a preflight, which is never answered), and must not say that it comes from a page.
The partner API asks for JSON by itself, and for a signature.
"""

import ipaddress
from collections.abc import Container

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from target_tocobagus.sandbox import VIEWS_PATH

_READING = frozenset({"GET", "HEAD"})
_JSON = "application/json"
_LOCAL = frozenset({"localhost", ""})


class Doorkeeper:
    """Passes on what may come in, and answers the rest itself; for ASGI."""

    def __init__(self, app: ASGIApp, host: str = "") -> None:
        """Stand before an application.

        Args:
            app: What it protects.
            host: A further name that this machine is trusted under: the one to listen at.
        """
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            status, reason = refusal
            answer = JSONResponse({"status": "refused", "reason": reason}, status)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Say why a request is not served: status and reason; ``None`` where it is."""
        headers = Headers(scope=scope)
        bound = (scope.get("server") or ("", 0))[0]
        if not is_trusted(headers.get("host", ""), {self._host, bound}):
            return 421, "this Host is not a name of this machine"
        if scope["method"] in _READING:
            return None
        if "origin" in headers:
            return 403, "a page in a browser may change nothing here"
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["path"].startswith(VIEWS_PATH) and media_type != _JSON:
            return 415, f"send {_JSON}"
        return None


def is_trusted(host: str, bound: Container[str]) -> bool:
    """Whether a Host names this machine, with whatever port.

    Args:
        host: The header's value.
        bound: The names and addresses that it listens at.
    """
    name = _without_port(host).lower()
    return name in _LOCAL or name in bound or _is_loopback(name)


def _without_port(host: str) -> str:
    if host.startswith("["):
        address, _, rest = host[1:].partition("]")
        return host if rest.rstrip("0123456789") not in {"", ":"} else address
    name, colon, port = host.partition(":")
    return host if colon and port.strip("0123456789") else name


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
