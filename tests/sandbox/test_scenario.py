"""A scenario's rules hit the requests that they are for, and no others."""

from typing import Any

import msgspec
import pytest

from tests.local_sandbox import running
from tests.sandbox.client import Client, rule

A = {"sku": "A", "stock": 1}


@pytest.mark.parametrize(
    ("when", "hit"),
    [
        ({}, [1, 2, 3, 4]),
        ({"requests": 2}, [2]),
        ({"requests": "3-"}, [3, 4]),
        ({"requests": "2-3"}, [2, 3]),
        ({"identifiers": ["sku-2", "sku-4"]}, [2, 4]),
        ({"stores": ["2000000000000000000002"]}, [1, 2, 3, 4]),
        ({"stores": ["another"]}, []),
        ({"share": 0.0}, []),
        ({"share": 1.0}, [1, 2, 3, 4]),
        ({"requests": "2-", "identifiers": ["sku-1", "sku-3"]}, [3]),
    ],
    ids=str,
)
def test_a_rule_hits_the_requests_that_it_is_for(when: dict[str, Any], hit: list[int]) -> None:
    """A rule hits those requests that meet every condition."""
    with running(rule({"status": 500}, when)) as sandbox, Client(sandbox) as client:
        assert hits(client) == hit
        sandbox.reset()
        assert hits(client) == hit


def hits(client: Client) -> list[int]:
    """Send four requests and give the numbers of those that failed."""
    sizes = range(1, 5)
    answers = [client.update(*[{"sku": f"sku-{size}", "stock": 1}] * size) for size in sizes]
    return [size for size, answer in zip(sizes, answers, strict=True) if answer.status == 500]


def test_a_share_is_drawn_from_the_seed() -> None:
    """The same seed hits the same requests, another one others, and the share is about right."""
    drawn = []
    for seed in (1, 1, 2):
        scenario = {"seed": seed, **rule({"status": 500}, {"share": 0.5})}
        with running(scenario) as sandbox, Client(sandbox) as client:
            drawn.append([client.update(A).status for _ in range(100)])
    assert drawn[0] == drawn[1] != drawn[2]
    assert 30 < drawn[0].count(500) < 70


def test_rules_that_fit_together_join_and_the_earlier_wins() -> None:
    """Fields of several rules apply at once; one that is set twice is the first one's."""
    faults = [{"status": 503}, {"status": 500, "retry_after": 3}]
    scenario = {"rules": [{"fault": fault} for fault in faults]}
    with running(scenario) as sandbox, Client(sandbox) as client:
        answer = client.update(A)
        assert (answer.status, answer.headers["retry-after"]) == (503, "3")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": 1},
        {"rules": [{}]},
        {"rules": [{"fault": {"explode": True}}]},
        {"rules": [{"fault": {"drop_before": "gently"}}]},
        {"rules": [{"fault": {}, "when": {"requests": "x-3"}}]},
        {"rules": [{"fault": {}, "when": {"requests": "3-x"}}]},
        {"rules": [{"fault": {}, "when": {"requests": "3"}}]},
        {"rules": [{"fault": {"status": "high"}}]},
        {"rules": [{"fault": {"reject": [{"every": 0}]}}]},
    ],
    ids=str,
)
def test_a_scenario_that_cannot_be_understood_is_refused(wrong: Any) -> None:
    """A misspelt fault must not pass for none, neither at the start nor at run time."""
    with pytest.raises(msgspec.ValidationError), running(wrong):
        pass
    with running() as sandbox, Client(sandbox) as client:
        with pytest.raises(ValueError, match=r"\$"):
            sandbox.set_scenario(wrong)
        assert client.update(A).status == 200
