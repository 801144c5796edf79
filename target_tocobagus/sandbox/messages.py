"""A request as the sandbox reads it, and an answer as it is held until it is sent."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import formatdate
from functools import cached_property
from typing import Any

import msgspec

IDENTIFIER_KINDS = ("sku", "id", "externalId")
"""The three ways to name a product (documented)."""

_STATUSES = {"REQ_001": 400, "REQ_002": 415, "REQ_003": 413, "REQ_005": 404, "REQ_006": 405}
"""The HTTP status of each code; of all others 401.

Documented are AUTH_003, AUTH_010 and the form of a failure; other codes and all statuses are
invented.
"""

Headers = tuple[tuple[str, str], ...]


class Reply(msgspec.Struct, frozen=True):
    """An answer before it is sent.

    Attributes:
        body: A JSON value; text if ``media_type`` is not JSON.
        headers: Those beside Content-Type, Content-Length and Date.
    """

    status: int
    body: Any
    headers: Headers = ()
    media_type: str = "application/json"

    def payload(self) -> bytes:
        """Return the body's bytes."""
        if self.media_type == "application/json":
            return msgspec.json.encode(self.body)
        return str(self.body).encode()


@dataclass(eq=False)
class Refused(Exception):  # noqa: N818  # a refusal is the API's answer, no error of the program
    """The request as a whole is refused.

    Attributes:
        hint: What the caller can do.
        context: Further values, by the API's names.
    """

    code: str
    message: str
    hint: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    headers: Headers = ()

    def reply(self, at_ms: int, status: int | None = None) -> Reply:
        """Make the documented body of a failure, with the code's status if none is given."""
        details = {"timestamp": iso(at_ms), "hint": self.hint, "context": self.context}
        error = {"code": self.code, "message": self.message, "details": details}
        body = {"success": False, "error": error, "requestId": new_id()}
        return Reply(status or _STATUSES.get(self.code, 401), body, self.headers)


@dataclass(frozen=True)
class Request:
    """One request to the partner API.

    Attributes:
        path: Without the API's base path, for example ``/partner/stores/inventory``.
        headers: Values by lower-case name.
    """

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes

    @cached_property
    def _rows(self) -> list[Any] | str:
        """The items, or why the body has none."""
        try:
            decoded = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return f"the body is not JSON: {error}"
        if not isinstance(decoded, dict) or not isinstance(decoded.get("items"), list):
            return 'the body is not an object with a list "items"'
        items: list[Any] = decoded["items"]
        return items or '"items" is empty'

    def rows(self) -> list[Any]:
        """Return the items as they were sent, each any JSON value.

        Raises:
            Refused: The body is not a JSON object with a non-empty list ``items``.
        """
        if isinstance(self._rows, str):
            raise Refused("REQ_001", "Invalid body", self._rows)
        return self._rows

    @property
    def store(self) -> str:
        """The store that it says it is for, empty if it names none."""
        return self.headers.get(b"x-store-client-id", b"").decode(errors="replace")

    def count(self) -> int | None:
        """Return the number of items, None if the body has none."""
        return None if isinstance(self._rows, str) else len(self._rows)

    @cached_property
    def identifiers(self) -> list[str | None]:
        """Each row's identifier, None if it has none; an unreadable body has no rows."""
        rows = [] if isinstance(self._rows, str) else self._rows
        return [identifier_of(row)[1] for row in rows]


def identifier_of(row: Any) -> tuple[str, str | None]:
    """Return kind and value of a row's first identifier that is a string, else sku and None."""
    if isinstance(row, dict):
        for kind in IDENTIFIER_KINDS:
            if isinstance(value := row.get(kind), str):
                return kind, value
    return "sku", None


def new_id() -> str:
    """Make a new requestId or batchId."""
    return str(uuid.uuid4())


def iso(at_ms: int) -> str:
    """Write a time as the API does in its bodies: ``2026-01-27T14:31:43.182Z`` (documented)."""
    moment = datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(at_ms: int) -> str:
    """Write a time as HTTP's ``Date`` and ``Retry-After`` headers do."""
    return formatdate(at_ms / 1000, usegmt=True)
