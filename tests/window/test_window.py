"""The rules of the window, one table or example each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.api.item_json import encode_body
from target_tocobagus.core.model import Level, Stream
from target_tocobagus.window.buffer import RowBuffer
from target_tocobagus.window.pending import Item
from target_tocobagus.window.ready import Limits
from target_tocobagus.window.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.window.buffer import Row
    from target_tocobagus.window.window import Lease

STREAM = Stream("stock")
WIDE = Limits(rows=500, levels=1_000_000, wait=5)
Said = tuple[str, str | None, int]
"""A SKU, a location, a quantity."""


def row(sku: str, location: str | None, quantity: int, position: int, **more: Any) -> Row:
    """Make a row as mapping would."""
    return ("sku", sku), location, Level(quantity, position, STREAM, **more)


def filled(said: Sequence[Said], now: float = 0.0) -> Window:
    """Make a window of rows from records 1, 2, 3 …, one each."""
    window = Window()
    put(window, said, now=now)
    return window


def put(window: Window, said: Sequence[Said], *, start: int = 1, now: float = 0.0) -> int:
    """Put rows in, from records that are numbered from `start`."""
    rows = [row(*each, n) for n, each in enumerate(said, start)]
    return window.put(RowBuffer(rows), now)


def take(window: Window, limits: Limits = WIDE, now: float = 0.0) -> Lease:
    """Pick a batch that must be there."""
    lease = window.pick(limits, now)
    assert lease is not None
    return lease


def picked(lease: Lease) -> list[Said]:
    """List what a batch says, in its order."""
    return [
        (item.identifier[1], place, level.quantity)
        for item in lease.items
        for place, level in item.levels.items()
    ]


def skus(lease: Lease) -> str:
    """List a batch's SKUs."""
    return "".join(item.identifier[1] for item in lease.items)


def settle(window: Window, lease: Lease) -> None:
    """Give back all of a batch."""
    window.release(lease, list(lease.items))


def one(lease: Lease, sku: str) -> list[Item]:
    """Find the item of a SKU."""
    return [item for item in lease.items if item.identifier[1] == sku]


@pytest.mark.parametrize(
    ("quantity", "other", "place", "differs"),
    [(2, "b", "W", True), (1, "b", "W", False), (2, "stock", "W", False), (2, "b", "V", False)],
)
@pytest.mark.parametrize("leased", [False, True])
def test_two_streams_that_give_one_level_different_stock_are_remembered(
    quantity: int, other: str, place: str, *, differs: bool, leased: bool
) -> None:
    """The older value waits, or is in flight."""
    window = filled([("x", "W", 0), ("a", "W", 1)])
    if leased:
        take(window)
    window.put(RowBuffer([(("sku", "a"), place, Level(quantity, 3, Stream(other)))]), 0.0)
    found = [(each.older.quantity, each.newer.quantity) for each in window.rivals.values()]
    assert found == ([(1, quantity)] if differs else [])


class TestNewestWins:
    """A newer value replaces the older one; the older one is counted as superseded."""

    @pytest.mark.parametrize(
        ("said", "left", "superseded"),
        [
            ([("a", "W", 1)], [("a", "W", 1)], 0),
            ([("a", "W", 1), ("a", "W", 2)], [("a", "W", 2)], 1),
            ([("a", "W", 0), ("a", "W", 5), ("a", "W", 0)], [("a", "W", 0)], 2),
            ([("a", "W", 1), ("a", "V", 2)], [("a", "W", 1), ("a", "V", 2)], 0),
            ([("a", "W", 1), ("b", "W", 2)], [("a", "W", 1), ("b", "W", 2)], 0),
            ([("a", None, 1), ("a", None, 2)], [("a", None, 2)], 1),
            ([("a", "W", 1), ("a", "V", 2), ("a", None, 3)], [("a", None, 3)], 2),
            ([("a", None, 1), ("a", "W", 2)], [("a", None, 1)], 0),
            ([("a", None, 1), ("a", "W", 2), ("a", "W", 3)], [("a", None, 1)], 1),
            ([("a", None, 1), ("a", "W", 2), ("a", None, 3)], [("a", None, 3)], 2),
            ([("a", "W", 1), ("a", None, 2), ("a", "W", 3)], [("a", None, 2)], 1),
        ],
    )
    def test_what_is_left(self, said: list[Said], left: list[Said], superseded: int) -> None:
        """The first batch holds the newest values; each other row was superseded or waits."""
        window = Window()
        assert put(window, said) == superseded
        assert window.unsettled() == len(said) - superseded
        assert picked(take(window)) == left

    def test_two_kinds_of_identifier_are_two_items(self) -> None:
        """A SKU and an id of the same text do not replace each other."""
        window = Window()
        sku: Identifier = ("sku", "a")
        product: Identifier = ("id", "a")
        rows = [(sku, None, Level(1, 1, STREAM)), (product, None, Level(2, 2, STREAM))]
        window.put(RowBuffer(rows), 0)
        assert len(take(window).items) == 2

    def test_a_superseded_row_shares_the_outcome_of_its_successor(self) -> None:
        """The lowest position stays that of the superseded row until the newer one is settled."""
        window = filled([("a", "W", 1), ("b", "W", 1), ("a", "W", 2)])
        lease = take(window, Limits(1, 1000, 5))
        assert (skus(lease), window.lowest()) == ("a", 1)
        settle(window, lease)
        assert window.lowest() == 2

    def test_a_global_keeps_the_lowest_position_of_what_it_supersedes(self) -> None:
        """A STATE before the global does not cover the rows that it superseded."""
        window = filled([("a", "W", 1), ("a", "V", 2), ("a", None, 3)])
        assert window.lowest() == 1
        assert take(window).items[0].low == 1


class TestLeases:
    """An identifier that is in flight is not picked again until it is released."""

    def test_what_is_in_flight_or_to_be_sent_again_is_unsettled_too(self) -> None:
        """Each item counts once, until it is released, also one that waits for another."""
        window = filled([("a", "W", 1), ("a", "V", 2), ("b", None, 3)])
        counts = [window.unsettled_items]
        lease = take(window)
        counts.append(window.unsettled_items)
        put(window, [("a", "W", 4)], start=4)
        counts.append(window.unsettled_items)
        settle(window, lease)
        counts.append(window.unsettled_items)
        assert counts == [2, 2, 3, 1]

    def test_not_picked_twice(self) -> None:
        """What comes for a leased identifier waits, and goes as soon as it is released."""
        window = filled([("a", None, 1)])
        first = take(window)
        put(window, [("a", None, 2), ("b", None, 3)], start=2)
        assert skus(take(window)) == "b"
        assert window.pick(WIDE, 1e9) is None
        settle(window, first)
        assert picked(take(window)) == [("a", None, 2)]


class TestLate:
    """Rows that come after newer ones, as they had to wait: for their pair, or for the end."""

    def test_no_position_is_passed_over(self) -> None:
        """The lowest one is that of a row that came last."""
        window = filled([("a", None, 1), ("b", None, 1)])
        settle(window, take(window))
        put(window, [("a", None, 2), ("b", None, 2)], start=8)
        put(window, [("c", None, 1)], start=5)
        put(window, [("d", None, 1)], start=9)
        assert window.lowest() == 5
        assert skus(take(window, Limits(rows=2, levels=9, wait=5))) == "ca"

    def test_one_that_joins_an_item_that_waits(self) -> None:
        """The item stands for the lower position."""
        window = Window()
        put(window, [("a", "A", 1), ("b", None, 1)], start=8)
        put(window, [("b", None, 2)], start=5)
        assert window.lowest() == 5
        assert picked(take(window)) == [("b", None, 2), ("a", "A", 1)]

    @pytest.mark.parametrize("places", [("A", "B"), ("A", None)])
    def test_one_that_stands_behind_an_item_in_flight(self, places: list[str | None]) -> None:
        """Also once that one is settled."""
        window = Window()
        put(window, [("a", None, 1)], start=8)
        lease = take(window)
        put(window, [("a", places[0], 1)], start=7)
        assert window.lowest() == 7
        put(window, [("a", places[1], 1)], start=5)
        assert window.lowest() == 5
        settle(window, lease)
        assert take(window).low == window.lowest() == 5

    def test_one_that_a_global_supersedes(self) -> None:
        """The global stands for its position."""
        window = Window()
        put(window, [("a", None, 1)], start=8)
        put(window, [("a", "A", 1)], start=5)
        put(window, [("a", None, 1)], start=9)
        assert window.lowest() == 5
        settle(window, take(window))
        assert window.lowest() is None

    def test_who_came_first_is_due_first(self) -> None:
        """Whatever its position is."""
        window = Window()
        put(window, [("a", None, 1)], start=8, now=1)
        put(window, [("b", None, 1)], start=5, now=4)
        assert window.ready.due(WIDE) == 6


class TestGlobals:
    """A global and a stock per warehouse of one identifier never share an item."""

    def test_per_warehouse_after_a_waiting_global_waits_for_it(self) -> None:
        """The per-warehouse value goes only after the global is settled."""
        window = filled([("a", None, 9), ("a", "W", 1), ("a", "V", 2)])
        first = take(window)
        assert picked(first) == [("a", None, 9)]
        assert window.pick(WIDE, 1e9) is None
        settle(window, first)
        assert picked(take(window)) == [("a", "W", 1), ("a", "V", 2)]

    def test_a_global_behind_a_leased_one(self) -> None:
        """What waits behind a lease follows the same rules."""
        window = filled([("a", None, 9)])
        first = take(window)
        assert put(window, [("a", "W", 1), ("a", None, 8), ("a", "V", 2)], start=2) == 1
        settle(window, first)
        second = take(window)
        assert picked(second) == [("a", None, 8)]
        settle(window, second)
        assert picked(take(window)) == [("a", "V", 2)]

    def test_a_second_global_drops_what_stood_behind_the_first(self) -> None:
        """The newer global supersedes both the older one and what came after it."""
        window = filled([("a", None, 9), ("a", "W", 1), ("a", None, 8)])
        lease = take(window)
        assert picked(lease) == [("a", None, 8)]
        settle(window, lease)
        assert window.idle


class TestOrder:
    """Stock-outs go first, then the oldest; what is overdue goes before everything."""

    @pytest.mark.parametrize(
        ("said", "order"),
        [
            ([("a", None, 1), ("b", None, 2), ("c", None, 3)], "abc"),
            ([("a", None, 1), ("b", None, 0), ("c", None, 0)], "bca"),
            ([("a", None, 1), ("b", "W", 1), ("b", "V", 0)], "ba"),
            ([("a", None, 1), ("b", "W", 0), ("b", "V", 1)], "ba"),
            ([("a", None, 1), ("b", None, 0), ("b", None, 5)], "ab"),
            ([("a", None, 1), ("b", None, 0), ("b", None, 5), ("b", None, 0)], "ba"),
            ([("a", None, 1), ("b", None, 5), ("b", None, 0)], "ba"),
            ([("a", None, 1), ("b", "W", 0), ("b", None, 5)], "ab"),
            ([("a", None, 1), ("b", "W", 5), ("b", None, 0)], "ba"),
            ([("b", None, 1), ("a", None, 1), ("b", None, 2)], "ba"),
        ],
    )
    def test_stock_outs_first_then_the_oldest(self, said: list[Said], order: str) -> None:
        """An entry that holds a 0 now goes first; else the one that was first to come."""
        assert skus(take(filled(said))) == order

    @pytest.mark.parametrize(("wait", "now", "first"), [(5, 9.9, "b"), (5, 10.0, "a")])
    def test_overdue_goes_before_stock_outs(self, wait: float, now: float, first: str) -> None:
        """An entry older than twice the wait goes before everything, so that nothing starves."""
        window = filled([("a", None, 1)])
        put(window, [("b", None, 0)], start=2, now=9.0)
        assert skus(take(window, Limits(1, 1000, wait), now)) == first

    @pytest.mark.parametrize(("now", "first"), [(0.5, "b"), (1.0, "a")])
    def test_without_a_wait_stock_outs_still_go_first(self, now: float, first: str) -> None:
        """With a wait of 0 an entry is overdue after a second, not at once."""
        window = filled([("a", None, 1), ("b", None, 0)])
        assert skus(take(window, Limits(1, 1000, 0), now)) == first


class TestLimits:
    """A batch holds so many items and so many levels."""

    @pytest.mark.parametrize(("rows", "expected"), [(1, "a"), (2, "ab"), (3, "abc"), (9, "abc")])
    def test_rows(self, rows: int, expected: str) -> None:
        """No more items than the limit."""
        window = filled([(sku, None, 1) for sku in "abc"])
        assert skus(take(window, Limits(rows, 10_000, 5))) == expected

    @pytest.mark.parametrize(("levels", "expected"), [(1, "a"), (2, "a"), (3, "ab"), (4, "abc")])
    def test_levels(self, levels: int, expected: str) -> None:
        """No more levels than the limit, whatever the number of items."""
        window = filled([("a", "V", 1), ("a", "W", 1), ("b", "W", 1), ("c", None, 1)])
        assert skus(take(window, Limits(500, levels, 5))) == expected

    def test_an_item_that_is_larger_than_a_batch_goes_alone(self) -> None:
        """Also where it is taken before those in line, as a stock-out."""
        window = filled([("b", "W", 1), ("c", "W", 1), ("d", "W", 1), ("a", "W", 0)])
        put(window, [("a", "V", 0), ("a", "U", 0)], start=5)
        limits = Limits(rows=500, levels=2, wait=5)
        leases = [take(window, limits) for _ in range(3)]
        assert [[item.identifier[1] for item in each.items] for each in leases] == [
            ["a"],
            ["b", "c"],
            ["d"],
        ]


class TestWeight:
    """The window's weight is that of what waits or is out, whatever came and went."""

    def test_lines_that_are_kept_weigh(self) -> None:
        """A RECORD message that a row carries weighs, and the newer one's in its place."""
        window = Window(keeps_lines=True)
        window.put(RowBuffer([row("a", "W", 1, 1, line=b"x" * 1000)]), 0.0)
        heavy = window.weight
        window.put(RowBuffer([row("a", "W", 1, 2, line=b"x" * 10)]), 0.0)
        assert heavy - window.weight == 990

    def test_what_is_in_flight_weighs_until_it_is_settled(self) -> None:
        """Lines of leased rows are in memory, too; each settled item takes its share away."""
        window = Window(keeps_lines=True)
        rows = [row(sku, "W", 1, at, line=b"x" * 1000) for at, sku in enumerate("abcd", 1)]
        window.put(RowBuffer(rows), 0.0)
        heavy = window.weight
        lease = take(window)
        assert window.weight == heavy
        first, *others = lease.items
        window.release(lease, [first])
        assert window.weight == heavy * 3 // 4
        window.release(lease, others)
        assert window.weight == 0


class TestForms:
    """An item is encoded in the form that says it."""

    @pytest.mark.parametrize(
        ("rows", "form"),
        [
            ([row("a", "W", 5, 1, broadcast=True), row("a", "V", 5, 1, broadcast=True)], True),
            ([row("a", "W", 5, 1, broadcast=True)], True),
            ([row("a", "W", 5, 1), row("a", "V", 5, 1)], False),
            ([row("a", "W", 5, 1, broadcast=True), row("a", "V", 5, 1)], False),
            ([row("a", "W", 5, 1, broadcast=True), row("a", "V", 5, 2, broadcast=True)], False),
            ([row("a", "W", 5, 1, broadcast=True), row("a", "V", 6, 1, broadcast=True)], False),
        ],
    )
    def test_broadcast_is_what_was_said_at_once_and_is_still_equal(
        self, rows: list[Row], *, form: bool
    ) -> None:
        """A list of warehouses with one stock goes in that form while no other row touched it."""
        window = Window()
        window.put(RowBuffer(rows), 0.0)
        (item,) = json.loads(encode_body(take(window).items))["items"]
        assert ("stock" in item) is form


def test_many_entries_leave_the_heaps_small() -> None:
    """What was picked does not pile up in the window, however long the run."""
    window = Window()
    for position in range(1, 5001):
        rows = [row(f"s{position % 7}", None, position % 2, position)]
        window.put(RowBuffer(rows), position)
        if position % 3 == 0:
            settle(window, take(window, Limits(5, 10_000, 5), position))
    heaps: list[Any] = [window.ready._oldest, window.ready._stock_outs]  # noqa: SLF001  # memory is what is promised
    assert all(len(heap) <= 2 * len(window.ready) + 65 for heap in heaps)


class TestLending:
    """A lease may hold an identifier without an update, if nothing newer of it can be overtaken."""

    def spare(self, sku: str) -> Item:
        """Make an item that was accepted before."""
        return Item(("sku", sku), {None: Level(7, 1, STREAM)}, 9)

    @pytest.mark.parametrize("sku", ["out", "own", "waits", "behind"])
    def test_what_waits_or_is_in_flight_is_not_lent(self, sku: str) -> None:
        """Its own values come first, wherever they are."""
        window = filled([("out", None, 1)])
        take(window)
        put(window, [("own", None, 1)], start=2)
        lease = take(window)
        put(window, [("waits", "W", 1), ("behind", None, 1), ("behind", "W", 2)], start=3)
        assert not window.lend(lease, self.spare(sku))
        assert skus(lease) == "own"

    def test_what_comes_meanwhile_waits_until_it_is_released(self) -> None:
        """The item is locked like any that is in flight, and counts as no row."""
        window = filled([("a", None, 1)])
        lease = take(window)
        assert window.lend(lease, self.spare("b"))
        put(window, [("b", None, 2)], start=2)
        assert (len(window.ready), window.unsettled()) == (0, 2)
        window.release(lease, one(lease, "b"))
        assert picked(take(window)) == [("b", None, 2)]

    def test_a_lease_that_had_ended_lives_again(self) -> None:
        """The window is not idle while it is out, and no STATE goes before its position."""
        window = filled([("a", None, 1)])
        lease = take(window)
        window.release(lease, one(lease, "a"))
        assert window.lend(lease, self.spare("b"))
        assert (window.idle, window.lowest(), window.unsettled()) == (False, 9, 0)
        window.release(lease, one(lease, "b"))
        assert (window.idle, window.lowest()) == (True, None)
