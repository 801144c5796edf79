"""The scenarios that the page switches on: what goes wrong for a client sooner or later."""

from typing import Any, Final, NamedTuple

import msgspec

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.scenario import Scenario


class Switch(NamedTuple):
    """A scenario of the page.

    Attributes:
        name: In the path that plays it.
        title: What stands on its button.
        meaning: One sentence.
        fields: Of the scenario.
    """

    name: str
    title: str
    meaning: str
    fields: dict[str, Any]


def _some(share: float, **fault: Any) -> dict[str, Any]:
    return {"rules": [{"when": {"share": share}, "fault": fault}]}


SWITCHES: Final = (
    Switch("well", "All is well", "Every request is answered as it should be.", {}),
    Switch("slow", "Slow answers", "Each answer comes after two seconds.", {"latency_ms": 2000}),
    Switch(
        "busy",
        "Too many requests",
        "About every third request gets 429, to be sent again after two seconds (Retry-After).",
        _some(1 / 3, status=429, retry_after=2),
    ),
    Switch(
        "broken",
        "Server errors",
        "About every third request gets 503, and nothing of it is applied.",
        _some(1 / 3, status=503),
    ),
    Switch(
        "closed",
        "Closed connections",
        "About every third connection is closed before anything is applied.",
        _some(1 / 3, drop_before="rst"),
    ),
    Switch(
        "lost",
        "Lost answers",
        "About every third request is applied, but its answer is lost.",
        _some(1 / 3, drop_after="rst"),
    ),
    Switch(
        "clock",
        "Another clock",
        "The server's clock is ten minutes ahead, so a request seems too old (AUTH_003).",
        {"skew_ms": 600_000},
    ),
    Switch(
        "rows",
        "Rejected rows",
        "Every tenth row of a request is rejected, beginning with the first.",
        {"rules": [{"fault": {"reject": [{"every": 10}]}}]},
    ),
    Switch(
        "signature",
        "Refused signatures",
        f"The path is expected to be signed with {BASE_PATH} before it (AUTH_010).",
        {"signed_path_prefix": BASE_PATH},
    ),
)
"""All of them, by name; shares are of requests that are chosen at random."""

_STARTED: Final = Switch("started", "As it was started", "The scenario of the command line.", {})


class Switchboard:
    """The switches of one sandbox.

    What the command line said of signatures and stores stays, so that a right client stays right.
    """

    def __init__(self, started: Scenario) -> None:
        kept = Scenario(
            signature_prefix=started.signature_prefix,
            signed_path_prefix=started.signed_path_prefix,
            stores=started.stores,
        )
        self._scenarios = {switch.name: _played(kept, switch.fields) for switch in SWITCHES}
        self.switches = list(SWITCHES)
        if started not in self._scenarios.values():
            self.switches.insert(0, _STARTED)
            self._scenarios[_STARTED.name] = started

    def scenario(self, name: str) -> Scenario | None:
        """Return the scenario of a switch, None if there is no such switch."""
        return self._scenarios.get(name)

    def playing(self, scenario: Scenario) -> dict[str, Any]:
        """Describe a scenario: the name of its switch, if any, and of what it sets."""
        equal = (name for name, each in self._scenarios.items() if each == scenario)
        return {"name": next(equal, None), "sets": list(_names(scenario))}


def _played(kept: Scenario, fields: dict[str, Any]) -> Scenario:
    return msgspec.convert({**msgspec.to_builtins(kept), **fields}, Scenario)


def _names(scenario: Scenario) -> list[str]:
    """Name the fields that are set, those of its faults included; values may be secrets."""
    usual = Scenario()
    names = [
        name
        for name in Scenario.__struct_fields__
        if name != "rules" and getattr(scenario, name) != getattr(usual, name)
    ]
    return [*names, *(name for rule in scenario.rules for name in rule.fault.names())]
