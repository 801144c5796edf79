"""Pieces become lines, however they are cut; an endless line is not kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.singer.line_cutter import LineCutter, LineTooLongError


@given(st.lists(st.lists(st.sampled_from([b"a", b"\n", b"bc", b" "])).map(b"".join)))
def test_the_lines_do_not_depend_on_the_pieces(parts: list[bytes]) -> None:
    """They are those of the whole, but for white space at their ends; then comes the rest."""
    cutter = LineCutter()
    lines = [line.strip() for part in parts for line in cutter.cut(part)]
    whole = [line.strip() for line in b"".join(parts).split(b"\n")]
    assert lines == whole[:-1]
    assert b"".join(cutter.rest()).strip() == whole[-1]


def test_blank_lines_are_not_cut_one_by_one() -> None:
    """Only so is a file of hundreds of millions soon read: they are all one object."""
    assert len({*map(id, LineCutter().cut(b" \r\n" * 1000))}) == 1


def test_an_endless_line_is_given_up() -> None:
    """Of a line that does not end no more is kept than its limit; shorter ones may be many."""
    cutter = LineCutter(longest=10)
    for _ in range(100):
        cutter.cut(b"12345\n")
    cutter.cut(b"1234567890")
    with pytest.raises(LineTooLongError, match="longer than"):
        cutter.cut(b"1")
