"""docs/quick-start.md is true: who pastes it, from top to bottom, has a first sync in the end.

The tap is a stand-in that writes what the real tap-postgres wrote of one stream. What installs the
project is not run: it would take longer than all the rest, and needs PyPI.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Final

import click
import pytest

from target_tocobagus.cli import main
from target_tocobagus.sandbox.command import sandbox as sandbox_command
from tests.docs.documents import ROOT, SANDBOX, Reader, blocks, environment, sections

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local_sandbox import Sandbox

QUICK_START: Final = ROOT / "docs" / "quick-start.md"
MULAI: Final = ROOT / "docs" / "id" / "quick-start.md"
RECORDED: Final = ROOT / "tests" / "data" / "streams" / "pgml-full.singer"
STREAM: Final = "public-stock_levels"
ALL_STOCK: Final = {
    "KOPI-ARB-250": {"wh_jakarta": 10, "wh_surabaya": 0},
    "00123": {"wh_jakarta": 7},
    "GULA-1KG": {"wh_surabaya": 1_000_000},
    'SKU/with "q", ünïcødé 咖啡': {"wh_bandung": 0},
}


@pytest.fixture
def reader(tmp_path: Path, sandbox: Sandbox) -> Reader:
    """A reader who has installed the project and has a tap, which does not repeat itself."""
    reader = Reader(tmp_path / "clone", sandbox)
    wanted = [line for line in RECORDED.read_text("utf-8").splitlines() if STREAM in line]
    (reader.clone / "recorded").write_text("\n".join(wanted[:8]) + "\n", "utf-8")
    tap = reader.bin / "tap-yours"
    tap.write_text(f'#!/bin/sh\ncase "$*" in *--state*) ;; *) cat {reader.clone}/recorded;; esac\n')
    tap.chmod(0o755)
    return reader


def shell(reader: Reader) -> dict[str, str]:
    """Give the environment of a shell that finds the installed commands."""
    env = environment()
    return {**env, "PATH": f"{reader.bin}{os.pathsep}{env['PATH']}"}


def steps(first: int, last: int, language: str = "sh") -> list[str]:
    """Give the commands of some steps, in their order."""
    headings = [
        section.title
        for section in sections(QUICK_START)
        if (found := re.match(r"(\d+)\. ", section.title)) and first <= int(found[1]) <= last
    ]
    return [text for heading in headings for text in blocks(QUICK_START, language, heading)]


def stock(sandbox: Sandbox) -> dict[str, dict[str | None, int]]:
    """Give what has arrived, by SKU and warehouse."""
    return {sku: dict(levels) for (_, sku), levels in sandbox.stock().items()}


def test_nothing_is_sent_before_the_first_run(reader: Reader, sandbox: Sandbox) -> None:
    """Demo, recording, mapping, dry run and check: all end well, and nothing is written."""
    done = reader.paste("\n".join(steps(2, 6)), env=shell(reader))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Stock, as the sandbox has it now" in done.stdout
    assert f"stream: {STREAM}" in done.stdout
    assert "All is well." in done.stdout
    assert "5 mapped" in done.stderr
    assert stock(sandbox) == {}
    assert {request["method"] for request in sandbox.requests()} == {"GET"}
    assert (reader.clone / "shop" / "store.env").stat().st_mode & 0o077 == 0


def test_one_item_is_sent_then_all_of_it_and_then_what_has_changed(
    reader: Reader, sandbox: Sandbox
) -> None:
    """Each in a shell of its own; a run that has nothing to send keeps the STATE."""
    before = [*steps(3, 3), *steps(5, 5)]
    one = reader.paste("\n".join([*before, *steps(8, 8)]), env=shell(reader))
    assert one.returncode == 0, one.stderr
    assert stock(sandbox) == {"KOPI-ARB-250": ALL_STOCK["KOPI-ARB-250"]}

    everything = reader.paste("\n".join([*before, *steps(7, 7)]), env=shell(reader))
    assert everything.returncode == 0, everything.stderr
    assert stock(sandbox) == ALL_STOCK
    shown = json.loads(everything.stdout.splitlines()[-1])
    assert {level["identifier"] for level in shown} == ALL_STOCK.keys()
    state = (reader.clone / "shop" / "state.json").read_text("utf-8")
    assert json.loads(state)["tocobagus"]["batchIds"] == [sandbox.batches()[-1]["batchId"]]

    requests = len(sandbox.requests())
    again = reader.paste("\n".join(["cd shop", *steps(5, 5)[:1], *steps(9, 9)]), env=shell(reader))
    assert again.returncode == 0, again.stderr
    assert len(sandbox.requests()) == requests
    assert (reader.clone / "shop" / "state.json").read_text("utf-8") == state


def test_the_shop_is_checked_as_the_sandbox_was() -> None:
    """The commands of a new shell are those that have been run, in the same folder."""
    (commands,) = steps(8, 8, "sh shop")
    (check,) = steps(6, 6)

    assert commands.splitlines()[-1] == check.strip()
    assert commands.splitlines()[1] in steps(5, 5)[0].splitlines()
    assert commands.splitlines()[0] == "cd shop"


def test_the_sandbox_is_where_the_document_says() -> None:
    """Its command is there, and listens at the place in `store.env` unless it is told otherwise."""
    (command,) = blocks(QUICK_START, "sh sandbox")
    (setting,) = re.findall(r"^TARGET_TOCOBAGUS_API_URL=(.+)$", steps(5, 5)[0], re.MULTILINE)
    defaults = {
        option.name: option.default
        for option in sandbox_command.params
        if isinstance(option, click.Option)
    }

    assert command.split() == ["tocobagus", "sandbox"]
    assert "sandbox" in main.list_commands(click.Context(main))
    assert f"{defaults['host']}:{defaults['port']}" == SANDBOX
    assert setting == f"http://{SANDBOX}/api/v1"


def test_the_indonesian_document_has_the_same_commands() -> None:
    """Step by step, so that all that is tested here holds there."""
    steps = [
        [section.blocks for section in sections(document)] for document in (QUICK_START, MULAI)
    ]
    english, indonesian = ([blocks for blocks in each if blocks] for each in steps)
    assert english == indonesian
