"""Rows that wait for their pair: of each match and location the newest, at the lowest position."""

from __future__ import annotations

from typing import Any, Final

from target_tocobagus.completion.waiting_rows import WaitingRow, WaitingRows
from target_tocobagus.core.model import Level, Stream

STREAM: Final = Stream("levels", b"{}", entry="e")
KIND: Final[Any] = "items.id"


def row(match: str, position: int, quantity: int = 1, **more: Any) -> WaitingRow:
    """Make a row."""
    place, stream = more.pop("place", "A"), more.pop("stream", STREAM)
    level = Level(quantity, position, stream, b"line", **more)
    return WaitingRow((KIND, match), place, level, position)


def test_the_newest_row_of_a_match_and_location_waits() -> None:
    """It holds the position of those that it has superseded."""
    rows = WaitingRows()
    added = rows.add([row("1", 3, 5), row("1", 4, 6, place="B"), row("1", 5, 7)])
    assert (added.superseded, added.stale, rows.count, rows.lowest) == (1, 0, 2, 3)
    assert rows.add([row("1", 6, 8), row("2", 7)]).superseded == 1
    assert (rows.count, rows.lowest) == (3, 3)
    found = rows.take(KIND, ["1"])
    assert [(each.level.quantity, each.location, each.low) for each in found] == [
        (6, "B", 4),
        (8, "A", 3),
    ]
    assert (found[1].level.stream, found[1].level.line) == (STREAM, b"line")
    assert (rows.count, rows.lowest) == (1, 7)
    assert rows.take(KIND, ["1"]) == []


def test_an_older_version_does_not_wait() -> None:
    """Versions of one stream and mapping are compared; others are not."""
    rows = WaitingRows()
    rows.add([row("1", 1, 5, version="n 2")])
    added = rows.add([row("1", 2, 6, version="n 1"), row("1", 3, 7, version="n 3")])
    assert (added.superseded, added.stale) == (1, 1)
    other = Stream("other", b"{}", entry="f")
    rows.add([row("1", 4, 8, version="n 1", stream=other)])
    assert [each.level.quantity for each in rows.oldest()] == [8]


def test_a_deleted_row_without_a_version_has_that_of_before() -> None:
    """A row that is older than that does not wait in its place."""
    rows = WaitingRows()
    for each in (row("1", 1, 5, version="n 5"), row("1", 2, 0), row("1", 3, 4, version="n 4")):
        rows.add([each])
    assert [each.level.quantity for each in rows.oldest()] == [0]


def test_the_oldest_rows_are_taken_out_some_at_a_time() -> None:
    """Until none is left."""
    rows = WaitingRows()
    rows.add([row(str(number), number, place=None) for number in range(1, 2501)])
    counts = []
    while found := rows.oldest():
        counts.append(len(found))
        rows.remove(found)
    assert counts == [1000, 1000, 500]
    assert (rows.count, rows.lowest) == (0, None)
    assert rows.take(KIND, ["1"]) == []
