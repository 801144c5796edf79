"""How many requests at once, how fast, how large: what the API's answers teach."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from target_tocobagus.core.model import NoReply
from tests.delivery.desk import SILENCE, TIMED_OUT, Desk, names, refusing

if TYPE_CHECKING:
    from tests.delivery.desk import Attempt

_PROC = Path("/proc/self/task")


def test_retry_after_is_heeded_by_all_workers() -> None:
    """While the API wants to be left alone, no worker begins a request, a first or a repeated."""
    desk = Desk(batch_size_rows=1, max_in_flight=3)
    desk.put("a", "b")
    throttled, other = desk.gather(2)
    throttled.answer(refusing(503, retry_after=1))
    began = time.monotonic()
    desk.until(lambda: desk.pacing.not_before)
    other.answer(NoReply(timed_out=False, cause="the connection failed"))
    desk.put("c", "d", "e")
    desk.expect_silence(0.8)
    assert desk.next().at - began >= 0.99
    desk.accept_until_settled()


def test_a_date_in_retry_after_is_heeded() -> None:
    """`Retry-After` may be a date, too."""
    desk = Desk(batch_size_rows=1)
    desk.put("a")
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
    reply = refusing(429)
    reply.headers["retry-after"] = later
    first = desk.next()
    first.answer(reply)
    assert desk.next().at - first.at > 0.9
    desk.accept_until_settled()


@pytest.mark.parametrize("status", [429, 503])
def test_requests_in_flight_are_halved_by_a_throttling_answer(status: int) -> None:
    """Each 429 or 503 halves the requests that may be in flight."""
    desk = Desk(batch_size_rows=1, max_in_flight=8)
    desk.put(*names("a", 20))
    attempts = desk.gather(8)
    attempts[0].answer(refusing(status))
    desk.until(lambda: desk.pacing.active == 7)
    for attempt in attempts[1:4]:
        attempt.answer(refusing(500))
    desk.expect_silence()  # 4 are in flight, as many as may be
    attempts[4].answer(refusing(500))
    desk.next()
    attempts[5].answer(refusing(status))
    desk.until(lambda: desk.pacing.active == 3)
    attempts[6].answer(refusing(500))
    desk.expect_silence()  # 2 are
    attempts[7].answer(refusing(500))
    desk.next()
    desk.expect_silence()


def test_requests_in_flight_grow_back() -> None:
    """Each accepted batch allows one request more, up to the setting, whoever waits for it."""
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


def test_requests_a_minute_are_spread_evenly() -> None:
    """Two requests never begin sooner after each other than the setting says, retries included."""
    failed: list[Attempt] = []

    def answer(attempt: Attempt) -> None:
        if len(failed) < 3:
            failed.append(attempt)
            attempt.answer(refusing(500))
        else:
            attempt.accept()

    desk = Desk(batch_size_rows=1, max_in_flight=8, requests_per_minute=1200, answer=answer)
    desk.put(*names("a", 7))
    desk.accept_until_settled()
    moments = [attempt.at for attempt in desk.attempts]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert len(gaps) == 9
    assert min(gaps) > 0.01
    assert moments[-1] - moments[0] >= 9 * 0.05 - 0.01


@pytest.mark.skipif(not _PROC.exists(), reason="counts the kernel's context switches of a thread")
def test_idle_workers_do_not_poll() -> None:
    """A worker without anything to do sleeps until there is: nobody looks now and then."""
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
        desk.until(lambda: desk.scheduler.settled)
    assert desk.told <= 50 * 2
    assert len(desk.attempts) == 50
    desk.accept_until_settled()


def test_a_refused_size_is_remembered() -> None:
    """After a 413 the batch is halved, and no later body is larger than half of the refused one."""

    def answer(attempt: Attempt) -> None:
        if attempt.size > 400:
            attempt.answer(refusing(413))
        else:
            attempt.accept()

    desk = Desk(batch_size_rows=40, max_in_flight=1, answer=answer)
    desk.put(*names("a", 400))
    desk.accept_until_settled()
    refused = [attempt for attempt in desk.attempts if attempt.size > 400]
    assert [len(attempt.rows) for attempt in refused] == [40, 20]
    later = [attempt for attempt in desk.attempts if min(attempt.skus) >= "a040"]
    assert max(len(attempt.rows) for attempt in later) <= 10
    assert len(later) <= 360 // 8
    assert desk.tally.accepted == 400
    assert desk.tally.rejected == 0


def test_a_single_item_that_is_too_large_is_rejected() -> None:
    """Where there is nothing to halve, the row is to blame; the others go on."""

    def answer(attempt: Attempt) -> None:
        if attempt.size > 100:
            attempt.answer(refusing(413))
        else:
            attempt.accept()

    desk = Desk(batch_size_rows=4, max_in_flight=2, answer=answer)
    desk.put("a", "x" * 200, "b", "c")
    desk.accept_until_settled()
    assert [rejection.code for rejection in desk.rejections] == ["TOO_LARGE"]
    assert desk.tally.accepted == 3


def test_a_batch_that_timed_out_is_halved_and_new_ones_follow() -> None:
    """Where a half succeeds new batches are as small, never below ten, and grow again after 20."""

    def answer(attempt: Attempt) -> None:
        if len(attempt.rows) > 12:
            attempt.answer(TIMED_OUT)
        else:
            attempt.accept()

    desk = Desk(batch_size_rows=40, max_in_flight=1, answer=answer)
    desk.put(*names("a", 400))
    desk.accept_until_settled()
    sizes = [len(attempt.rows) for attempt in desk.attempts]
    assert sizes[:7] == [40, 20, 10, 10, 20, 10, 10]
    grown = sizes.index(20, 7)
    assert sizes[7:grown] == [10] * (grown - 7)
    assert 19 <= grown - 7 <= 20
    assert sizes[grown : grown + 3] == [20, 10, 10]
    assert desk.tally.accepted == 400


def test_a_single_row_that_timed_out_is_sent_again_as_it_is() -> None:
    """A piece of one row has no halves."""
    replies = iter([TIMED_OUT, TIMED_OUT])

    def answer(attempt: Attempt) -> None:
        reply = next(replies, None)
        if reply:
            attempt.answer(reply)
        else:
            attempt.accept()

    desk = Desk(batch_size_rows=1, answer=answer)
    desk.put("a")
    desk.accept_until_settled()
    assert [attempt.skus for attempt in desk.attempts] == [["a"]] * 3


def test_back_off_grows_and_is_cut_at_the_end_of_the_time() -> None:
    """Attempts come at growing distances, the last one when `max_retry_seconds` are over."""
    desk = Desk(
        batch_size_rows=1,
        max_retry=1.2,
        jitter=0.4,
        answer=lambda attempt: attempt.answer(refusing(500)),
    )
    desk.put("a")
    desk.until(lambda: desk.scheduler.error)
    moments = [attempt.at - desk.attempts[0].at for attempt in desk.attempts]
    assert moments == pytest.approx([0, 0.2, 0.6, 1.2], abs=0.15)
    assert "max_retry_seconds have passed" in str(desk.scheduler.error)


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
