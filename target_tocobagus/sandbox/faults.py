"""Faults put into effect: waiting, dropping, and answers that leave the server damaged.

Most of it is plain ASGI. What ASGI cannot say (close this connection, with a reset, in the middle
of a header) is done on the ``Connection`` that ``server`` puts into each request's scope.
"""

import asyncio
from collections.abc import Iterator
from typing import Literal

from starlette.types import Receive, Send

from target_tocobagus.sandbox.clock import http_date
from target_tocobagus.sandbox.connection import Connection
from target_tocobagus.sandbox.distorting import distorted
from target_tocobagus.sandbox.partner import Transaction
from target_tocobagus.sandbox.replies import TOO_LARGE, Refused, Reply, failure
from target_tocobagus.sandbox.request import Request
from target_tocobagus.sandbox.scenario import Fault

_PAGE = "<!DOCTYPE html><html><head><title>Sandbox</title></head><body>No API here.</body></html>"


class Door:
    """The way back to one client."""

    def __init__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Keep what speaks to this client."""
        self._connection = connection
        self._receive = receive
        self._send = send

    @property
    def client_gone(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._connection.is_closed

    async def until_gone(self) -> None:
        """Wait until the client has left, or the connection was closed from here."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drop(self, how: Literal["rst", "fin"]) -> None:
        """Close the connection without an answer."""
        self._connection.close(how)
        await self.until_gone()

    async def hang(self, how_long: bool | float) -> None:  # noqa: FBT001  # as a scenario says it
        """Give no answer: for so many seconds, or with True until the client leaves."""
        try:
            await asyncio.wait_for(self.until_gone(), None if how_long is True else how_long)
        except asyncio.TimeoutError:
            await self.drop("fin")

    async def answer(self, reply: Reply, at_ms: int, fault: Fault | None) -> None:
        """Send the reply, damaged on the way if the fault says so.

        Args:
            reply: What to send.
            at_ms: The server's clock, for the ``Date`` header.
            fault: What goes wrong on the way.
        """
        payload = reply.payload()
        head = _head(reply, None if fault and fault.drop_date else at_ms)
        if fault is None:
            await self._send_whole(reply.status, head, payload)
        elif fault.drip_ms:
            await self._drip(reply.status, head, payload, fault)
        elif fault.cut is not None:
            await self._send_cut(reply.status, head, payload, fault.cut)
        else:  # a slice up to None is the whole
            await self._send_whole(reply.status, head, payload[: fault.truncate])

    async def _send_whole(self, status: int, head: list[tuple[str, str]], payload: bytes) -> None:
        await self._start(status, head, len(payload))
        await self._send({"type": "http.response.body", "body": payload})

    async def _send_cut(
        self, status: int, head: list[tuple[str, str]], payload: bytes, length: int
    ) -> None:
        await self._start(status, head, len(payload))
        await self._send(
            {"type": "http.response.body", "body": payload[:length], "more_body": True}
        )
        await self.drop("fin")

    async def _start(self, status: int, head: list[tuple[str, str]], length: int) -> None:
        headers = [(name.encode(), value.encode()) for name, value in head]
        headers.append((b"content-length", b"%d" % length))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _drip(
        self, status: int, head: list[tuple[str, str]], payload: bytes, fault: Fault
    ) -> None:
        """Write byte by byte, past ASGI, for ASGI has no halves of headers; then close."""
        head = [*head, ("content-length", str(len(payload))), ("connection", "close")]
        lines = [f"HTTP/1.1 {status} Sandbox", *(f"{name}: {value}" for name, value in head)]
        start = "\r\n".join([*lines, "", ""]).encode()
        at_once, slowly = (b"", start + payload) if fault.drip_headers else (start, payload)
        self._connection.write(at_once)
        for index in range(len(slowly)):
            if self.client_gone:
                break
            self._connection.write(slowly[index : index + 1])
            await asyncio.sleep(fault.drip_ms / 1000)
        await self.drop("fin")


def _head(reply: Reply, at_ms: int | None) -> list[tuple[str, str]]:
    date = [] if at_ms is None else [("date", http_date(at_ms))]
    return [*date, ("content-type", reply.media_type), *reply.headers]


async def perform(
    fault: Fault,
    request: Request,
    door: Door,
    transaction: Transaction,
) -> Reply | None:
    """Do what the fault says up to the answer, and give the reply that is still to be sent.

    Args:
        fault: What goes wrong.
        request: The request that it happens to.
        door: The way back to the client.
        transaction: Checks, applies and answers the request when it is told to.

    Returns:
        The reply, or None if there is none because the connection was closed.
    """
    await asyncio.sleep(fault.apply_late_ms / 1000)
    instead = stand_in(fault, request, transaction.clock.now_ms())
    denied = bool(instead or fault.hang or fault.drop_before)
    reply = transaction.answer() if fault.apply or not denied else None
    await asyncio.sleep(
        (fault.latency_ms + fault.latency_ms_per_item * _items(fault, request)) / 1000
    )
    if fault.hang:
        await door.hang(fault.hang)
        return None
    if how := fault.drop_before or fault.drop_after:
        await door.drop(how)
        return None
    return instead or (reply and distorted(reply, fault, request.identifiers()))


def _items(fault: Fault, request: Request) -> int:
    return len(request.identifiers()) if fault.latency_ms_per_item else 0


def stand_in(fault: Fault, request: Request, at_ms: int) -> Reply | None:
    """Give the answer that takes the place of the API's own, None if it is the API that answers."""
    if is_too_large(fault, request):
        return Refused(TOO_LARGE, "Payload too large", "Send fewer items").reply(at_ms)
    headers = tuple(_headers(fault, at_ms))
    if fault.html:
        return Reply(fault.status or 200, _PAGE, headers, "text/html; charset=utf-8")
    if fault.body is not None:
        return Reply(fault.status or 200, fault.body, headers)
    if fault.status is None:
        return None
    code = fault.code or f"SBX_{fault.status}"
    message = fault.message or "Refused by the scenario"
    return Reply(fault.status, failure(code, message, at_ms), headers)


def is_too_large(fault: Fault, request: Request) -> bool:
    """Say whether the request has more items or bytes than the fault allows."""
    if fault.max_body_bytes is not None and len(request.body) > fault.max_body_bytes:
        return True
    return fault.max_items is not None and len(request.identifiers()) > fault.max_items


def _headers(fault: Fault, at_ms: int) -> Iterator[tuple[str, str]]:
    yield from fault.headers.items()
    if fault.location is not None:
        yield "location", fault.location
    if fault.retry_after is not None:
        as_date = http_date(at_ms + fault.retry_after * 1000)
        yield "retry-after", as_date if fault.retry_after_date else str(fault.retry_after)
