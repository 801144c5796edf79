"""What the sandbox remembers: requests, batches, and every update in the order it was applied.

All of it is bounded, so that a long benchmark does not fill the memory; what fell out is counted.
"""

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

MASKED_HEADERS = {b"x-store-token", b"x-signature"}


class Visit(msgspec.Struct, omit_defaults=False, rename="camel"):
    """One request to the partner API and what became of it.

    Attributes:
        number: From 1, since the start or the last reset.
        connection: The connection's number, from 1.
        ordinal: The request's number on that connection, from 1.
        method: As sent.
        path: After the API's base path.
        arrived_ms: When its last byte was read, epoch ms by the machine's clock.
        body_bytes: The size of its body.
        items: How many rows it has, None if its body is no such object.
        answered_ms: When the answer was handed to the kernel, None if there was none.
        status: The answer's HTTP status, None if there was none.
        client_gone: There was an answer, but the client had left before it was due.
        accepted: How many rows were applied.
        refused: How many rows were refused.
        faults: What the scenario did to it.
        request_id: The answer's requestId.
    """

    number: int
    connection: int
    ordinal: int
    method: str
    path: str
    arrived_ms: float
    body_bytes: int
    items: int | None = None
    answered_ms: float | None = None
    status: int | None = None
    client_gone: bool = False
    accepted: int = 0
    refused: int = 0
    faults: tuple[str, ...] = ()
    request_id: str | None = None


class Applied(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One level that was set, in the order in which it was.

    It holds plain values only, so the garbage collector need not walk a hundred thousand of them.
    """

    request: int
    at_ms: float
    store: str
    kind: str
    identifier: str
    warehouse: str | None
    stock: int


class Limits(msgspec.Struct, frozen=True):
    """How much is remembered; the newest stays.

    Attributes:
        requests: Requests, and as many batches.
        history: Updates; 0 keeps none, which costs a benchmark least.
        bodies: Whether the requests' bodies are kept.
    """

    requests: int = 10_000
    history: int = 100_000
    bodies: bool = False


class Journal:
    """Everything since the start or the last reset."""

    def __init__(self, limits: Limits) -> None:
        """Start with nothing seen."""
        self.limits = limits
        self.visits: deque[tuple[Visit, dict[bytes, bytes], bytes]] = deque(maxlen=limits.requests)
        self.batches: deque[dict[str, Any]] = deque(maxlen=limits.requests)
        self.history: deque[Applied] = deque(maxlen=limits.history)
        self.requests = 0
        self.updates = 0
        self.in_flight = 0
        self.most_in_flight = 0

    def arrive(self, visit: Visit, headers: dict[bytes, bytes], body: bytes) -> None:
        """Count a request in."""
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.visits.append((visit, headers, body if self.limits.bodies else b""))

    def leave(self) -> None:
        """Count a request out, answered or not."""
        self.in_flight -= 1

    def applied(self, count: int, updates: "Iterable[Applied]") -> None:
        """Remember so many updates that were just applied; they are made only if any is kept."""
        self.updates += count
        if self.history.maxlen:
            self.history.extend(updates)


def epoch_ms() -> float:
    """Give the machine's time in epoch milliseconds, with its fractions."""
    return time.time_ns() / 1_000_000
