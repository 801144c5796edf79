"""Measures many stores of one partner: runs a minute, connections, memory, and the ledger's size.

Each store is a process of its own, as an orchestrator starts them, so many at once. Its rows come
from a file; the API is a sandbox that knows all stores, in a process of its own on the same
machine. The first round fills a ledger, of the second one row in a hundred has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from target_tocobagus.sandbox.handle import spawned
from tests.postgres import HOST, PASSWORD, USER, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = [sys.executable, "-m", "target_tocobagus", "--config"]
MAPPING = {"stream": "stock", "sku": "sku", "stock": "quantity", "warehouse": "warehouse_id"}


class Run(NamedTuple):
    """What one run took: seconds, seconds of processor, MiB at its peak."""

    wall: float
    cpu: float
    peak: float


class Round(NamedTuple):
    """What a round of all stores took."""

    wall: float
    runs: list[Run]
    connections: int


def store_name(number: int) -> str:
    """Name a store as the API does: 22 digits."""
    return f"{3 * 10**21 + number}"


def write_stream(path: Path, rows: int, changed: int = 0) -> None:
    """Write a store's rows; every so many, one has another quantity."""
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    lines: list[dict[str, Any]] = [
        {"type": "SCHEMA", "stream": "stock", "schema": schema, "key_properties": ["sku"]}
    ]
    for number in range(rows):
        quantity = 1 + number % 500 + bool(changed and number % changed == 0)
        record = {"sku": f"SKU-{number:07d}", "warehouse_id": "wh_1", "quantity": quantity}
        lines.append({"type": "RECORD", "stream": "stock", "record": record})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def run_store(config: Path, stream: Path) -> Run:
    """Run one store to its end.

    Raises:
        SystemExit: It failed; then its figures would say nothing.
    """
    began = time.monotonic()
    with stream.open("rb") as source, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*TARGET, str(config)], stdin=source, stdout=subprocess.DEVNULL, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(log.read().decode("utf-8", "replace")[-2000:])
    cpu = usage.ru_utime + usage.ru_stime
    return Run(time.monotonic() - began, cpu, usage.ru_maxrss / 1024)


@contextmanager
def watched(url: str | None) -> Iterator[list[int]]:
    """Count the stores' connections to PostgreSQL, ten times a second."""
    counts: list[int] = [0]
    done = threading.Event()

    def watch() -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'process %'"
        with psycopg.connect(url or "", autocommit=True) as connection:
            while not done.wait(0.1):
                row = connection.execute(query).fetchone()
                counts.append(row[0] if row else 0)

    thread = threading.Thread(target=watch)
    if url:
        thread.start()
    try:
        yield counts
    finally:
        done.set()
        if url:
            thread.join()


def run_round(configs: list[Path], stream: Path, jobs: int, url: str | None) -> Round:
    """Run all stores, so many at once."""
    began = time.monotonic()
    with watched(url) as counts, ThreadPoolExecutor(jobs) as pool:
        runs = list(pool.map(lambda config: run_store(config, stream), configs))
    return Round(time.monotonic() - began, runs, max(counts))


def configure(folder: Path, sandbox: Any, stores: int, ledger: str) -> list[Path]:
    """Write the configuration of each store; ``{}`` in the ledger's name is the store."""
    paths = []
    for number in range(stores):
        path = folder / f"{number}.json"
        name = store_name(number)
        own = {"store_client_id": name, "store_token": f"stkn_{number}"}
        config = {
            "api_url": sandbox.api_url,
            **sandbox.credentials,
            **own,
            "ledger": ledger.format(name),
            "streams": [MAPPING],
        }
        path.write_text(json.dumps(config))
        paths.append(path)
    return paths


def measure(stores: int, rows: int, jobs: int, ledger: str, url: str | None) -> None:
    """Measure two rounds of so many stores, and print a line for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenario = folder / "scenario.json"
        known = [{"client_id": store_name(each), "token": f"stkn_{each}"} for each in range(stores)]
        scenario.write_text(json.dumps({"stores": known}))
        streams = {"first": folder / "first.singer", "1 % changed": folder / "second.singer"}
        write_stream(streams["first"], rows)
        write_stream(streams["1 % changed"], rows, changed=100)
        options = ("--scenario", str(scenario), "--keep-history", "0", "--latency-ms", "20")
        with spawned(*options) as sandbox:
            configs = configure(folder, sandbox, stores, ledger.replace("FOLDER", name))
            for title, stream in streams.items():
                line(title, stores, jobs, run_round(configs, stream, jobs, url))


def line(title: str, stores: int, jobs: int, found: Round) -> None:
    """Print the figures of a round."""
    cpu = sum(run.cpu for run in found.runs) / stores
    peak = max(run.peak for run in found.runs)
    print(
        f"{stores:>5} stores, {jobs:>2} at once, {title:<12}{found.wall:>7.1f} s"
        f"{stores / found.wall * 60:>8.0f} runs/min {cpu:>6.2f} s cpu a run {peak:>5.0f} MiB"
        f" {found.connections:>4} connections",
        flush=True,
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, nargs="*", default=[20, 200])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--jobs", type=int, nargs="*", default=[2, 8])
    options = parser.parse_args()
    for stores in options.stores:
        for jobs in options.jobs:
            print(f"\nPostgreSQL, {options.rows:,} rows a store")
            with running_postgres() as database:
                address = f"{USER}:{PASSWORD}@{HOST}:{database.port}/{USER}"
                ledger = f"postgresql+psycopg://{address}"
                measure(stores, options.rows, jobs, ledger, f"postgresql://{address}")
                size = database.execute(f"SELECT pg_size_pretty(pg_database_size('{USER}'))")
                print(f"      the database takes {size.strip()}")
        print(f"\nSQLite, a file for each store, {options.rows:,} rows a store")
        measure(stores, options.rows, options.jobs[0], "FOLDER/{}.db", None)


if __name__ == "__main__":
    main()
