"""What a version can be (`newer_by`), and which of two is older."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.core.versions import is_older, milliseconds_of, read_version, version_of_time


@pytest.mark.parametrize(
    ("value", "version"),
    [
        (7, "n 7"),
        (-7, "n -7"),
        (Decimal("7.50"), "n 7.50"),
        (7.5, "n 7.5"),
        (10**40, f"n {10**40}"),
        ("0012", "n 12"),
        (" 12.5 ", "n 12.5"),
        ("2026-11-25", "t 2026-11-25T00:00:00.000000000"),
        ("2026-11-25 10:20", "t 2026-11-25T10:20:00.000000000"),
        ("2026-11-25T10:20:30", "t 2026-11-25T10:20:30.000000000"),
        ("2026-11-25T10:20:30.5Z", "t 2026-11-25T10:20:30.500000000"),
        ("2026-11-25 10:20:30,123456789 UTC", "t 2026-11-25T10:20:30.123456789"),
        ("2026-11-25T10:20:30+07:00", "t 2026-11-25T03:20:30.000000000"),
        ("2026-11-25T10:20:30-0330", "t 2026-11-25T13:50:30.000000000"),
        ("2026-11-25 10:20:30+07", "t 2026-11-25T03:20:30.000000000"),
    ],
)
def test_numbers_dates_and_times_are_versions(value: Any, version: str) -> None:
    """A number by its value, a time in UTC; a time without a zone is UTC."""
    assert read_version(value) == version


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, "", "x", "12a", "1e5", "NaN", "Infinity", float("nan"), float("inf")),
        *(
            "2026-02-30",
            "2026-11-25T25:00:00",
            "25.11.2026",
            "2026-11-25T10:20:60",
            [],
            {},
            "9" * 101,
        ),
        *("0001-01-01T00:00:00+05:00", "\u0662026-11-25"),
    ],
)
def test_nothing_else_is(value: Any) -> None:
    """A value that cannot be ordered is not a version."""
    assert read_version(value) is None


def test_a_version_of_the_clock_compares_with_one_of_a_record() -> None:
    """Both are written in the same form."""
    assert version_of_time(1_800_000_000_123) == "t 2027-01-15T08:00:00.123000000"
    assert read_version("2027-01-15T08:00:00.123Z") == version_of_time(1_800_000_000_123)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers())
def test_numbers_are_older_as_they_are_less(one: Decimal, other: int) -> None:
    """The order holds for exact decimals and very large numbers."""
    first, second = read_version(one), read_version(other)
    if first is not None and second is not None:
        assert is_older(first, second) == (one < other)


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda each: timezone(timedelta(minutes=each)))
TIMES = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=ZONES,
)


@given(TIMES, TIMES)
def test_times_are_older_as_they_are_earlier(one: datetime, other: datetime) -> None:
    """The order holds whatever zones the times are written in."""
    first, second = read_version(one.isoformat()), read_version(other.isoformat())
    assert first is not None
    assert second is not None
    assert is_older(first, second) == (one < other)


@given(TIMES)
def test_a_time_is_told_in_milliseconds(moment: datetime) -> None:
    """Rounded, in the epoch's milliseconds; midnight may be taken for a date."""
    version = read_version(moment.isoformat())
    assert version is not None
    found = milliseconds_of(version, any_time=True)
    assert found is not None
    assert abs(found - moment.timestamp() * 1000) <= 1
    assert milliseconds_of(version) in {found, None}


@pytest.mark.parametrize("version", ["", "n 17", "t 2026-11-25T00:00:00.000000000"])
def test_what_is_no_time_of_day_has_no_milliseconds(version: str) -> None:
    """A number, a date, and nothing."""
    assert milliseconds_of(version) is None


@pytest.mark.parametrize(("one", "other"), [("n 1", "t 2026-11-25"), ("", "n 1"), ("", "")])
def test_of_two_kinds_neither_is_older(one: str, other: str) -> None:
    """A number says nothing about a time, nor does a row without a version."""
    assert not is_older(one, other)
    assert not is_older(other, one)
