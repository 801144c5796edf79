"""Everything of one sandbox that changes: what it saw, what it holds, what it is told to do."""

import msgspec

from target_tocobagus.sandbox.catalogue import Catalogue
from target_tocobagus.sandbox.credentials import Credentials, Store
from target_tocobagus.sandbox.journal import Journal, Limits
from target_tocobagus.sandbox.play import Play
from target_tocobagus.sandbox.scenario import Scenario
from target_tocobagus.sandbox.stock import Stock


class Setup(msgspec.Struct, frozen=True):
    """How a sandbox is started.

    Attributes:
        credentials: Of the partner and its first store.
        catalogue: What exists.
        scenario: What it does wrong at first.
        stores: Further stores that the partner may act for, whatever the scenario.
        latency_ms: Before every answer, where the scenario does not say.
        limits: How much it remembers.
    """

    credentials: Credentials = Credentials()
    catalogue: Catalogue = msgspec.field(default_factory=Catalogue)
    scenario: Scenario = Scenario()
    stores: tuple[Store, ...] = ()
    latency_ms: float = 0
    limits: Limits = Limits()


class World:
    """What the API holds and remembers. A reset makes a new one.

    A request keeps the world in which it arrived. So one that is applied late, after a reset, can
    no longer change what a test sees.
    """

    def __init__(self, limits: Limits) -> None:
        """Start empty."""
        self.stock = Stock()
        self.journal = Journal(limits)


class State:
    """The world and the scenario that hold now."""

    def __init__(self, setup: Setup) -> None:
        """Start as the setup says."""
        self.setup = setup
        self._connections = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything, and play the setup's scenario from its start."""
        self.world = World(self.setup.limits)
        self.set_scenario(self.setup.scenario)

    def set_scenario(self, scenario: Scenario) -> None:
        """Play this scenario from its start."""
        stores = (*self.setup.stores, *scenario.stores)
        self.play = Play(msgspec.structs.replace(scenario, stores=stores), self.setup.credentials)

    def next_connection(self) -> int:
        """Give the number of a connection that brings its first request."""
        self._connections += 1
        return self._connections

    @property
    def latency_ms(self) -> float:
        """How long every answer waits."""
        chosen = self.play.scenario.latency_ms
        return self.setup.latency_ms if chosen is None else chosen
