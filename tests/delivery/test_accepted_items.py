"""Of what the API accepted the newest hundred are kept, each with the last value."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.core.model import Item
from target_tocobagus.delivery.accepted_items import AcceptedItems

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "accept", "accept", "forget"]),
        st.lists(st.integers(0, 260), unique=True, max_size=220),
    ),
    max_size=8,
)


def items(numbers: list[int], value: int) -> list[Item]:
    """Make items of a value."""
    return [Item(("sku", str(number)), {}, 1, b"%d" % value) for number in numbers]


@settings(deadline=None)
@given(STEPS)
def test_the_newest_hundred_are_kept_with_their_last_value(
    steps: list[tuple[str, list[int]]],
) -> None:
    """Whatever was accepted and refused, no older value is kept, and nothing that was refused."""
    found = AcceptedItems()
    expected: dict[str, bytes] = {}
    for value, (what, numbers) in enumerate(steps):
        said = items(numbers, value)
        for item in said:
            expected.pop(item.identifier[1], None)
        if what == "accept":
            found.accept(said)
            expected.update({item.identifier[1]: item.encoded for item in said})
            expected = dict(list(expected.items())[-100:])
        else:
            found.forget(said)
    kept = [(item.identifier[1], item.encoded) for item in found.newest_first(5)]
    assert kept == list(reversed(expected.items()))
    assert len(found) == len(expected)


def test_what_is_sent_again_holds_no_update_and_the_position_that_it_is_sent_for() -> None:
    """The row of such a request counts for nothing in the sums."""
    found = AcceptedItems()
    found.accept(items([1], 7))
    (item,) = found.newest_first(42)
    assert (item.levels, item.low, item.encoded) == ({}, 42, b"7")
