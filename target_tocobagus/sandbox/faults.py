"""Faults put into effect: waiting, no answer, an answer in place of the API's, or a wrong one."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from target_tocobagus.sandbox.connection import Door
from target_tocobagus.sandbox.partner import Transaction
from target_tocobagus.sandbox.replies import Refused, Reply, failure, http_date
from target_tocobagus.sandbox.request import Request
from target_tocobagus.sandbox.scenario import Fault

Rows = list[dict[str, Any]]

_PAGE = "<!DOCTYPE html><html><head><title>Sandbox</title></head><body>No API here.</body></html>"


async def perform(
    fault: Fault, request: Request, door: Door, transaction: Transaction
) -> Reply | None:
    """Do what the fault says up to the answer, and give the reply that is still to be sent.

    Args:
        fault: What goes wrong.
        request: The request that it happens to.
        door: The way back to the client.
        transaction: Checks, applies and answers the request when it is called.

    Returns:
        The reply, or None if there is none because the connection was closed.
    """
    await asyncio.sleep(fault.apply_late_ms / 1000)
    instead = _stand_in(fault, request, transaction.now_ms())
    denied = bool(instead or fault.hang or fault.drop_before)
    reply = transaction.answer() if fault.apply or not denied else None
    per_item_ms = fault.latency_ms_per_item * len(request.identifiers())
    await asyncio.sleep((fault.latency_ms + per_item_ms) / 1000)
    if fault.hang:
        await door.hang(fault.hang)
        return None
    if how := fault.drop_before or fault.drop_after:
        await door.drop(how)
        return None
    return instead or (reply and _distorted(reply, fault, request.identifiers()))


def _stand_in(fault: Fault, request: Request, at_ms: int) -> Reply | None:
    """Give the answer that takes the place of the API's own, None if it is the API that answers."""
    if _is_too_large(fault, request):
        return Refused("REQ_003", "Payload too large", "Send fewer items").reply(at_ms)
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


def _is_too_large(fault: Fault, request: Request) -> bool:
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


def _distorted(reply: Reply, fault: Fault, identifiers: Sequence[str | None]) -> Reply:
    """Give the reply as it leaves the server.

    Args:
        reply: The true answer; one without rows stays as it is.
        fault: What to make wrong.
        identifiers: The identifier of each row that was sent.
    """
    if not isinstance(reply.body, dict) or "acceptedRows" not in reply.body.get("data", {}):
        return reply
    body = dict(reply.body)
    body["data"] = _data(body["data"], fault, identifiers)
    if fault.dispatch is not None:
        body["meta"] = {**body["meta"], "dispatch": fault.dispatch}
    if fault.success is not None:
        body["success"] = fault.success
    return Reply(fault.rows_status or reply.status, body, reply.headers)


def _data(data: dict[str, Any], fault: Fault, identifiers: Sequence[str | None]) -> dict[str, Any]:
    accepted: Rows = _kept(data["acceptedRows"], fault, identifiers)
    errors: Rows = _kept(data["errors"], fault, identifiers)
    in_both = [
        {"rowIndex": row["rowIndex"], "code": "SBX_002", "message": "Also refused"}
        for row in accepted
        if row["rowIndex"] in fault.both_lists
    ]
    extra = [{"rowIndex": index, "target": "variant"} for index in fault.extra_rows]
    wrong = {
        **data,
        "acceptedRows": [*_repeated(accepted, fault), *extra],
        "errors": [*_repeated(errors, fault), *in_both],
        "summary": {**data["summary"], **fault.summary},
    }
    if fault.drop_batch_id:
        del wrong["batchId"]
    return wrong


def _kept(rows: Rows, fault: Fault, identifiers: Sequence[str | None]) -> Rows:
    omitted = fault.omit_rows
    return [
        row
        for row in rows
        if row["rowIndex"] not in omitted and identifiers[row["rowIndex"]] not in omitted
    ]


def _repeated(rows: Rows, fault: Fault) -> Rows:
    return [*rows, *(row for row in rows if row["rowIndex"] in fault.twice)]
