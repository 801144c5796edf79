"""What the API holds and remembers: stock, requests, batches, and every update in its order.

What is remembered is bounded, so that a long benchmark does not fill the memory; what fell out is
counted.
"""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from target_tocobagus.sandbox.inventory import Item

Levels = dict[str | None, int]
"""The stock at each warehouse; that of None is for all without one of their own."""


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
        items: How many rows it has, None if its body is not an object with items.
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


class Update(NamedTuple):
    """One level that was set: by which request, when (epoch ms), for whom, and to what."""

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


class World:
    """Everything since the start or the last reset, which makes a new one.

    A request keeps the world in which it arrived. So one that is applied late, after a reset, can
    no longer change what a test sees.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.visits: deque[tuple[Visit, dict[bytes, bytes], bytes]] = deque(maxlen=limits.requests)
        self.batches: deque[dict[str, Any]] = deque(maxlen=limits.requests)
        self.history: deque[Update] = deque(maxlen=limits.history)
        self.requests = 0
        self.updates = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._stock: dict[tuple[str, str, str], Levels] = {}

    def arrive(self, visit: Visit, headers: dict[bytes, bytes], body: bytes) -> None:
        """Count a request in."""
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.visits.append((visit, headers, body if self.limits.bodies else b""))

    def leave(self) -> None:
        """Count a request out, answered or not."""
        self.in_flight -= 1

    def apply(self, item: Item, store: str, request: int) -> None:
        """Set the item's levels; they are absolute, not differences (inferred).

        A global stock reaches every warehouse of the item (documented for a sibling endpoint), so
        it replaces whatever the item had. A warehouse's own stock is then kept beside it.
        """
        levels = self._stock.setdefault((store, item.kind, item.identifier), {})
        if any(warehouse is None for warehouse, _ in item.levels):
            levels.clear()
        levels.update(item.levels)
        self.updates += len(item.levels)
        if self.limits.history:
            product = (request, epoch_ms(), store, item.kind, item.identifier)
            self.history.extend(Update(*product, *level) for level in item.levels)

    def products(self, store: str) -> list[tuple[str, str]]:
        """Give kind and identifier of every product that this store has set a stock of."""
        return sorted((kind, value) for of, kind, value in self._stock if of == store)

    def stock(self) -> Iterator[dict[str, Any]]:
        """Give every level as ``{store, kind, identifier, warehouse, stock}``."""
        for (store, kind, identifier), levels in self._stock.items():
            product = {"store": store, "kind": kind, "identifier": identifier}
            for warehouse, stock in levels.items():
                yield {**product, "warehouse": warehouse, "stock": stock}


def epoch_ms() -> float:
    """Give the machine's time in epoch milliseconds, with its fractions."""
    return time.time_ns() / 1_000_000
