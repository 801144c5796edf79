"""What the sandbox holds and remembers: stock, requests, batches, updates, and the scenario.

What is remembered is bounded, so that a long benchmark does not fill the memory; what was dropped
is counted.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from target_tocobagus.sandbox.inventory import Catalogue, Item, Outcome
from target_tocobagus.sandbox.messages import Request
from target_tocobagus.sandbox.scenario import Credentials, Fault, Scenario
from target_tocobagus.sandbox.visits import RecentBodies, Record, RefusedRow, Visit

Levels = dict[str | None, int]
"""The stock at each warehouse; that of None is for all without one of their own."""

Product = tuple[str, str, str]
"""Store, kind of identifier, identifier."""

_MOST_REFUSED_ROWS = 500


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
        bodies: Every remembered request keeps its body; otherwise only the newest do, for the page.
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
        self.since_ms = epoch_ms()
        self.records: deque[Record] = deque(maxlen=limits.requests)
        self.refused_rows: deque[RefusedRow] = deque(maxlen=_MOST_REFUSED_ROWS)
        self.batches: deque[dict[str, Any]] = deque(maxlen=limits.requests)
        self.history: deque[Update] = deque(maxlen=limits.history)
        self.requests = 0
        self.updates = 0
        self.accepted = 0
        self.refused = 0
        self.levels = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._bodies = RecentBodies()
        self._stock: dict[Product, Levels] = {}

    def arrive(self, request: Request, connection: int, faults: tuple[str, ...]) -> Record:
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
        record = Record(visit, request.headers, request.body if self.limits.bodies else b"")
        self.records.append(record)
        self._bodies.keep(visit.number, request.body)
        return record

    def leave(self, visit: Visit) -> None:
        """Count a request out, answered or not."""
        self.in_flight -= 1
        visit.ended_ms = epoch_ms()

    def body_of(self, record: Record) -> bytes:
        """Return what is kept of a request's body; empty if nothing is."""
        return record.body or self._bodies.of(record.visit.number)

    def apply(self, item: Item, store: str, request: int) -> None:
        """Set the item's levels; they are absolute, not differences (inferred).

        A global stock reaches every warehouse of the item (documented for a sibling endpoint), so
        it replaces all levels of the item. A warehouse's own stock is then kept beside it.
        """
        levels = self._stock.setdefault((store, item.kind, item.identifier), {})
        before = len(levels)
        if any(warehouse is None for warehouse, _ in item.levels):
            levels.clear()
        levels.update(item.levels)
        self.levels += len(levels) - before
        self.updates += len(item.levels)
        if self.limits.history:
            product = (request, epoch_ms(), store, item.kind, item.identifier)
            self.history.extend(Update(*product, *level) for level in item.levels)

    def settle(self, visit: Visit, rows: Sequence[Any], outcome: Outcome) -> None:
        """Count a request's rows by their outcome, and remember the refused ones."""
        visit.accepted, visit.refused = len(outcome.accepted), len(outcome.errors)
        self.accepted += visit.accepted
        self.refused += visit.refused
        for error in outcome.errors[-_MOST_REFUSED_ROWS:]:
            row = rows[error["rowIndex"]]
            named = row.get("warehouses") if isinstance(row, dict) else None
            self.refused_rows.append(RefusedRow(visit.number, named, error))

    def products(self, store: str) -> list[tuple[str, str]]:
        """Return kind and identifier of every product of which this store has set a stock."""
        return sorted((kind, value) for of, kind, value in self._stock if of == store)

    def stock(self) -> Iterator[dict[str, Any]]:
        """Yield every level as ``{store, kind, identifier, warehouse, stock}``."""
        for product, levels in self._stock.items():
            yield from shown_levels(product, levels)

    def held(self) -> list[tuple[Product, Levels]]:
        """Return every product with its levels, in the order in which they first came."""
        return list(self._stock.items())


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


def shown_levels(product: Product, levels: Levels) -> Iterator[dict[str, Any]]:
    """Yield a product's levels as ``{store, kind, identifier, warehouse, stock}``."""
    named = dict(zip(("store", "kind", "identifier"), product, strict=True))
    for warehouse, stock in levels.items():
        yield {**named, "warehouse": warehouse, "stock": stock}


def epoch_ms() -> float:
    """Return the machine's time in epoch milliseconds, with fractions."""
    return time.time_ns() / 1_000_000
