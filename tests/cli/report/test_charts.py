"""Charts: each value has its place, within the drawing, and in proportion."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.cli.report.charts import HEIGHT, WIDTH, Column, bars, lines

VALUES = st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), max_size=40)


def columns(values: list[tuple[float, float]]) -> list[Column]:
    """Make columns of two parts."""
    return [
        Column(f"2026-11-{place:02}", f"title {place}", {"one": one, "two": two})
        for place, (one, two) in enumerate(values)
    ]


@given(VALUES)
def test_all_is_within_the_drawing(values: list[tuple[float, float]]) -> None:
    """No bar, point or label leaves it, and a value above 0 is seen."""
    drawn, drawn_lines = bars(columns(values)), lines(columns(values), "one", "two")
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.2
        assert 0 <= bar.y <= HEIGHT
        assert bar.height > 0
    assert len(drawn.bars) == sum((one > 0) + (two > 0) for one, two in values)
    for point in [*drawn_lines.line, *drawn_lines.dots]:
        assert 0 <= point.x <= WIDTH
        assert -0.1 <= point.y <= HEIGHT
    assert len(drawn.labels) <= 8
    assert all(0 <= label.x <= WIDTH for label in drawn.labels)


def test_parts_stand_one_above_the_other() -> None:
    """The highest column reaches the top, and the others are in proportion."""
    drawn = bars(columns([(50, 50), (25, 0)]))
    first, second, third = drawn.bars
    assert (first.y, first.height) == (HEIGHT / 2, HEIGHT / 2)
    assert (second.y, second.height) == (0, HEIGHT / 2)
    assert (third.y, third.height) == (HEIGHT * 3 / 4, HEIGHT / 4)
    assert drawn.top == 100
    assert (third.kind, third.title) == ("one", "title 1")


def test_lines_and_dots_are_two_parts() -> None:
    """In one scale."""
    drawn = lines(columns([(10, 5), (0, 0)]), "one", "two")
    assert [point.y for point in drawn.line] == [0, HEIGHT]
    assert [point.y for point in drawn.dots] == [HEIGHT / 2, HEIGHT]


def test_equal_labels_are_written_once() -> None:
    """Runs of one day share its label."""
    same = [Column("2026-11-26", "", {"one": 1.0})] * 3
    assert [label.text for label in bars(same).labels] == ["2026-11-26"]


def test_nothing_is_drawn_of_nothing() -> None:
    """An empty chart has a scale all the same."""
    assert bars([]) == (1, [], [], [], [])
