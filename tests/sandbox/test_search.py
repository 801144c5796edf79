"""Stock is found by text, without holding up anything else."""

import asyncio
from typing import Any

import pytest

from target_tocobagus.sandbox.inventory import Item
from target_tocobagus.sandbox.search import find_stock
from target_tocobagus.sandbox.state import Limits, World
from tests.local_sandbox import Sandbox
from tests.sandbox.client import Client, get


def stocked(*items: Item) -> World:
    """Make a world with stock."""
    world = World(Limits())
    for item in items:
        world.apply(item, "store", 1)
    return world


COFFEE = Item("sku", "KOPI-Straße", (("wh_Jakarta", 3), ("wh_bandung", 4)))
SUGAR = Item("id", "GULA", ((None, 5),))


@pytest.mark.parametrize(
    ("text", "limit", "found", "stocks"),
    [
        ("", 10, 3, [3, 4, 5]),
        ("", 2, 3, [3, 4]),
        ("kopi", 10, 2, [3, 4]),
        ("STRASSE", 10, 2, [3, 4]),
        ("kopi", 1, 2, [3]),
        ("JAKARTA", 10, 1, [3]),
        ("a", 2, 3, [3, 4]),
        ("a", 0, 3, []),
        ("nothing", 10, 0, []),
    ],
)
def test_the_text_is_in_the_item_or_the_warehouse(
    text: str, limit: int, found: int, stocks: list[int]
) -> None:
    """In whatever case; the first are shown, and all are counted."""
    answer = asyncio.run(find_stock(stocked(COFFEE, SUGAR), text, limit))

    assert (answer["levels"], answer["found"]) == (3, found)
    assert [level["stock"] for level in answer["shown"]] == stocks


def test_a_level_is_counted_once() -> None:
    """A global stock replaces the levels of its item, and a new value replaces the old."""
    world = stocked(COFFEE, COFFEE, SUGAR, Item("sku", COFFEE.identifier, ((None, 1),)))

    assert world.levels == len(list(world.stock())) == 2


def test_a_long_search_lets_others_go_on() -> None:
    """Between its steps the loop serves requests."""
    world = stocked(*(Item("sku", str(number), ((None, 1),)) for number in range(20_000)))

    async def turns_meanwhile() -> int:
        search = asyncio.create_task(find_stock(world, "7", 1))
        turns = 0
        while not search.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(turns_meanwhile()) >= 10


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("limit=1", 1),
        ("search=A&limit=2", 2),
        ("search=", 200),
        ("limit=x", 200),
        ("limit=-1", 200),
        ("limit=99999999999999999999", 250),
    ],
)
def test_a_view_asks_for_so_many(sandbox: Sandbox, query: str, shown: int) -> None:
    """200 unless another number is given; without a query, all are shown as a list."""
    with Client(sandbox) as client:
        client.update(*({"sku": f"A{number}", "stock": 1} for number in range(250)))
        answer: dict[str, Any] = get(sandbox, f"/_sandbox/stock?{query}")

        assert (answer["levels"], answer["found"], len(answer["shown"])) == (250, 250, shown)
        assert len(get(sandbox, "/_sandbox/stock")) == 250
