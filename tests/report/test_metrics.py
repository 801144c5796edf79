"""`metrics_path`: a run's figures, as Prometheus' own parser reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.report.metrics import MetricsFile
from target_tocobagus.report.totals import Totals, summary_fields

if TYPE_CHECKING:
    from pathlib import Path

STORE: Final = 'store "1"\n'


def fields(**more: Any) -> dict[str, Any]:
    """Gather a run's summary, and counts of its ledger."""
    totals = Totals()
    totals.remembers = True
    totals.updates, totals.accepted, totals.rejected, totals.requests = 5, 3, 2, 4
    totals.codes.update({"INV_001": 2})
    totals.freshness.ages.add(60)
    return {**summary_fields(totals, unsettled=0, seconds=1.5, dry_run=False), **more}


def read(path: Path) -> dict[tuple[str, ...], float]:
    """Read a file: each sample by its name and the labels' values beside the store's."""
    samples = [
        sample
        for family in text_string_to_metric_families(path.read_text("utf-8"))
        for sample in family.samples
    ]
    assert {sample.labels.pop("store") for sample in samples} == {STORE}
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def write(path: Path, ended_at: float = 100.0, *, is_good: bool = True, **more: Any) -> str:
    """Write a file at the end of a run."""
    return MetricsFile(str(path), STORE).write(fields(**more), ended_at=ended_at, is_good=is_good)


def test_a_run_has_its_figures(tmp_path: Path) -> None:
    """Outcomes, codes, requests, ages, and what the ledger has open; each once."""
    path = tmp_path / "toco.prom"
    assert write(path, in_doubt=7, open_rejections=2) == ""
    found = read(path)

    assert found["tocobagus_updates", "accepted"] == 3
    assert found["tocobagus_updates", "unchanged"] == 0
    assert found["tocobagus_rejected", "INV_001"] == 2
    assert found["tocobagus_requests",] == 4
    assert found["tocobagus_run_seconds",] == 1.5
    assert found["tocobagus_freshness_seconds", "p95"] == 60
    assert found["tocobagus_levels_in_doubt",] == 7
    assert found["tocobagus_open_rejections",] == 2
    assert found["tocobagus_last_run_success",] == 1
    assert found["tocobagus_last_success_timestamp_seconds",] == 100


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    """Without attempts there is no latency, and without a ledger no doubt: not 0."""
    path = tmp_path / "toco.prom"
    write(path)
    names = {name for name, *_ in read(path)}
    assert "tocobagus_request_seconds" not in names
    assert "tocobagus_levels_in_doubt" not in names


def test_a_failed_run_keeps_the_time_of_the_last_good_one(tmp_path: Path) -> None:
    """However many fail one after the other."""
    path = tmp_path / "toco.prom"
    write(path, 100.0)
    for ended_at in (200.0, 300.0):
        write(path, ended_at, is_good=False)
    found = read(path)
    assert found["tocobagus_last_run_timestamp_seconds",] == 300
    assert found["tocobagus_last_run_success",] == 0
    assert found["tocobagus_last_success_timestamp_seconds",] == 100

    write(path, 400.0)
    assert read(path)["tocobagus_last_success_timestamp_seconds",] == 400


@pytest.mark.parametrize("before", [None, b"", b"# HELP tocobagus_x {{{", b"# HELP tocobagus_\xff"])
def test_without_a_good_run_there_is_no_time_of_it(tmp_path: Path, before: bytes | None) -> None:
    """A missing file, or a damaged one, says nothing; it is replaced."""
    path = tmp_path / "toco.prom"
    if before is not None:
        path.write_bytes(before)
    write(path, is_good=False)
    assert ("tocobagus_last_success_timestamp_seconds",) not in read(path)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """No other file stays, and whoever reads the old one goes on reading it."""
    path = tmp_path / "toco.prom"
    write(path)
    old = path.read_text("utf-8")
    with path.open() as reader:
        write(path, 200.0)
        assert reader.read() == old
    assert [each.name for each in tmp_path.iterdir()] == ["toco.prom"]


def test_a_place_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    """A folder, and a file in a folder that is missing; the message names the setting."""
    for path in (tmp_path, tmp_path / "missing" / "toco.prom"):
        with pytest.raises(ConfigurationError, match="metrics_path: "):
            MetricsFile(str(path), STORE)


def test_a_place_that_is_gone_at_the_end_is_told(tmp_path: Path) -> None:
    """It is no error of the run."""
    folder = tmp_path / "there"
    folder.mkdir()
    file = MetricsFile(str(folder / "toco.prom"), STORE)
    folder.rmdir()
    said = file.write(fields(), ended_at=1, is_good=True)
    assert said == "metrics_path: its folder is missing"


@pytest.mark.parametrize("content", [b"SQLite format 3\0", b'{"type": "SCHEMA"}\n', b"up 1\n"])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """It may be the ledger; also if it was made during the run."""
    path = tmp_path / "toco.prom"
    file = MetricsFile(str(path), STORE)
    path.write_bytes(content)
    assert "does not hold the figures" in file.write(fields(), ended_at=1, is_good=True)
    assert path.read_bytes() == content
    with pytest.raises(ConfigurationError, match="does not hold the figures"):
        MetricsFile(str(path), STORE)


def test_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    """It ends no run."""
    file = MetricsFile(str(tmp_path / "a\0b"), STORE)
    assert "metrics_path: " in file.write(fields(), ended_at=1, is_good=True)
