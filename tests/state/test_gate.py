"""Whether STATE may go out, and up to which position, from values alone."""

from __future__ import annotations

import msgspec
import pytest

from target_tocobagus.config.settings import parse_settings
from target_tocobagus.state.gate import exceeded_limit, first_held, is_open
from tests.delivery.scripted_run import CREDENTIALS

SETTINGS = parse_settings(CREDENTIALS)


@pytest.mark.parametrize(
    ("accepted", "rejected", "percent", "exceeds"),
    [
        (50, 50, 50, False),
        (49, 51, 50, True),
        (49, 50, 50, False),
        (10, 89, 0, False),
        (99, 1, 0, True),
        (99, 1, 1, False),
        (0, 100, 100, False),
        (0, 100, 99, True),
        (1997, 3, 0, True),
        (100, 900, None, False),
    ],
)
def test_a_share_of_rejections(
    accepted: int, rejected: int, percent: int | None, *, exceeds: bool
) -> None:
    """It counts from a hundred judged updates on; the share itself is still allowed."""
    settings = msgspec.structs.replace(
        SETTINGS, max_rejected_rows=None, max_rejected_percent=percent
    )
    limit = exceeded_limit(accepted, rejected, settings)
    assert limit == ("max_rejected_percent" if exceeds else None)


@pytest.mark.parametrize(
    ("rejected", "rows", "exceeds"),
    [(0, 0, False), (1, 0, True), (5, 5, False), (6, 5, True), (10**6, None, False)],
)
def test_a_number_of_rejections(rejected: int, rows: int | None, *, exceeds: bool) -> None:
    """It counts from the first row on; the number itself is still allowed."""
    settings = msgspec.structs.replace(SETTINGS, max_rejected_rows=rows, max_rejected_percent=None)
    assert exceeded_limit(0, rejected, settings) == ("max_rejected_rows" if exceeds else None)


@pytest.mark.parametrize(
    ("limit", "ending", "fruitless", "expected"),
    [
        (None, False, False, True),
        (None, True, False, True),
        (None, False, True, True),
        (None, True, True, False),
        ("max_rejected_rows", False, False, False),
    ],
)
def test_a_run_that_went_wrong_emits_no_state(
    limit: str | None, *, ending: bool, fruitless: bool, expected: bool
) -> None:
    """Beyond a limit there is none at all; with nothing accepted there is none at the end."""
    assert is_open(limit, ending=ending, fruitless=fruitless) is expected


@pytest.mark.parametrize(
    ("lows", "position", "maps_nothing", "expected"),
    [
        ([], 9, False, None),
        ([None, None], 9, False, None),
        ([None, 7, 4], 9, False, 4),
        ([7], 9, True, 1),
        ([], 0, True, None),
    ],
)
def test_the_lowest_position_holds_state_back(
    lows: list[int | None], position: int, *, maps_nothing: bool, expected: int | None
) -> None:
    """While no stream is mapped that is the first record's, if there is one."""
    assert first_held(lows, position=position, maps_nothing=maps_nothing) == expected
