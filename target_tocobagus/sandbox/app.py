"""The sandbox as an ASGI application: the partner API, the views, and who may reach them.

Only programs on this machine may. A page of any site can make a browser send requests to 127.0.0.1;
the site's own name can even be made to resolve there (DNS rebinding), and a form can be posted
across sites. So the host's name must mean this machine, or be the one that it listens at. A request
that can change something must also be JSON, which no form can send, and must not come from a page,
unless it is the sandbox's own and plays another scenario: the browser says so in ``Origin``, and a
page cannot change that. The partner API asks for JSON by itself, and for a signature.
"""

import asyncio
import ipaddress
import re
from collections.abc import Container

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from target_tocobagus.sandbox import BASE_PATH, VIEWS_PATH
from target_tocobagus.sandbox.faults import Connection, perform
from target_tocobagus.sandbox.messages import Request
from target_tocobagus.sandbox.page import show_page
from target_tocobagus.sandbox.partner import Transaction
from target_tocobagus.sandbox.state import State, epoch_ms
from target_tocobagus.sandbox.views import Views

_READING = frozenset({"GET", "HEAD"})
_JSON = "application/json"
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^:\[\]]*))(?::[0-9]*)?", re.IGNORECASE)
"""A host's name or address; an IPv6 address is in brackets; a port may follow."""


def make_app(state: State, host: str = "") -> ASGIApp:
    """Make the application."""
    api = Mount(BASE_PATH, app=PartnerApi(state))
    views = Mount(VIEWS_PATH, routes=Views(state).routes())
    return AccessControl(Starlette(routes=[api, views, Route("/", show_page)]), host)


class PartnerApi:
    """Everything under the API's base path; thousands of requests may wait here at once."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, for ASGI.

        A server that stops closes the connections and then cancels what still waits here. No client
        is left to be told, so a cancelled request simply ends.
        """
        try:
            body = await HTTPRequest(scope, receive).body()
            path = scope["path"].removeprefix(BASE_PATH)
            request = Request(scope["method"], path, dict(scope["headers"]), body)
            await self._serve(request, scope["client"][1], Connection(scope, receive, send))
        except (ClientDisconnect, asyncio.CancelledError):
            return

    async def _serve(self, request: Request, client_port: int, connection: Connection) -> None:
        """Answer a request, or fail to answer as the scenario says."""
        world, latency_ms = self._state.world, self._state.scenario.latency_ms
        fault = self._state.fault_for(request)
        record = world.arrive(request, client_port, fault.names())
        visit = record.visit
        transaction = Transaction(request, record, self._state, fault)
        try:
            reply = await perform(fault, request, connection, transaction)
            await asyncio.sleep(latency_ms / 1000)
            visit.client_gone = reply is not None and connection.client_gone
            if reply is None or connection.client_gone:
                return
            record.answered(reply, epoch_ms())
            await connection.answer(reply, transaction.now_ms(), fault)
        finally:
            world.leave(visit)


class AccessControl:
    """Passes on requests that may reach the application, and answers the others itself."""

    def __init__(self, app: ASGIApp, host: str = "") -> None:
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
        """Return why a request is not served: a status and a reason; ``None`` if it is."""
        headers = Headers(scope=scope)
        bound = (scope.get("server") or ("", 0))[0]
        if not is_trusted(headers.get("host", ""), {self._host, bound}):
            return 421, "this Host is not a name of this machine"
        if scope["method"] in _READING:
            return None
        if "origin" in headers and not _is_own_page(scope, headers):
            return 403, "a page in a browser may change nothing here"
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["path"].startswith(VIEWS_PATH) and media_type != _JSON:
            return 415, f"send {_JSON}"
        return None


def _is_own_page(scope: Scope, headers: Headers) -> bool:
    """Whether the sandbox's own page asks for another scenario."""
    own = f"{scope['scheme']}://{headers.get('host')}"
    is_own = headers["origin"].lower() == own.lower()
    return is_own and scope["path"].startswith(f"{VIEWS_PATH}/scenario/")


def is_trusted(host: str, bound: Container[str]) -> bool:
    """Whether the value of a Host header names this machine, with any port."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = (found[1] or found[2] or "").lower()
    if name in {"localhost", ""} or name in bound:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
