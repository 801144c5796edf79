"""What a tap wrote as a quantity becomes whole units, exactly, or a named refusal."""

from __future__ import annotations

import math
import re
import time
from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.config.settings import StockPolicy
from target_tocobagus.core.model import MAX_QUANTITY, RecordError, Skipped
from target_tocobagus.mapping import Quantities
from target_tocobagus.mapping.exact_numbers import NumberText

DEFAULT = StockPolicy()


def judged(value: Any, *taken: Any, mark: Any = None, **policy: Any) -> int | str:
    """Return the quantity, or the refusal's code, or ``skipped``."""
    outcome = Quantities(StockPolicy(**policy), mark).of(value, taken)
    if isinstance(outcome, RecordError):
        return outcome.code
    return "skipped" if isinstance(outcome, Skipped) else outcome


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (12, 12),
        (MAX_QUANTITY, MAX_QUANTITY),
        (MAX_QUANTITY + 1, "QUANTITY_TOO_LARGE"),
        (-3, 0),
        (Decimal("12.000"), 12),
        (Decimal("0E-10"), 0),
        (Decimal("0E+999999999"), 0),
        (Decimal("-0.0"), 0),
        (Decimal("7.999"), 7),
        (Decimal("1000000.001"), 1000000),
        (Decimal("1E+3"), 1000),
        (Decimal("1e-400"), 0),
        (Decimal("9007199254740991.5"), "QUANTITY_TOO_LARGE"),
        (Decimal("9007199254740991.00000000000000000000000000000000001"), "QUANTITY_TOO_LARGE"),
        (Decimal("9007199254740990.99999999999999999999999999999999999"), MAX_QUANTITY),
        (Decimal("9007199254740990.99"), MAX_QUANTITY - 1),
        (Decimal("1e999999999"), "QUANTITY_TOO_LARGE"),
        (Decimal("-1e999999999"), 0),
        (Decimal("NaN"), "BAD_QUANTITY"),
        (Decimal("sNaN"), "BAD_QUANTITY"),
        (Decimal("Infinity"), "BAD_QUANTITY"),
        (7.5, 7),
        (-0.0, 0),
        (1e-07, 0),
        (1e300, "QUANTITY_TOO_LARGE"),
        (math.nan, "BAD_QUANTITY"),
        (math.inf, "BAD_QUANTITY"),
        (-math.inf, "BAD_QUANTITY"),
        (True, "BAD_QUANTITY"),
        (False, "BAD_QUANTITY"),
        ([5], "BAD_QUANTITY"),
        ([], "BAD_QUANTITY"),
        ({}, "BAD_QUANTITY"),
        (datetime(2025, 1, 1, tzinfo=timezone.utc), "BAD_QUANTITY"),
        (None, "skipped"),
        ("", "skipped"),
        (" \t\n", "skipped"),
    ],
)
def test_a_value_becomes_whole_units_or_a_refusal(value: Any, expected: int | str) -> None:
    """A number is floored and kept within 0 and 2^53 - 1; null is nothing; the rest is refused."""
    assert judged(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        (" 5 ", 5),
        ("\u00a05\n", 5),
        ("+5", 5),
        ("-3", 0),
        ("007", 7),
        ("7.5", 7),
        ("12.00", 12),
        ("0.250", 0),
        ("1234.500", 1234),
        ("1.2500", 1),
        ("1.250e3", 1250),
        ("1.250", "AMBIGUOUS_QUANTITY"),
        ("12.000", "AMBIGUOUS_QUANTITY"),
        (" -999.999 ", "AMBIGUOUS_QUANTITY"),
        ("1e3", 1000),
        ("1E+3", 1000),
        ("1e-07", 0),
        ("0e99999999999999999999999", 0),
        ("1e999999999", "QUANTITY_TOO_LARGE"),
        ("1e99999999999999999999999", "QUANTITY_TOO_LARGE"),
        ("-1e99999999999999999999999", 0),
        ("1e-99999999999999999999999", "BAD_QUANTITY"),
        ("9007199254740991", MAX_QUANTITY),
        ("9007199254740992", "QUANTITY_TOO_LARGE"),
        ("1,250", "AMBIGUOUS_QUANTITY"),
        ("1.250,00", "AMBIGUOUS_QUANTITY"),
        ("1.250.000", "AMBIGUOUS_QUANTITY"),
        ("1_000", "BAD_QUANTITY"),
        ("٣", "BAD_QUANTITY"),
        ("³", "BAD_QUANTITY"),
        ("1 000", "BAD_QUANTITY"),
        ("N/A", "BAD_QUANTITY"),
        ("=C2+1", "BAD_QUANTITY"),
        ("5.", "BAD_QUANTITY"),
        (".5", "BAD_QUANTITY"),
        ("0x10", "BAD_QUANTITY"),
        ("nan", "BAD_QUANTITY"),
        ("Infinity", "BAD_QUANTITY"),
        ("true", "BAD_QUANTITY"),
        ("- 3", "BAD_QUANTITY"),
        ("--3", "BAD_QUANTITY"),
        ("5 pcs", "BAD_QUANTITY"),
        ("\ud800", "BAD_QUANTITY"),
        ("\x005", "BAD_QUANTITY"),
    ],
)
def test_a_text_is_read_by_one_narrow_grammar(text: str, expected: int | str) -> None:
    """Digits with one point and an exponent are a number; what may mean two things is refused."""
    assert judged(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1,5", 1),
        ("1250", 1250),
        ("1,250", 1),
        ("2,5e1", 25),
        ("7.5", "AMBIGUOUS_QUANTITY"),
        ("1.250,00", "AMBIGUOUS_QUANTITY"),
        (Decimal("7.5"), 7),
        (7.5, 7),
    ],
)
def test_a_decimal_comma_is_opted_into(value: Any, expected: int | str) -> None:
    """With `decimal_mark: ","` a text's point is refused; real numbers are as they were."""
    assert judged(value, mark=",") == expected


@pytest.mark.parametrize("text", ["1.250", "12.000", "-999.999"])
def test_a_point_before_three_digits_is_explained(text: str) -> None:
    """A text that may mean thousands is a number once `decimal_mark` or the SCHEMA says so."""
    refused = Quantities(DEFAULT).of(text)
    assert isinstance(refused, RecordError)
    assert "decimal_mark" in refused.message
    assert judged(text, mark=".") == judged(NumberText(text)) == max(int(Decimal(text)), 0)
    assert judged(10**6, text) == judged(10**6, text, mark=",") == "AMBIGUOUS_QUANTITY"
    assert judged(10**6, NumberText(text)) == math.floor(10**6 - Decimal(text))


@pytest.mark.parametrize(
    ("value", "taken", "policy", "expected"),
    [
        (Decimal("2.9999999999999996"), [], {}, 3),
        (2.9999999999999996, [], {}, 3),
        (Decimal("0.9999999999999999"), [], {"rounding": "reject"}, 1),
        (Decimal("11.999999999999998"), [], {"stock_buffer": 2}, 10),
        (Decimal("3.0000000000000004"), [], {"rounding": "reject"}, 3),
        (Decimal("3.2999999999999998"), [Decimal("0.3")], {"rounding": "reject"}, 3),
        ("3.2999999999999998", [Decimal("0.3")], {}, 3),
        (3, [Decimal("2.0000000000000004")], {}, 1),
        (Decimal("-4.440892098500626e-16"), [], {"negative_stock": "reject"}, 0),
        (Decimal("0.3"), [Decimal("0.30000000000000004")], {"negative_stock": "reject"}, 0),
        ("2.9999999999999996", [], {}, 2),
        ("0.9999999999999999", [], {}, 0),
        ("2.9999999999999996", [Decimal("1.0")], {}, 1),
        ("-4.4e-16", [], {"negative_stock": "reject"}, "NEGATIVE_STOCK"),
        (Decimal("0.999999999"), [], {}, 1),
        (Decimal("0.9999999989"), [], {}, 0),
        (Decimal("1000000000.999"), [], {}, 1000000001),
        (Decimal("1000000000.9989"), [], {}, 1000000000),
        (Decimal("2.5"), [], {}, 2),
    ],
)
def test_the_dust_of_binary_arithmetic_is_no_fraction(
    value: Any, taken: list[Any], policy: Any, expected: int | str
) -> None:
    """Near a whole number is that number if a JSON number with a fraction took part."""
    assert judged(value, *taken, **policy) == expected


@pytest.mark.parametrize(
    ("value", "policy", "cut"),
    [
        (Decimal("2.5"), {}, 1),
        ("2.5", {}, 1),
        (2, {}, 0),
        (Decimal("2.9999999999999996"), {}, 0),
        (Decimal("-0.5"), {}, 0),
        (Decimal("2.5"), {"stock_buffer": 3}, 0),
        (Decimal("3.5"), {"stock_buffer": 3}, 1),
        (Decimal("7.5"), {"max_stock": 7}, 0),
        (Decimal("2.5"), {"rounding": "reject"}, 0),
    ],
)
def test_fractions_that_are_cut_are_counted(value: Any, policy: Any, cut: int) -> None:
    """Each quantity that is rounded down is counted; buffer and maximum cut no fraction."""
    quantities = Quantities(StockPolicy(**policy))
    quantities.of(value)
    assert (quantities.cut, quantities.clamped) == (cut, int(value == Decimal("-0.5")))


@pytest.mark.parametrize(
    ("value", "taken", "expected"),
    [
        (10, [3], 7),
        (10, [3, "4", Decimal("1.5")], 1),
        (Decimal("7.3"), [Decimal("0.3")], 7),
        ("7.3", ["0.3"], 7),
        (7.3, [0.3], 7),
        (10, [None, "", " "], 10),
        (10, [-2], 12),
        (2, [10], 0),
        (None, ["N/A"], "skipped"),
        ("", [3], "skipped"),
        (10, ["N/A"], "BAD_QUANTITY"),
        (10, [True], "BAD_QUANTITY"),
        (10, [3, []], "BAD_QUANTITY"),
        (10, ["1,5"], "AMBIGUOUS_QUANTITY"),
        (10, [MAX_QUANTITY + 1], "QUANTITY_TOO_LARGE"),
        (10, ["-1e99"], "QUANTITY_TOO_LARGE"),
        (MAX_QUANTITY, [-1], "QUANTITY_TOO_LARGE"),
        ("-1e99", [-MAX_QUANTITY], 0),
        ("-1e999999999", [-MAX_QUANTITY] * 3, 0),
        (-MAX_QUANTITY - 1, [-MAX_QUANTITY] * 2, MAX_QUANTITY - 1),
        (5, ["1e-400"], 4),
        (5, ["1e-2000"], "INEXACT_QUANTITY"),
        (5, ["1e-999999999999999"], "INEXACT_QUANTITY"),
    ],
)
def test_what_is_taken_off_is_taken_off_exactly(
    value: Any,
    taken: list[Any],
    expected: int | str,
) -> None:
    """`subtract` counts null as 0, is exact or refused, and never makes stock of a null stock."""
    assert judged(value, *taken) == expected


@pytest.mark.parametrize(
    ("value", "policy", "expected"),
    [
        (-3, {"negative_stock": "reject"}, "NEGATIVE_STOCK"),
        (Decimal("-1E-8"), {"negative_stock": "reject"}, "NEGATIVE_STOCK"),
        (Decimal("-1E-10"), {"rounding": "reject"}, 0),
        ("-1e99", {"negative_stock": "reject"}, "NEGATIVE_STOCK"),
        (Decimal("-0.0"), {"negative_stock": "reject"}, 0),
        (7.5, {"rounding": "reject"}, "FRACTIONAL_STOCK"),
        (Decimal("7.00"), {"rounding": "reject"}, 7),
        ("1e-400", {"rounding": "reject"}, "FRACTIONAL_STOCK"),
        (10, {"stock_buffer": 3}, 7),
        (2, {"stock_buffer": 3}, 0),
        (3, {"stock_buffer": 3}, 0),
        (Decimal("3.5"), {"stock_buffer": 3, "rounding": "reject"}, "FRACTIONAL_STOCK"),
        (Decimal("2.5"), {"stock_buffer": 3, "rounding": "reject"}, 0),
        (100, {"max_stock": 40}, 40),
        (Decimal("40.5"), {"max_stock": 40, "rounding": "reject"}, 40),
        (Decimal("39.5"), {"max_stock": 40, "rounding": "reject"}, "FRACTIONAL_STOCK"),
        (45, {"max_stock": 40, "stock_buffer": 10}, 35),
        (5, {"max_stock": 0}, 0),
        (None, {"null_stock": "zero"}, 0),
        (" ", {"null_stock": "zero"}, 0),
        (None, {"null_stock": "reject"}, "NULL_STOCK"),
        ("N/A", {"null_stock": "zero"}, "BAD_QUANTITY"),
        (MAX_QUANTITY + 1, {"max_stock": 5}, "QUANTITY_TOO_LARGE"),
    ],
)
def test_policies_apply_in_their_order(value: Any, policy: Any, expected: int | str) -> None:
    """negative_stock, then stock_buffer, then max_stock, then rounding."""
    assert judged(value, **policy) == expected


def test_clamped_quantities_are_counted() -> None:
    """Each quantity that was below 0 and became 0 is counted; what the buffer eats is not."""
    quantities = Quantities(StockPolicy(stock_buffer=5))
    for value in (-1, "-0.5", 3, 0, None, "N/A", Decimal("-0.0")):
        quantities.of(value)
    assert quantities.clamped == 2


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("9" * 1_000_000, id="digits"),
        pytest.param("0." + "1" * 1_000_000, id="fraction"),
        pytest.param(10**5000, id="integer"),
        pytest.param("x" * 1_000_000, id="text"),
        pytest.param([["x" * 9999] * 99] * 99, id="list"),
    ],
)
def test_a_huge_value_costs_little_and_is_shown_short(value: Any) -> None:
    """A value's length buys neither time nor a long message."""
    start = time.perf_counter()
    outcome = Quantities(DEFAULT).of(value, ["1"])
    assert time.perf_counter() - start < 1
    assert not isinstance(outcome, RecordError) or len(outcome.message) < 200


GRAMMAR = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)


@given(st.text(alphabet="0123456789+-.,eE _٣", max_size=12))
def test_the_grammar_is_the_reference_grammar(text: str) -> None:
    """What the grammar does not describe is refused; what it describes is read as the number."""
    match = GRAMMAR.fullmatch(text.strip())
    result = judged(text)
    if not text.strip():
        assert result == "skipped"
    elif match is None:
        assert result in {"BAD_QUANTITY", "AMBIGUOUS_QUANTITY"}
    elif abs(int(match[4] or 0)) < 1000:
        assert result in {reference(Fraction(text.strip())), "AMBIGUOUS_QUANTITY"}
        grouped = re.fullmatch(r"[+-]?[1-9][0-9]{0,2}[.][0-9]{3}", text.strip())
        assert (result == "AMBIGUOUS_QUANTITY") is bool(grouped)


def reference(
    number: Fraction,
    *taken: Fraction,
    buffer: int = 0,
    most: int | None = None,
    dusty: bool = False,
) -> Any:
    """Calculate what the default policy makes of a number."""
    number = Fraction(number)
    if number > MAX_QUANTITY or any(each > MAX_QUANTITY for each in taken):
        return "QUANTITY_TOO_LARGE"
    if any(each < -MAX_QUANTITY for each in taken):
        return "QUANTITY_TOO_LARGE"
    number -= sum(taken)
    if dusty:
        near = min(Fraction(1, 10**9) * max(Fraction(1), abs(number)), Fraction(1, 1000))
        number = Fraction(round(number)) if abs(number - round(number)) <= near else number
    number = max(number, Fraction(0))
    if number > MAX_QUANTITY:
        return "QUANTITY_TOO_LARGE"
    number = max(number - buffer, Fraction(0))
    return math.floor(number if most is None else min(number, Fraction(most)))


NUMBERS = st.one_of(
    st.integers(-(2**60), 2**60),
    st.integers(-20, 20),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17),
    st.decimals(min_value=-20, max_value=20, places=3),
)


@given(NUMBERS, st.lists(NUMBERS, max_size=3), st.integers(0, 30), st.none() | st.integers(0, 30))
def test_arithmetic_is_that_of_fractions(
    value: Any,
    taken: list[Any],
    buffer: int,
    most: int | None,
) -> None:
    """Stock, less what is taken off it, less the buffer, at most the maximum, is exact."""
    fractions = [*map(Fraction, taken)]
    dusty = any(each.denominator > 1 for each in [Fraction(value), *fractions])
    expected = reference(Fraction(value), *fractions, buffer=buffer, most=most, dusty=dusty)
    if most is None or expected != "QUANTITY_TOO_LARGE":
        assert judged(value, *taken, stock_buffer=buffer, max_stock=most) == expected


@given(NUMBERS)
def test_a_number_and_its_text_are_one_quantity(value: Any) -> None:
    """Whether a tap writes a number or the text of it makes no difference, but for dust."""
    text = str(value)
    assert judged(text, mark=".") == judged(f" {value} ", mark=".")
    if isinstance(value, int) or abs(Fraction(value) - round(Fraction(value))) > Fraction(1, 1000):
        assert judged(value) == judged(text, mark=".")
