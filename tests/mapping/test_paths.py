"""A path is a column's exact name, or else a JMESPath expression."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import jmespath
import jmespath.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.mapping.expressions import compile_expression
from target_tocobagus.mapping.paths import compile_condition, compile_path, first_of
from target_tocobagus.mapping.record_errors import PathError
from target_tocobagus.mapping.values import is_true

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.mapping.paths import Path
    from target_tocobagus.mapping.values import Read


def read(path: str, record: Any) -> Any:
    """Read a path in a record; a refusal is its code."""
    try:
        return compile_path(path).read(record)
    except PathError as error:
        return error.refused().code


NESTED = {"v": {"sku": "A", "list": [{"n": 1}, {"n": 2}]}}


@pytest.mark.parametrize(
    ("path", "record", "expected"),
    [
        ("sku", {"sku": "A"}, "A"),
        ("sku", {"\ufeffsku": "A"}, "A"),
        ("\ufeffsku", {"sku": "A"}, "A"),
        ("Product ID", {"Product ID": 1}, 1),
        ("Product ID", {"\ufeffProduct ID": 1}, 1),
        ("WH-JKT", {"WH-JKT": 1}, 1),
        ("größe", {"größe": 1}, 1),
        ("2024", {"2024": 1}, 1),
        (" ", {" ": 1}, 1),
        ("a:b", {"a:b": 1}, 1),
        ("v.sku", NESTED, "A"),
        ("v.sku", {"v.sku": "exact", **NESTED}, "exact"),
        ("v.sku", {"v.sku": None, **NESTED}, None),
        ("v.sku", {"\ufeffv.sku": "exact"}, "exact"),
        ("v.sku", {"\ufeffv": {"sku": "A"}}, "A"),
        ("v.sku.x", NESTED, None),
        ("v.sku", {"v": None}, None),
        ("v.sku", {"v": [1]}, None),
        ("v.sku", {"v": "text"}, None),
        ("v.sku", {"v": '{"sku": "A"}'}, "A"),
        ("v.sku", {"v": ' {"sku": 1.10}'}, Decimal("1.10")),
        ("v.sku", {"v": '{"sku": '}, "BAD_JSON"),
        ("v.sku", {"v": "[" * 100_000}, "BAD_JSON"),
        ("v.sku", {"v": '{"sku": ' + "9" * 5000 + "}"}, "9" * 5000),
        ('"Stock (pcs)"', {"Stock (pcs)": 5}, 5),
        ("v.list[0].n", NESTED, 1),
        ("v.list[-1].n", NESTED, 2),
        ("v.list[9].n", NESTED, None),
        ("v.list[*].n", NESTED, [1, 2]),
        ("v.list[0].n", {"v.list[0].n": 7}, 7),
        ("v.list[0].n", {"\ufeffv.list[0].n": 7}, 7),
        ("v.list[0].n", {"v": {"list": '[{"n": 2.50}]'}}, Decimal("2.50")),
        ("values(v)[0]", NESTED, "A"),
        ("length(v.list)", NESTED, 2),
        ("'WH-1'", {}, "WH-1"),
        ("`5`", {}, 5),
    ],
)
def test_a_path_is_read(path: str, record: Any, expected: Any) -> None:
    """Exact columns first, then names walked, through JSON text where a path walks into it."""
    assert read(path, record) == expected


@pytest.mark.parametrize(
    "text",
    ["a[", "Stock (pcs)", "Stock(pcs)", "a | ", "qty?", "sum(a", "foo(a)", "abs(a, b)", "length()"],
)
def test_what_is_meant_as_an_expression_must_be_one(text: str) -> None:
    """A text with one of `[ ] | ( ) ?` that is not JMESPath is a mistake, not a column."""
    with pytest.raises(ValueError, match="double quotes"):
        compile_path(text)


@pytest.mark.parametrize("text", ["state = 'A'", "Product ID", "a[", "", "foo(a)"])
def test_a_condition_must_be_jmespath(text: str) -> None:
    """A condition is never a column's name: `state = 'A'` is a mistake, not an unknown column."""
    with pytest.raises(ValueError, match="JMESPath"):
        compile_condition(text)


@pytest.mark.parametrize(
    ("condition", "record", "expected"),
    [
        ("active", {"active": True}, True),
        ("active", {"active": False}, False),
        ("active", {"active": 0}, True),
        ("active", {"active": Decimal(0)}, True),
        ("active", {"active": ""}, False),
        ("active", {"active": []}, False),
        ("active", {"active": {}}, False),
        ("active", {}, False),
        ("!active", {}, True),
        ("qty > `0`", {"qty": Decimal("0.001")}, True),
        ("qty > `0`", {"qty": None}, False),
        ("qty == `0.1`", {"qty": Decimal("0.1")}, True),
        ("qty == `0.1`", {"qty": 0.1}, True),
        ("qty < `0.1`", {"qty": Decimal("0.1")}, False),
        ("qty == `1`", {"qty": Decimal("1.00")}, True),
        ("qty == `1`", {"qty": True}, False),
        ("qty == `true`", {"qty": 1}, False),
        ("qty == `1`", {"qty": "1"}, False),
        ("qty >= `9007199254740993`", {"qty": Decimal("9007199254740992.9")}, False),
        ("state == 'A' && (qty > `1` || big)", {"state": "A", "qty": 1, "big": [0]}, True),
        ("contains(tags, 'x')", {"tags": ["x"]}, True),
        ("tags == `[1.5]`", {"tags": [Decimal("1.50")]}, True),
    ],
)
def test_a_condition_has_jmespaths_truth_and_exact_numbers(
    condition: str,
    record: Any,
    expected: bool,  # noqa: FBT001  # a table's column
) -> None:
    """Null, false and what is empty are false; numbers compare as the decimals they are."""
    assert is_true(compile_condition(condition).read(record)) is expected


@pytest.mark.parametrize(
    ("path", "record", "expected"),
    [
        ("sum(q)", {"q": [Decimal("0.1"), Decimal("0.2"), 1]}, Decimal("1.3")),
        ("sum(q)", {"q": [Decimal("1.0"), 2]}, 3),
        ("sum(q)", {"q": []}, 0),
        ("sum(q)", {"q": ["1"]}, "BAD_EXPRESSION"),
        ("sum(q)", {"q": None}, "BAD_EXPRESSION"),
        ("sum(q)", {"q": [Decimal("1e400"), Decimal("1e-900")]}, "BAD_EXPRESSION"),
        ("avg(q)", {"q": [1, 2]}, Decimal("1.5")),
        ("avg(q)", {"q": [1, 1, 2]}, "BAD_EXPRESSION"),
        ("avg(q)", {"q": []}, None),
        ("abs(q)", {"q": Decimal("-7.30")}, Decimal("7.3")),
        ("ceil(q)", {"q": Decimal("7.1")}, 8),
        ("floor(q)", {"q": Decimal("-7.1")}, -8),
        ("floor(q)", {"q": 7}, 7),
        ("floor(q)", {"q": "7"}, "BAD_EXPRESSION"),
        ("floor(q)", {"q": True}, "BAD_EXPRESSION"),
        ("max(q)", {"q": [Decimal("1.5"), 2]}, 2),
        ("max(q)", {"q": ["a", "b"]}, "b"),
        ("max(q)", {"q": []}, None),
        ("min(q)", {"q": [Decimal("1.5"), "2"]}, "BAD_EXPRESSION"),
        ("sort(q)", {"q": [2, Decimal("1.5")]}, [Decimal("1.5"), 2]),
        ("sort_by(q, &n)[0].n", {"q": [{"n": 2}, {"n": 1}]}, 1),
        ("sort_by(q, &n)[0].n", {"q": [{"n": Decimal(2)}, {"n": 1}]}, "BAD_EXPRESSION"),
        ("map(&n, q)", {"q": [{"n": 2}, {}]}, [2, None]),
        ("to_number(q)", {"q": Decimal("7.5")}, Decimal("7.5")),
        ("to_number(q)", {"q": "7.5"}, Decimal("7.5")),
        ("to_number(q)", {"q": "0.12345678901234567891"}, Decimal("0.12345678901234567891")),
        ("to_number(q)", {"q": "1_000"}, None),
        ("to_number(q)", {"q": "9" * 5000}, None),
        ("to_number(q)", {"q": True}, None),
        ("to_string(q)", {"q": Decimal("7.50")}, "7.50"),
        ("to_string(q)", {"q": "x"}, "x"),
        ("to_string(q)", {"q": {"a": [1, True]}}, '{"a":[1,true]}'),
        ("to_string(q)", {"q": [Decimal("7.50")]}, "BAD_EXPRESSION"),
        ("type(q)", {"q": Decimal("7.50")}, "number"),
        ("type(q)", {"q": None}, "null"),
        ("q > `1`", {"q": "2"}, "BAD_EXPRESSION"),
        ("q > `1`", {"q": Decimal("sNaN")}, "BAD_EXPRESSION"),
        ("q == `1`", {"q": Decimal("sNaN")}, "BAD_EXPRESSION"),
        ("q[::`0`]", {"q": [1]}, "compile"),
        ("q[::0]", {"q": [1]}, "BAD_EXPRESSION"),
    ],
)
def test_functions_calculate_exactly_or_refuse(path: str, record: Any, expected: Any) -> None:
    """No function of JMESPath rounds a number or takes it for another."""
    if expected == "compile":
        with pytest.raises(ValueError, match="not a valid JMESPath"):
            compile_path(path)
        return
    found = read(path, record)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("q > `1`", "2", "> does not compare a text with a number"),
        ("q > 'a'", Decimal("1.5"), "> does not compare a number with a text"),
        ("contains('a', q)", None, "a value in it has the wrong type"),
        ("sum(q)", ["x"], "sum() does not take a value of type text"),
        ("contains(q, 'a')", 3, "contains() does not take a value of type number"),
        ("q[::0]", [1], "slice step cannot be zero"),
    ],
)
def test_a_value_of_a_wrong_type_is_named_in_words(path: str, value: Any, reason: str) -> None:
    """Not in those of Python."""
    with pytest.raises(PathError) as refused:
        compile_path(path).read({"q": value})
    assert refused.value.refused().message.endswith(f" cannot be evaluated: {reason}")


@pytest.mark.parametrize(
    ("where", "advice"),
    [
        ("state = 'sold'", "write == instead of ="),
        ("state <> 'sold'", "write != instead of <>"),
        ("qty >= 1.5", "a number is written in backticks: `5`"),
        ("state == 'sold' AND a", "write &&, || and ! instead of and, or and not"),
        ("not sold", "write &&, || and ! instead of and, or and not"),
        ("wh in ('A', 'B')", "write contains(['A', 'B'], column) instead of in"),
        ("state is not null", "write == null or != null"),
        ("state == 'sold", ""),
    ],
)
def test_a_condition_as_in_sql_is_refused_with_advice(where: str, advice: str) -> None:
    """Most who write one know SQL, and not JMESPath."""
    with pytest.raises(ValueError, match="is not a valid JMESPath expression") as refused:
        compile_condition(where)
    assert str(refused.value).endswith(f"expression ({advice})" if advice else "expression")


def test_a_literal_that_json_would_round_is_refused() -> None:
    """A fraction with more digits than a binary one holds cannot be compared exactly."""
    with pytest.raises(ValueError, match="more than 15 digits"):
        compile_condition("q > `0.1234567890123456`")
    compile_condition("q > `9007199254740993`")


def test_the_first_place_that_yields_a_value_counts() -> None:
    """Null and empty texts are not values."""
    reads = first_of([compile_path("a").read, compile_path("b").read])
    assert reads({"a": " ", "b": 0}) == 0
    assert reads({}) is None


@pytest.mark.parametrize(
    ("path", "relies_on", "columns"),
    [
        ("sku", {"sku"}, {"sku"}),
        ("v.sku", {"v.sku", "v"}, {"v.sku", "v"}),
        ("a[?b=='x'].c | [0]", {"a", "a[?b=='x'].c | [0]"}, {"a", "a[?b=='x'].c | [0]"}),
        ("not_null(a.x, b)", {"a", "not_null(a.x, b)"}, {"a", "b", "not_null(a.x, b)"}),
        ("sort_by(a, &b)[0]", {"a", "sort_by(a, &b)[0]"}, {"a", "sort_by(a, &b)[0]"}),
        ("keys(@)[0]", set(), None),
        ("*", set(), None),
        ("'WH-1'", set(), {"'WH-1'"}),
        ("Product ID", {"Product ID"}, {"Product ID"}),
    ],
)
def test_a_path_knows_its_columns(path: str, relies_on: set[str], columns: set[str] | None) -> None:
    """It relies on a column of exactly its text, or on the first name in its expression."""
    compiled = compile_path(path)
    assert compiled.relies_on == relies_on
    assert compiled.columns == columns


def test_jmespath_is_imported_only_for_an_expression() -> None:
    """Mappings of names and dotted names start without it."""
    program = (
        "import sys\n"
        "from target_tocobagus.mapping import compile_mapping\n"
        "from target_tocobagus.config.settings import StockPolicy, StreamMapping\n"
        "keys = dict(stream='s', sku=('v.sku',), stock=('qty',))\n"
        "compile_mapping(StreamMapping(**keys), StockPolicy())\n"
        "assert 'jmespath' not in sys.modules\n"
        "compile_mapping(StreamMapping(**keys, where='a == `1`'), StockPolicy())\n"
        "assert 'jmespath' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


NAMES = st.sampled_from(["a", "b", "c"])
LITERALS = st.sampled_from(["`1`", "'x'", "`null`", "`true`", "`[1]`", "`2`", "`{}`"])
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, "", "x", "yy"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, NAMES).map(lambda x: f"{x[0]}.{x[1]}"),
        inner.map(lambda x: f"{x}[0]"),
        inner.map(lambda x: f"{x}[-1]"),
        inner.map(lambda x: f"{x}[*]"),
        inner.map(lambda x: f"{x}[]"),
        inner.map(lambda x: f"{x}[1:]"),
        inner.map(lambda x: f"{x}.*"),
        inner.map(lambda x: f"!{x}"),
        inner.map(lambda x: f"({x})"),
        two.map(lambda x: f"{x[0]} | {x[1]}"),
        two.map(lambda x: f"{x[0]} || {x[1]}"),
        two.map(lambda x: f"{x[0]} && {x[1]}"),
        two.map(lambda x: f"[{x[0]}, {x[1]}]"),
        two.map(lambda x: f"{{a: {x[0]}, b: {x[1]}}}"),
        two.map(lambda x: f"not_null({x[0]}, {x[1]})"),
        inner.map(lambda x: f"type({x})"),
        inner.map(lambda x: f"length(to_array({x}))"),
        st.tuples(inner, inner, st.sampled_from(["==", "!=", "<", ">=", ">", "<="])).map(
            lambda x: f"{x[0]} {x[2]} {x[1]}",
        ),
        two.map(lambda x: f"{x[0]}[?{x[1]}]"),
        two.map(lambda x: f"map(&{x[1]}, to_array({x[0]}))"),
        st.tuples(inner, NAMES, inner).map(lambda x: f"{x[0]}[?{x[1]} == {x[2]}].{x[1]}"),
    )


EXPRESSIONS = st.recursive(NAMES | st.just("@") | LITERALS, _grow, max_leaves=6)


@given(EXPRESSIONS, VALUES)
def test_expressions_yield_what_jmespath_yields(text: str, value: Any) -> None:
    """Compiled, an expression is what jmespath's own interpreter makes of it."""
    try:
        expected = jmespath.search(text, value)
    except jmespath.exceptions.ParseError:
        with pytest.raises(ValueError, match="JMESPath"):
            compile_expression(text)
        return
    except (TypeError, ValueError):
        with pytest.raises(PathError):
            compile_expression(text).read(value)
        return
    assert _exactly(compile_expression(text).read(value)) == _exactly(expected)


def _exactly(value: Any) -> str:
    return repr(value)


@given(st.text(alphabet="ab.[]*?|&!@'`\"(){},:0 =<>", max_size=14))
def test_any_text_compiles_or_is_refused_by_name(text: str) -> None:
    """Whatever a configuration holds, compiling it raises nothing but its own error."""
    for compile_text in (compile_path, compile_condition):
        with contextlib.suppress(PathError):
            _compiled_or_none(compile_text, text)({"a": {"b": [0, {"a": "b"}]}, "b": "a"})


def _compiled_or_none(compile_text: Callable[[str], Path], text: str) -> Read:
    try:
        return compile_text(text).read
    except ValueError as error:
        kind = type(error)
    assert kind is ValueError
    return lambda _: None
