"""What holds now: the world, and the scenario that is being played.

Chance is drawn from the scenario's seed and the request's number, so that the same scenario and
the same requests meet the same faults.
"""

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from target_tocobagus.sandbox.auth import Gate
from target_tocobagus.sandbox.inventory import Catalogue
from target_tocobagus.sandbox.request import Request
from target_tocobagus.sandbox.scenario import Credentials, Fault, Numbers, Scenario, Store, When
from target_tocobagus.sandbox.world import Limits, World

_NO_FAULT = Fault()


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
    catalogue: Catalogue = Catalogue()
    scenario: Scenario = Scenario()
    stores: tuple[Store, ...] = ()
    latency_ms: float = 0
    limits: Limits = Limits()


class State:
    """The world and the scenario that hold now."""

    def __init__(self, setup: Setup) -> None:
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


class Play:
    """One scenario from the moment it was set; setting it again starts its counts anew."""

    def __init__(self, scenario: Scenario, credentials: Credentials) -> None:
        self.scenario = scenario
        self.gate = Gate(credentials, scenario)
        self._requests = 0
        self._uses = [0] * len(scenario.rules)

    def fault_for(self, request: Request, ordinal: int) -> Fault:
        """Count this request and give what goes wrong with it.

        Args:
            request: The request that arrived.
            ordinal: Its number on its connection, from 1.
        """
        self._requests += 1
        rules = [index for index in range(len(self._uses)) if self._fits(index, request, ordinal)]
        for index in rules:
            self._uses[index] += 1
        return _merged([self.scenario.rules[index].fault for index in rules])

    def _fits(self, index: int, request: Request, ordinal: int) -> bool:
        rule = self.scenario.rules[index]
        chance = f"{self.scenario.seed}:{index}:{self._requests}"
        return (rule.times is None or self._uses[index] < rule.times) and (
            _covers(rule.when.requests, self._requests)
            and _covers(rule.when.on_connection_request, ordinal)
            and _is_for(rule.when, request)
            # repeatable, not secret
            and (rule.when.share is None or random.Random(chance).random() < rule.when.share)  # noqa: S311
        )


def _covers(numbers: Numbers | None, number: int) -> bool:
    """Say whether a number is among those meant; None means any."""
    if isinstance(numbers, tuple):
        return any(_covers(each, number) for each in numbers)
    if isinstance(numbers, str):
        first, dash, last = numbers.partition("-")
        return int(first) <= number <= (int(last) if last else number if dash else int(first))
    return numbers is None or numbers == number


def _is_for(when: When, request: Request) -> bool:
    return (
        when.path in {None, request.path}
        and when.method in {None, request.method}
        and (when.min_items is None or len(request.identifiers()) >= when.min_items)
        and (when.identifiers is None or not when.identifiers.isdisjoint(request.identifiers()))
    )


def _merged(faults: Sequence[Fault]) -> Fault:
    """Join the faults of one request; of a field set twice, the earlier counts."""
    if len(faults) <= 1:
        return faults[0] if faults else _NO_FAULT
    fields: dict[str, Any] = {}
    for fault in reversed(faults):
        fields.update(msgspec.to_builtins(fault))
    return msgspec.convert(fields, Fault)
