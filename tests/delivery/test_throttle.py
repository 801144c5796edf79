"""What the API's answers teach: requests at once, a pause, an even spread, smaller batches."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core.model import NoReply, Reply
from target_tocobagus.delivery.throttle import Throttle


def throttle(**config: Any) -> Throttle:
    """Make the throttle of a configuration."""
    return Throttle(parse_settings({"dry_run": True, **config}))


def test_so_many_requests_may_be_in_flight_and_no_more() -> None:
    """From the start `max_in_flight` requests may begin, and another one when one has ended."""
    pace = throttle(max_in_flight=3)
    assert [pace.begin(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, None]
    pace.end()
    assert [pace.begin(0.0) for _ in range(2)] == [0.0, None]
    assert pace.active == 3


@pytest.mark.parametrize(
    ("start", "throttled", "most"), [(4, 1, 2), (4, 2, 1), (4, 9, 1), (5, 1, 2), (1, 1, 1)]
)
def test_throttling_halves_the_requests_in_flight(start: int, throttled: int, most: int) -> None:
    """Each complaint halves the requests at once, and one is always left."""
    pace = throttle(max_in_flight=start)
    for _ in range(throttled):
        pace.throttle()
    assert pace.most == most


def test_requests_in_flight_grow_back_one_by_one() -> None:
    """Each accepted batch allows one request more, up to the setting."""
    pace = throttle(max_in_flight=4)
    pace.throttle()
    pace.throttle()
    grown = []
    for _ in range(5):
        pace.accepted()
        grown.append(pace.most)
    assert grown == [2, 3, 4, 4, 4]


def test_what_was_in_flight_before_throttling_ends_first() -> None:
    """After a complaint no request begins until enough of them have ended."""
    pace = throttle(max_in_flight=4)
    for _ in range(4):
        pace.begin(0.0)
    pace.throttle()
    pace.end()
    pace.end()
    assert pace.begin(0.0) is None
    pace.end()
    assert pace.begin(0.0) == 0.0


AT_ONCE = Reply(200, seconds=0.0019, busy=0.001)
IN_A_MOMENT = Reply(200, seconds=0.02, busy=0.001)
IN_TIME = Reply(200, seconds=0.2, busy=0.001)
NEVER = NoReply(timed_out=True, cause="no answer", seconds=60.0)


@pytest.mark.parametrize(
    ("replies", "at_once"),
    [
        ([], 4),
        ([IN_A_MOMENT], 4),
        ([AT_ONCE], 1),
        ([AT_ONCE, *[IN_A_MOMENT] * 15], 1),
        ([AT_ONCE, *[IN_A_MOMENT] * 16], 4),
        ([AT_ONCE, IN_TIME], 4),
        ([AT_ONCE, NEVER], 4),
        ([IN_TIME, AT_ONCE], 1),
    ],
    ids=range(8),
)
def test_an_api_that_answers_at_once_gets_one_request_after_the_other(
    replies: list[Reply | NoReply], at_once: int
) -> None:
    """Requests at once save only the time that is spent waiting."""
    pace = throttle(max_in_flight=4)
    for reply in replies:
        pace.answered(reply)
    assert [pace.begin(0.0) for _ in range(5)].count(0.0) == at_once
    assert pace.is_full


def test_a_hold_delays_every_request() -> None:
    """Until the latest moment that `Retry-After` names, no request begins."""
    pace = throttle()
    pace.hold(10.0)
    pace.hold(5.0)
    assert pace.begin(4.0) == 6.0
    assert pace.begin(9.5) == 0.5
    assert pace.begin(10.0) == 0.0


def test_requests_a_minute_are_spread_evenly() -> None:
    """With 120 a minute a request begins every half second, not 120 at once."""
    pace = throttle(requests_per_minute=120, max_in_flight=200)
    assert pace.begin(0.0) == 0.0
    assert pace.begin(0.0) == 0.5
    assert pace.begin(0.4) == pytest.approx(0.1)
    assert pace.begin(0.5) == 0.0
    assert pace.begin(0.6) == pytest.approx(0.4)


def test_a_refused_beginning_takes_no_slot() -> None:
    """Asking too early, or with all slots taken, does not move the next moment."""
    pace = throttle(requests_per_minute=60, max_in_flight=1)
    assert pace.begin(0.0) == 0.0
    for _ in range(10):
        assert pace.begin(0.5) is None
    pace.end()
    assert pace.begin(0.5) == 0.5
    assert pace.begin(1.0) == 0.0


@settings(deadline=None)
@given(st.integers(1, 600), st.lists(st.floats(0, 5), max_size=60))
def test_no_minute_has_more_requests_than_allowed(per_minute: int, steps: list[float]) -> None:
    """Whenever they ask, two requests begin at least 60/n seconds apart."""
    pace = throttle(requests_per_minute=per_minute, max_in_flight=256)
    now, begun = 0.0, []
    for step in steps:
        now += step
        if pace.begin(now) == 0.0:
            begun.append(now)
    apart = [later - earlier for earlier, later in pairwise(begun)]
    assert all(gap >= 60 / per_minute - 1e-9 for gap in apart)


@pytest.mark.parametrize(
    ("configured", "answered", "rows"),
    [
        (500, 250, 250),
        (500, 125, 125),
        (500, 9, 10),
        (500, 1, 10),
        (12, 6, 10),
        (5, 2, 5),
        (1, 1, 1),
    ],
)
def test_a_half_that_succeeds_teaches_the_size_of_batches(
    configured: int, answered: int, rows: int
) -> None:
    """New batches are no larger than what was answered, never below 10, never above the setting."""
    pace = throttle(batch_size_rows=configured)
    pace.learn_rows(answered)
    assert pace.limits.rows == rows


def test_a_larger_half_does_not_undo_a_smaller_one() -> None:
    """What was learnt first stays if the larger half of another batch succeeds later."""
    pace = throttle()
    pace.learn_rows(60)
    pace.learn_rows(250)
    assert pace.limits.rows == 60


def test_batches_double_again_after_twenty_that_were_accepted() -> None:
    """After each 20 accepted batches they double, up to the setting."""
    pace = throttle(batch_size_rows=500)
    pace.learn_rows(200)
    sizes = []
    for _ in range(61):
        pace.accepted()
        sizes.append(pace.limits.rows)
    assert sizes == [200] * 19 + [400] * 20 + [500] * 22


def test_a_new_lesson_starts_the_count_anew() -> None:
    """The twenty are counted from the last lesson on."""
    pace = throttle(batch_size_rows=500)
    pace.learn_rows(200)
    for _ in range(19):
        pace.accepted()
    pace.learn_rows(100)
    for _ in range(19):
        pace.accepted()
    assert pace.limits.rows == 100
    pace.accepted()
    assert pace.limits.rows == 200


def test_a_refused_size_is_remembered_by_half_for_good() -> None:
    """After a 413 no body is larger than half of what was refused, however many are accepted."""
    pace = throttle(batch_size_bytes=100_000)
    pace.learn_size(30_000)
    for _ in range(100):
        pace.accepted()
    assert pace.most_bytes == 30_000
    pace.learn_size(45_000)
    assert pace.most_bytes == 30_000
    pace.learn_size(1)
    assert pace.most_bytes == 1


def test_a_lesson_on_rows_leaves_bytes_alone() -> None:
    """Rows and bytes are learnt apart, and the wait never changes."""
    pace = throttle(batch_size_rows=500, batch_size_bytes=100_000, batch_wait_seconds=7)
    pace.learn_rows(50)
    pace.learn_size(4_000)
    assert (pace.limits.rows, pace.most_bytes, pace.limits.wait) == (50, 4_000, 7)


def test_levels_are_learnt_from_bodies_that_are_too_large() -> None:
    """As many levels go into a batch as make a body of the size allowed, by the last lesson."""
    pace = throttle(batch_size_bytes=100_000)
    assert pace.limits.levels >= 100_000 // len('{"clientId":"","stock":0}')
    pace.learn_levels(4_000, 200_000)
    assert pace.limits.levels == 2_000
    pace.learn_levels(3_000, 110_000)
    assert pace.limits.levels == 2_000
    pace.learn_levels(1, 900_000)
    assert pace.limits.levels == 1
