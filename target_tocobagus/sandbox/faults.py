"""Carries out the faults of a request: waits, closes the connection, or changes the answer."""

import asyncio
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from starlette.types import Receive, Scope, Send

from target_tocobagus.sandbox.messages import Refused, Reply, Request, http_date
from target_tocobagus.sandbox.partner import Transaction
from target_tocobagus.sandbox.scenario import NO_FAULT, Fault

Rows = list[dict[str, Any]]
Head = list[tuple[str, str]]

_PAGE = "<!DOCTYPE html><html><head><title>Sandbox</title></head><body>No API here.</body></html>"
_NO_LINGER = struct.pack("ii", 1, 0)


class Connection:
    """The connection to a client: through ASGI, or by its socket for what ASGI cannot do."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transport: asyncio.Transport = scope["state"]["transport"]
        self._receive = receive
        self._send = send

    @property
    def client_gone(self) -> bool:
        """Whether the connection is closed, by either side."""
        return self._transport.is_closing()

    async def until_gone(self) -> None:
        """Wait until the connection is closed, by either side."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drop(self, how: Literal["rst", "fin"]) -> None:
        """Close the connection, after the last byte (``fin``) or at once (``rst``).

        A kernel resets a connection that may not linger.
        """
        if how == "fin":
            self._transport.close()
        else:
            sock: socket.socket = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()
        await self.until_gone()

    async def answer(self, reply: Reply, at_ms: int, fault: Fault) -> None:
        """Send the reply, damaged on the way if the fault says so."""
        payload = reply.payload()
        date = [] if fault.drop_date else [("date", http_date(at_ms))]
        head = [*date, ("content-type", reply.media_type), *reply.headers]
        if fault.drip_ms:
            await self._drip(reply.status, head, payload, fault)
            return
        sent = payload[: fault.truncate]  # a slice up to None is the whole
        head.append(("content-length", str(len(sent))))
        headers = [(name.encode(), value.encode()) for name, value in head]
        await self._send(
            {"type": "http.response.start", "status": reply.status, "headers": headers}
        )
        is_cut = fault.cut is not None
        await self._send(
            {"type": "http.response.body", "body": sent[: fault.cut], "more_body": is_cut}
        )
        if is_cut:
            await self.drop("fin")

    async def _drip(self, status: int, head: Head, payload: bytes, fault: Fault) -> None:
        """Write byte by byte past ASGI, which cannot send a part of a header; then close."""
        head = [*head, ("content-length", str(len(payload))), ("connection", "close")]
        lines = [f"HTTP/1.1 {status} Sandbox", *(f"{name}: {value}" for name, value in head)]
        start = "\r\n".join([*lines, "", ""]).encode()
        at_once, slowly = (b"", start + payload) if fault.drip_headers else (start, payload)
        self._transport.write(at_once)
        for index in range(len(slowly)):
            if self.client_gone:
                break
            self._transport.write(slowly[index : index + 1])
            await asyncio.sleep(fault.drip_ms / 1000)
        await self.drop("fin")


async def perform(
    fault: Fault, request: Request, connection: Connection, transaction: Transaction
) -> Reply | None:
    """Carry out a fault, up to the answer.

    Returns:
        The reply that is still to be sent, or None if the connection was closed.
    """
    if fault is NO_FAULT:
        return transaction.answer()
    await asyncio.sleep(fault.apply_late_ms / 1000)
    instead = _stand_in(fault, request, transaction.now_ms())
    denied = bool(instead or fault.hang or fault.drop_before)
    reply = transaction.answer() if fault.apply or not denied else None
    await asyncio.sleep(fault.latency_ms / 1000)
    if fault.hang:
        await connection.until_gone()
        return None
    if how := fault.drop_before or fault.drop_after:
        await connection.drop(how)
        return None
    return instead or (reply and _distorted(reply, fault, request.identifiers))


def _stand_in(fault: Fault, request: Request, at_ms: int) -> Reply | None:
    """Make the answer that replaces the API's own; None if the API answers itself."""
    if fault.max_items is not None and len(request.identifiers) > fault.max_items:
        return Refused("REQ_003", "Payload too large", "Send fewer items").reply(at_ms)
    headers = tuple(_headers(fault, at_ms))
    if fault.html:
        return Reply(fault.status or 200, _PAGE, headers, "text/html; charset=utf-8")
    if fault.body is not None:
        return Reply(fault.status or 200, fault.body, headers)
    if fault.status is None:
        return None
    refused = Refused(
        fault.code or f"SBX_{fault.status}",
        fault.message or "Refused by the scenario",
        headers=headers,
    )
    return refused.reply(at_ms, fault.status)


def _headers(fault: Fault, at_ms: int) -> Iterator[tuple[str, str]]:
    yield from fault.headers.items()
    if fault.retry_after is not None:
        as_date = http_date(at_ms + fault.retry_after * 1000)
        yield "retry-after", as_date if fault.retry_after_date else str(fault.retry_after)


def _distorted(reply: Reply, fault: Fault, identifiers: Sequence[str | None]) -> Reply:
    """Change an answer with rows as the fault says; others stay as they are."""
    if not isinstance(reply.body, dict) or "acceptedRows" not in reply.body.get("data", {}):
        return reply
    body = dict(reply.body)
    body["data"] = _data(body["data"], fault, identifiers)
    if fault.success is not None:
        body["success"] = fault.success
    return Reply(fault.rows_status or reply.status, body, reply.headers)


def _data(data: dict[str, Any], fault: Fault, identifiers: Sequence[str | None]) -> dict[str, Any]:
    accepted = _rows(data["acceptedRows"], fault, identifiers)
    in_both = [
        {"rowIndex": row["rowIndex"], "code": "SBX_002", "message": "Also refused"}
        for row in accepted
        if row["rowIndex"] in fault.both_lists
    ]
    extra = [{"rowIndex": index, "target": "variant"} for index in fault.extra_rows]
    errors = _rows(data["errors"], fault, identifiers)
    wrong = {**data, "acceptedRows": [*accepted, *extra], "errors": [*errors, *in_both]}
    if fault.drop_batch_id:
        del wrong["batchId"]
    return wrong


def _rows(rows: Rows, fault: Fault, identifiers: Sequence[str | None]) -> Rows:
    """Leave rows out, and list others twice."""
    kept = [
        row
        for row in rows
        if fault.omit_rows.isdisjoint({row["rowIndex"], identifiers[row["rowIndex"]]})
    ]
    return [*kept, *(row for row in kept if row["rowIndex"] in fault.twice)]
