"""The way back to one client: plain ASGI, and below HTTP for the faults that it has no words for.

What ASGI cannot say (close this connection, with a reset, in the middle of a header) is done on the
``Connection`` that ``server`` puts into each request's scope.
"""

import asyncio
import socket
import struct
from typing import Literal

from starlette.types import Receive, Send

from target_tocobagus.sandbox.replies import Reply, http_date
from target_tocobagus.sandbox.scenario import Fault

_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


class Connection:
    """A connection's transport, and how many requests came over it.

    Attributes:
        number: From 1, in the order of their first requests to the partner API; 0 before that.
        requests: How many such requests it has carried.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.number = 0
        self.requests = 0

    @property
    def is_closed(self) -> bool:
        """Whether either side has closed it."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write bytes as they are, past the HTTP machinery, which does not learn of it."""
        self._transport.write(data)

    def close(self, how: Literal["rst", "fin"]) -> None:
        """Close it: with a reset, which discards what was written, or after the last byte.

        A kernel resets a connection instead of ending it when it is told to linger for no time.
        """
        if how == "fin":
            self._transport.close()
            return
        connection: socket.socket = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        self._transport.abort()


class Door:
    """The way back to one client."""

    def __init__(self, connection: Connection, receive: Receive, send: Send) -> None:
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

    async def answer(self, reply: Reply, at_ms: int, fault: Fault) -> None:
        """Send the reply, damaged on the way if the fault says so.

        Args:
            reply: What to send.
            at_ms: The server's clock, for the ``Date`` header.
            fault: What goes wrong on the way.
        """
        payload = reply.payload()
        head = _head(reply, None if fault.drop_date else at_ms)
        if fault.drip_ms:
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
