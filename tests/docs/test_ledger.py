"""docs/ledger.md is true: its configuration, and its commands with what they write."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING, Final

import pytest

from target_tocobagus.config.settings import SCHEMA
from tests.docs.documents import ROOT, Reader, blocks
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEDGER: Final = ROOT / "docs" / "ledger.md"
TEXT: Final = LEDGER.read_text("utf-8")
RECORDED: Final = ROOT / "tests" / "data" / "streams" / "tap-csv-long+wide.singer"
RUN: Final = ".venv/bin/target-tocobagus --config target.json < stock.singer"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader who has added the document's line to a configuration."""
    with running() as sandbox:
        reader = Reader(tmp_path / "clone", sandbox)
        config = json.loads((reader.clone / "examples" / "long.json").read_text("utf-8"))
        config |= json.loads(*blocks(LEDGER, "json config"))
        (reader.clone / "target.json").write_text(json.dumps(config), "utf-8")
        (reader.clone / "stock.singer").write_bytes(RECORDED.read_bytes())
        yield reader


def shape(text: str) -> list[str]:
    """Leave out of an output what differs from one machine or day to another."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +[\d.]+ s", "TIME", text)
    text = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", "DAY", text)
    text = re.sub(r"(batch|request) \S+|[0-9a-f-]{36}", "BATCH", text)
    text = re.sub(r"^/.*ledger\.db$", "PATH", text, flags=re.MULTILINE)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"[\d.]+ kB", "SIZE", text)
    text = re.sub(r"not older than [\d.]+ \w+", "AGE", text)
    return [re.sub(r"[ \u2500]+", " ", line).rstrip() for line in text.splitlines()]


def test_the_commands_write_what_is_shown(reader: Reader) -> None:
    """The commands are pasted after two runs, and write the document's output."""
    for _ in range(2):
        assert reader.paste(RUN).returncode == 0
    (commands,) = blocks(LEDGER)
    done = reader.paste(commands)

    assert (done.returncode, done.stderr) == (0, "")
    assert shape(done.stdout) == shape(*blocks(LEDGER, "text output"))


def test_what_is_gone_is_listed_and_sent_as_0(reader: Reader) -> None:
    """After eleven days one item has been missing from the export for a week."""
    assert reader.paste(RUN).returncode == 0
    with sqlite3.connect(reader.clone / "ledger.db") as database:
        database.execute("UPDATE tocobagus_level SET named_day = named_day - 11")
    stream = reader.clone / "stock.singer"
    lines = stream.read_text("utf-8").splitlines(keepends=True)
    stream.write_text("".join(line for line in lines if "KOPI-ARB-250" not in line), "utf-8")
    assert reader.paste(RUN).returncode == 0
    (commands,) = blocks(LEDGER, "sh absent")
    done = reader.paste(commands)

    assert done.returncode == 0, done.stderr
    assert shape(done.stdout) == shape(*blocks(LEDGER, "text absent"))


def test_a_quantity_is_explained(reader: Reader) -> None:
    """After two runs, of which the second brings another quantity."""
    assert reader.paste(RUN).returncode == 0
    stream = reader.clone / "stock.singer"
    stream.write_text(stream.read_text("utf-8").replace('"qty":"12"', '"qty":"3"'), "utf-8")
    assert reader.paste(RUN).returncode == 0
    (commands,) = blocks(LEDGER, "sh explain")
    done = reader.paste(commands)

    assert (done.returncode, done.stderr) == (0, "")
    assert shape(done.stdout) == shape(*blocks(LEDGER, "text explain"))


def test_the_files_that_are_named_are_all(reader: Reader) -> None:
    """After they are deleted the next run sends everything."""
    before = set(reader.clone.iterdir())
    first = reader.paste(RUN)
    made = {path.name for path in set(reader.clone.iterdir()) - before}
    assert "ledger.db" in made
    assert all(name.startswith("ledger.db.lock-") for name in made - {"ledger.db"})
    assert "rm -f ledger.db ledger.db-*" in TEXT
    assert reader.paste("rm -f ledger.db ledger.db-*").returncode == 0
    second = reader.paste(RUN)

    for done in (first, second):
        assert json.loads(done.stdout.splitlines()[-1])["tocobagus"]["accepted"] == 5


def test_the_numbers_are_those_of_the_settings() -> None:
    """What is said of the defaults follows them."""
    settings = SCHEMA["properties"]

    assert f"`resend_hours` ({settings['resend_hours']['default']}," in TEXT
    assert f"`history_days`, {settings['history_days']['default']} if not set" in TEXT
