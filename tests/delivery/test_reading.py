"""Reading and delivery together, in the real command: what the way of a line must not change."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.sandbox.testing import Sandbox, running

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA: Final = {
    "type": "SCHEMA",
    "stream": "stock",
    "schema": {"properties": {"sku": {}, "qty": {}, 'q"ty': {}}},
    "key_properties": [],
}
_SUM: Final = re.compile(
    r"(\d+) updates? = (\d+) (?:accepted|mapped) \+ (\d+) superseded \+ (\d+) skipped"
    r" \+ (\d+) rejected \+ (\d+) unsettled"
)
_PATIENCE: Final = 30


def start(directory: Path, sandbox: Sandbox | None, **config: Any) -> subprocess.Popen[bytes]:
    """Start the command; without a sandbox it is a dry run."""
    where = {"api_url": sandbox.api_url, **sandbox.credentials} if sandbox else {"dry_run": True}
    mapping = {"stream": "stock", "sku": "sku", "stock": "qty"}
    path = directory / "config.json"
    path.write_text(json.dumps({**where, "streams": [mapping], **config}), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "target_tocobagus", "--config", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if "TOCOBAGUS" not in key},
    )


def records(*values: tuple[Any, Any], column: str = "qty") -> bytes:
    """Write a SCHEMA and a record for each pair of SKU and quantity."""
    rows = [{"sku": sku, column: qty} for sku, qty in values]
    lines = [{"type": "RECORD", "stream": "stock", "record": row} for row in rows]
    return b"".join(json.dumps(line).encode() + b"\n" for line in [_SCHEMA, *lines])


def sums(stderr: bytes) -> list[int]:
    """Read the equation of the summary: updates, and then their outcomes."""
    found = _SUM.search(stderr.decode())
    assert found, stderr.decode()
    return [int(number) for number in found.groups()]


def test_a_row_without_an_identifier_is_rejected_wherever_it_stands(tmp_path: Path) -> None:
    """A null SKU is a rejection, also where it is the first that a faster way of reading meets."""
    with start(tmp_path, None) as process:
        values = [("a", 1), (None, 2), ("b", 3), (None, 4)]
        _, stderr = process.communicate(records(*values), _PATIENCE)
    assert process.returncode == 0
    assert sums(stderr) == [4, 2, 0, 0, 2, 0]
    assert b"NO_IDENTIFIER 2" in stderr


def test_a_column_may_have_any_name(tmp_path: Path) -> None:
    """A quote in a column's name is a name like any other."""
    mapping = {"stream": "stock", "sku": "sku", "stock": 'q"ty'}
    with start(tmp_path, None, streams=[mapping]) as process:
        rows = records(("a", 1), ("b", 2), ("c", 3), column='q"ty')
        _, stderr = process.communicate(rows, _PATIENCE)
    assert process.returncode == 0, stderr.decode()
    assert sums(stderr) == [3, 3, 0, 0, 0, 0]


def test_the_sums_close_though_a_signal_finds_reading_in_the_middle_of_a_chunk(
    tmp_path: Path,
) -> None:
    """A signal that comes while reading waits for room ends the run as any other instant would."""
    values = [(f"s{n}", n if n % 3 else f"{n}") for n in range(1200)]
    with running(latency_ms=700) as sandbox:
        settings = {"batch_size_rows": 1, "max_in_flight": 1, "batch_wait_seconds": 0}
        with start(tmp_path, sandbox, **settings) as process:
            assert process.stdin
            process.stdin.write(records(*values))
            process.stdin.flush()
            until = time.monotonic() + _PATIENCE
            while not sandbox.health()["requests"] and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 143, stderr.decode()
    updates, *outcomes = sums(stderr)
    assert updates == sum(outcomes)
    assert outcomes[-1] > 0
