"""The guard at work: what is counted when batches are marked and answered, and what is held."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import Engine, event

from target_tocobagus.core.errors import DeliveryError, RunFailed, StockOutsHeld
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.guard import zeroed
from target_tocobagus.ledger.guard.guard import Count, span_of
from target_tocobagus.ledger.inspection.contents import status
from target_tocobagus.ledger.inspection.integrity import problems
from target_tocobagus.ledger.levels.rejections import NotAccepted
from tests.ledger.desk import NOW, accept, answered, item, opened, refuse, rows
from tests.ledger.world import Fault, Row, World

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.batches.flight import Flight
    from target_tocobagus.ledger.inspection.contents import StoreStatus
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.window.pending import Item

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
ITEMS: Final[tuple[Identifier, ...]] = tuple(("sku", f"i{number}") for number in range(20))
"""As many as the guard needs to act; by default 6 of them may fall to 0."""


def stock(quantity: int, start: int = 0, end: int = 20, place: str | None = None) -> list[Item]:
    """Make items with one level."""
    return [item(one, {place: quantity}) for one in ITEMS[start:end]]


def mark(ledger: Ledger, items: list[Item]) -> Flight:
    """Mark a batch."""
    flight = ledger.mark(items, ledger.compare(items).known)
    assert flight is not None
    return flight


def held(flight: Flight) -> int:
    """Count what is held of a batch."""
    return sum(map(len, flight.held.values()))


def shown(ledger: str) -> StoreStatus:
    """Return what `tocobagus ledger status` shows of the store."""
    found = status(ledger, NOW)
    assert found is not None
    return found.stores[0]


@pytest.fixture
def full(ledger: str) -> str:
    """A ledger of a shop that has 5 of each item."""
    with opened(ledger) as one:
        accept(one, *stock(5))
    return ledger


def test_what_would_lift_the_share_is_held(full: str) -> None:
    """Held updates are not marked; the count is that of what is sent."""
    with opened(full) as one:
        flight = mark(one, stock(0, 0, 9))
        assert [name for name, _ in flight.held.items()] == list(ITEMS[6:9])
        assert one.guard.counter.total == Count(6, 14)
        (row,) = rows(full, schema.flight)
        assert "i5" in row["marks"]
        assert "i6" not in row["marks"]


def test_batches_in_flight_share_what_is_left(full: str) -> None:
    """The second one is held beyond what the first one leaves."""
    with opened(full) as one:
        first, second = mark(one, stock(0, 0, 4)), mark(one, stock(0, 4, 8))
        assert (held(first), held(second)) == (0, 2)


def test_the_other_levels_of_an_item_are_sent(ledger: str) -> None:
    """Each update of an item is judged by itself."""
    with opened(ledger) as one:
        accept(one, *[item(each, {"A": 5, "B": 5}) for each in ITEMS])
        flight = mark(one, [item(each, {"A": 0, "B": 7}) for each in ITEMS])
        assert flight.held == {name: {"A": "held"} for name in ITEMS[12:]}
        assert flight.levels == 32


def test_a_small_shop_may_sell_out(ledger: str) -> None:
    """The guard acts from 20 levels on."""
    with opened(ledger) as one:
        accept(one, *stock(5, 0, 19))
        assert held(mark(one, stock(0, 0, 19))) == 0
        assert held(mark(one, stock(0, 19, 20))) == 0


def test_a_first_run_is_not_judged(ledger: str) -> None:
    """Nothing is known to be above 0."""
    with opened(ledger) as one:
        assert held(mark(one, stock(0))) == 0


@pytest.mark.parametrize("code", ["INV_009", "INV_001"])
def test_what_was_surely_refused_is_not_counted(full: str, code: str) -> None:
    """It is as it was before."""
    with opened(full) as one:
        refuse(one, *stock(0, 0, 6), code=code)
        assert one.guard.counter.total.zeroed == 0
        assert held(mark(one, stock(0, 6, 10))) == 0
    assert not any(row["zeroed_at"] for row in rows(full, schema.level))


def test_what_may_have_reached_the_api_counts(full: str) -> None:
    """Also if it was refused in the end, and in later runs."""
    with opened(full) as one:
        flight = mark(one, stock(0, 0, 6))
        flight.unknown.update(ITEMS[:6])
        refused = [NotAccepted(each, "X", "no", "why") for each in stock(0, 0, 6)]
        one.record(flight, answered(refused=refused), last=True)
        assert held(mark(one, stock(0, 6, 8))) == 2
    with opened(full) as one:
        assert held(mark(one, stock(0, 0, 8))) == 2


def test_a_batch_that_is_given_up_counts_if_it_may_have_left(full: str) -> None:
    """What surely did not leave counts no longer."""
    with opened(full) as one:
        flight = mark(one, stock(0, 0, 6))
        flight.unknown.update(ITEMS[:2])
        one.leave(flight, [NotAccepted(each) for each in stock(0, 0, 6)])
        assert one.guard.counter.total == Count(2, 18)
    assert shown(full).guarded == Count(2, 18)


def test_what_was_in_flight_at_a_crash_counts(full: str) -> None:
    """The next run finds it."""
    with opened(full) as one:
        mark(one, stock(0, 0, 6))
    with opened(full) as one:
        assert held(mark(one, stock(0, 6, 7))) == 1
        assert held(mark(one, stock(0, 0, 6))) == 0


def test_stock_that_has_come_again_is_not_counted(full: str) -> None:
    """What is counted is 0 now."""
    with opened(full) as one:
        accept(one, *stock(0, 0, 6))
        accept(one, *stock(3, 0, 6))
        assert one.guard.counter.total == Count(0, 20)
        assert held(mark(one, stock(0, 0, 7))) == 1


def test_a_late_stock_out_may_still_arrive(full: str) -> None:
    """A level in doubt counts, although a later value was accepted."""
    with opened(full) as one:
        flight = mark(one, stock(0, 0, 6))
        flight.unknown.update(ITEMS[:6])
        one.record(flight, answered(stock(0, 0, 6)), last=True)
        accept(one, *stock(3, 0, 6))
        assert held(mark(one, stock(0, 6, 7))) == 1
    with opened(full) as one:
        accept(one, *stock(3, 0, 6))
        assert held(mark(one, stock(0, 6, 12))) == 0


def test_a_doubtful_stock_out_that_is_sent_again_counts_from_then_on(full: str) -> None:
    """The first attempt may have failed, so that it falls to 0 only now."""
    with opened(full) as one:
        mark(one, stock(0, 0, 6))
    with opened(full) as one:
        pass
    with opened(full, now=NOW + 15 * HOUR) as one:
        accept(one, *stock(0, 0, 6))
    assert {row["zeroed_at"] for row in rows(full, schema.level)} == {None, NOW + 15 * HOUR}


def test_a_global_counts_as_its_warehouses(ledger: str) -> None:
    """Before it is accepted and after that, although the warehouses are forgotten then."""
    with opened(ledger) as one:
        accept(one, *[item(each, {"A": 5, "B": 5, "C": 0}) for each in ITEMS[:10]])
        accept(one, *stock(0, 0, 3))
        assert one.guard.counter.total == Count(6, 14)
        assert held(mark(one, stock(0, 3, 4))) == 1
    with opened(ledger) as one:
        assert held(mark(one, stock(0, 3, 4))) == 1
        accept(one, *stock(0, 0, 3))
        assert one.guard.counter.total == Count(6, 14)
    assert problems(ledger) == []
    assert shown(ledger).levels == 3 + 7 * 3
    with opened(ledger) as one:
        accept(one, *stock(5, 0, 2), item(ITEMS[2], {"A": 5}))
    assert shown(ledger).guarded == Count(1, 17)


def test_kept_warehouses_are_deleted_when_they_count_no_longer(ledger: str) -> None:
    """They are only there to be counted."""
    with opened(ledger) as one:
        accept(one, *[item(each, {"A": 5, "B": 5}) for each in ITEMS])
        accept(one, *stock(0, 0, 3))
    assert len(rows(ledger, schema.level)) == 43
    with opened(ledger, now=NOW + 20 * HOUR) as one:
        mark(one, stock(0, 3, 4))
        assert one.guard.counter.total == Count(2, 32)
    assert len(rows(ledger, schema.level)) == 37


def test_a_warehouse_has_what_the_global_had(full: str) -> None:
    """Before it is accepted, after that, and where the global itself fell to 0."""
    with opened(full) as one:
        accept(one, *stock(0, 0, 3))
        accept(one, *[item(each, {"A": 0}) for each in ITEMS[:6]])
        assert one.guard.counter.total == Count(6, 14)
        assert held(mark(one, [item(ITEMS[6], {"A": 0})])) == 1
    with opened(full) as one:
        assert held(mark(one, [item(ITEMS[6], {"A": 0})])) == 1


def test_a_warehouse_that_comes_later_has_what_the_global_had(full: str) -> None:
    """The first warehouse of an item ends its global; another one falls from that all the same."""
    with opened(full) as one:
        accept(one, *stock(5, 0, 8, "B"))
        accept(one, *stock(0, 0, 8, "A"))
        assert one.guard.counter.total == Count(8, 20)
        assert held(mark(one, stock(0, 8, 9))) == 1
    assert shown(full).guarded == Count(8, 20)


def test_a_warehouse_that_comes_later_may_have_fallen_by_a_lost_answer(full: str) -> None:
    """Its 0 may have reached the API."""
    with opened(full) as one:
        accept(one, *stock(5, 0, 8, "B"))
        flight = mark(one, zeros := stock(0, 0, 8, "A"))
        flight.unknown.update(each.identifier for each in zeros)
        one.leave(flight, [NotAccepted(each) for each in zeros])
        assert held(mark(one, stock(0, 8, 9))) == 1
    assert shown(full).guarded == Count(8, 20)


def test_an_item_that_is_not_listed_any_more_has_no_global(full: str) -> None:
    """It may be made again, and nothing is known of it then."""
    with opened(full, max_zeroed_percent=0) as one:
        accept(one, *stock(5, 0, 2, "B"))
        refuse(one, *stock(5, 0, 1, "B"), code="INV_001")
        accept(one, *stock(5, 0, 1, "B"))
        assert held(mark(one, stock(0, 0, 2, "A"))) == 1


def test_a_run_without_the_guard_empties_the_count(full: str) -> None:
    """What it lets through is not counted either, and what was counted before neither."""
    with opened(full) as one:
        assert held(mark(one, stock(0, 0, 8))) == 2
    with opened(full, max_zeroed_percent=100) as one:
        accept(one, *stock(0, 0, 8))
        assert one.guard.problem() is None
    (store,) = rows(full, schema.store)
    assert (store["guard_from"], store["guard_fired"]) == (NOW, False)
    assert not any(row["zeroed_at"] for row in rows(full, schema.level))
    with opened(full) as one:
        accept(one, *stock(5, 0, 8))
        assert held(mark(one, stock(0, 8, 15))) == 1


def test_a_day_later_there_is_room_again(full: str) -> None:
    """After 20 hours what fell to 0 is no part of the shop."""
    with opened(full) as one:
        accept(one, *stock(0, 0, 6))
    with opened(full, now=NOW + 20 * HOUR) as one:
        flight = mark(one, stock(0))
        assert (held(flight), one.guard.counter.total) == (0, Count(14, 0))


def test_after_it_fired_what_counts_still_counts(full: str) -> None:
    """Until a run ends without it; what ends by an error is no such run."""
    with opened(full) as one:
        flight = mark(one, stock(0, 0, 7))
        one.record(flight, answered(stock(0, 0, 6)), last=True)
        assert rows(full, schema.store)[0]["guard_fired"]
        one.end({}, one.guard.problem(), {})
    for hours, problem in ((30, DeliveryError("no")), (60, None), (900, None)):
        with opened(full, now=NOW + hours * HOUR) as one:
            if problem is None:
                assert held(mark(one, stock(0, 6, 20))) == 14
            one.end({}, problem or one.guard.problem(), {})
        assert rows(full, schema.store)[0]["guard_fired"]
    for hours, ending in ((901, RunFailed("rows were rejected")), (902, None)):
        with opened(full, now=NOW + hours * HOUR) as one:
            one.end({}, ending, {})
        assert not rows(full, schema.store)[0]["guard_fired"]


def test_a_refused_stock_out_that_comes_again_is_held(ledger: str) -> None:
    """It stays an open rejection, holds no STATE, and goes out once it is let through."""
    world = World(ledger)
    sold_out = [Row(one, ((None, 0),)) for one in ITEMS[:8]]
    assert world.run([Row(one, ((None, 5),)) for one in ITEMS]).error is None
    settings: dict[str, Any] = {"max_zeroed_percent": 100, "batch_size_rows": 1}
    refused = world.run(sold_out, faults=[Fault("refused")] * 8, **settings)
    assert (refused.error, refused.pipeline.totals.rejected) == (None, 8)

    world.now_ms += DAY
    again = world.run([Row(ITEMS[19], ((None, 4),))])
    assert isinstance(again.error, StockOutsHeld)
    assert (again.covered, again.pipeline.totals.unsettled) == (1, 0)
    assert [world.shop().holds(one, None) for one in ITEMS[:8]].count(0) == 6
    still = [each for each in rows(ledger, schema.rejection) if each["closed_at"] is None]
    left = {("sku", each["identifier"]) for each in still}
    assert left == {one for one in ITEMS[:8] if world.shop().holds(one, None)}

    world.now_ms += DAY
    assert world.run([], max_zeroed_percent=100).error is None
    assert not any(world.shop().holds(one, None) for one in ITEMS[:8])
    assert all(each["closed_at"] for each in rows(ledger, schema.rejection))


def test_a_count_is_made_once_an_hour_and_only_if_stock_falls(full: str) -> None:
    """A run without stock-outs is not slower, and one with many counts all levels only once."""
    counts: list[str] = []

    def listen(*arguments: Any) -> None:
        if "count(" in arguments[2].lower():
            counts.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        with opened(full) as one:
            accept(one, *stock(7))
            assert not counts
            for number in range(6):
                accept(one, *stock(0, number, number + 1))
            assert len(counts) == 1
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


def test_a_run_of_days_forgets_what_is_old(full: str) -> None:
    """It counts anew from time to time."""
    times = [NOW]
    with opened(full) as one:
        one.guard.counter._now_ms = lambda: times[0]  # noqa: SLF001  # time goes on in a run
        accept(one, *stock(0, 0, 6))
        times[0] += 21 * HOUR
        assert held(mark(one, stock(0, 6, 7))) == 0


def test_the_error_says_what_was_held(full: str) -> None:
    """How many, of what, the first ten with both quantities, and how to let them through."""
    with opened(full) as one:
        mark(one, stock(0))
        problem = one.guard.problem()
    assert isinstance(problem, StockOutsHeld)
    assert problem.exit_code == 2
    text = str(problem)
    assert text.startswith("GUARD: 14 stock-outs were held")
    assert "6 of 20 levels" in text
    assert "sku 'i6' 5 to 0" in text
    assert "sku 'i15' 5 to 0 and 4 more" in text
    assert "i16" not in text
    assert "max_zeroed_percent 100" in text


@pytest.mark.parametrize("seed", range(12))
def test_the_count_in_memory_is_that_of_the_tables(ledger: str, seed: int) -> None:
    """Whatever batches are accepted, refused, lost or given up, in parallel."""
    random = Random(seed)  # noqa: S311  # not a secret
    for run in range(3):
        with opened(ledger, max_zeroed_percent=60) as one:
            accept(one, *stock(0, 18, 20), *[item(ITEMS[0], {"A": 1})])
            for _ in range(12):
                chosen = random.sample(ITEMS, 12)
                flights = [
                    (items, mark(one, items))
                    for items in (drawn(random, chosen[:6]), drawn(random, chosen[6:]))
                ]
                for items, flight in flights:
                    settle(one, flight, items, random)
            assert_counted(one, ledger, run)


def drawn(random: Random, names: list[Identifier]) -> list[Item]:
    """Draw what some items have."""
    places = random.choice([(None,), ("A",), ("A", "B")])
    return [item(name, {place: random.choice([0, 0, 5]) for place in places}) for name in names]


def settle(ledger: Ledger, flight: Flight, items: list[Item], random: Random) -> None:
    """Answer a batch in some way, in two parts."""
    sent = [
        item(each.identifier, left)
        for each in items
        if (
            left := {
                place: level.quantity
                for place, level in each.levels.items()
                if place not in flight.held.get(each.identifier, {})
            }
        )
    ]
    flight.unknown.update(each.identifier for each in sent if random.random() < 0.3)
    for part, last in ((sent[::2], False), (sent[1::2], True)):
        what = random.choice(["accepted", "accepted", "refused", "unlisted", "left"])
        refused = [
            NotAccepted(each, "X", "no", "why", is_unlisted=what == "unlisted") for each in part
        ]
        if what == "left":
            ledger.leave(flight, refused if last else [*refused, *map(NotAccepted, sent[1::2])])
            break
        is_accepted = what == "accepted"
        answer = answered(part if is_accepted else (), () if is_accepted else refused)
        ledger.record(flight, answer, last=last)


def assert_counted(one: Ledger, ledger: str, run: int) -> None:
    """Compare what is counted in memory with what the tables say."""
    with one._connections.reading() as reader:  # noqa: SLF001  # the same store
        store = rows(ledger, schema.store)[0]
        span = span_of(NOW, store["guard_from"], fired=store["guard_fired"])
        found = zeroed.count(reader, store["id"], span)
    assert one.guard.counter.total == found, run
