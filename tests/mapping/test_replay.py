"""A rejected row that is piped back sends what was rejected, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.core.model import Identifier, RecordError, Skipped, Stock
from target_tocobagus.mapping.replay import only_rejected, rejected_updates

if TYPE_CHECKING:
    from target_tocobagus.core.model import Outcome

A: Identifier = ("sku", "A")
B: Identifier = ("id", "B")


def update(identifier: Identifier | None, warehouse: str | None) -> dict[str, Any]:
    """Make what rejects_path holds of one update."""
    named = None if identifier is None else {identifier[0]: identifier[1]}
    return {"identifier": named, "warehouse": warehouse}


@pytest.mark.parametrize(
    "own", [None, {}, [], "rejected", 7, {"updates": None}, {"updates": {}}, {"updates": ["A"]}]
)
def test_what_is_not_ours_is_ignored(own: Any) -> None:
    """A key of that name that the target did not write makes no difference to its record."""
    assert rejected_updates(own) is None


def test_our_key_names_the_updates() -> None:
    """The updates are found beside whatever else the key holds."""
    own = {"code": "INV_001", "updates": [update(A, "W")], "at": "…"}
    assert rejected_updates(own) == [update(A, "W")]


def test_only_what_was_rejected_comes_again() -> None:
    """Of three levels of which one was rejected, that one is sent and the others are skipped."""
    outcomes: list[Outcome] = [Stock(A, "W", 1), Stock(A, "V", 2), Stock(B, "W", 3)]
    found = only_rejected(outcomes, {"updates": [update(A, "V")]}, None)
    assert [each for each in found if isinstance(each, Stock)] == [Stock(A, "V", 2)]
    assert len(found) == 3


def test_what_is_still_bad_is_rejected_again() -> None:
    """A row that is refused anew is rejected anew; a row that is skipped now is skipped."""
    outcomes: list[Outcome] = [RecordError("BAD", "…", A, "W"), Stock(A, "V", 1), Skipped("null")]
    found = only_rejected(outcomes, {"updates": [update(A, "W")]}, None)
    assert found[0] == outcomes[0]
    assert isinstance(found[1], Skipped)
    assert isinstance(found[2], Skipped)


@pytest.mark.parametrize("updates", [[], [update(None, None)], [update(A, "code")], [{}]])
def test_a_record_that_says_one_thing_is_that_update(updates: list[dict[str, Any]]) -> None:
    """A single update comes again, even if the corrected mapping names it otherwise."""
    assert only_rejected([Stock(B, "W", 1)], {"updates": updates}, None) == [Stock(B, "W", 1)]


def test_a_code_that_is_mapped_by_now() -> None:
    """A warehouse that was rejected as a code comes again as the client id it is mapped to."""
    outcomes: list[Outcome] = [Stock(A, "wh_1", 1), Stock(A, "wh_2", 2)]
    found = only_rejected(outcomes, {"updates": [update(A, "JKT")]}, {"JKT": "wh_1", "SBY": "wh_2"})
    assert found[0] == Stock(A, "wh_1", 1)
    assert isinstance(found[1], Skipped)


def test_a_record_of_one_item_whose_identifier_could_not_be_read() -> None:
    """All of such a record comes again once the mapping is corrected, since nothing was sent."""
    outcomes: list[Outcome] = [Stock(A, "W", 1), Stock(A, "V", 2)]
    assert only_rejected(outcomes, {"updates": [update(None, None)]}, None) == outcomes


def test_a_record_of_several_items_sends_none_that_may_have_been_sent() -> None:
    """It cannot be known which of two items had no identifier, so the record is rejected again."""
    outcomes: list[Outcome] = [Stock(A, None, 1), Stock(B, None, 2)]
    *found, lost = only_rejected(outcomes, {"updates": [update(None, None)]}, None)
    assert [type(each) for each in found] == [Skipped, Skipped]
    assert isinstance(lost, RecordError)
    assert (lost.code, lost.identifier) == ("NOT_FOUND_AGAIN", None)


PAIRS = st.tuples(st.sampled_from([A, B]), st.sampled_from([None, "W", "V"]))


@settings(deadline=None)
@given(st.lists(PAIRS, min_size=2, max_size=6, unique=True), st.sets(PAIRS))
def test_exactly_the_rejected_updates_come_again(
    said: list[tuple[Identifier, str | None]], rejected: set[tuple[Identifier, str | None]]
) -> None:
    """Each outcome is sent if it was rejected and skipped if not; what is not there is said."""
    outcomes: list[Outcome] = [Stock(*pair, 1) for pair in said]
    found = only_rejected(outcomes, {"updates": [update(*pair) for pair in rejected]}, None)
    lost = found[len(outcomes) :]
    assert {(each.identifier, each.location) for each in lost if isinstance(each, RecordError)} == (
        rejected - set(said)
    )
    for before, after in zip(outcomes, found, strict=False):
        assert isinstance(before, Stock)
        if (before.identifier, before.location) in rejected:
            assert after == before
        else:
            assert isinstance(after, Skipped)
