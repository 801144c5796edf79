"""The path of a value in a record: a column's exact name, or else a JMESPath expression.

A path is compiled once, to a function of one argument. Its meaning is decided then, as far as
possible without a record:

* a plain name is a column, and nothing else;
* names joined by dots are the column of exactly that name (flattening makes such columns) if the
  record has it, and otherwise a path through objects;
* a text that is not valid JMESPath is a column's name (`Product ID`), unless it was meant as an
  expression;
* anything else is a column of exactly that name, or otherwise an expression.

A byte order mark before a column's name is ignored, in the mapping and in the record. A list or
object in JSON text is parsed, but only if a path looks into it; so may be the lists of objects that
`items` and `levels` name, and their entries.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from target_tocobagus.mapping import declared_numbers as declaring
from target_tocobagus.mapping.exact_numbers import NumberText
from target_tocobagus.mapping.values import BOM, DELETED, Read, member

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
_EXPRESSION = re.compile(r"[\[\]|()?]")


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path.

    Attributes:
        read: Reads the value; None if there is none.
        relies_on: One of these columns must exist for a value; empty if it needs none (a literal).
        also: Columns with which a condition compares others: each of them must exist.
        columns: All columns that it may read; None if it may read any.
        column: The column, if it can only be a column.
        declared: Finds its schema in a SCHEMA.
    """

    read: Read
    relies_on: frozenset[str]
    columns: frozenset[str] | None
    column: str | None = None
    declared: declaring.Follow = declaring.nothing
    also: frozenset[str] = frozenset()

    def number_read(self, *schemas: declaring.Schema) -> Read:
        """Read a quantity; its text is marked if one of the schemas declares it a number."""
        read = self.read
        if not any(declaring.declares_number(self.declared(schema)) for schema in schemas):
            return read

        def read_declared(scope: Any) -> Any:
            value = read(scope)
            return NumberText(value) if type(value) is str else value

        return read_declared


def columns_of(paths: Iterable[Path]) -> frozenset[str] | None:
    """Join the columns that paths read, and the mark of deletion; None if they may be any."""
    names = {DELETED}
    for path in paths:
        if path.columns is None:
            return None
        names |= path.columns
    return frozenset(names)


def compared(paths: Iterable[Path]) -> list[frozenset[str]]:
    """List the columns with which conditions compare others, each a group of its own."""
    return [frozenset({name}) for path in paths for name in sorted(path.also)]


def zero(_: Any) -> int:
    """Read 0: the quantity of a deleted record."""
    return 0


def compile_path(text: str) -> Path:
    """Compile a path as its user wrote it.

    Raises:
        ValueError: It is meant as an expression, but is not valid.
    """
    text = text.removeprefix(BOM)
    if _NAME.fullmatch(text):
        return compile_column(text)
    if _DOTTED.fullmatch(text):
        names = frozenset({text, text.partition(".")[0]})
        return Path(_dotted(text), names, names, declared=declaring.dotted(text))
    return _compile_other(text)


def compile_column(name: str) -> Path:
    """Use a text as a column's exact name, whatever it looks like."""
    name = name.removeprefix(BOM)
    names = frozenset({name})
    return Path(_column(name), names, names, name, partial(declaring.property_of, name=name))


def compile_condition(text: str) -> Path:
    """Compile a JMESPath condition; a record meets it if what it reads `is_true`.

    Raises:
        ValueError: It is not valid JMESPath.
    """
    from target_tocobagus.mapping.expressions import compile_expression

    expression = compile_expression(text)
    column = text if expression.names == (text,) else None
    relies_on, also = frozenset(expression.names[:1]), expression.compared
    return Path(expression.read, relies_on, expression.columns, column, also=also)


def first_of(reads: Iterable[Read]) -> Read:
    """Read several paths in order: the first that has a value; empty texts do not count."""
    places = tuple(reads)
    if len(places) == 1:
        return places[0]

    def read(scope: Any) -> Any:
        for place in places:
            value = place(scope)
            if value is not None and not (isinstance(value, str) and not value.strip()):
                return value
        return None

    return read


def _column(name: str) -> Read:
    marked = BOM + name

    def read(scope: Any) -> Any:
        value = scope.get(name)
        return scope.get(marked) if value is None else value

    return read


def _dotted(text: str) -> Read:
    marked = BOM + text
    names = text.split(".")

    def read(scope: Any) -> Any:
        if text in scope:
            return scope[text]
        value = scope
        for name in names:
            value = member(value, name)
            if value is None:
                return scope.get(marked)
        return value

    return read


def _compile_other(text: str) -> Path:
    from target_tocobagus.mapping.expressions import compile_expression

    try:
        expression = compile_expression(text)
    except ValueError as error:
        if not _EXPRESSION.search(text):
            return compile_column(text)
        quoted = json.dumps(text, ensure_ascii=False)
        reason = f"{error}; a column of that name is written in double quotes: {quoted}"
        raise ValueError(reason) from None
    return Path(
        _exact_or(text, expression.read),
        frozenset({text, expression.names[0]}) if expression.names else frozenset(),
        None if expression.columns is None else expression.columns | {text},
        declared=expression.declared,
    )


def _exact_or(text: str, evaluate: Read) -> Read:
    marked = BOM + text

    def read(scope: Any) -> Any:
        if text in scope:
            return scope[text]
        if marked in scope:
            return scope[marked]
        return evaluate(scope)

    return read
