"""The ages of what was accepted, and other durations, as medians and the like."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.core.model import Level, Stream
from target_tocobagus.core.versions import version_of_time
from target_tocobagus.report.freshness import Freshness, Spread
from target_tocobagus.window.pending import Item

NOW = 1_800_000_000_000
STREAM = Stream("stock")
SECONDS = st.floats(0, 1e9, allow_nan=False)


def item(*positions: int, version: str = "") -> Item:
    """Make an item with a level for each position."""
    levels: dict[str | None, Level] = {
        f"w{place}": Level(1, place, STREAM, version=version) for place in positions
    }
    return Item(("sku", "A"), levels, min(positions))


def ages(freshness: Freshness, *items: Item) -> dict[str, float]:
    """Accept items now; returns the ages of all that was accepted."""
    levels = sum(len(each.levels) for each in items)
    freshness.accept(items, levels, min(each.low for each in items), NOW)
    return freshness.ages.fields()


@given(st.lists(SECONDS, min_size=1), st.floats(0.01, 1))
def test_a_share_is_within_two_percent(values: list[float], share: float) -> None:
    """As many as the share says are not longer than it, and it is at most 2 % longer than one."""
    spread = Spread()
    for value in values:
        spread.add(value)

    exact = sorted(values)[math.ceil(len(values) * share) - 1]
    assert exact - 1e-9 <= spread.at(share) <= max(0.001, exact * 1.02 + 1e-9)
    assert spread.worst == max(values)


@given(SECONDS, st.integers(1, 1000))
def test_equal_durations_are_told_exactly(seconds: float, count: int) -> None:
    """If all are equal, median and worst are that duration."""
    spread = Spread()
    spread.add(seconds, count)
    assert set(spread.fields().values()) == {round(seconds, 3)}
    assert spread.count == count


def test_without_any_there_is_nothing_to_tell() -> None:
    """No field is made up."""
    assert Spread().fields() == {}
    assert ages(Freshness(), item(1)) == {}


def test_a_time_holds_for_the_records_after_it() -> None:
    """Each level has the last time that was noted at or before its position."""
    freshness = Freshness()
    freshness.note(1, NOW - 60_000)
    freshness.note(5, NOW - 10_000)

    assert ages(freshness, item(1), item(4)) == {"median": 60, "p95": 60, "worst": 60}
    median = ages(freshness, item(5, 9), item(6), item(7), item(8))["median"]
    assert 10 <= median <= 10.2


def test_of_a_superseded_row_the_newer_counts() -> None:
    """An item that stands for an older row, too, has the age of the value that was sent."""
    freshness = Freshness()
    freshness.note(1, NOW - 3_600_000)
    freshness.note(2, NOW - 5_000)
    newer = item(2)
    newer.low = 1

    assert ages(freshness, newer)["worst"] == 5


def test_records_without_a_time_have_no_age() -> None:
    """Before the first time, and where there is none again."""
    freshness = Freshness()
    freshness.note(3, NOW - 1000)
    freshness.note(5, None)

    assert ages(freshness, item(1), item(2), item(5), item(6)) == {}
    assert ages(freshness, item(3), item(4))["worst"] == 1


def test_a_time_ahead_of_the_clock_is_no_age() -> None:
    """A source whose clock is ahead counts as fresh."""
    freshness = Freshness()
    freshness.note(1, NOW + 5_000)
    assert ages(freshness, item(1)) == {"median": 0, "p95": 0, "worst": 0}


def test_a_version_that_is_a_time_is_preferred() -> None:
    """`newer_by` says when the source changed the row; `time_extracted` when it was read."""
    freshness = Freshness()
    freshness.has_versions = True
    freshness.note(1, NOW - 1000)
    changed = version_of_time(NOW - 120_000)

    assert ages(freshness, item(1, version=changed))["worst"] == 120
    assert freshness.ages.count == 1


def test_a_date_and_a_number_are_no_time_of_day() -> None:
    """A `newer_by` of the day alone, or a counter, leaves the age to `time_extracted`."""
    freshness = Freshness()
    freshness.has_versions = True
    freshness.note(1, NOW - 1000)
    date = "t 2026-11-26T00:00:00.000000000"

    assert ages(freshness, item(1, version=date), item(2, version="n 17"))["worst"] == 1
    assert freshness.ages.count == 2


def test_notes_take_bounded_memory() -> None:
    """However long a run, times stay right to a few notes."""
    freshness = Freshness()
    for number in range(200_000):
        freshness.note(number, NOW - 1_000_000_000 + number * 1000)
    positions, times = freshness.notes

    assert len(positions) == len(times) <= 50_001
    assert ages(freshness, item(199_999))["worst"] == 1_000_000_000 / 1000 - 199_999
    early = Freshness()
    early.notes = freshness.notes
    expected = 1_000_000_000 / 1000 - 1000
    assert abs(ages(early, item(1000))["worst"] - expected) < 128  # of two days
