"""The bodies of the API's answers, and how an answer is held until it is sent."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import formatdate
from typing import Any

import msgspec

# Documented: AUTH_003, AUTH_010 and the form of a failure.
# Invented: the other codes, and every status.
STATUSES = {
    "REQ_001": 400,
    "REQ_002": 415,
    "REQ_003": 413,
    "REQ_004": 400,
    "REQ_005": 404,
    "REQ_006": 405,
}
"""The HTTP status of each code, 401 for those not listed (no status is documented)."""

Headers = tuple[tuple[str, str], ...]


class Reply(msgspec.Struct, frozen=True):
    """An answer before it is sent.

    Attributes:
        status: The HTTP status.
        body: A JSON value, or text when ``media_type`` is not JSON.
        headers: What is sent beside Content-Type, Content-Length and Date.
        media_type: Of the body.
    """

    status: int
    body: Any
    headers: Headers = ()
    media_type: str = "application/json"

    def payload(self) -> bytes:
        """Give the body's bytes."""
        if self.media_type == "application/json":
            return msgspec.json.encode(self.body)
        return str(self.body).encode()


class Refused(Exception):  # noqa: N818  # a refusal is the API's answer, no error of the program
    """The request as a whole is refused.

    Attributes:
        code: The API's error code.
        message: What it says for people.
        hint: What the caller may do.
        context: Further values, by the API's names.
        headers: HTTP headers that belong to the answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        context: Mapping[str, Any] | None = None,
        headers: Headers = (),
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.context = dict(context or {})
        self.headers = headers

    def reply(self, at_ms: int, status: int | None = None, code: str | None = None) -> Reply:
        """Give the answer; without a status and a code, with those that this sandbox chose."""
        body = failure(code or self.code, self.message, at_ms, self.hint, self.context)
        return Reply(status or STATUSES.get(self.code, 401), body, self.headers)


def new_id() -> str:
    """Give a fresh requestId or batchId."""
    return str(uuid.uuid4())


def failure(
    code: str,
    message: str,
    at_ms: int,
    hint: str = "",
    context: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give the documented body of a request that failed as a whole."""
    details = {"timestamp": iso(at_ms), "hint": hint, "context": dict(context or {})}
    error = {"code": code, "message": message, "details": details}
    return {"success": False, "error": error, "requestId": new_id()}


def settled(
    accepted: list[dict[str, Any]],
    errors: list[dict[str, Any]],
    at_ms: int,
    duration_ms: int,
) -> dict[str, Any]:
    """Give the documented body of an update that was answered row by row.

    It claims success whatever the rows say, as the documentation's example does.
    """
    summary = {
        "total": len(accepted) + len(errors),
        "failed": len(errors),
        "pending": len(accepted),
    }
    return {
        "success": True,
        "message": "Stock update completed successfully",
        "requestId": new_id(),
        "meta": {"timestamp": iso(at_ms), "durationMs": duration_ms, "dispatch": True},
        "data": {
            "summary": summary,
            "acceptedRows": accepted,
            "errors": errors,
            "batchId": new_id(),
        },
    }


def iso(at_ms: int) -> str:
    """Write a time as the API does in its bodies: ``2026-01-27T14:31:43.182Z`` (documented)."""
    moment = datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(at_ms: int) -> str:
    """Write a time as HTTP's ``Date`` and ``Retry-After`` headers do."""
    return formatdate(at_ms / 1000, usegmt=True)
