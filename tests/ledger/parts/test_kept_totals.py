"""Sums of many parts are kept during a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.ledger.parts.kept_totals import KeptTotals
from target_tocobagus.ledger.parts.part_changes import Change
from target_tocobagus.mapping.totals import Total, total_of

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier

    Place = tuple[Identifier, str | None]

A: Final[Place] = (("sku", "a"), None)
B: Final[Place] = (("sku", "b"), None)
TEN: Final = Total(10, 10)


def kept(most: int = 5) -> KeptTotals:
    """Keep a sum of ten parts."""
    totals = KeptTotals(most)
    totals.add(A, TEN)
    return totals


def test_a_sum_follows_its_parts() -> None:
    """Others are of no concern."""
    totals = kept()
    totals.follow([Change(A, "1", "2.5"), Change(B, "", "7")])
    assert totals.get(A) == total_of(" ".join(["1"] * 9 + ["2.5"]))
    assert totals.get(B) is None


def test_what_cannot_be_calculated_or_has_few_parts_is_read_again() -> None:
    """It costs little, or there is no other way."""
    totals = kept()
    totals.add(B, Total(1, 1))
    totals.follow([Change(A, "", "1e-1400"), Change(A, "1e-1400", "")])
    assert (totals.get(A), totals.get(B)) == (None, None)


def test_no_more_sums_are_kept_than_there_is_room_for() -> None:
    """The oldest goes."""
    totals = kept(most=1)
    totals.add(B, TEN)
    assert (totals.get(A), totals.get(B)) == (None, TEN)
