"""Numbers, durations and lists in messages."""

from __future__ import annotations

import pytest

from target_tocobagus.core.plural import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.042, "42 ms"),
        (1.5, "1.5 s"),
        (12.3, "12 s"),
        (119, "119 s"),
        (120, "2.0 min"),
        (780.5, "13 min"),
        (7_200, "2.0 h"),
        (100_000, "28 h"),
        (172_800, "2.0 days"),
        (8_640_000, "100 days"),
    ],
)
def test_a_duration_has_the_unit_that_fits(seconds: float, text: str) -> None:
    """From twice a unit's length on, the unit is used; small numbers have one decimal."""
    assert duration(seconds) == text
