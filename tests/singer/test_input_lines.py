"""Pieces become lines, and an input that is none of a tap's messages is recognised."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.singer.input_lines import LineCutter, LineTooLongError, encoding_of, hint

MESSAGE = '{"type":"STATE","value":{}}'


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (MESSAGE.encode("utf-16"), "UTF-16"),
        (MESSAGE.encode("utf-16-le"), "UTF-16"),
        (MESSAGE.encode("utf-16-be"), "UTF-16"),
        (b"\xef\xbb\xbf" + MESSAGE.encode(), "byte order mark"),
        (gzip.compress(MESSAGE.encode(), mtime=0), "compressed"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0", "save it as CSV"),
        (b"{", "several lines"),
        (b"[", "several lines"),
        (b'{"type": "RECORD",', "several lines"),
        (b'{"record": {', "several lines"),
        (f"[{MESSAGE}]".encode(), "array"),
        (b"[1, 2", "array"),
        (f"{MESSAGE}{MESSAGE}".encode(), "two messages"),
        (f"{MESSAGE}, {MESSAGE}\r".encode(), "two messages"),
        (f"{MESSAGE} x".encode(), "something follows"),
        (b'{"type": "REC', "incomplete"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"2026-11-25 10:00:00 INFO starting sync, 3 streams", "log"),
        (b"time=2026 level=info msg=x", "log"),
        (b"Traceback (most recent call last):", "log"),
        (b"sku,qty", "CSV"),
        (b"sku;nama barang;stok\r", "CSV"),
        (b"A-1\t5", "CSV"),
    ],
)
def test_what_came_instead_is_named(line: bytes, part: str) -> None:
    """The hint names what came instead of a message."""
    assert part in hint(line)


@pytest.mark.parametrize("line", [b"", b"hello", b"5", b"null", b"\xff", MESSAGE.encode()])
def test_where_nothing_is_likely_nothing_is_said(line: bytes) -> None:
    """A line that is not recognised gets no hint."""
    assert hint(line) == ""


@given(st.binary(max_size=300) | st.text().map(json.dumps).map(str.encode))
def test_any_line_may_be_asked_about(line: bytes) -> None:
    """A hint is given for any line, and its encoding can decode it."""
    assert isinstance(hint(line), str)
    line.decode(encoding_of(line), "replace")


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
