"""Of what the API accepted the newest hundred are kept, each with the last value."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.core.model import Level, Stream
from target_tocobagus.delivery.accepted_items import AcceptedItems
from target_tocobagus.window.pending import Item

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "accept", "accept", "forget"]),
        st.lists(st.integers(0, 260), unique=True, max_size=220),
    ),
    max_size=8,
)


def items(numbers: list[int], value: int) -> list[Item]:
    """Make items of a value."""
    return [
        Item(("sku", str(number)), {None: Level(value, 1, Stream("stock"), b"a record")}, 1)
        for number in numbers
    ]


@settings(deadline=None)
@given(STEPS)
def test_the_newest_hundred_are_kept_with_their_last_value(
    steps: list[tuple[str, list[int]]],
) -> None:
    """Whatever was accepted and refused, no older value is kept, and nothing that was refused."""
    found = AcceptedItems()
    expected: dict[str, int] = {}
    for value, (what, numbers) in enumerate(steps):
        said = items(numbers, value)
        for item in said:
            expected.pop(item.identifier[1], None)
        if what == "accept":
            found.accept(said)
            expected.update({item.identifier[1]: value for item in said})
            expected = dict(list(expected.items())[-100:])
        else:
            found.forget(said)
    kept = [(item.identifier[1], item.levels[None].quantity) for item in found.newest_first(5)]
    assert kept == list(reversed(expected.items()))
    assert len(found) == len(expected)
    lows = {(item.low, item.levels[None].line) for item in found.newest_first(5)}
    assert lows <= {(5, b"")}
