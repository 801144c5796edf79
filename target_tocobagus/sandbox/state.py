"""What the sandbox holds and remembers: stock, requests, batches, updates, and the scenario.

What is remembered is bounded, so that a long benchmark does not fill the memory; what was dropped
is counted.
"""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from target_tocobagus.sandbox.inventory import Catalogue, Item
from target_tocobagus.sandbox.messages import Request
from target_tocobagus.sandbox.scenario import Credentials, Fault, Scenario

Levels = dict[str | None, int]
"""The stock at each warehouse; that of None is for all without one of their own."""


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


class Update(NamedTuple):
    """One level that was set: by which request, when (epoch ms), for which store, and to what."""

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
        history: Updates; 0 keeps none, which is cheapest for a benchmark.
    """

    requests: int = 10_000
    history: int = 100_000
    bodies: bool = False


class World:
    """Everything since the start or the last reset, which makes a new one.

    A request keeps the world in which it arrived, so one that is applied after a reset cannot
    change what a test sees.
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

    def arrive(self, request: Request, connection: int, faults: tuple[str, ...]) -> Visit:
        """Count a request in."""
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        visit = Visit(
            self.requests,
            connection,
            request.method,
            request.path,
            len(request.body),
            request.count(),
            faults,
            epoch_ms(),
        )
        self.visits.append((visit, request.headers, request.body if self.limits.bodies else b""))
        return visit

    def leave(self) -> None:
        """Count a request out, answered or not."""
        self.in_flight -= 1

    def apply(self, item: Item, store: str, request: int) -> None:
        """Set the item's levels; they are absolute, not differences (inferred).

        A global stock reaches every warehouse of the item (documented for a sibling endpoint), so
        it replaces all levels of the item. A warehouse's own stock is then kept beside it.
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
        """Return kind and identifier of every product of which this store has set a stock."""
        return sorted((kind, value) for of, kind, value in self._stock if of == store)

    def stock(self) -> Iterator[dict[str, Any]]:
        """Yield every level as ``{store, kind, identifier, warehouse, stock}``."""
        for (store, kind, identifier), levels in self._stock.items():
            product = {"store": store, "kind": kind, "identifier": identifier}
            for warehouse, stock in levels.items():
                yield {**product, "warehouse": warehouse, "stock": stock}


class Setup(msgspec.Struct, frozen=True):
    """How a sandbox is started.

    Attributes:
        credentials: Of the partner and its first store.
        catalogue: What exists.
    """

    credentials: Credentials = Credentials()
    catalogue: Catalogue = Catalogue()
    scenario: Scenario = Scenario()
    limits: Limits = Limits()


class State:
    """The world and the scenario that hold now."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.reset()

    def reset(self) -> None:
        """Forget everything, and play the first scenario from its start."""
        self.world = World(self.setup.limits)
        self.play(self.setup.scenario)

    def play(self, scenario: Scenario) -> None:
        """Play this scenario from its start."""
        self.scenario = scenario
        self._played = 0

    def fault_for(self, request: Request) -> Fault:
        """Count a request, and find its fault."""
        self._played += 1
        return self.scenario.fault_for(self._played, request)


def epoch_ms() -> float:
    """Return the machine's time in epoch milliseconds, with fractions."""
    return time.time_ns() / 1_000_000
