"""JMESPath expressions: parsed and checked once, before the first record.

This module finds what an expression reads of a record; `interpreter` evaluates it. If jmespath
raises an error (a text compared with a number, a wrong type for a function), the record is
rejected: with null instead, a wrong condition would skip all records.

It is imported only if a mapping has an expression: jmespath is slow to load, and most mappings name
columns.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.parser import Parser

from target_tocobagus.core.model import RecordError
from target_tocobagus.mapping import declared_numbers as declaring
from target_tocobagus.mapping.functions import check_call
from target_tocobagus.mapping.interpreter import interpret
from target_tocobagus.mapping.record_errors import PathError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.mapping.interpreter import Node
    from target_tocobagus.mapping.paths import Read

_REASON_CHARACTERS: Final = 200
_LONG_NUMERAL: Final = re.compile(r"[0-9](?:\.?[0-9]){15}")


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


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        read: Evaluates it; may raise `PathError`, and nothing else.
        names: The columns that it reads by name, in order.
        reads_any: It may also read any other column.
        declared: Finds the schema of its result in a SCHEMA.
    """

    read: Read
    names: tuple[str, ...]
    reads_any: bool
    declared: declaring.Follow

    def columns(self) -> frozenset[str] | None:
        """All columns that it may read; None if it may read any."""
        return None if self.reads_any else frozenset(self.names)


def compile_expression(text: str) -> Expression:
    """Compile a JMESPath expression.

    Raises:
        ValueError: It is invalid, or calls an unknown function.
    """
    tree = _parse(text)
    for node in _nodes(tree):
        if node["type"] == "function_expression":
            check_call(node["value"], len(node["children"]))
    if _LONG_NUMERAL.search(text) and any(map(_holds_fraction, _nodes(tree))):
        reason = "a fraction of more than 15 digits cannot be compared exactly"
        raise ValueError(reason)
    roots = list(_roots(tree))
    names = tuple(dict.fromkeys(name for name in roots if name is not None))
    read = _guarded(text, interpret(tree))
    return Expression(read, names, None in roots, declaring.node(tree))


def _parse(text: str) -> Node:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            return Parser().parse(text).parsed
    except (JMESPathError, ValueError, LookupError, RecursionError):
        reason = f"{shown(text)} is not a valid JMESPath expression"
        raise ValueError(reason) from None


def _guarded(text: str, evaluate: Read) -> Read:
    def read(scope: Any) -> Any:
        try:
            return evaluate(scope)
        except JMESPathTypeError as error:
            reason = f"{error.function_name}() does not take a value of type {error.actual_type}"
        except RecursionError:
            raise PathError(
                RecordError("TOO_DEEP", f"{shown(text)} reads a value that is nested too deeply")
            ) from None
        except ArithmeticError:
            reason = "a calculation in it has no exact result"
        except (ValueError, TypeError) as error:
            reason = ascii(str(error)[:_REASON_CHARACTERS]).strip("'\"")
        message = f"{shown(text)} cannot be evaluated: {reason}"
        raise PathError(RecordError("BAD_EXPRESSION", message))

    return read


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _nodes(child)


def _holds_fraction(node: Node) -> bool:
    return node["type"] == "literal" and "float" in _types(node["value"])


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
