"""When a batch goes, which rows are in it, and how many of them may wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.delivery.desk import Desk, names
from tests.delivery.scripted_api import Act
from tests.delivery.scripted_run import Do, Say, scripted

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


def test_a_body_holds_no_more_bytes_than_it_may() -> None:
    """Batches are cut by the bytes of their bodies, and a single item goes whatever its size."""
    desk = Desk(batch_size_bytes=100, answer=lambda attempt: attempt.accept())
    desk.put(*names("sku-", 20), "x" * 200)
    desk.accept_until_settled()
    assert all(attempt.size <= 100 or len(attempt.rows) == 1 for attempt in desk.attempts)
    assert len(desk.attempts) < 15


@pytest.mark.parametrize(("rows", "in_flight"), [(1, 1), (3, 2), (7, 8)])
def test_reading_waits_when_the_window_is_full(rows: int, in_flight: int) -> None:
    """However slow the API, no more rows wait than the window's capacity and one chunk."""
    capacity = rows * (in_flight + 32)
    acts = [Act(delay=0.002)] * 10_000
    run, api = scripted(acts, batch_size_rows=rows, max_in_flight=in_flight)
    most = 0

    def measure(_: Say) -> None:
        nonlocal most
        sent = sum(len(rows) for rows in api.bodies)
        most = max(most, run.witness.given - sent)

    steps = [Say(("sku", f"{number}"), (None,)) for number in range(1000)]
    run.play(steps, measure)
    assert run.error is None
    chunk = min(1000, capacity)
    assert capacity // 2 <= most <= capacity + chunk + rows * in_flight
    assert run.pipeline.totals.waited_for_api > 0


@pytest.mark.parametrize("acts", [[Act(delay=0.1)], [Act("drop")] * 100])
def test_waiting_for_the_last_answers_counts(acts: list[Act]) -> None:
    """Also if none comes, and the run fails by it."""
    run, _ = scripted(acts, max_retry_seconds=1)
    run.play([Say(("sku", "A"), (None,))])
    assert run.pipeline.totals.waited_for_api > 0.05


def test_a_window_is_full_by_its_memory_too(tmp_path: Path) -> None:
    """Rows whose records are huge fill the window long before they are many."""
    run, api = scripted(batch_wait_seconds=60, rejects_path=str(tmp_path / "rejects"))
    run.padding = "x" * (4 << 20)
    most = 0

    def measure(_: Say) -> None:
        nonlocal most
        most = max(most, run.witness.given - sum(len(rows) for rows in api.bodies))

    steps: list[Any] = []
    for number in range(35):
        steps += [Say(("sku", f"{number}"), (None,)), Do("service")]
    assert run.play(steps, measure).error is None
    assert 15 <= most <= 17


def test_reading_does_not_wait_for_what_waits_for_a_slow_request() -> None:
    """Items behind one in flight do not fill the window: other workers still get rows to send."""
    run, api = scripted([Act(delay=2.0)] * 3, batch_size_rows=5, max_in_flight=4)
    slow = [Say(("sku", f"slow-{number}"), (None,)) for number in range(15)]
    others = [Say(("sku", f"{number}"), (None,)) for number in range(100)]
    sent_once: list[bool] = []

    def measure(_: Say) -> None:
        sent = [identifier for body in list(api.bodies) for identifier, _ in body]
        sent_once.append(sent.count(("sku", "slow-0")) == 1)

    pause: list[Say | Do] = [Do("service"), Do("pause")]
    assert run.play([*slow, *pause, *slow, *others], measure).error is None
    assert sent_once[-1]
