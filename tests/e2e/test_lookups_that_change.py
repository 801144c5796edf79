"""Pairs that change where several matches stand for one item, at once or in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import row, schema, state, stock_of
from tests.e2e.test_lookups import SETTINGS, item, level

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

SUMS: Final[dict[str, Any]] = {**SETTINGS["streams"][0], "combine": "sum", "part": "part"}
SCHEMAS: Final = [
    schema("items", "id", "sku", "tracked"),
    schema("levels", "item", "wh", "qty", "part"),
]


def part(match: Any, qty: Any, name: str) -> dict[str, Any]:
    """Make a record of a part."""
    return row("levels", item=match, wh="W1", qty=qty, part=name)


def at(qty: int, wh: str = "W1") -> dict[str, int]:
    """Make the stock of an item at one location."""
    return {wh: qty}


SWAPPED: Final = [[item(1, "A"), item(2, "B"), level(1, "W1", 0), level(2, "W1", 50)]]
CASES: Final[dict[str, tuple[list[list[Any]], dict[str, dict[str, int]]]]] = {
    "two change places, and a row of one comes": (
        [*SWAPPED, [item(1, "B"), item(2, "A"), level(2, "W1", 49)]],
        {"A": at(49), "B": at(0)},
    ),
    "the same, in another order": (
        [*SWAPPED, [item(2, "A"), level(2, "W1", 49), item(1, "B")]],
        {"A": at(49), "B": at(0)},
    ),
    "the same, with a STATE between": (
        [*SWAPPED, [item(1, "B"), item(2, "A"), state(2), level(2, "W1", 49)]],
        {"A": at(49), "B": at(0)},
    ),
    "two change places, and no row comes": (
        [*SWAPPED, [item(1, "B"), item(2, "A")], []],
        {"A": at(50), "B": at(0)},
    ),
    "one comes to another's item, which has a newer row": (
        [[item(1, "B"), item(2, "A"), level(2, "W1", 8)], [item(2, "B"), level(1, "W1", 4)]],
        {"A": at(8), "B": at(4)},
    ),
    "the same, with the newer row in a run before": (
        [
            [item(1, "B"), item(2, "A"), level(2, "W1", 8)],
            [level(1, "W1", 4)],
            [item(2, "B")],
        ],
        {"A": at(8), "B": at(4)},
    ),
    "the same, with a newer row that changes nothing": (
        [
            [item(1, "B"), item(2, "A"), level(1, "W1", 4)],
            [level(2, "W1", 8)],
            [item(2, "B"), level(1, "W1", 4)],
        ],
        {"A": at(8), "B": at(4)},
    ),
    "two change places, and a row of one comes long before the other pair": (
        [
            [item(1, "A"), item(2, "B"), level(1, "W2", 0), level(2, "W1", 50)],
            [
                *(item(2, "A"), level(2, "W2", 49)),
                *[level(2, "W3", number) for number in range(9000)],
                item(1, "B"),
            ],
        ],
        {"A": {"W1": 50, "W2": 49, "W3": 8999}, "B": at(50)},
    ),
    "an item that was another's goes on": (
        [
            [item(1, "A"), level(1, "W1", 5), level(1, "W2", 6)],
            [item(1, "B")],
            [item(2, "A"), level(2, "W1", 8)],
            [item(2, "C")],
        ],
        {"A": {"W1": 8, "W2": 6}, "B": {"W1": 5, "W2": 6}, "C": at(8)},
    ),
    "an item is given to another at once": (
        [[item(1, "A"), level(1, "W1", 8)], [item(1, "B"), item(2, "A")]],
        {"A": at(8), "B": at(8)},
    ),
    "an item is given to another at once, with a row": (
        [[item(1, "A"), level(1, "W1", 8)], [level(2, "W1", 3), item(1, "B"), item(2, "A")]],
        {"A": at(3), "B": at(8)},
    ),
    "of two that share an item first one goes, then the other": (
        [
            [item(1, "A"), item(2, "A"), level(1, "W1", 5), level(2, "W1", 6)],
            [item(2, "B")],
            [item(1, "C")],
        ],
        {"A": at(6)},
    ),
    "one goes and comes back": (
        [
            [item(1, "A"), level(1, "W1", 5)],
            [item(1, "B")],
            [item(1, "A")],
            [item(1, "C")],
        ],
        {"A": at(5), "B": at(5), "C": at(5)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_level_follows_the_match_that_it_is_of(
    case: str, command: Command, sandbox: Sandbox
) -> None:
    """None is taken for that of another match; one that nobody can tell stays where it is."""
    runs, expected = CASES[case]
    for number, lines in enumerate(runs):
        ended = command.run([*SCHEMAS, *lines, state(number)], **SETTINGS).without_traceback(0)
        assert ended.numbers[-1] == number
    assert stock_of(sandbox) == expected


def test_what_cannot_be_told_apart_is_named(command: Command) -> None:
    """The levels of an item that several matches share stay with it, and the log says so."""
    shared = [*SCHEMAS, item(1, "A"), item(2, "A"), level(1, "W1", 5), state(1)]
    command.run(shared, **SETTINGS).without_traceback(0)
    ended = command.run([*SCHEMAS, item(2, "B"), state(2)], **SETTINGS).without_traceback(0)
    assert "sku 'A' stands for several matches: what it has stays with it" in ended.stderr


def test_a_level_follows_before_another_stream_sets_the_item(
    command: Command, sandbox: Sandbox
) -> None:
    """Afterwards what the stream has sent for it would not be known any more."""
    other = {"stream": "flat", "sku": "sku", "stock": "qty", "warehouse": "wh"}
    settings = {**SETTINGS, "streams": [SETTINGS["streams"][0], other]}
    schemas = [*SCHEMAS, schema("flat", "sku", "wh", "qty")]
    first = [item(1, "A"), level(1, "W1", 5)]
    then = [item(1, "B"), row("flat", sku="A", wh="W1", qty=9)]
    for lines in (first, then):
        command.run([*schemas, *lines, state(1)], **settings).without_traceback(0)
    assert stock_of(sandbox) == {"A": at(9), "B": at(5)}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (
            [
                [item(1, "A"), item(2, "B"), part(1, 5, "a"), part(2, 7, "b")],
                [item(1, "B"), item(2, "A")],
                [item(1, "A"), item(2, "B"), part(2, 9, "b")],
            ],
            {"A": at(5), "B": at(9)},
        ),
        (
            [
                [item(1, "A"), part(1, 8, "a")],
                [item(1, "B"), item(2, "A"), part(2, 3, "b")],
                [part(2, 4, "b")],
            ],
            {"A": at(4), "B": at(8)},
        ),
    ],
    ids=["two change places, and back", "an item is given to another at once"],
)
def test_parts_go_with_their_own_match(
    runs: list[list[Any]], expected: dict[str, Any], command: Command, sandbox: Sandbox
) -> None:
    """Those of two products are never added up."""
    for number, lines in enumerate(runs):
        settings = {**SETTINGS, "streams": [SUMS]}
        command.run([*SCHEMAS, *lines, state(number)], **settings).without_traceback(0)
    assert stock_of(sandbox) == expected
