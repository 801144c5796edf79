"""Pieces become lines, however they are cut; an endless line is not kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.singer.line_cutter import LineCutter, LineTooLongError


@given(st.lists(st.lists(st.sampled_from([b"a", b"\n", b"bc"])).map(b"".join)))
def test_the_lines_do_not_depend_on_the_pieces(pieces: list[bytes]) -> None:
    """They are those of the whole; what follows the last line's end is the rest."""
    cutter = LineCutter()
    lines = [line for piece in pieces for line in cutter.cut(piece)]
    whole = b"".join(pieces).split(b"\n")
    assert lines == whole[:-1]
    assert cutter.rest() == [line for line in whole[-1:] if line]


def test_an_endless_line_is_given_up() -> None:
    """Of a line that does not end no more is kept than its limit; shorter ones may be many."""
    cutter = LineCutter(longest=10)
    for _ in range(100):
        cutter.cut(b"12345\n")
    cutter.cut(b"1234567890")
    with pytest.raises(LineTooLongError, match="longer than"):
        cutter.cut(b"1")
