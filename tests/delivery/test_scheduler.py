"""How many requests at once, how fast, how large: what the API's answers teach."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from target_tocobagus.core.model import NoReply
from tests.delivery.desk import SILENCE, Desk, accepting, at_once, names, refusing

_PROC = Path("/proc/self/task")


def test_all_workers_wait_for_retry_after() -> None:
    """While the API wants to be left alone, no worker begins a request, a first or a repeated."""
    desk = Desk(batch_size_rows=1, max_in_flight=3)
    desk.put("a", "b")
    throttled, other = desk.gather(2)
    throttled.answer(refusing(503, retry_after=1))
    began = time.monotonic()
    desk.until(lambda: desk.throttle.not_before)
    other.answer(NoReply(timed_out=False, cause="the connection failed"))
    desk.put("c", "d", "e")
    desk.expect_silence(0.8)
    assert desk.next().at - began >= 0.99
    desk.accept_until_settled()


def test_requests_in_flight_grow_back() -> None:
    """Each accepted batch allows one request more, up to the setting."""
    desk = Desk(batch_size_rows=1, max_in_flight=8)
    desk.put(*names("a", 8))
    for attempt in desk.gather(8):
        attempt.answer(refusing(503))
    in_flight = 1
    left = 8
    while left:
        wave = desk.gather(in_flight)
        desk.expect_silence()
        for attempt in wave:
            attempt.accept()
        left -= in_flight
        in_flight = min(2 * in_flight, 8, left)
    desk.accept_until_settled()


def test_while_one_waits_to_send_again_others_send_one_by_one() -> None:
    """Also where an API that answers at once gets one request after the other."""
    desk = Desk(batch_size_rows=1, max_in_flight=4, jitter=1.0)
    desk.put("a")
    desk.next().answer(at_once(accepting(1)))
    desk.until(lambda: desk.shared.settled)
    desk.put("b", "c", "d")
    failed = desk.next()
    desk.expect_silence()
    failed.answer(at_once(refusing(500)))
    for _ in range(2):
        attempt = desk.next()
        desk.expect_silence()
        attempt.answer(at_once(accepting(1)))
    assert desk.next().skus == failed.skus
    desk.accept_until_settled()


def _reading(desk: Desk, *, is_quick: bool) -> None:
    """Let the API have answered once, and the tap bring rows again."""
    desk.put("first", "second")
    reply = accepting(2)
    desk.next().answer(at_once(reply) if is_quick else reply)
    desk.until(lambda: desk.shared.settled)
    desk.scheduler.set_silence(on=False)


@pytest.mark.parametrize("end", ["silence", "full window", "end of input", "due"])
def test_while_rows_come_an_api_that_answers_at_once_waits_for_its_turn(end: str) -> None:
    """A full batch goes once the main thread waits, for the tap or for room, or it is due."""
    wait = 0.5 if end == "due" else 60
    desk = Desk(batch_size_rows=2, max_in_flight=2, batch_wait_seconds=wait)
    _reading(desk, is_quick=True)
    desk.put("a", "b", "c", "d")
    desk.expect_silence()
    if end == "silence":
        desk.scheduler.set_silence(on=True)
    elif end == "full window":
        desk.scheduler.set_backpressure(on=True)
    elif end == "end of input":
        desk.scheduler.close()
    assert desk.next().skus == ["a", "b"]
    desk.accept_until_settled()


def test_while_rows_come_an_api_that_takes_its_time_gets_each_full_batch() -> None:
    """Its time is used: while it answers, rows are read."""
    desk = Desk(batch_size_rows=2)
    _reading(desk, is_quick=False)
    desk.put("a", "b", "c")
    assert desk.next().skus == ["a", "b"]
    desk.accept_until_settled()


@pytest.mark.skipif(not _PROC.exists(), reason="counts the kernel's context switches of a thread")
def test_idle_workers_do_not_poll() -> None:
    """A worker without anything to do sleeps until there is, without looking now and then."""
    desk = Desk(batch_size_rows=10, max_in_flight=4)
    desk.put("a")
    time.sleep(SILENCE)
    before = [_switches(thread.native_id) for thread in desk.workers]
    told = desk.told
    time.sleep(0.6)
    after = [_switches(thread.native_id) for thread in desk.workers]
    assert sum(after) - sum(before) <= 2
    assert desk.told == told
    desk.accept_until_settled()


def _switches(thread: int | None) -> int:
    text = (_PROC / str(thread) / "status").read_text(encoding="ascii")
    (line,) = [line for line in text.splitlines() if line.startswith("voluntary_ctxt_switches")]
    return int(line.split()[1])


def test_a_row_wakes_one_worker_and_not_all() -> None:
    """A batch that is full is one worker's business."""
    desk = Desk(batch_size_rows=1, max_in_flight=6, answer=lambda attempt: attempt.accept())
    for number in range(50):
        desk.put(f"a{number}")
        desk.until(lambda: desk.shared.settled)
    assert desk.told <= 50 * 2
    assert len(desk.attempts) == 50
    desk.accept_until_settled()


def test_waiting_for_one_batch_holds_up_no_other() -> None:
    """A back-off of one worker is not the others'."""
    desk = Desk(batch_size_rows=1, max_in_flight=2, jitter=1.0)
    desk.put("a")
    failed = desk.next()
    failed.answer(refusing(500))
    desk.put("b", "c")
    for sku in ("b", "c"):
        attempt = desk.next()
        assert attempt.skus == [sku]
        attempt.accept()
    again = desk.next()
    assert again.skus == ["a"]
    assert again.at - failed.at >= 0.45
    desk.accept_until_settled()
