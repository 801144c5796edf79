"""What all documents share: links that lead somewhere, and commands and settings that there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click
import pytest

from target_tocobagus.cli import main
from target_tocobagus.config.settings import SCHEMA
from tests.docs.documents import ROOT, sections

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
IDS: Final = [path.stem for path in DOCUMENTS]


def anchors(document: Path) -> set[str]:
    """Give what the headings of a document can be linked by, as GitHub makes it."""
    titles = (section.title.lower() for section in sections(document))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_link_leads_somewhere(document: Path) -> None:
    """To a file of this project and, where it names one, to a heading in it."""
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", document.read_text("utf-8"))

    for path, anchor in links:
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_command_that_is_named_exists(document: Path) -> None:
    """`tocobagus` knows each command, and the options that are given to it."""
    commands = re.findall(r"(?<![\w-])tocobagus ([a-z]+)\b([^\n`|&]*)", document.read_text("utf-8"))

    context = click.Context(main)
    for name, rest in commands:
        command = main.get_command(context, name)
        assert command, name
        if isinstance(command, click.Group):
            inner = re.match(r" ([a-z]+)", rest)
            command = command.commands[inner[1]] if inner else command
        options = {option for param in command.params for option in param.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, (name, rest)


def test_every_command_can_be_imported() -> None:
    """Each name in the list of commands leads to one."""
    context = click.Context(main)
    for name in main.list_commands(context):
        assert isinstance(main.get_command(context, name), click.Command), name


def test_the_readme_leads_to_every_document() -> None:
    """The README has a link to each document."""
    readme = DOCUMENTS[0].read_text("utf-8")

    for document in DOCUMENTS[1:]:
        assert f"(docs/{document.name})" in readme


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_setting_that_is_shown_exists(document: Path) -> None:
    """What stands before an equals sign as a variable of the target's is a setting in capitals."""
    shown = re.findall(r"\bTARGET_TOCOBAGUS_([A-Z_]+)=", document.read_text("utf-8"))

    assert {name.lower() for name in shown} <= SCHEMA["properties"].keys()
