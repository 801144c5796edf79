"""JMESPath expressions: parsed and checked once, before the first record.

They are evaluated by jmespath's interpreter, adapted to what taps write. Three things differ from
jmespath. Numbers are compared as exact decimals, and a number never equals a boolean. A JSON text
of a list or an object is parsed if an expression looks into it. A byte order mark before a column's
name is ignored. Everything else is jmespath's; tests compare the two on generated expressions and
values. If jmespath raises an error (a text compared with a number, a wrong type for a function),
the record is rejected: with null instead, a wrong condition would skip all records.

It is imported only if a mapping has an expression: jmespath is slow to load, and most mappings name
columns.
"""

from __future__ import annotations

import operator
import re
import warnings
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.parser import Parser
from jmespath.visitor import Options, TreeInterpreter

from target_tocobagus.core.model import RecordError
from target_tocobagus.mapping import declared_numbers as declaring
from target_tocobagus.mapping.functions import ExactFunctions, check_call
from target_tocobagus.mapping.record_errors import PathError, shown
from target_tocobagus.mapping.values import json_value, member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_tocobagus.mapping.values import Read

Node: TypeAlias = Any
"""A node of jmespath's tree: ``{"type": …, "children": […], "value": …}``."""

_REASON_CHARACTERS: Final = 200
_LONG_NUMERAL: Final = re.compile(r"[0-9](?:\.?[0-9]){15}")


_SLIPS: Final = (
    (re.compile(r"[^=!<>]=(?!=)"), "write == instead of ="),
    (re.compile(r"<>"), "write != instead of <>"),
    (re.compile(r"(?i)\bis\s+(?:not\s+)?null\b"), "write == null or != null"),
    (re.compile(r"(?i)\bin\s*\("), "write contains(['A', 'B'], column) instead of in"),
    (re.compile(r"(?i)\b(?:and|or|not)\b"), "write &&, || and ! instead of and, or and not"),
    (re.compile(r"[=<>]\s*[-+.\d]"), "a number is written in backticks: `5`"),
)
"""What people who know SQL write, and what JMESPath has in its place."""

_NOT_ORDERED: Final = re.compile(
    r"'(.+)' not supported between instances of '([\w.]+)' and '([\w.]+)'"
)
_TYPES: Final = {
    **dict.fromkeys(("str", "string"), "text"),
    **dict.fromkeys(("int", "float", "decimal.Decimal", "Decimal"), "number"),
    "bool": "boolean",
    "list": "list",
    "array": "list",
    "dict": "object",
    "NoneType": "null",
}
_COMPARING: Final = frozenset({"contains", "starts_with", "ends_with"})
_OF_CONDITIONS: Final = frozenset({"and_expression", "or_expression", "not_expression"})

_FROM_THE_FIRST: Final = frozenset(
    {
        "subexpression",
        "index_expression",
        "pipe",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
    },
)
"""Nodes of which only the first child reads the record; the others read its result."""
_WALKS_INTO_FIRST: Final = frozenset(
    {"projection", "value_projection", "filter_projection", "flatten"}
)
"""Nodes that read the entries of their first child's result."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        read: Evaluates it; may raise `PathError`, and nothing else.
        names: The columns that it reads by name, in order.
        compared: Columns that it compares others with: `status == "sold"` means a column `sold`.
        columns: All columns that it may read; None if it may read any.
        declared: Finds the schema of its result in a SCHEMA.
    """

    read: Read
    names: tuple[str, ...]
    compared: frozenset[str]
    columns: frozenset[str] | None
    declared: declaring.Follow


def compile_expression(text: str) -> Expression:
    """Compile a JMESPath expression.

    Raises:
        ValueError: It is invalid, or calls an unknown function.
    """
    tree = _parse(text)
    for node in _nodes(tree):
        if node["type"] == "function_expression":
            check_call(node["value"], len(node["children"]))
    literals = [node["value"] for node in _nodes(tree) if node["type"] == "literal"]
    if _LONG_NUMERAL.search(text) and any("float" in _types(value) for value in literals):
        reason = "a fraction of more than 15 digits cannot be compared exactly"
        raise ValueError(reason)
    roots = list(_roots(tree))
    names = tuple(dict.fromkeys(name for name in roots if name is not None))
    columns = None if None in roots else frozenset(names)
    compared = frozenset(_compared(tree)) - {"null"}  # no column, so null
    return Expression(_guarded(text, tree), names, compared, columns, declaring.node(tree))


def _parse(text: str) -> Node:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            return Parser().parse(text).parsed
    except (JMESPathError, ValueError, LookupError, RecursionError):
        advice = next((f" ({each})" for slip, each in _SLIPS if slip.search(text)), "")
        reason = f"{shown(text)} is not a valid JMESPath expression{advice}"
        raise ValueError(reason) from None


def _guarded(text: str, tree: Node) -> Read:
    prepared, visit = _prepared(tree), _ExactInterpreter().visit

    def read(scope: Any) -> Any:
        try:
            return visit(prepared, scope)
        except JMESPathTypeError as error:
            found = _TYPES.get(error.actual_type, error.actual_type)
            reason = f"{error.function_name}() does not take a value of type {found}"
        except RecursionError:
            raise PathError(
                RecordError("TOO_DEEP", f"{shown(text)} reads a value that is nested too deeply")
            ) from None
        except ArithmeticError:
            reason = "a calculation in it has no exact result"
        except TypeError as error:
            reason = _wrong_type(str(error))
        except ValueError as error:
            reason = ascii(str(error)[:_REASON_CHARACTERS]).strip("'\"")
        message = f"{shown(text)} cannot be evaluated: {reason}"
        raise PathError(RecordError("BAD_EXPRESSION", message))

    return read


def _wrong_type(error: str) -> str:
    """Say in words of JSON what Python says of values that an operator does not take."""
    if (found := _NOT_ORDERED.match(error)) is None:
        return "a value in it has the wrong type"
    left, right = (_TYPES.get(each, each) for each in found.groups()[1:])
    return f"{found[1]} does not compare a {left} with a {right}"


def _compared(node: Node) -> Iterator[str]:
    """Find columns of the record on the right of a comparison."""
    is_call = node["type"] == "function_expression" and node["value"] in _COMPARING
    if is_call or node["type"] == "comparator":
        yield from [each["value"] for each in node["children"][1:] if each["type"] == "field"]
    elif node["type"] in _OF_CONDITIONS:
        for child in node["children"]:
            yield from _compared(child)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _nodes(child)


def _types(value: Any) -> Iterator[str]:
    yield type(value).__name__
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, (list, dict)) else ():
        yield from _types(child)


def _roots(node: Node) -> Iterator[str | None]:
    """Find the columns that are read from the record itself; None for any column."""
    match node["type"]:
        case "field":
            yield node["value"]
        case "current" | "identity":
            yield None
        case "literal" | "expref":
            pass
        case kind if kind in _FROM_THE_FIRST:
            yield from _roots(node["children"][0])
        case _:
            for child in node["children"]:
                yield from _roots(child)


def _prepared(node: Any) -> Any:
    """Copy a tree with exact literals, and with a node wherever JSON text must be parsed."""
    if not isinstance(node, dict):
        return node
    children = [_prepared(child) for child in node["children"]]
    if node["type"] in _WALKS_INTO_FIRST:
        children[0] = {"type": "parsed", "children": children[:1]}
    value = node.get("value")
    return {**node, "children": children, "value": _exact(value)}


def _exact(value: Any) -> Any:
    """Convert floats to decimals, also inside lists and objects."""
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    if isinstance(value, list):
        return [_exact(each) for each in value]
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in value.items()}
    return value


def _equal(left: Any, right: Any) -> bool:
    """Whether two values are equal; unlike in Python, a number never equals a boolean."""
    if isinstance(left, str) or isinstance(right, str):
        return bool(left == right)
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(_exact(left) == _exact(right))


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: compare(_exact(left), _exact(right))


def _parsed(value: Any) -> Any:
    return json_value(value) if isinstance(value, str) else value


class _ExactInterpreter(TreeInterpreter):
    COMPARATOR_FUNC: ClassVar[Any] = {
        "eq": _equal,
        "ne": lambda left, right: not _equal(left, right),
        "lt": _ordered(operator.lt),
        "lte": _ordered(operator.le),
        "gt": _ordered(operator.gt),
        "gte": _ordered(operator.ge),
    }

    def __init__(self) -> None:
        super().__init__(Options(custom_functions=ExactFunctions()))

    def visit_field(self, node: Node, value: Any) -> Any:
        if type(value) is dict and (found := value.get(node["value"])) is not None:
            return found
        return member(value, node["value"])

    def visit_parsed(self, node: Node, value: Any) -> Any:
        return _parsed(self.visit(node["children"][0], value))

    def visit_index(self, node: Node, value: Any) -> Any:
        return super().visit_index(node, _parsed(value))

    def visit_slice(self, node: Node, value: Any) -> Any:
        return super().visit_slice(node, _parsed(value))
