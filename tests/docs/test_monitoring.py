"""docs/monitoring.md is true: its commands run, and the figures in it and its examples exist."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from tests.docs.documents import ROOT, Reader, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local_sandbox import Sandbox

MONITORING: Final = ROOT / "docs" / "monitoring.md"
RECORDED: Final = ROOT / "tests" / "data" / "streams" / "tap-csv-long+wide.singer"
EXAMPLES: Final = ROOT / "examples" / "monitoring"
NAME: Final = re.compile(r"\btocobagus_\w+")


def written() -> set[str]:
    """Name the figures that the program writes."""
    source = (ROOT / "target_tocobagus" / "report" / "metrics.py").read_text("utf-8")
    return set(NAME.findall(source))


def test_the_commands_of_the_document_run(tmp_path: Path, sandbox: Sandbox) -> None:
    """A run leaves the figures that are shown."""
    reader = Reader(tmp_path / "clone", sandbox)
    (reader.clone / "examples" / "long.json").rename(reader.clone / "target.json")
    (reader.clone / "stock.singer").write_bytes(RECORDED.read_bytes())
    (run,) = blocks(MONITORING)
    done = reader.paste(run)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == blocks(MONITORING, "text figures")[0]


def test_a_page_is_written(tmp_path: Path, sandbox: Sandbox) -> None:
    """After a run with a ledger, by the command that is shown."""
    reader = Reader(tmp_path / "clone", sandbox)
    config = json.loads((reader.clone / "examples" / "long.json").read_text("utf-8"))
    (reader.clone / "target.json").write_text(json.dumps({**config, "ledger": "ledger.db"}))
    (reader.clone / "stock.singer").write_bytes(RECORDED.read_bytes())
    run = ".venv/bin/target-tocobagus --config target.json < stock.singer"
    assert reader.paste(run).returncode == 0
    (command,) = blocks(MONITORING, "sh report")
    done = reader.paste(command)

    assert (done.stderr, done.stdout) == ("", blocks(MONITORING, "text report")[0])
    assert "None of 1 run failed." in (reader.clone / "report.html").read_text("utf-8")


def test_the_document_explains_each_figure() -> None:
    """All that the program writes, and no other."""
    rows = [line for line in MONITORING.read_text("utf-8").splitlines() if line.startswith("| `")]
    explained = {name for row in rows for name in NAME.findall(row.split("|")[1])}
    assert explained == written()


@pytest.mark.parametrize("name", ["alerts.yml", "grafana.json"])
def test_the_examples_ask_for_figures_that_exist(name: str) -> None:
    """A mistyped figure would never raise an alarm; the files are YAML and JSON."""
    text = (EXAMPLES / name).read_text("utf-8")
    assert yaml.safe_load(text)
    assert name.endswith(".yml") or json.loads(text)
    assert (asked := set(NAME.findall(text)))
    assert asked <= written()
