"""What a program can say to whoever runs it, read from its sources; and what a document has of it.

Messages are put together far from where they are logged or raised, so it is not followed which
text gets there. Whatever reads like prose is taken for a part of a message: a string with two
words, its variable parts written as ``…``. Left out are docstrings, and the words behind a
rejection's code or a skip, which are told by their code.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VARIABLE: Final = "…"
_PROSE: Final = re.compile(r"[a-z'] [a-z]")
_PLACE: Final = re.compile(r"%[-+ #0-9.]*[a-z]")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*_?[A-Z0-9_]*")
_SPAN: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LOGGED: Final = frozenset({"warning", "error", "critical", "exception", "log"})
_CODED: Final = frozenset({"Refused", "RowError", "Skipped"})


class Text(NamedTuple):
    """A piece of prose in the sources.

    Attributes:
        module: The file that it stands in, within its package.
        template: Its words, with ``…`` for each variable part.
    """

    module: str
    template: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds it in a message."""
        parts = (part.strip() for part in self.template.split(VARIABLE))
        return re.compile(".*".join(re.escape(part) for part in parts if part))


def prose(package: Path, leave_out: Iterable[str] = ()) -> set[Text]:
    """Find all prose of a package.

    Args:
        package: Its folder.
        leave_out: Files, or folders ending in a slash, within it.
    """
    left_out = tuple(leave_out)
    return {
        Text(module, template)
        for path in package.rglob("*.py")
        if not (module := path.relative_to(package).as_posix()).startswith(left_out)
        for template in _templates(ast.parse(path.read_text("utf-8")))
    }


def _templates(tree: ast.AST) -> Iterator[str]:
    inner = {id(part) for node in ast.walk(tree) for part in _told_otherwise(node)}
    for node in ast.walk(tree):
        if id(node) not in inner and (template := _template(node)) and _PROSE.search(template):
            yield template
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in _LOGGED:
            yield from filter(None, map(_template, node.args))


def _told_otherwise(node: ast.AST) -> Iterator[ast.AST]:
    """List the strings of a node that are part of another text, or none that is shown."""
    if isinstance(node, ast.JoinedStr):
        yield from node.values
    elif isinstance(node, ast.Expr):
        yield node.value
    elif isinstance(node, ast.Call) and _name(node.func) in _CODED:
        yield from (part for argument in node.args for part in ast.walk(argument))


def _template(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_template(part) or VARIABLE for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _plain(_PLACE.sub(VARIABLE, node.value))
    return ""


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def codes(package: Path) -> set[str]:
    """Find the codes that a package rejects rows with: the first words of a refusal.

    One that is not written out there is looked for where the function gives the name its value.
    """
    return {
        code
        for path in package.rglob("*.py")
        for scope in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(scope, (ast.FunctionDef, ast.Module))
        for call in ast.walk(scope)
        if isinstance(call, ast.Call) and _name(call.func) in {"Refused", "RowError"}
        for code in _codes_of(call, scope)
    }


def _codes_of(call: ast.Call, scope: ast.AST) -> Iterator[str]:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    sources: list[ast.AST] = [call.args[0] if call.args else named["code"]]
    if isinstance(sources[0], ast.Name):
        assigned = [node for node in ast.walk(scope) if isinstance(node, ast.Assign)]
        wanted = sources[0].id
        sources = [
            node.value for node in assigned if wanted in {_name(each) for each in node.targets}
        ]
    for node in (part for source in sources for part in ast.walk(source)):
        if isinstance(node, ast.Constant) and _CODE.fullmatch(str(node.value)):
            yield str(node.value)


def spans(text: str) -> list[str]:
    """Give what stands in code spans, each on one line."""
    return [_plain(span) for span in _SPAN.findall(text)]


def _plain(text: str) -> str:
    """Write a text on one line, without the marks that a code span cannot hold."""
    return re.sub(r"\s+", " ", text.replace("`", ""))
