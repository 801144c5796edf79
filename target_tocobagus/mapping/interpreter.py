"""jmespath's interpreter, adapted to what taps write.

Three things differ from jmespath. Numbers are compared as exact decimals, and a number never equals
a boolean. A JSON text of a list or an object is parsed if an expression looks into it. A byte order
mark before a column's name is ignored. Everything else is jmespath's; tests compare the two on
generated expressions and values.
"""

from __future__ import annotations

import operator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from jmespath.visitor import Options, TreeInterpreter

from target_tocobagus.mapping.functions import ExactFunctions
from target_tocobagus.mapping.paths import json_value, member

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.mapping.paths import Read

Node: TypeAlias = Any
"""A node of jmespath's tree: ``{"type": …, "children": […], "value": …}``."""

_WALKS_INTO_FIRST: Final = frozenset(
    {"projection", "value_projection", "filter_projection", "flatten"}
)
"""Nodes that read the entries of their first child's result."""


def interpret(tree: Node) -> Read:
    """Make a function of a parsed expression.

    It may raise `PathError`, `ValueError` (also jmespath's errors), `TypeError`, `ArithmeticError`
    and `RecursionError`.
    """
    prepared = _prepared(tree)
    visit = _ExactInterpreter().visit
    return lambda value: visit(prepared, value)


def is_true(value: Any) -> bool:
    """Whether a value is true in JMESPath: not null, false or empty."""
    if isinstance(value, (str, list, dict)):
        return bool(value)
    return value is not None and value is not False


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
