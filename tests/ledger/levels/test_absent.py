"""Levels that no row names any more: found, and sent as 0 on an operator's order."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from sqlalchemy import update

from target_tocobagus.api.client import Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.core.errors import StockOutsHeld
from target_tocobagus.core.model import Skipped, Stream
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import open_engine, read_url
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.inspection.contents import look_for_absent, status
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.pipeline.zeros import send_zeros
from tests.delivery.scripted_run import CREDENTIALS
from tests.ledger.desk import A, rows, settings_of
from tests.ledger.world import HOUR, STREAM, Fault, Row, World

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.levels.absent import Absent
    from target_tocobagus.report.totals import Totals

DAY: Final = 24 * HOUR
B: Final[Identifier] = ("sku", "b")
C: Final[Identifier] = ("id", "c")
KEY: Final = store_key(CREDENTIALS["api_url"], "s")


@pytest.fixture
def world(ledger: str) -> World:
    """A ledger."""
    return World(ledger)


def look(world: World, days: int = 7, stream: str = "stock") -> Absent:
    """Look for levels that were not named in the last days."""
    found = look_for_absent(world.ledger, KEY, stream, world.now_ms // DAY - days)
    assert found is not None
    return found


def absent(world: World, days: int = 7, stream: str = "stock") -> set[tuple[str, str | None]]:
    """Name them by identifier and location."""
    return {(each.identifier[1], each.location) for each in look(world, days, stream).levels}


def zero(world: World, *shown: tuple[Identifier, str | None], **changes: Any) -> Totals:
    """Send the levels that an operator has seen as 0."""
    clock = Clock()
    clock.now_ms = lambda: world.now_ms  # type: ignore[method-assign]  # a clock that stands
    shop = world.shop()
    outside = Dependencies(clock, lambda body: shop.answer(body, Fault()), jitter=lambda: 0.0)
    settings = msgspec.structs.replace(settings_of(world.ledger), **changes)
    since = world.now_ms // DAY - 7
    return send_zeros(settings, WakeUp(), "stock", since, set(shown), outside)


def test_a_level_is_absent_from_a_day_on(world: World) -> None:
    """It is listed with what is known of it, once no row has named it on that day or later."""
    world.run([Row(A, (("W1", 5), ("W2", 0))), Row(B, ((None, 7),))])
    world.now_ms += 8 * DAY
    world.run([Row(B, ((None, 7),))])
    found = look(world)
    assert (absent(world), absent(world, 8), found.named) == ({("a", "W1"), ("a", "W2")}, set(), 1)
    first = found.levels[0]
    assert (first.identifier, first.location, first.quantity) == (A, "W1", 5)
    assert (first.named_day, first.accepted_at) == (
        world.now_ms // DAY - 8,
        world.now_ms - 8 * DAY,
    )
    assert (first.batch, first.in_doubt, first.entry) == ("b2", False, "e")
    assert [each.location for each in found.in_stock] == ["W1"]


def test_only_what_the_stream_has_sent_is_listed(world: World) -> None:
    """Whatever its mapping was; of a store, and not of another."""
    other = Stream("other", b'{"type":"SCHEMA"}', entry="f")
    changed = Stream("stock", b'{"type":"SCHEMA"}', entry="g")
    world.run([Row(A, ((None, 5),)), Row(B, ((None, 5),), stream=other)])
    world.run([Row(C, ((None, 5),), stream=changed)])
    world.run([Row(("sku", "d"), ((None, 5),))], store="t")
    world.now_ms += 9 * DAY
    assert absent(world) == {("a", None), ("c", None)}
    assert absent(world, stream="other") == {("b", None)}
    assert look(world, stream="Stock").near == ("stock", "other")


def test_a_global_and_the_warehouses_of_an_item_are_one(world: World) -> None:
    """A global that is named names the warehouses that are in doubt beside it, and they it."""
    lost = repeat(Fault("lost", "none"))
    world.run([Row(A, (("W1", 5),)), Row(B, ((None, 7),))])
    world.run([Row(A, ((None, 6),)), Row(B, (("W1", 8),))], faults=lost)
    world.now_ms += 9 * DAY
    named = [Row(A, ((None, 6),)), Row(B, (), other=Skipped("none", named=((B, "W1"),)))]
    assert world.run(named, faults=[Fault("refused")]).pipeline.totals.rejected == 1
    levels = {(row["identifier"], row["location"]): row for row in rows(world.ledger, schema.level)}
    old = {key for key, row in levels.items() if row["named_day"] < world.now_ms // DAY}
    assert old == {("a", "W1"), ("b", "")}
    assert absent(world) == set()


def test_a_day_that_is_not_known_is_that_of_the_acceptance(world: World) -> None:
    """A ledger may have been filled before days were kept."""
    world.run([Row(A, ((None, 5),))])
    with open_engine(read_url(world.ledger)).begin() as connection:
        connection.execute(update(schema.level), {"named_day": None})
    world.now_ms += 7 * DAY
    assert (absent(world, 7), absent(world, 6)) == (set(), {("a", None)})


class TestZeros:
    """They are sent in the way of a run, under the lock."""

    @pytest.fixture
    def gone(self, world: World) -> World:
        """A at two warehouses and B were named eight days ago, C was now."""
        world.run([Row(A, (("W1", 5), ("W2", 6))), Row(B, ((None, 7),)), Row(C, ((None, 8),))])
        world.now_ms += 8 * DAY
        world.run([Row(C, ((None, 8),))])
        return world

    def test_they_are_recorded_and_name_no_level(self, gone: World) -> None:
        """Their stream and day stay, so that they are listed on, at 0."""
        totals = zero(gone, (A, "W1"), (A, "W2"), (B, None))
        assert (totals.updates, totals.accepted) == (3, 3)
        assert gone.shop().stock == {A: {"W1": 0, "W2": 0}, B: {None: 0}, C: {None: 8}}
        found = look(gone)
        assert len(found.levels) == 3
        assert {(each.quantity, each.entry) for each in found.levels} == {(0, STREAM.entry)}
        assert found.in_stock == []
        assert zero(gone, (A, "W1"), (A, "W2"), (B, None)).updates == 0

    def test_only_what_was_shown_and_still_is_gone_is_sent(self, gone: World) -> None:
        """The list is made anew under the lock: a run may have named a level since."""
        gone.run([Row(A, (("W2", 6),))])
        assert zero(gone, (A, "W1"), (A, "W2"), (C, None)).updates == 1
        assert gone.shop().stock[A] == {"W1": 0, "W2": 6}
        assert gone.shop().stock[C] == {None: 8}

    def test_a_run_shows_them_among_the_last(self, gone: World) -> None:
        """With its summary."""
        zero(gone, (B, None))
        found = status(gone.ledger)
        assert found is not None
        assert found.stores[0].runs[0].summary["accepted"] == 1

    def test_the_guard_judges_all_of_them_before_one_is_sent(self, world: World) -> None:
        """And it is not at rest afterwards, for no source was read."""
        names: list[Identifier] = [("sku", f"i{number}") for number in range(30)]
        world.run([Row(each, ((None, 5),)) for each in names])
        world.now_ms += 8 * DAY
        world.run([Row(each, ((None, 5),)) for each in names[10:]])
        sent = len(world.shop().sent)
        with pytest.raises(StockOutsHeld, match="10 of 30 levels in stock would have"):
            zero(world, *[(each, None) for each in names])
        assert len(world.shop().sent) == sent
        assert zero(world, *[(each, None) for each in names[:9]]).accepted == 9
        fallen = world.run([Row(each, ((None, 0),)) for each in names[10:]])
        assert isinstance(fallen.error, StockOutsHeld)
        assert zero(world, (names[9], None), max_zeroed_percent=99).accepted == 1
        found = status(world.ledger, world.now_ms)
        assert found is not None
        assert found.stores[0].guard_fired


def test_what_may_have_arrived_is_listed(world: World) -> None:
    """Its answer was lost, so its stock is not known; it is in stock until a 0 is accepted."""
    world.run([Row(B, ((None, 7),))])
    world.run([Row(A, ((None, 6),))], faults=repeat(Fault("lost", "now")))
    world.now_ms += 9 * DAY
    world.run([Row(B, ((None, 7),))])
    (one,) = look(world).in_stock
    assert (one.identifier, one.quantity, one.in_doubt, one.accepted_at) == (A, None, True, None)
    assert zero(world, (A, None)).accepted == 1
    assert world.shop().stock[A] == {None: 0}
