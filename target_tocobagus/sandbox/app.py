"""The sandbox as an ASGI application: the partner API and its views."""

import asyncio
from typing import cast

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from target_tocobagus.sandbox import BASE_PATH, VIEWS_PATH
from target_tocobagus.sandbox.connection import Connection, Door
from target_tocobagus.sandbox.faults import perform
from target_tocobagus.sandbox.partner import Transaction
from target_tocobagus.sandbox.replies import Reply
from target_tocobagus.sandbox.request import Request
from target_tocobagus.sandbox.state import State
from target_tocobagus.sandbox.views import Views
from target_tocobagus.sandbox.visitors import Doorkeeper
from target_tocobagus.sandbox.world import Visit, epoch_ms


def make_app(state: State, host: str = "") -> ASGIApp:
    """Give the application; it expects each scope's state to hold its ``Connection``.

    Args:
        state: What it serves.
        host: A further name that this machine is trusted under (see ``Doorkeeper``).
    """
    rooms = Starlette(
        routes=[
            Mount(BASE_PATH, app=PartnerApi(state)),
            Mount(VIEWS_PATH, routes=Views(state).routes()),
        ],
    )
    return Doorkeeper(rooms, host)


class PartnerApi:
    """Everything under the API's base path; thousands of requests may wait here at once."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, for ASGI.

        A server that stops closes the connections and then cancels what still waits here. Nobody
        is left to hear of that, so a cancelled request simply ends.
        """
        body = await _read(receive)
        if body is None:
            return
        connection = cast("Connection", scope["state"]["connection"])
        exchange = Exchange(_request(scope, body), connection, self._state)
        try:
            await exchange.run(Door(connection, receive, send))
        except asyncio.CancelledError:
            return


class Exchange:
    """One request from its arrival to its end."""

    def __init__(self, request: Request, connection: Connection, state: State) -> None:
        connection.number = connection.number or state.next_connection()
        connection.requests += 1
        self._request = request
        self._world = state.world
        self._fault = state.play.fault_for(request, connection.requests)
        self._visit = Visit(
            self._world.requests + 1,
            connection.number,
            connection.requests,
            request.method,
            request.path,
            epoch_ms(),
            len(request.body),
            request.count() if request.body else None,
            faults=self._fault.names(),
        )
        self._latency_ms = state.latency_ms
        self._transaction = Transaction(request, self._visit, state, self._fault)

    async def run(self, door: Door) -> None:
        """Answer the request, or fail to as the fault says."""
        self._world.arrive(self._visit, self._request.headers, self._request.body)
        try:
            reply = await self._reply(door)
            await asyncio.sleep(self._latency_ms / 1000)
            if reply is not None:
                await self._deliver(reply, door)
        finally:
            self._world.leave()

    async def _reply(self, door: Door) -> Reply | None:
        if not self._visit.faults:
            return self._transaction.answer()
        return await perform(self._fault, self._request, door, self._transaction)

    async def _deliver(self, reply: Reply, door: Door) -> None:
        visit = self._visit
        if door.client_gone:
            visit.client_gone = True
            return
        visit.status = reply.status
        if isinstance(reply.body, dict):
            visit.request_id = reply.body.get("requestId")
        visit.answered_ms = epoch_ms()
        await door.answer(reply, self._transaction.now_ms(), self._fault)


async def _read(receive: Receive) -> bytes | None:
    """Read the body; None if the client leaves before its end."""
    chunks = []
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _request(scope: Scope, body: bytes) -> Request:
    path = scope["path"].removeprefix(BASE_PATH)
    return Request(scope["method"], path, scope["query_string"], dict(scope["headers"]), body)
