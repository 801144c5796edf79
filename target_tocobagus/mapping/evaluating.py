"""The nodes of jmespath's tree as plain functions of one value.

Why not jmespath's own interpreter: it visits the tree anew for every record, at ten times the cost,
it does not know that a text may be the JSON of a list or an object, and its literals are binary
fractions. What it yields is yielded here too; the tests hold this to it on generated expressions
and values. Numbers are compared as the decimals they were written as, and jmespath's functions are
called through `functions`, which does the same for arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from target_tocobagus.mapping.comparing import ORDERS, comparable, decimals, is_equal, is_true
from target_tocobagus.mapping.functions import ExactFunctions, expression_reference
from target_tocobagus.mapping.paths import json_value, member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_tocobagus.mapping.paths import Read

Node: TypeAlias = Any
"""A node of jmespath's tree: ``{"type": …, "children": […], "value": …}``."""

_FUNCTIONS: Final = ExactFunctions()


def compile_node(node: Node) -> Read:
    """Make a function of a node of jmespath's tree.

    What it returns may raise whatever an evaluation can: `Unreadable`, `ValueError` (jmespath's
    errors are such), `TypeError`, `ArithmeticError`, `RecursionError`.
    """
    return _COMPILERS[node["type"]](node)


def _compile_children(node: Node) -> list[Read]:
    return [compile_node(child) for child in node["children"]]


def _field(node: Node) -> Read:
    name = node["value"]

    def read(value: Any) -> Any:
        if type(value) is dict and (found := value.get(name)) is not None:
            return found
        return member(value, name)

    return read


def _itself(_: Node) -> Read:
    return lambda value: value


def _literal(node: Node) -> Read:
    literal = decimals(node["value"])
    return lambda _: literal


def _steps(node: Node) -> Read:
    steps = _compile_children(node)

    def read(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return read


def _index(node: Node) -> Read:
    index = node["value"]

    def read(value: Any) -> Any:
        entries = _entries(value)
        if entries is None or not -len(entries) <= index < len(entries):
            return None
        return entries[index]

    return read


def _slice(node: Node) -> Read:
    part = slice(*node["children"])

    def read(value: Any) -> Any:
        entries = _entries(value)
        return None if entries is None else entries[part]

    return read


def _projection(node: Node) -> Read:
    base, each = _compile_children(node)

    def read(value: Any) -> Any:
        entries = _entries(base(value))
        return None if entries is None else _projected(entries, each)

    return read


def _value_projection(node: Node) -> Read:
    base, each = _compile_children(node)

    def read(value: Any) -> Any:
        found = base(value)
        if isinstance(found, str):
            found = json_value(found)
        return _projected(found.values(), each) if isinstance(found, dict) else None

    return read


def _filter_projection(node: Node) -> Read:
    base, each, condition = _compile_children(node)

    def read(value: Any) -> Any:
        entries = _entries(base(value))
        if entries is None:
            return None
        return _projected([entry for entry in entries if is_true(condition(entry))], each)

    return read


def _projected(entries: Iterable[Any], each: Read) -> list[Any]:
    return [found for entry in entries if (found := each(entry)) is not None]


def _flatten(node: Node) -> Read:
    (base,) = _compile_children(node)

    def read(value: Any) -> Any:
        entries = _entries(base(value))
        if entries is None:
            return None
        lists = (entry if isinstance(entry, list) else [entry] for entry in entries)
        return [entry for part in lists for entry in part]

    return read


def _entries(value: Any) -> list[Any] | None:
    if isinstance(value, str):
        value = json_value(value)
    return value if isinstance(value, list) else None


def _or(node: Node) -> Read:
    left, right = _compile_children(node)

    def read(value: Any) -> Any:
        found = left(value)
        return found if is_true(found) else right(value)

    return read


def _and(node: Node) -> Read:
    left, right = _compile_children(node)

    def read(value: Any) -> Any:
        found = left(value)
        return right(value) if is_true(found) else found

    return read


def _not(node: Node) -> Read:
    (negated,) = _compile_children(node)
    return lambda value: not is_true(negated(value))


def _comparator(node: Node) -> Read:
    left, right = _compile_children(node)
    kind = node["value"]
    if kind == "eq":
        return lambda value: is_equal(left(value), right(value))
    if kind == "ne":
        return lambda value: not is_equal(left(value), right(value))
    compare = ORDERS[kind]

    def read(value: Any) -> Any:
        low, high = comparable(left(value)), comparable(right(value))
        return None if low is None or high is None else compare(low, high)

    return read


def _list_of(node: Node) -> Read:
    parts = _compile_children(node)
    return lambda value: None if value is None else [part(value) for part in parts]


def _object_of(node: Node) -> Read:
    parts = [(child["value"], compile_node(child)) for child in node["children"]]
    return lambda value: None if value is None else {key: part(value) for key, part in parts}


def _key_value(node: Node) -> Read:
    return compile_node(node["children"][0])


def _call(node: Node) -> Read:
    name, arguments = node["value"], _compile_children(node)
    return lambda value: _FUNCTIONS.call_function(name, [read(value) for read in arguments])


def _reference(node: Node) -> Read:
    reference = expression_reference(compile_node(node["children"][0]))
    return lambda _: reference


_COMPILERS: Final[dict[str, Callable[[Node], Read]]] = {
    "field": _field,
    "current": _itself,
    "identity": _itself,
    "literal": _literal,
    "subexpression": _steps,
    "index_expression": _steps,
    "pipe": _steps,
    "index": _index,
    "slice": _slice,
    "projection": _projection,
    "value_projection": _value_projection,
    "filter_projection": _filter_projection,
    "flatten": _flatten,
    "or_expression": _or,
    "and_expression": _and,
    "not_expression": _not,
    "comparator": _comparator,
    "multi_select_list": _list_of,
    "multi_select_dict": _object_of,
    "key_val_pair": _key_value,
    "function_expression": _call,
    "expref": _reference,
}
