"""What records say takes the place of what is known of their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.core.model import Part
from target_tocobagus.ledger.parts.part_changes import PartChanges, alone
from target_tocobagus.ledger.parts.part_rows import GONE

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Place

ITEM: Final[Identifier] = ("sku", "a")
AT_A: Final[Place] = (ITEM, "A")
AT_B: Final[Place] = (ITEM, "B")


def at_a(quantity: str) -> Part:
    """Say that a part is at A alone."""
    return Part("1", ((ITEM, "A", quantity),))


def test_a_part_that_was_not_looked_up_is_as_it_was() -> None:
    """Its stock is named."""
    changes = PartChanges([at_a("5")], (), (), names_all=False)
    assert (changes.new, [*changes.touched]) == ({}, [(AT_A,)])


def test_a_part_that_keeps_one_of_its_stocks_has_lost_the_others() -> None:
    """Although that one is as it was."""
    known = {("1", "sku", "a", "A", "5", ""), ("1", "sku", "a", "B", "2", "")}
    changes = PartChanges([at_a("5")], known, {"1"}, names_all=False)
    assert changes.new == {"1": {AT_B: (GONE, "")}}


def test_of_a_part_that_comes_twice_the_last_counts() -> None:
    """Also if the one before says what was known."""
    said = [at_a("5"), at_a("7")]
    _, others = alone(said)
    changes = PartChanges(said, {("1", "sku", "a", "A", "5", "")}, others, names_all=False)
    assert changes.new == {"1": {AT_A: ("7", "")}}
