"""Makes a page of `tocobagus report` to take a picture of: from real runs, moved into the past."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.sandbox.handle import spawned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RUNS: Final = 27
_APART_MS: Final = 6 * 3_600_000
_ITEMS: Final = (
    *("KOPI-ARB-250", "GULA-1KG", "BERAS-5KG", "TEH-HIJAU-100", "SUSU-UHT-1L", "MINYAK-2L"),
    *("SAMBAL-140", "KECAP-600", "MIE-GORENG", "ROTI-TAWAR", "SABUN-CAIR", "MADU-500"),
)
_PLACES: Final = ("wh_bandung", "wh_jakarta", "wh_surabaya")
_TARGET: Final = (sys.executable, "-m", "target_tocobagus", "--config", "target.json")
_REPORT: Final = (
    *(sys.executable, "-c", "from target_tocobagus.cli import main; main()"),
    *("report", "--config", "target.json"),
)
_MOVES: Final = """
UPDATE tocobagus_run SET started_at = started_at - :ms, ended_at = ended_at - :ms WHERE id = :run;
UPDATE tocobagus_change SET at = at - :ms
  WHERE batch IN (SELECT id FROM tocobagus_batch WHERE run = :run);
UPDATE tocobagus_level SET zeroed_at = zeroed_at - :ms
  WHERE batch IN (SELECT id FROM tocobagus_batch WHERE run = :run);
UPDATE tocobagus_batch SET at = at - :ms WHERE run = :run
"""


def make_report(folder: Path) -> Path:
    """Let a target run a week's runs against a sandbox, and report; returns the page."""
    chance = random.Random(3)  # noqa: S311  # a picture that can be made again
    stock = {(item, place): chance.randint(0, 60) for item in _ITEMS for place in _PLACES}
    (folder / "catalogue.json").write_text(json.dumps({"sku": _ITEMS[:-1]}))
    with spawned("--catalogue", "catalogue.json", "--latency-ms", "90", folder=folder) as sandbox:
        config = {
            "api_url": sandbox.api_url,
            **sandbox.credentials,
            "ledger": "ledger.db",
            "max_zeroed_percent": 100,
            "streams": [{"stream": "stock", "sku": "sku", "stock": "qty", "warehouse": "wh"}],
        }
        (folder / "target.json").write_text(json.dumps(config))
        for number in range(RUNS):
            for level in chance.sample(sorted(stock), len(stock) // 3):
                stock[level] = max(0, stock[level] + chance.randint(-25, 20))
            age = timedelta(seconds=chance.randint(60, 900))
            text = _stream(stock, age) + ("torn\n" if number == RUNS // 2 else "")
            subprocess.run(
                _TARGET, input=text, text=True, check=False, capture_output=True, cwd=folder
            )
    _move_apart(folder / "ledger.db")
    subprocess.run(_REPORT, check=True, capture_output=True, cwd=folder)
    return folder / "report.html"


def _stream(stock: Mapping[tuple[str, str], int], age: timedelta) -> str:
    columns: dict[str, Any] = {"sku": {}, "wh": {}, "qty": {}}
    schema = {"type": "SCHEMA", "stream": "stock", "schema": {"properties": columns}}
    at = (datetime.now(tz=timezone.utc) - age).isoformat()
    rows = [
        {
            "type": "RECORD",
            "stream": "stock",
            "record": {"sku": item, "wh": place, "qty": quantity},
            "time_extracted": at,
        }
        for (item, place), quantity in stock.items()
    ]
    return "".join(json.dumps(line) + "\n" for line in ({**schema, "key_properties": []}, *rows))


def _move_apart(ledger: Path) -> None:
    """Let the runs lie hours apart, the last one now."""
    with sqlite3.connect(ledger) as database:
        runs = [run for (run,) in database.execute("SELECT id FROM tocobagus_run ORDER BY id")]
        for run in runs:
            for move in _MOVES.split(";"):
                database.execute(move, {"ms": (runs[-1] - run) * _APART_MS, "run": run})
