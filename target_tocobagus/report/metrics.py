"""Writes `metrics_path`: a run's figures in the text format of Prometheus.

Prometheus' node exporter reads such a file (its textfile collector). The file is replaced as a
whole at the end of a run, so each figure is a gauge: it is about the last run. The time of the last
good run is taken over from the file before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus import __version__
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import reason
from target_tocobagus.report.totals import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import CollectorRegistry

_LAST_SUCCESS: Final = "tocobagus_last_success_timestamp_seconds"
_BEGINNING: Final = b"# HELP tocobagus_"
_GAUGES: Final = {
    "seconds": ("tocobagus_run_seconds", "How long the last run took"),
    "records": ("tocobagus_records", "RECORD messages of the last run"),
    "requests": ("tocobagus_requests", "Attempts of the last run, answered or not"),
    "retries": ("tocobagus_retries", "Attempts of the last run that sent rows again"),
    "batches": ("tocobagus_batches", "Requests of which the API accepted a row"),
    "sent_bytes": ("tocobagus_sent_bytes", "Size of all bodies of the last run"),
    "held": ("tocobagus_held_stock_outs", "Stock-outs that the guard holds"),
    "in_doubt": ("tocobagus_levels_in_doubt", "Levels whose value in the shop is not certain"),
    "open_rejections": ("tocobagus_open_rejections", "Rows that are still refused"),
}
"""By field of the summary, or count of the ledger: a metric's name, and what it means."""
_SPREADS: Final = {
    "freshness": ("tocobagus_freshness_seconds", "Age of stock when the API accepted it"),
    "latency": ("tocobagus_request_seconds", "How long the attempts took"),
}


class MetricsFile:
    """The file of one store."""

    def __init__(self, path: str, store: str) -> None:
        """Check that it can be written.

        Args:
            path: The setting `metrics_path`.
            store: The store's client id: a label of each figure.

        Raises:
            ConfigurationError: Its folder is missing, or cannot be written to.
        """
        self._path = Path(path)
        self._store = store
        if problem := problem_of(path):
            raise ConfigurationError([problem])

    def write(self, fields: Mapping[str, Any], *, ended_at: float, is_good: bool) -> str:
        """Replace the file.

        Args:
            fields: Of the summary, and counts of the ledger, if there is one.
            ended_at: When the run ended, in seconds since the epoch.
            is_good: The run ends with exit code 0.

        Returns:
            Why it could not be written; empty if it was.
        """
        if problem := problem_of(str(self._path)):
            return problem
        from prometheus_client import CollectorRegistry, write_to_textfile

        registry = CollectorRegistry()
        gauges = _Gauges(registry, self._store)
        gauges.add_run(fields)
        gauges.set("tocobagus_build_info", "The program", 1, version=__version__)
        gauges.set("tocobagus_last_run_timestamp_seconds", "When the last run ended", ended_at)
        gauges.set("tocobagus_last_run_success", "1 if its exit code was 0", int(is_good))
        if (succeeded_at := ended_at if is_good else self._last_success()) is not None:
            gauges.set(_LAST_SUCCESS, "When the last good run ended", succeeded_at)
        try:
            write_to_textfile(str(self._path), registry)
        except (OSError, ValueError) as error:  # a ValueError means a name that no file can have
            return f"metrics_path: {reason(error)}"
        return ""

    def _last_success(self) -> float | None:
        """Read when the last good run ended, from the file that is to be replaced."""
        from prometheus_client.parser import text_string_to_metric_families

        try:
            families = list(text_string_to_metric_families(self._path.read_text("utf-8")))
        except (OSError, ValueError):
            return None
        samples = [each for family in families for each in family.samples]
        return next((each.value for each in samples if each.name == _LAST_SUCCESS), None)


def problem_of(path: str) -> str:
    """Say why a file could not be written at the end of a run; empty if it could.

    A file of something else is not replaced: it may be the ledger, or the rejected rows.
    """
    folder = Path(path).absolute().parent
    if Path(path).is_dir():
        return "metrics_path: is a folder"
    if not _is_ours(Path(path)):
        return "metrics_path: the file exists and does not hold the figures of a run"
    if not folder.is_dir():
        return "metrics_path: its folder is missing"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "metrics_path: its folder cannot be written to"
    return ""


def _is_ours(path: Path) -> bool:
    """Whether a file is missing, empty, or was written by this program."""
    if not path.is_file():
        return not path.exists()  # a device, or a pipe
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGINNING)) in {b"", _BEGINNING}
    except OSError:  # it cannot be read, so nothing is known of it
        return False


class _Gauges:
    """Makes gauges of one store."""

    def __init__(self, registry: CollectorRegistry, store: str) -> None:
        self._registry = registry
        self._store = store
        self._made: dict[str, Any] = {}

    def set(self, name: str, meaning: str, value: float, **labels: str) -> None:
        """Set a gauge, with these labels beside the store's."""
        from prometheus_client import Gauge

        if name not in self._made:
            names = ("store", *labels)
            self._made[name] = Gauge(name, meaning, names, registry=self._registry)
        self._made[name].labels(store=self._store, **labels).set(value)

    def add_run(self, fields: Mapping[str, Any]) -> None:
        """Set what the summary tells."""
        for outcome in OUTCOMES:
            if outcome in fields:
                meaning = "Updates of the last run by their outcome"
                self.set("tocobagus_updates", meaning, fields[outcome], outcome=outcome)
        for code, count in fields["rejected_by_code"].items():
            meaning = "Rejected updates of the last run by code"
            self.set("tocobagus_rejected", meaning, count, code=code)
        for field, (name, meaning) in _GAUGES.items():
            if field in fields:
                self.set(name, meaning, fields[field])
        for field, (name, meaning) in _SPREADS.items():
            for stat, seconds in fields.get(field, {}).items():
                self.set(name, meaning, seconds, stat=stat)
