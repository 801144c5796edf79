"""The codes of rejections, read from the sources, and the code spans of a document."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*_?[A-Z0-9_]*")
_SPAN: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")


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
        if isinstance(call, ast.Call) and _name(call.func) in {"RecordError", "RowError"}
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
