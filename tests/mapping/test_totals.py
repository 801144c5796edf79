"""Sums of quantities are exact, and follow each of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.mapping.totals import Total, total_of

WHOLE = st.integers(-5, 10**15).map(str)
FRACTION = st.decimals(-3, 10**9, places=3).map(str)
QUANTITIES = st.lists(st.one_of(WHOLE, FRACTION, FRACTION.map("~{}".format)), max_size=4)


@given(kept=QUANTITIES, old=QUANTITIES, new=QUANTITIES)
def test_a_sum_that_follows_a_change_is_that_of_what_is_there_now(
    kept: list[str], old: list[str], new: list[str]
) -> None:
    """To the last digit, and it still knows whether a binary fraction took part."""
    changed = total_of(" ".join([*kept, *old])).with_change(" ".join(old), " ".join(new))
    assert changed == total_of(" ".join([*kept, *new]))


@pytest.mark.parametrize(("old", "new"), [("", "1e-1400"), ("1e-1400", "")])
def test_a_change_that_would_be_rounded_leaves_no_sum(old: str, new: str) -> None:
    """The parts are to be added up anew then."""
    assert Total(1, 1).with_change(old, new).number is None
