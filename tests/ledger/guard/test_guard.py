"""What the guard counts, and which stock-out is one too many."""

from __future__ import annotations

from typing import Any, Final

import pytest

from target_tocobagus.ledger.guard.guard import Count, Span, may_move, span_of, stock_outs, taken_by
from target_tocobagus.ledger.levels.levels import GLOBAL, Known
from tests.ledger.desk import NOW, item

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
SPAN: Final = span_of(NOW, None, fired=False)


def memory(**levels: Any) -> dict[str, Known]:
    """Make what is known of an item: a quantity, or fields, by location (`g` for the global)."""
    known = {}
    for name, said in levels.items():
        place = GLOBAL if name == "g" else name
        fields = said if isinstance(said, dict) else {"quantity": said}
        known[place] = Known("a", place, **{"accepted_at": NOW - HOUR, **fields})
    return known


@pytest.mark.parametrize(
    ("zeroed", "in_stock", "percent", "exceeds"),
    [
        (6, 14, 30, False),
        (7, 13, 30, True),
        (6, 13, 0, False),
        (19, 0, 0, False),
        (20, 0, 99, True),
        (1, 19, 0, True),
        (1, 19, 5, False),
        (0, 20, 0, False),
        (30, 70, 30, False),
        (31, 70, 30, True),
        (0, 0, 0, False),
    ],
)
def test_a_share_is_too_large(zeroed: int, in_stock: int, percent: int, *, exceeds: bool) -> None:
    """The share of what fell to 0 may reach the percentage; below a base of 20 nothing is held."""
    assert Count(zeroed, in_stock).exceeds(percent) is exceeds


@pytest.mark.parametrize(
    ("guard_from", "fired", "ago", "counts"),
    [
        (None, False, 0, True),
        (None, False, 20 * HOUR - 1, True),
        (None, False, 20 * HOUR, False),
        (None, True, 20 * HOUR, False),
        (NOW - 5 * HOUR, False, 5 * HOUR, False),
        (NOW - 5 * HOUR, False, 5 * HOUR - 1, True),
        (NOW - DAY, False, 21 * HOUR, False),
        (NOW - 40 * DAY, True, 39 * DAY, True),
        (NOW - 40 * DAY, True, 40 * DAY, False),
        (None, False, -10 * HOUR, True),
        (None, False, -20 * HOUR - 1, False),
        (NOW + 100 * DAY, False, HOUR, True),
        (NOW + 10 * HOUR, False, HOUR, False),
        (NOW + 10 * HOUR, False, -10 * HOUR - 1, True),
        (NOW + 10 * HOUR, False, -30 * HOUR, True),
    ],
)
def test_a_stock_out_counts_for_a_time(
    guard_from: int | None, ago: int, *, fired: bool, counts: bool
) -> None:
    """For 20 hours, or as long as the guard has fired; not if it was let through.

    A clock may be corrected between two runs: a time a little ahead is not long ago.
    """
    span = span_of(NOW, guard_from, fired=fired)

    assert span.is_zeroed(memory(g={"quantity": 0, "zeroed_at": NOW - ago})[GLOBAL]) is counts


@pytest.mark.parametrize(
    ("known", "span", "counts"),
    [
        ({"quantity": 5}, SPAN, True),
        ({"quantity": 0}, SPAN, False),
        ({"quantity": None}, SPAN, False),
        ({"quantity": 5, "accepted_at": None}, SPAN, False),
        ({"quantity": 5, "accepted_at": NOW - 30 * DAY}, SPAN, True),
        ({"quantity": 5, "accepted_at": NOW - 30 * DAY - 1}, SPAN, False),
        ({"quantity": 5, "accepted_at": NOW + HOUR}, SPAN, True),
        ({"quantity": 5, "accepted_at": NOW + DAY}, SPAN, False),
        ({"quantity": 5, "zeroed_at": NOW}, SPAN, False),
        ({"quantity": 5, "zeroed_at": NOW - DAY}, SPAN, True),
        (
            {"quantity": 5, "accepted_at": NOW - 69 * DAY},
            span_of(NOW, NOW - 40 * DAY, fired=True),
            True,
        ),
    ],
    ids=str,
)
def test_a_level_is_in_stock(known: dict[str, Any], span: Span, *, counts: bool) -> None:
    """It was accepted within 30 days, or within 30 days before the guard fired."""
    assert span.is_in_stock(memory(g=known)[GLOBAL]) is counts
    assert span.count([memory(g=known)]).in_stock == counts


ENDED: Final = {"quantity": 5, "accepted_at": None}


@pytest.mark.parametrize(
    ("place", "known", "taken"),
    [
        (GLOBAL, {"g": 5}, [GLOBAL]),
        (GLOBAL, {"g": 0}, []),
        (GLOBAL, {"A": 5, "B": 3, "C": 0}, ["A", "B"]),
        (GLOBAL, {}, []),
        (GLOBAL, {"g": ENDED, "B": 3}, ["B"]),
        ("A", {"g": ENDED, "B": 3}, ["A"]),
        ("A", {"A": 5}, ["A"]),
        ("A", {"A": 0}, []),
        ("A", {"g": 5}, ["A"]),
        ("A", {"g": 0}, []),
        ("A", {"g": 5, "A": 0}, []),
        ("A", {"g": 5, "A": None}, ["A"]),
        ("A", {"B": 5}, []),
    ],
)
def test_a_zero_takes_levels_from_above_zero(
    place: str, known: dict[str, Any], taken: list[str]
) -> None:
    """A global takes all warehouses; a warehouse without memory has the global stock, or had it."""
    assert taken_by(place, memory(**known)) == taken


ZEROED: Final = {"quantity": 5, "zeroed_at": NOW - HOUR}


@pytest.mark.parametrize(
    ("levels", "known", "found"),
    [
        ({None: 0}, {"g": 5}, [(None, 5, 1, -1)]),
        ({None: 1}, {"g": 5}, []),
        ({None: 0}, {"g": ZEROED}, []),
        ({None: 0}, {"A": 5, "B": 3, "C": 0}, [(None, 8, 2, -2)]),
        ({None: 0}, {"A": 5, "B": ZEROED}, [(None, 5, 1, -1)]),
        ({"A": 0, "B": 0, "C": 1}, {"A": 5, "B": 3, "C": 2}, [("A", 5, 1, -1), ("B", 3, 1, -1)]),
        ({"A": 0, "B": 0}, {"g": 5}, [("A", 5, 1, -1), ("B", 5, 1, 0)]),
        ({"A": 0}, {"g": 5, "A": None}, [("A", 5, 1, -1)]),
        ({"A": 0}, {"A": {"quantity": 5, "accepted_at": NOW - 40 * DAY}}, [("A", 5, 1, 0)]),
    ],
)
def test_stock_outs_change_the_count(
    levels: dict[str | None, int], known: dict[str, Any], found: list[tuple[Any, ...]]
) -> None:
    """Each level once; what is counted already is none."""
    outs = stock_outs(item(levels=levels), memory(**known), SPAN)
    said = [(one.place, one.old, one.change.zeroed, one.change.in_stock) for one in outs]

    assert said == found


@pytest.mark.parametrize(
    ("levels", "known", "moves"),
    [
        ({None: 7}, {"g": 5}, False),
        ({None: 0}, {"g": 0}, False),
        ({None: 0}, {"g": 5}, True),
        ({None: 5}, {"g": 0}, True),
        ({None: 5}, {"g": ZEROED}, True),
        ({None: 5}, {"g": {"quantity": 5, "accepted_at": NOW - 40 * DAY}}, True),
        ({None: 0}, {"g": {"quantity": 5, "accepted_at": NOW - 40 * DAY}}, True),
        ({None: 5}, {"A": 5}, True),
        ({"A": 5}, {"g": 5}, True),
        ({"A": 5}, {"A": 5, "B": 0}, False),
        ({"A": 5, "B": 1}, {"A": 5}, True),
        ({"A": 5}, {"A": 5, "g": {"quantity": None}}, True),
    ],
)
def test_most_answers_do_not_change_the_count(
    levels: dict[str | None, int], known: dict[str, Any], *, moves: bool
) -> None:
    """Only those that take a level to 0, or from it, are counted again."""
    assert may_move(item(levels=levels), memory(**known), SPAN) is moves
