"""A run and its ledger: what is asked, written and sent, and in which order."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from target_tocobagus.core.model import Level, Stream
from target_tocobagus.delivery.outcomes import Outcomes
from target_tocobagus.delivery.permits import Permits
from target_tocobagus.delivery.scheduler import Scheduler
from target_tocobagus.delivery.shared import Shared
from target_tocobagus.delivery.throttle import Throttle
from target_tocobagus.ledger.database import schema
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.report.totals import Totals
from target_tocobagus.window.buffer import RowBuffer, Unsent
from target_tocobagus.window.ready import Limits
from target_tocobagus.window.window import Lease, Window
from tests.delivery.scripted_run import make_settings
from tests.ledger.desk import opened, rows
from tests.ledger.world import DiskIsFull, Ending, Fault, Row, World

if TYPE_CHECKING:
    from pathlib import Path

    from target_tocobagus.core.model import Identifier

A: Identifier = ("sku", "a")
B: Identifier = ("sku", "b")
FIVE = Row(A, ((None, 5),))
SEVEN = Row(A, ((None, 7),))


@pytest.fixture
def world(empty_file: Path, tmp_path: Path) -> World:
    """A new ledger and its shops."""
    path = tmp_path / "ledger.db"
    path.write_bytes(empty_file.read_bytes())
    return World(str(path))


def sharing() -> Shared:
    """Make what the threads share, with an empty window."""
    totals = Totals()
    outcomes = Outcomes(totals, lambda: None)
    return Shared(Window(), Throttle(make_settings()), outcomes, totals, lambda: None)


@pytest.mark.parametrize("effect", ["none", "late"])
@pytest.mark.parametrize("kind", ["lost", "500", "408"])
def test_an_acceptance_after_a_lost_answer_is_not_certain(
    world: World, kind: str, effect: str
) -> None:
    """The next run sends the value once more; after that it is known."""
    world.run([FIVE])
    world.run([SEVEN], faults=[Fault(kind, effect)])
    world.run([SEVEN])
    assert world.shop().sent == [(A, {None: 5}), *[(A, {None: 7})] * 3]
    world.run([SEVEN])
    assert len(world.shop().sent) == 4


@pytest.mark.parametrize("kind", ["unsent", "429", "400"])
def test_an_acceptance_after_an_attempt_that_surely_failed_is_certain(
    world: World, kind: str
) -> None:
    """Nothing can arrive late, so nothing is sent twice."""
    other = Row(B, ((None, 1),))
    world.run([FIVE, other], faults=[Fault(kind)])
    sent = len(world.shop().sent)
    ended = world.run([FIVE, other])
    assert len(world.shop().sent) == sent
    assert ended.pipeline.totals.unchanged == 2


def test_a_batch_that_needs_no_request_makes_room_for_one_that_is_sent_again() -> None:
    """Whoever waits to send again is told, for no request ends that would tell it."""
    shared = sharing()
    shared.throttle.most = shared.throttle.active = 1
    permits = Permits(shared, Scheduler(shared))
    waiting = threading.Thread(target=permits.await_slot, daemon=True)
    waiting.start()
    while not shared.throttle.claims:
        time.sleep(0.001)
    with permits.kept_if_used(Lease([], 0)):
        pass
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.parametrize(("room", "requests"), [(1, 0), (2, 0), (3, 1)])
def test_no_state_covers_what_could_not_be_recorded(world: World, room: int, requests: int) -> None:
    """Neither the mark nor the outcome: the run fails, and its rows come again."""
    ended = world.run([FIVE], ending=Ending(full_at=room))
    assert isinstance(ended.error, DiskIsFull)
    assert ended.covered == 0
    assert len(world.shop().sent) == requests


def test_an_item_that_is_gone_when_it_tests_the_request_is_forgotten(world: World) -> None:
    """It is sent again, in the next run, though its value is the same."""
    world.run([FIVE])
    rows = [Row(("sku", name), ((None, 1),)) for name in "xyz"]
    faults = [*[Fault("400")] * 3, Fault("unlisted")]
    ended = world.run(rows, faults=faults, batch_size_rows=1, max_in_flight=1)
    assert ended.error is not None
    assert world.shop().sent[-1] == (A, {None: 5})
    world.run([FIVE])
    assert world.shop().holds(A, None) == 5


def test_a_row_is_not_left_out_by_an_answer_that_is_older_than_a_release() -> None:
    """5, 7 accepted, and 5 again: the ledger was asked before it knew of the 7."""
    shared = sharing()
    window, totals = shared.window, shared.totals
    window.released = {A}
    level = Level(5, 1, Stream("stock"))
    unsent: Unsent = {A: {None: "unchanged"}, B: {None: "unchanged"}}
    rows = RowBuffer([(A, None, level), (B, None, level)])
    with shared.lock:
        Scheduler(shared).put(rows, unsent)
    assert (window.holds(A), window.holds(B), totals.unchanged) == (True, False, 1)
    assert window.released == set()


def test_the_ledger_is_asked_again_about_an_item_that_was_released_meanwhile() -> None:
    """It was new when the ledger was asked, and an answer has been recorded since."""
    shared = sharing()
    shared.window.released = {A}
    rows = RowBuffer([(one, None, Level(5, 1, Stream("stock"))) for one in (A, B)])
    for item in rows.items:
        item.is_new = True
    with shared.lock:
        Scheduler(shared).put(rows, {})
        lease = shared.window.pick(Limits(rows=2, levels=2, wait=0), 0.0)
    assert lease is not None
    assert [item.is_new for item in lease.items] == [False, True]


def test_the_ledger_is_asked_again_about_an_item_that_stood_behind_another() -> None:
    """It was new when the ledger was asked, and the one in flight has been recorded since."""
    window = Window()
    leases = []
    for quantity in (5, 7):
        rows = RowBuffer([(A, None, Level(quantity, 1, Stream("stock")))])
        rows.items[0].is_new = True
        window.put(rows, 0.0)
        leases.append(window.pick(Limits(rows=2, levels=2, wait=0), 0.0))
    assert leases[0] is not None
    assert leases[1] is None
    window.release(leases[0], leases[0].items)
    again = window.pick(Limits(rows=2, levels=2, wait=0), 0.0)
    assert again is not None
    assert not again.items[0].is_new


def test_an_older_version_supersedes_nothing_that_waits() -> None:
    """It is stale, and the newer one is sent."""
    window = Window()
    stream = Stream("stock", entry="e")
    for quantity, version in ((7, "n 6"), (5, "n 4")):
        level = Level(quantity, 1, stream, version=version)
        assert window.put(RowBuffer([(A, None, level)]), 0.0) == 0
    (item,) = [window.ready.oldest]
    assert item is not None
    assert (item.levels[None].quantity, window.stale) == (7, 1)


def test_of_an_item_that_is_sent_a_warehouse_at_a_time_only_the_accepted_is_known(
    world: World,
) -> None:
    """One warehouse's acceptance says nothing about another of the same batch."""
    both = Row(A, (("W1", 5), ("W2", 6)))
    refused = Fault("refused")
    world.run([both], faults=[refused, Fault(), refused])  # as a whole, then W1, then W2
    assert world.shop().sent[1:] == [(A, {"W1": 5}), (A, {"W2": 6})]
    world.run([both])
    assert world.shop().sent[3:] == [(A, {"W2": 6})]


def test_a_rejected_row_is_stale_though_only_its_items_global_is_known(world: World) -> None:
    """It was rejected before the global was accepted, which says the same of each warehouse."""
    world.run([FIVE])
    late = Row(A, (("W1", 4),), rejected_at=world.now_ms - 1)
    ended = world.run([late])
    assert (ended.error, ended.pipeline.totals.stale) == (None, 1)


def open_rejections(world: World) -> int:
    """Count those of all stores."""
    return sum(row["closed_at"] is None for row in rows(world.ledger, schema.rejection))


def test_a_run_that_must_stop_does_not_wait_for_its_ledger(world: World) -> None:
    """A disk that hangs would delay the last STATE; what is not recorded comes again."""
    world.run([FIVE], faults=[Fault("refused")])
    with opened(world.ledger) as ledger:
        stages = wire(make_settings(), WakeUp(), emit=lambda _: None)
        pipeline = Pipeline(msgspec.structs.replace(stages, ledger=ledger))
        pipeline.overtake(A, None)
        stages.shared.abandon()
        pipeline.flush()
        assert open_rejections(world) == 1
        stages.shared.over = False
        pipeline.overtake(A, None)
        pipeline.flush()
        assert open_rejections(world) == 0
