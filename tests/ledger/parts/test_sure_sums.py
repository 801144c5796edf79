"""An unchanged sum is not added up again, as long as the level that was accepted surely is it.

To see whether it was added up, the ledger is given a wrong quantity: a sum differs from it, and is
sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import select, update

from target_tocobagus.api.client import Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.model import Part
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import open_engine, read_url
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.maintenance import forget_parts
from target_tocobagus.ledger.parts.part_changes import Change
from target_tocobagus.ledger.parts.sure_sums import SureSums
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.pipeline.zeros import send_zeros
from tests.delivery.scripted_run import CREDENTIALS
from tests.ledger.desk import A, item, opened, refuse, rows, settings_of
from tests.ledger.world import BINS, HOUR, LOTS, Ending, Fault, PartRow, Row, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.mapping.summing import Summing
    from tests.ledger.world import Outcome

B: Final[Identifier] = ("sku", "b")
WRONG: Final = 99


def lot(key: str, quantity: str, item: Identifier = A, stream: Stream = LOTS) -> PartRow:
    """Make a part of an item at W."""
    return PartRow(key, ((item, "W", quantity),), stream=stream)


LOT_5: Final = lot("1", "5")
LOT_2: Final = lot("2", "2")
OF_B: Final = lot("3", "1", B)


def sums(policy: StockPolicy | None = None) -> dict[Stream, Summing]:
    """Let the rows of two streams be added up."""
    written = {"stream": "lots", "sku": "sku", "stock": "qty", "combine": "sum", "part": "lot"}
    found = compile_mapping(stream_mapping(written), policy or StockPolicy()).summing
    assert found is not None
    return {LOTS: found, BINS: found}


@pytest.fixture
def world(ledger: str) -> World:
    """A store that has 7 of A: two parts, which have come an hour ago."""
    world = World(ledger)
    run(world, LOT_5, LOT_2)
    return world


def run(world: World, *given: PartRow | Row, **named: Any) -> Outcome:
    """Run an hour later than before."""
    world.now_ms += HOUR
    return world.run(given, sums=named.pop("sums", sums()), **named)


def stock(world: World, item: Identifier = A) -> int | None:
    """Tell what a customer sees."""
    return world.shop().holds(item, "W")


def is_sent(world: World, *given: PartRow | Row, **named: Any) -> bool:
    """Whether a run of these rows sends A, now that each known quantity is wrong."""
    with open_engine(read_url(world.ledger)).begin() as connection:
        connection.execute(update(schema.level).values(quantity=WRONG))
    before = len(world.shop().sent)
    assert run(world, *given, **named).error is None
    return any(item == A for item, _ in world.shop().sent[before:])


def test_an_unchanged_sum_is_not_added_up_again(world: World) -> None:
    """Its rows are counted as if it were: one is unchanged, and supersedes the others."""
    ended = run(world, LOT_5, LOT_2)
    totals = ended.pipeline.totals
    assert (totals.updates, totals.unchanged, totals.superseded) == (2, 1, 1)
    assert (ended.error, ended.covered) == (None, 2)
    assert not is_sent(world, LOT_5, LOT_2)
    assert not is_sent(world, LOT_2)


def test_an_unchanged_sum_names_its_level(world: World) -> None:
    """Or an operator would take it for one that is gone."""
    world.now_ms += 24 * HOUR
    run(world, LOT_5)
    (level,) = rows(world.ledger, schema.level)
    assert level["named_day"] == world.now_ms // (24 * HOUR)


@pytest.mark.parametrize("dies_at", range(8))
@pytest.mark.parametrize("last", [[lot("1", "6")], [LOT_2], [lot("1", "6"), LOT_2]])
def test_a_sum_that_a_run_has_lost_is_sent_when_any_part_comes(
    world: World, dies_at: int, last: list[PartRow]
) -> None:
    """The ledger may know the part, and the API not its sum; a good run between is of no help."""
    run(world, lot("1", "6"), ending=Ending(dies_at=dies_at))
    run(world, OF_B)
    is_known = any(row["quantity"] == "6" for row in rows(world.ledger, schema.part))
    run(world, *last)
    assert stock(world) == (8 if is_known or last[0] != LOT_2 else 7)


def test_after_a_run_has_failed_what_is_accepted_next_is_sure(world: World) -> None:
    """What was accepted before it is not."""
    run(world, OF_B, ending=Ending(stops=True))
    run(world, OF_B)
    assert is_sent(world, LOT_2)
    assert not is_sent(world, LOT_2)


def test_a_run_that_fails_without_a_change_leaves_what_is_sure(world: World) -> None:
    """An API that was down one night would make the next nights slow."""
    run(world, LOT_2, ending=Ending(stops=True))
    assert not is_sent(world, LOT_2)


@pytest.mark.parametrize(
    "policy", [StockPolicy(stock_buffer=1), StockPolicy(max_stock=6)], ids=["buffer", "most"]
)
def test_another_policy_makes_another_quantity_of_the_same_parts(
    world: World, policy: StockPolicy
) -> None:
    """And the one of before its own again, also if a run with the other one has failed."""
    run(world, LOT_5, sums=sums(policy))
    assert stock(world) == 6
    run(world, LOT_5)
    assert stock(world) == 7
    for dies_at in range(12):
        run(world, LOT_5, sums=sums(policy), ending=Ending(dies_at=dies_at))
        run(world, LOT_5)
        assert stock(world) == 7


def test_a_sum_that_cannot_be_sent_is_rejected_each_time(ledger: str) -> None:
    """Its level keeps the quantity of before."""
    world, strict = World(ledger), sums(StockPolicy(negative_stock="reject"))
    run(world, LOT_5, LOT_2, sums=strict)
    for given in ([lot("1", "-9")], [LOT_2], [LOT_2]):
        ended = run(world, *given, sums=strict)
        assert (ended.error, ended.pipeline.totals.rejected) == (None, 1)


def test_a_sum_that_was_refused_is_not_sure(world: World) -> None:
    """Also if its row is not kept, or is closed: its record cannot be used any more."""
    run(world, lot("1", "6"), faults=[Fault("refused")])
    with opened(world.ledger, now=world.now_ms) as found:
        found.close_rejections([(A, "W")])
    run(world, LOT_2)
    assert stock(world) == 8


def test_a_refused_sum_that_is_not_kept_is_not_sure(world: World) -> None:
    """A record that cannot be used has come while it was in flight."""
    world.now_ms += HOUR
    with opened(world.ledger, now=world.now_ms) as found:
        found.parts.sure.begin(sums()[LOTS].policy)
        found.parts.fold(LOTS, [Part("1", ((A, "W", "6"),))], names_all=False)
        found.close_rejections([(A, "W")], {(A, "W"): 2})
        refuse(found, item(A, {"W": 8}, stream=LOTS))
        found.end({}, None, {})
    run(world, LOT_2)
    assert stock(world) == 8


def test_a_sum_is_added_up_where_a_mapping_that_sets_stock_may_contradict_it(world: World) -> None:
    """Then both are rejected."""
    assert is_sent(world, Row(B, (("W", 1),)), LOT_2)


def sent_as_0(world: World) -> None:
    """Let an operator send a level as 0, as `tocobagus ledger absent --zero` does."""
    clock = Clock()
    clock.now_ms = lambda: world.now_ms  # type: ignore[method-assign]  # a clock that stands
    shop = world.shop()
    outside = Dependencies(clock, lambda body: shop.answer(body, Fault()), state_seconds=0)
    settings = settings_of(world.ledger, max_zeroed_percent=100)
    send_zeros(settings, WakeUp(), "lots", 10**6, {(A, "W")}, outside)
    assert stock(world) == 0


def forgotten(world: World) -> None:
    """Let an operator forget the parts of a stream."""
    run(world, lot("1", "4", stream=BINS))
    key = store_key(CREDENTIALS["api_url"], "s")
    assert forget_parts(world.ledger, key, "bins") == 1


def set_by_another(world: World) -> None:
    """Let another mapping set the level."""
    world.now_ms += HOUR
    world.run([Row(A, (("W", 3),))])


def unlisted(world: World) -> None:
    """Let the store say that it does not list the item."""
    world.now_ms += 200 * HOUR
    run(world, LOT_5, faults=[Fault("unlisted")])


def in_doubt(world: World) -> None:
    """Lose the answer to the same sum."""
    world.now_ms += 200 * HOUR
    run(world, LOT_5, faults=[Fault("lost")] * 9)


def long_ago(world: World) -> None:
    """Let the time pass after which each level is sent again."""
    world.now_ms += 200 * HOUR


@pytest.mark.parametrize(
    "happens", [sent_as_0, forgotten, set_by_another, unlisted, in_doubt, long_ago]
)
def test_whatever_makes_a_level_be_sent_again_still_does(
    world: World, happens: Callable[[World], None]
) -> None:
    """Its parts come as they were."""
    happens(world)
    assert is_sent(world, LOT_2)


def test_a_fraction_is_judged_anew(ledger: str) -> None:
    """Each run counts what it has lost."""
    world = World(ledger)
    half = lot("1", "5.5")
    run(world, half)
    assert is_sent(world, half)


def test_what_has_changed_in_a_run_is_added_up_to_its_end(world: World) -> None:
    """And everything, once more has changed than is remembered, or a sum could not be sent."""
    places = {(A, "W"), (B, "W")}
    run(world, OF_B)
    with opened(world.ledger, now=world.now_ms) as found:
        sure = found.parts.sure
        assert sure.among(places, [LOTS.source]) == set()  # before the policy is known
        sure.begin(sums()[LOTS].policy)
        assert sure.among(places, [BINS.source]) == set()
        assert sure.among(places, [LOTS.source]) == places
        sure.note([Change((A, "W"), "5", "5"), Change((B, "W"), "5", "6")])
        assert sure.among(places, [LOTS.source]) == {(A, "W")}
        sure.fail()
        assert sure.among(places, [LOTS.source]) == set()


def test_with_many_changes_everything_is_added_up(world: World) -> None:
    """Memory has a bound."""
    with opened(world.ledger, now=world.now_ms) as found:
        tables: Any = found.parts.sure._tables  # noqa: SLF001  # those of the run
        with open_engine(read_url(world.ledger)).connect() as reader:
            store = reader.execute(select(schema.store.c.id)).scalar_one()
        sure = SureSums(tables, store, HOUR * 24, most=1)
        sure.begin(sums()[LOTS].policy)
        sure.note([Change((B, "W"), "5", "6")])
        assert sure.among([(A, "W")], [LOTS.source]) == {(A, "W")}
        sure.note([Change((("sku", "c"), "W"), "5", "6")])
        assert sure.among([(A, "W")], [LOTS.source]) == set()
