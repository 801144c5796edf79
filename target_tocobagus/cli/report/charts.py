"""Charts as values: where each bar, dot and line is. The template writes them as SVG; pure.

A chart is 640 by 160 units; its scale begins at 0, and its top is the largest value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH: Final = 640.0
HEIGHT: Final = 160.0
_GAP: Final = 0.2
_WIDEST: Final = 80.0
_LEAST: Final = 1.5
"""A value above 0 is at least so high, so that it is seen."""
_MOST_LABELS: Final = 8


class Column(NamedTuple):
    """What stands at one place of the axis.

    Attributes:
        label: Below the axis.
        title: All of it, as a text.
        parts: The values, from the axis up, by the class of their colour.
    """

    label: str
    title: str
    parts: Mapping[str, float]


class Bar(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


class Point(NamedTuple):
    """A place, with its text."""

    x: float
    y: float
    title: str


class Label(NamedTuple):
    """A text at a place of the axis."""

    x: float
    text: str


class Chart(NamedTuple):
    """A drawing.

    Attributes:
        top: The value at its upper edge.
        line: Points that a line connects.
        dots: Points that stand alone.
    """

    top: float
    labels: list[Label]
    bars: list[Bar]
    line: list[Point]
    dots: list[Point]


def bars(columns: Sequence[Column]) -> Chart:
    """Draw a bar for each column, its parts one above the other."""
    top = max([sum(column.parts.values()) for column in columns], default=0) or 1
    step = WIDTH / max(1, len(columns))
    drawn = []
    for place, column in enumerate(columns):
        below = 0.0
        for kind, value in column.parts.items():
            height = max(_LEAST, value / top * HEIGHT) if value else 0.0
            below += height
            width = min(_WIDEST, (1 - _GAP) * step)
            x = (place + 0.5) * step - width / 2
            if height:
                y = max(0.0, HEIGHT - below)
                drawn.append(Bar(_r(x), _r(y), _r(width), _r(height), kind, column.title))
    return Chart(top, _labels([column.label for column in columns], step), drawn, [], [])


def lines(columns: Sequence[Column], line: str, dots: str) -> Chart:
    """Draw one part of each column as a line, and another as dots."""
    top = max([max(column.parts.values()) for column in columns], default=0) or 1
    step = WIDTH / max(1, len(columns))

    def points(kind: str) -> list[Point]:
        return [
            Point(
                _r((place + 0.5) * step),
                _r(HEIGHT - column.parts[kind] / top * HEIGHT),
                column.title,
            )
            for place, column in enumerate(columns)
        ]

    labels = _labels([column.label for column in columns], step)
    return Chart(top, labels, [], points(line), points(dots))


def _labels(texts: Sequence[str], step: float) -> list[Label]:
    """Choose some of the labels, so that they do not touch; equal neighbours are named once."""
    every = -(-len(texts) // _MOST_LABELS) or 1
    chosen: list[Label] = []
    for place in range(0, len(texts), every):
        if not chosen or chosen[-1].text != texts[place]:
            chosen.append(Label(_r((place + 0.5) * step), texts[place]))
    return chosen


def _r(value: float) -> float:
    return round(value, 1)
