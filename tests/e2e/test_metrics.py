"""What a run tells of itself beside its log: the age of what was sent, and `metrics_path`."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.command import STOCK, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Command

PATH: Final = "toco.prom"


def ago(**spans: float) -> str:
    """Write a time before now, as taps do."""
    return (datetime.now(tz=timezone.utc) - timedelta(**spans)).isoformat()


def figures(folder: Path) -> dict[tuple[str, ...], float]:
    """Read the file: each sample by its name and the labels' values but the store's."""
    text = (folder / PATH).read_text("utf-8")
    samples = [each for one in text_string_to_metric_families(text) for each in one.samples]
    return {
        (each.name, *(value for name, value in each.labels.items() if name != "store")): each.value
        for each in samples
    }


def test_the_summary_tells_how_old_the_stock_was(command: Command) -> None:
    """By `time_extracted`, on the fast path and off it; a dry run accepts nothing."""
    lines = [
        schema(),
        {**record("a", 1), "time_extracted": ago(hours=5)},
        {**record("b", 1), "time_extracted": ago(hours=3)},
        {**record("c", "1.0"), "time_extracted": ago(hours=3)},
    ]
    ended = command.run(lines).without_traceback(0)
    assert "age when accepted: 3.0 h (median), 95 % within 5.0 h, at most 5.0 h" in ended.stderr
    assert "age when accepted" not in command.run(lines, dry_run=True).stderr
    assert "age when accepted" not in command.run([schema(), record("a", 1)]).stderr


def test_the_age_counts_from_the_version(command: Command) -> None:
    """With `newer_by`, which says when the row changed, and not when it was read."""
    mapping: dict[str, Any] = {**STOCK, "newer_by": "at"}
    row = record("a", 1, at=ago(days=4))
    lines = [schema("stock", "sku", "qty", "at"), {**row, "time_extracted": ago(minutes=1)}]
    ended = command.run(lines, streams=[mapping], ledger="ledger.db").without_traceback(0)
    assert "age when accepted: 4.0 days (median)" in ended.stderr


def test_each_run_leaves_its_figures(command: Command, tmp_path: Path) -> None:
    """A good one, and a failed one, which keeps the time of the last success."""
    settings: dict[str, Any] = {"metrics_path": PATH, "ledger": "ledger.db"}
    lines = [schema(), record("a", 1), record("b", 2), state(1)]
    command.run(lines, **settings).without_traceback(0)
    good = figures(tmp_path)
    assert good["tocobagus_updates", "accepted"] == 2
    assert good["tocobagus_levels_in_doubt",] == 0
    assert good["tocobagus_request_seconds", "worst"] > 0
    assert good["tocobagus_last_run_success",] == 1

    bad = [schema(), record("a", "many")]
    command.run(bad, max_rejected_rows=0, **settings).without_traceback(1)
    failed = figures(tmp_path)
    assert failed["tocobagus_rejected", "BAD_QUANTITY"] == 1
    assert failed["tocobagus_last_run_success",] == 0
    last = "tocobagus_last_success_timestamp_seconds"
    assert failed[last,] == good[last,] < failed["tocobagus_last_run_timestamp_seconds",]


def test_an_input_that_breaks_off_is_no_success(command: Command, tmp_path: Path) -> None:
    """Though all before it was sent: the figures and the ledger have the run as failed."""
    settings: dict[str, Any] = {"metrics_path": PATH, "ledger": "ledger.db"}
    command.run([schema(), record("a", 1), "no message"], **settings).without_traceback(1)
    assert figures(tmp_path)["tocobagus_updates", "accepted"] == 1
    assert figures(tmp_path)["tocobagus_last_run_success",] == 0
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        ((error,),) = database.execute("SELECT error FROM tocobagus_run")
    assert "is not JSON" in error


def test_a_dry_run_leaves_the_figures_as_they_are(command: Command, tmp_path: Path) -> None:
    """It has sent nothing: the last run is another."""
    command.run([schema(), record("a", 1)], metrics_path=PATH).without_traceback(0)
    before = (tmp_path / PATH).read_bytes()
    command.run([schema()], metrics_path=PATH, dry_run=True).without_traceback(0)
    assert (tmp_path / PATH).read_bytes() == before


@pytest.mark.parametrize("path", [".", "missing/toco.prom"])
def test_a_path_that_cannot_be_is_refused_at_the_start(command: Command, path: str) -> None:
    """Before anything is read: a person must act."""
    ended = command.run([schema(), record("a", 1)], metrics_path=path).without_traceback(2)
    assert "metrics_path: " in ended.stderr
    assert ended.stdout == []
