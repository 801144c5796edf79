"""Which rules fit a request, and what their faults come to. Pure.

Chance is drawn from the scenario's seed and the request's number, so that the same scenario and
the same requests meet the same faults.
"""

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from target_tocobagus.sandbox.scenario import Fault, Numbers, Rule


class Facts(msgspec.Struct, frozen=True):
    """What a rule may ask about a request."""

    number: int
    ordinal: int
    method: str
    path: str
    identifiers: Sequence[str | None]


def covers(numbers: Numbers | None, number: int) -> bool:
    """Say whether a number is among those meant; None means any."""
    if isinstance(numbers, tuple):
        return any(covers(each, number) for each in numbers)
    if isinstance(numbers, str):
        first, dash, last = numbers.partition("-")
        return int(first) <= number <= (int(last) if last else number if dash else int(first))
    return numbers is None or numbers == number


def fits(rule: Rule, facts: Facts, chance: str) -> bool:
    """Say whether a rule is for this request.

    Args:
        rule: The rule.
        facts: Of the request.
        chance: What a share is drawn from: the same text draws the same.
    """
    when = rule.when
    return (
        covers(when.requests, facts.number)
        and covers(when.on_connection_request, facts.ordinal)
        and when.path in {None, facts.path}
        and when.method in {None, facts.method}
        and (when.min_items is None or len(facts.identifiers) >= when.min_items)
        and (when.identifiers is None or not when.identifiers.isdisjoint(facts.identifiers))
        and (when.share is None or random.Random(chance).random() < when.share)  # noqa: S311  # repeatable, not secret
    )


def merged(faults: Sequence[Fault]) -> Fault | None:
    """Join the faults of one request; of a field set twice, the earlier counts."""
    if len(faults) <= 1:
        return faults[0] if faults else None
    fields: dict[str, Any] = {}
    for fault in faults:
        fields = {**msgspec.to_builtins(fault), **fields}
    return msgspec.convert(fields, Fault)
