"""When a batch goes, which rows are in it, and how many of them may wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.api.transport import Dependencies
from target_tocobagus.core.model import Level, Stream
from target_tocobagus.window.buffer import RowBuffer
from target_tocobagus.window.window import Limits, Window
from tests.delivery.desk import Desk, names
from tests.delivery.scripted_api import Act, Rules, ScriptedApi
from tests.delivery.scripted_run import Do, Run, Say, make_settings
from tests.delivery.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path


def test_a_batch_goes_as_soon_as_it_is_full() -> None:
    """A full batch does not wait for its time."""
    desk = Desk(batch_size_rows=3)
    desk.put("a", "b")
    desk.expect_silence()
    desk.put("c")
    assert desk.next().skus == ["a", "b", "c"]
    desk.accept_until_settled()


def test_a_batch_goes_when_it_is_due_though_stdin_is_silent() -> None:
    """A row waits as long as the settings say, and no further row is needed to send it."""
    desk = Desk(batch_size_rows=100, batch_wait_seconds=0.3)
    began = time.monotonic()
    desk.put("a")
    time.sleep(0.15)
    desk.put("b")
    attempt = desk.next()
    assert attempt.skus == ["a", "b"]
    assert 0.28 <= attempt.at - began < 5
    desk.accept_until_settled()


def test_a_batch_goes_at_the_end() -> None:
    """What waits when the input ends goes at once, full or not."""
    desk = Desk(batch_size_rows=100)
    desk.put("a")
    desk.scheduler.close()
    assert desk.next().skus == ["a"]
    desk.accept_until_settled()


def test_a_batch_goes_when_reading_waits() -> None:
    """While reading waits for room, what can be picked is a batch, however small."""
    desk = Desk(batch_size_rows=100)
    desk.put("a")
    desk.expect_silence()
    desk.scheduler.set_backpressure(on=True)
    assert desk.next().skus == ["a"]
    desk.scheduler.set_backpressure(on=False)
    desk.put("b")
    desk.expect_silence()
    desk.accept_until_settled()


def test_a_batch_is_full_by_what_can_be_picked() -> None:
    """Rows that wait for an identifier in flight fill no batch."""
    desk = Desk(batch_size_rows=2)
    desk.put("a", "b")
    first = desk.next()
    desk.put("a", "b")
    desk.put("c")
    desk.expect_silence()
    first.accept()
    assert desk.next().skus == ["a", "b"]
    desk.accept_until_settled()


def test_a_body_holds_no_more_bytes_than_it_may() -> None:
    """Batches are cut by the bytes of their bodies, and a single item goes whatever its size."""
    desk = Desk(batch_size_bytes=100, answer=lambda attempt: attempt.accept())
    desk.put(*names("sku-", 20), "x" * 200)
    desk.accept_until_settled()
    assert all(attempt.size <= 100 or len(attempt.rows) == 1 for attempt in desk.attempts)
    assert len(desk.attempts) < 15


def test_stock_outs_go_first() -> None:
    """An item that holds a 0 goes before older ones; one that no longer does keeps its place."""
    desk = Desk(batch_size_rows=2, max_in_flight=1)
    desk.put("a", "b")
    first = desk.next()
    desk.put("c", "d")
    desk.put("e", "f", stock=0)
    desk.put("f", stock=3)
    first.accept()
    second = desk.next()
    assert second.skus == ["e", "c"]
    second.accept()
    assert desk.next().skus == ["d", "f"]
    desk.accept_until_settled()


def test_what_has_waited_too_long_goes_before_everything_else() -> None:
    """After twice the wait an item goes before stock-outs, so that they starve nobody."""
    limits = Limits(rows=1, levels=1000, wait=5)
    stream = Stream("stock")
    window = Window()
    window.put(RowBuffer([(("sku", "patient"), None, Level(7, 1, stream))]), now=0.0)
    for position in range(2, 30):
        window.put(
            RowBuffer([(("sku", f"out-{position}"), None, Level(0, position, stream))]), now=9.0
        )
    picked = [window.pick(limits, now=now) for now in (9.5, 9.9, 10.0, 10.1)]
    order = [item.identifier[1] for lease in picked if lease for item in lease.items]
    assert order == ["out-2", "out-3", "patient", "out-4"]


@pytest.mark.parametrize(("rows", "in_flight"), [(1, 1), (3, 2), (7, 8)])
def test_reading_waits_when_the_window_is_full(rows: int, in_flight: int) -> None:
    """However slow the API, no more rows wait than the window's capacity and one chunk."""
    capacity = rows * (in_flight + 4)
    witness = Witness()
    api = ScriptedApi([Act(delay=0.002)] * 10_000, Rules(), witness)
    most = 0

    def measure(_: Say) -> None:
        nonlocal most
        sent = sum(len(rows) for rows in api.bodies)
        most = max(most, witness.given - sent)

    steps = [Say(("sku", f"{number}"), (None,)) for number in range(1000)]
    settings = make_settings(batch_size_rows=rows, max_in_flight=in_flight)
    run = Run(settings, Dependencies(api.clock, api.send), witness).play(steps, measure)
    assert run.error is None
    chunk = min(1000, capacity)
    assert capacity // 2 <= most <= capacity + chunk + rows * in_flight
    assert run.pipeline.tally.waited_for_api > 0


def test_a_window_is_full_by_its_memory_too(tmp_path: Path) -> None:
    """Rows whose records are huge fill the window long before they are many."""
    witness = Witness()
    api = ScriptedApi([], Rules(), witness)
    settings = make_settings(batch_wait_seconds=60, rejects_path=str(tmp_path / "rejects"))
    run = Run(settings, Dependencies(api.clock, api.send), witness)
    run.padding = "x" * (4 << 20)
    most = 0

    def measure(_: Say) -> None:
        nonlocal most
        most = max(most, witness.given - sum(len(rows) for rows in api.bodies))

    steps: list[Any] = []
    for number in range(35):
        steps += [Say(("sku", f"{number}"), (None,)), Do("service")]
    assert run.play(steps, measure).error is None
    assert 15 <= most <= 17


def test_values_that_come_again_take_no_more_room() -> None:
    """Of one identifier only the newest value waits, however often it changes."""
    desk = Desk(batch_size_rows=2)
    for _ in range(1000):
        desk.put("a")
    assert desk.window.waiting == 1
    assert desk.tally.superseded == 999
    desk.put("b")
    assert desk.next().rows == [(("sku", "a"), {None: 1000}), (("sku", "b"), {None: 1001})]
    desk.accept_until_settled()


def test_warehouses_that_come_far_apart_go_out_as_one_item() -> None:
    """All that waits for one identifier is one row of a request."""
    desk = Desk(batch_size_rows=60)
    desk.put("a", place="A")
    desk.put(*names("other-", 50))
    desk.put("a", place="B")
    desk.scheduler.close()
    (first, *others) = desk.next().rows
    assert first == (("sku", "a"), {"A": 1, "B": 52})
    assert len(others) == 50
    desk.accept_until_settled()


def test_a_global_and_a_warehouse_keep_their_order() -> None:
    """A global drops what waits for its identifier, and a warehouse after it goes after it."""
    desk = Desk(batch_size_rows=1, max_in_flight=4)
    desk.put("a", place="A")
    first = desk.next()
    desk.put("a", place="B")
    desk.put("a")
    desk.put("a", place="C")
    desk.put("a", place="A")
    desk.expect_silence()
    first.accept()
    second = desk.next()
    assert second.rows == [(("sku", "a"), {None: 3})]
    desk.expect_silence()
    second.accept()
    assert desk.next().rows == [(("sku", "a"), {"C": 4, "A": 5})]
    desk.accept_until_settled()
    assert desk.tally.superseded == 1
