"""A line of JSON becomes values exactly, or is a ValueError; nothing else."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_tocobagus.core.json_lines import bounded, decode_line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Decimal("0.1")),
        ("12.000", Decimal("12.000")),
        ("1e400", Decimal("1e400")),
        ("1E-400", Decimal("1e-400")),
        ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        ("9007199254740993", 9007199254740993),
        ("-9223372036854775809", -9223372036854775809),
        ("18446744073709551617", 18446744073709551617),
        ("1" * 60, int("1" * 60)),
        ("-0", 0),
    ],
)
@pytest.mark.parametrize("around", ["{}", "[{}]", "[{}, NaN]"])
def test_numbers_are_exact(text: str, value: Any, around: str) -> None:
    """A number is exactly what is written, also where only the lenient reader gets through."""
    found = decode_line(around.replace("{}", text).encode())
    number = found[0] if isinstance(found, list) else found
    assert (number, type(number)) == (value, type(value))
    assert str(number) == str(value)


@pytest.mark.parametrize(
    "text", ["1e99999999999999999999", "-1e99999999999999999999", "9" * 101, "-" + "9" * 6000]
)
@pytest.mark.parametrize("around", ["[{}]", "[{}, NaN]"])
def test_a_number_beyond_all_measure_stays_text(text: str, around: str) -> None:
    """A number that cannot be a stock is kept as it is written, and costs no time."""
    number = decode_line(around.replace("{}", text).encode())[0]
    assert str(number) == text


def test_what_python_reads_and_json_does_not_know() -> None:
    """NaN and the infinities of lenient taps are read."""
    found = decode_line(b"[NaN, Infinity, -Infinity]")
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'"\\ud800"', "\ud800"),
        (b'"\xff"', "\udcff"),
        (b'"\xc3\xa9"', "é"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\xed\xa0\x80"', "\udced\udca0\udc80"),
        (b' {"a" : 1}\r', {"a": 1}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"\xff":1}', {"\udcff": 1}),
    ],
)
def test_texts(line: bytes, value: Any) -> None:
    """Texts are read as UTF-8; other bytes become lone surrogates."""
    assert decode_line(line) == value


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"{'a':1}",
        b"[1,]",
        b"01",
        b"1.",
        b".5",
        b"+1",
        b'"\n"',
        b"{}{}",
        b"\xff",
    ],
)
def test_what_is_no_json(line: bytes) -> None:
    """A line that is not JSON is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011  # reading.py says what the user sees
        decode_line(line)


@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_what_is_nested_deeply_is_passed_over(depth: int, left: str, right: str) -> None:
    """What stands beside it is read as it is, on both sides, also where brackets are text."""
    deep = left * depth + "1" + right * depth
    line = f'{{"before": "[]{{", "deep": {deep}, "text": "\\"}}]", "after": [1.50]}}'.encode()
    found = decode_line(line)
    del found["deep"]
    assert found == {"before": "[]{", "text": '"}]', "after": [Decimal("1.50")]}


@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
@pytest.mark.parametrize("ending", ["", "]", '}"', "]]"])
def test_what_is_nested_deeply_and_does_not_end_is_an_error(depth: int, ending: str) -> None:
    """A torn line is not JSON, however deep it nests."""
    with pytest.raises(ValueError):  # noqa: PT011  # whatever a decoder says of it
        decode_line(b"[" * depth + ending.encode())


def test_the_depths_of_decoded_json_are_left_out() -> None:
    """An empty object stands in their place, which is neither null nor a text."""
    assert bounded({"a": [1, {"b": [2]}], "c": None}, 2) == {"a": [1, {}], "c": None}


@settings(deadline=None)
@given(
    st.binary(max_size=40) | st.text('[]{}":,0123456789.eE+-\\ud8NaN', max_size=30).map(str.encode)
)
@example(b"[" * 1000)
def test_any_bytes_are_read_or_a_value_error(line: bytes) -> None:
    """No bytes raise anything but ValueError."""
    try:
        decode_line(line)
    except ValueError:
        return


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_decoding_gives_back_what_was_written(value: Any, ascii_only: Any) -> None:
    """What a tap writes is what is read."""
    assert decode_line(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_keep_each_digit(number: Decimal) -> None:
    """A number keeps its digits, trailing zeros too."""
    text = f"{number:E}" if "E" in str(number) else str(number)
    found = decode_line(f"[{text}]".encode())[0]
    assert found == number
    if "." in text:
        assert str(found) == str(Decimal(text))
