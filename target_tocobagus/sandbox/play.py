"""A scenario being played: which request is the how-manieth, and how often each rule was used."""

from typing import TYPE_CHECKING

from target_tocobagus.sandbox.auth import Gate
from target_tocobagus.sandbox.credentials import Credentials
from target_tocobagus.sandbox.matching import Facts, fits, merged
from target_tocobagus.sandbox.request import Request
from target_tocobagus.sandbox.scenario import Fault, Rule, Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence


class Play:
    """One scenario from the moment it was set; setting it again starts its counts anew."""

    def __init__(self, scenario: Scenario, credentials: Credentials) -> None:
        """Start with no request seen."""
        self.scenario = scenario
        self.gate = Gate(credentials, scenario)
        self._requests = 0
        self._uses = [0] * len(scenario.rules)
        # Rules that ask about items cost a look into the body, so it is only done for them.
        self._asks_items = any(
            rule.when.identifiers or rule.when.min_items for rule in scenario.rules
        )

    def fault_for(self, request: Request, ordinal: int) -> Fault | None:
        """Count this request and give what goes wrong with it.

        Args:
            request: The request that arrived.
            ordinal: Its number on its connection, from 1.
        """
        self._requests += 1
        if not self.scenario.rules:
            return None
        identifiers: Sequence[str | None] = request.identifiers() if self._asks_items else ()
        facts = Facts(self._requests, ordinal, request.method, request.path, identifiers)
        return merged([rule.fault for rule in map(self._use, self._fitting(facts))])

    def _fitting(self, facts: Facts) -> list[int]:
        return [
            index
            for index, rule in enumerate(self.scenario.rules)
            if (rule.times is None or self._uses[index] < rule.times)
            and fits(rule, facts, f"{self.scenario.seed}:{index}:{facts.number}")
        ]

    def _use(self, index: int) -> Rule:
        self._uses[index] += 1
        return self.scenario.rules[index]
