"""What follows from memory, by tables."""

from __future__ import annotations

from typing import Any, Final

import pytest

from target_tocobagus.core.versions import is_older
from target_tocobagus.ledger.levels.levels import Known
from target_tocobagus.ledger.levels.rules import doubted, is_recent, judge, marked_in, newer
from tests.ledger.desk import NOW, A, item

HOUR: Final = 3_600_000
KEEP: Final = 180 * HOUR
AGO: Final = NOW - HOUR


def known(place: str = "", **changes: Any) -> Known:
    """What is known of a level: 5, an hour ago, by batch 3, version 4 of source 1."""
    values: dict[str, Any] = {
        "quantity": 5,
        "accepted_at": AGO,
        "batch": 3,
        "doubt": None,
        "version": "n 4",
        "source": 1,
    }
    return Known(A[1], place, **values | changes)


JUDGED: Final[list[tuple[str, dict[str, Any], list[Known], str]]] = [
    ("nothing is known", {}, [], "send"),
    ("equal", {}, [known()], "unchanged"),
    ("another quantity", {"quantity": 6}, [known()], "send"),
    ("in doubt", {}, [known(doubt=7)], "send"),
    ("no value was accepted", {"quantity": 0}, [known(quantity=None, accepted_at=None)], "send"),
    ("accepted long ago", {}, [known(accepted_at=NOW - KEEP)], "send"),
    ("accepted in the future", {}, [known(accepted_at=NOW + 1)], "send"),
    ("another level is equal", {}, [known("A")], "send"),
    ("a warehouse of an equal global", {"place": "A"}, [known()], "send"),
    ("an older version", {"version": "n 3", "quantity": 6}, [known()], "stale"),
    ("an older version, equal", {"version": "n 3"}, [known()], "stale"),
    ("an older version, in doubt", {"version": "n 3"}, [known(doubt=7)], "stale"),
    ("an older version than a doubtful one", {"version": "n 3"}, [known(quantity=None)], "stale"),
    ("the same version", {"version": "n 4.0", "quantity": 6}, [known()], "send"),
    ("the same version, equal", {"version": "n 4.0"}, [known()], "unchanged"),
    ("a newer version, equal", {"version": "n 10"}, [known()], "unchanged"),
    ("an older version of another source", {"version": "n 3"}, [known(source=2)], "unchanged"),
    ("an older one of another kind", {"version": "t 2026"}, [known()], "unchanged"),
    ("without versions before", {"version": "n 3"}, [known(version=None)], "unchanged"),
    ("rejected before the acceptance", {"rejected_at": AGO - 1}, [known()], "stale"),
    ("rejected after the acceptance", {"rejected_at": AGO + 1, "quantity": 6}, [known()], "send"),
    ("rejected before, and in doubt", {"rejected_at": AGO - 1}, [known(doubt=7)], "stale"),
    ("rejected before a later global", {"rejected_at": 1, "place": "A"}, [known()], "stale"),
    ("rejected global before a warehouse", {"rejected_at": 1}, [known("A")], "stale"),
    ("rejected before another warehouse", {"rejected_at": 1, "place": "B"}, [known("A")], "send"),
]


@pytest.mark.parametrize(
    ("update", "memory", "verdict"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED]
)
def test_an_update_beside_what_is_known(
    update: dict[str, Any], memory: list[Known], verdict: str
) -> None:
    """Unchanged only if the API is known to have it; stale if a newer version was there."""
    place = update.pop("place", None)
    quantity = update.pop("quantity", 5)
    level = item(levels={place: quantity}, **update).levels[place]
    by_place = {each.location: each for each in memory}
    key = (*A, place or "")
    assert judge(key, level, 1, by_place, now=NOW, keep=KEEP) == verdict


@pytest.mark.parametrize(
    ("hours", "keep", "is_so"),
    [(0, 180, True), (134, 180, True), (181, 180, False), (0, 0, False), (-1, 180, False)],
)
def test_how_long_an_acceptance_is_recent(hours: int, keep: int, *, is_so: bool) -> None:
    """Up to three quarters of `resend_hours` surely, after it surely not, and never tomorrow."""
    accepted_at = NOW - hours * HOUR
    assert is_recent((*A, ""), accepted_at, NOW, keep * HOUR) == is_so


def test_levels_of_one_day_do_not_all_fall_due_at_once() -> None:
    """After 5/6 of the time, about a third of them do, and always the same ones."""
    keys = [("sku", str(number), "") for number in range(3000)]
    due = [key for key in keys if not is_recent(key, NOW - KEEP * 5 // 6, NOW, KEEP)]
    assert 900 < len(due) < 1100
    assert due == [key for key in keys if not is_recent(key, NOW - KEEP * 5 // 6, NOW, KEEP)]


@pytest.mark.parametrize(
    ("version", "other", "is_so"),
    [
        ("n 1", "n 2", True),
        ("n 2", "n 10", True),
        ("n 10", "n 2", False),
        ("n 2", "n 2.0", False),
        ("n -3", "n -2.5", True),
        ("n 1e3", "n 1001", True),
        ("n 9007199254740992", "n 9007199254740993", True),
        ("n 0.1", "n 0.10000000000000000000001", True),
        ("n 1", "n 1e999999", True),
        ("t 2026-01-01T00:00:00.000000", "t 2026-01-01T00:00:00.000001", True),
        ("t 2026-01-01T00:00:00.000000", "t 2026-01-01T00:00:00.000000", False),
        ("n 1", "t 2026-01-01T00:00:00.000000", False),
        ("t 2026-01-01T00:00:00.000000", "n 9", False),
        ("", "n 9", False),
        ("n 9", "", False),
        ("", "", False),
    ],
)
def test_which_version_is_older(version: str, other: str, *, is_so: bool) -> None:
    """By value, exactly, and only within one kind."""
    assert is_older(version, other) == is_so


SENT: Final[tuple[str, int | None]] = ("n 6", 1)
DOUBTED: Final[list[tuple[str, list[str], list[Known], list[Known]]]] = [
    (
        "a first one",
        [""],
        [],
        [known("", quantity=None, accepted_at=None, batch=None, version="n 6")],
    ),
    ("a known one", [""], [known()], [known("", version="n 6")]),
    (
        "a newer version is kept",
        ["A"],
        [known("A", version="n 8")],
        [known("A", version="n 8")],
    ),
    (
        "a global may have changed each warehouse",
        [""],
        [known("A"), known("B")],
        [
            known("", quantity=None, accepted_at=None, batch=None, version="n 6"),
            known("A"),
            known("B"),
        ],
    ),
    (
        "a warehouse may have ended the global, and not another warehouse",
        ["A"],
        [known(), known("B")],
        [known("A", quantity=None, accepted_at=None, batch=None, version="n 6"), known("")],
    ),
]


@pytest.mark.parametrize(
    ("sent", "memory", "expected"), [row[1:] for row in DOUBTED], ids=[row[0] for row in DOUBTED]
)
def test_what_is_in_doubt_after_an_attempt(
    sent: list[str], memory: list[Known], expected: list[Known]
) -> None:
    """What was accepted stays, with a mark of the run, on all that may have changed."""
    by_place = {each.location: each for each in memory}
    levels = doubted(A[1], dict.fromkeys(sent, SENT), by_place)
    assert {each.location: each for each in levels} == {each.location: each for each in expected}


@pytest.mark.parametrize(
    ("sent", "at", "expected"),
    [
        (("n 6", 1), known(), ("n 6", 1)),
        (("n 3", 1), known(), ("n 4", 1)),
        (("n 3", 2), known(), ("n 3", 2)),
        (("", 2), known(), ("n 4", 1)),
        (("t 2026", 1), known(), ("t 2026", 1)),
        (("n 3", 1), known(version=None, source=None), ("n 3", 1)),
    ],
)
def test_which_version_a_level_has_then(sent: Any, at: Known, expected: Any) -> None:
    """The newer one of a source; what another source left counts as older."""
    assert newer(sent, at) == expected


def test_a_mark_is_of_its_run() -> None:
    """That of an earlier run can be lifted, that of this run cannot."""
    memory = {"": known(), "A": known("A", doubt=8)}
    assert marked_in(8, memory)
    assert not marked_in(9, memory)
