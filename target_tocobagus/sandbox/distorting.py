"""The answer to an update made wrong, as the scenario says. Pure: a body in, a body out."""

from collections.abc import Sequence
from typing import Any

from target_tocobagus.sandbox.replies import Reply
from target_tocobagus.sandbox.scenario import Fault

Rows = list[dict[str, Any]]


def distorted(reply: Reply, fault: Fault, identifiers: Sequence[str | None]) -> Reply:
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
