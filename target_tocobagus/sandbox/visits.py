"""What the sandbox remembers of requests: their answers, the newest bodies, and refused rows."""

from collections import deque
from typing import Any, Final, NamedTuple

import msgspec

from target_tocobagus.sandbox.auth import Signing
from target_tocobagus.sandbox.messages import Reply

_MOST_BODIES: Final = 200
_MOST_BYTES: Final = 1_000_000
LONGEST_BODY: Final = 64 * 1024
"""How many bytes of a body are kept for the page."""


class Visit(msgspec.Struct, rename="camel"):
    """One request to the partner API and its answer.

    Attributes:
        number: From 1, since the start or the last reset.
        connection: The client's port, which tells one connection from another.
        path: Without the API's base path.
        body_bytes: The size of its body.
        items: How many rows it has, None if its body is not an object with items.
        faults: The names of the scenario's faults.
        arrived_ms: When its last byte was read, epoch ms by the machine's clock.
        answered_ms: When the answer was handed to the kernel, None if there was none.
        status: The answer's HTTP status, None if there was none.
        client_gone: There was an answer, but the client had left before it was sent.
        code: The error's code of an answer that refuses the request as a whole.
        ended_ms: When it was over, answered or not; None while it is not.
    """

    number: int
    connection: int
    method: str
    path: str
    body_bytes: int
    items: int | None
    faults: tuple[str, ...]
    arrived_ms: float
    answered_ms: float | None = None
    status: int | None = None
    client_gone: bool = False
    accepted: int = 0
    refused: int = 0
    request_id: str | None = None
    code: str | None = None
    ended_ms: float | None = None


class Record(msgspec.Struct):
    """A request as it is remembered.

    Attributes:
        headers: As they were sent, secrets included.
        body: Empty unless every body is kept.
        signing: What its signature should be; None if nobody asked.
        error: The ``error`` of an answer that refuses the request as a whole.
    """

    visit: Visit
    headers: dict[bytes, bytes]
    body: bytes = b""
    signing: Signing | None = None
    error: Any = None

    def answered(self, reply: Reply, at_ms: float) -> None:
        """Remember the answer that is about to be sent."""
        self.visit.status, self.visit.answered_ms = reply.status, at_ms
        if isinstance(reply.body, dict):
            self.visit.request_id = reply.body.get("requestId")
            self.error = reply.body.get("error")
        if isinstance(self.error, dict):
            self.visit.code = self.error.get("code")


class RefusedRow(NamedTuple):
    """One row that was refused: by which request, and the row's entry in ``errors``.

    Attributes:
        warehouses: As the row names them; any JSON value.
    """

    request: int
    warehouses: Any
    error: dict[str, Any]


class RecentBodies:
    """The beginnings of the newest bodies, few enough not to matter to a benchmark."""

    def __init__(self) -> None:
        self._bodies: deque[tuple[int, bytes]] = deque()
        self._bytes = 0

    def keep(self, number: int, body: bytes) -> None:
        """Keep the body of a request, and drop the oldest beyond the bounds."""
        kept = body[:LONGEST_BODY]
        self._bodies.append((number, kept))
        self._bytes += len(kept)
        while len(self._bodies) > _MOST_BODIES or self._bytes > _MOST_BYTES:
            self._bytes -= len(self._bodies.popleft()[1])

    def of(self, number: int) -> bytes:
        """Return what is kept of a request's body; empty if nothing is."""
        return dict(self._bodies).get(number, b"")
