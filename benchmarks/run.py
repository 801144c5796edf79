"""Measures the target against a plain SDK target and against bare limits, and prints one table.

Each command is a whole process, start-up included, that reads a pipe and sends to a server in a
process of its own: one that answers at once (`instant.py`), or the sandbox where latency, memory or
the start are measured. Commands are run in turn, round after round, so that a machine which slows
down slows them all; ratios are taken of the best of each, and the spread is shown beside. All of
them find their modules compiled, as after an installation.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stages import TABLE_BEGINS
from streams import write_stream

from target_tocobagus.sandbox.handle import spawned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE = Path(__file__).parent
PYTHON = sys.executable
TARGET = [PYTHON, "-m", "target_tocobagus", "--config"]
PLAIN = [PYTHON, str(HERE / "baseline.py"), "--config"]
ROUNDS = {300_000: 3, 3_000_000: 1}
CREDENTIALS = {
    name: f"{name}-of-a-benchmark"
    for name in ("partner_client_id", "partner_secret", "store_client_id", "store_token")
}
MAPPINGS: dict[str, dict[str, Any]] = {
    **{
        shape: {"sku": "sku", "stock": "quantity", "warehouse": "warehouse_id"}
        for shape in ("single", "csv", "numbered", "long", "wide")
    },
    "nested": {
        "sku": "item.sku",
        "stock": "quantities[?name=='available'].quantity | [0]",
        "warehouse": "warehouse_id",
    },
}


class Cost(NamedTuple):
    """What a process took: seconds of wall and of processor, MiB at its peak."""

    wall: float
    cpu: float
    peak: float


def measure(command: list[str], stream: Path) -> Cost:
    """Run a command to its end, on a stream that comes through a pipe.

    Raises:
        SystemExit: It failed; then its figures would say nothing.
    """
    began = time.monotonic()
    tap = subprocess.Popen(["/bin/cat", str(stream)], stdout=subprocess.PIPE)
    with tap, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=tap.stdout, stdout=subprocess.DEVNULL, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(log.read().decode("utf-8", "replace")[-2000:])
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(time.monotonic() - began, cpu, usage.ru_maxrss / 1024)


def in_turn(commands: dict[str, list[str]], stream: Path, rounds: int) -> dict[str, list[Cost]]:
    """Run each command once a round."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(measure(command, stream))
    return costs


def row(name: str, costs: list[Cost], rows: int, best: float) -> str:
    """Write a row of the table: the best run, the spread, and the ratio to the target's best."""
    walls = [cost.wall for cost in costs]
    wall = min(walls)
    return (
        f"{name:<34}{wall:>8.2f}{max(walls):>8.2f}{min(cost.cpu for cost in costs):>8.2f}"
        f"{max(cost.peak for cost in costs):>8.0f}{rows / wall:>12,.0f}{wall / best:>8.2f}"
    )


def table(title: str, costs: dict[str, list[Cost]], rows: int) -> None:
    """Print the rows for one stream, the target first."""
    print(f"\n{title}")
    print(f"{'':<34}{'best s':>8}{'worst':>8}{'cpu s':>8}{'MiB':>8}{'rows/s':>12}{'ratio':>8}")
    best = min(cost.wall for cost in costs["target-tocobagus"])
    for name, each in costs.items():
        print(row(name, each, rows, best))


@contextmanager
def instant() -> Iterator[dict[str, str]]:
    """Run the server that answers at once; gives the settings that lead to it."""
    command = [PYTHON, str(HERE / "instant.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        port = server.stdout.readline().strip() if server.stdout else ""
        yield {"api_url": f"http://127.0.0.1:{port}", **CREDENTIALS}
        server.kill()


def access_to(sandbox: Any) -> dict[str, str]:
    """Give the settings that lead to a sandbox."""
    return {"api_url": sandbox.api_url, **sandbox.credentials}


def configure(
    folder: Path, access: dict[str, str], shape: str, **settings: Any
) -> tuple[Path, Path]:
    """Write the configurations of the target and of the plain one."""
    ours, plain = folder / f"{shape}.json", folder / "plain.json"
    streams = [{"stream": "stock", **MAPPINGS[shape]}]
    ours.write_text(json.dumps({**access, "streams": streams, **settings}))
    plain.write_text(json.dumps(access))
    return ours, plain


def compare(folder: Path, shape: str, rows: int) -> dict[str, float]:
    """Measure one shape at one size; returns the best seconds of each command."""
    stream = folder / f"{shape}-{rows}.singer"
    write_stream(stream, shape, rows)
    with instant() as access:
        ours, plain = configure(folder, access, shape)
        commands = {
            "target-tocobagus": [*TARGET, str(ours)],
            "plain SDK target": [*PLAIN, str(plain)],
        }
        if shape == "long":
            commands["typed decoding alone"] = [PYTHON, str(HERE / "bare.py")]
        costs = in_turn(commands, stream, ROUNDS.get(rows, 3))
    stream.unlink()
    table(f"{rows:,} {shape} rows", costs, rows)
    return {name: min(cost.wall for cost in each) for name, each in costs.items()}


def marginal(best: dict[int, dict[str, float]]) -> None:
    """Print what a further row costs, from the smallest size to the largest."""
    few, many = min(best), max(best)
    print(f"\nA further row, {many:,} against {few:,}")
    for name in best[many]:
        seconds = (best[many][name] - best[few][name]) / (many - few)
        print(f"{name:<34}{seconds * 1e6:>8.2f} µs")


def latency(folder: Path, rows: int = 20_000, in_flight: int = 8) -> None:
    """Measure against the ideal: every request takes a second, so many at once."""
    stream = folder / "latency.singer"
    write_stream(stream, "single", rows)
    with spawned("--latency-ms", "1000", "--keep-history", "0") as sandbox:
        ours, _ = configure(folder, access_to(sandbox), "long", max_in_flight=in_flight)
        costs = [measure([*TARGET, str(ours)], stream) for _ in range(3)]
        requests = len(sandbox.requests()) // 3
    ideal = -(-requests // in_flight)
    wall = min(cost.wall for cost in costs)
    print(f"\n{rows:,} items at 1 s latency, {in_flight} in flight: {wall:.2f} s for {requests}")
    print(f"requests; the ideal is {ideal} s, so {wall / ideal:.2f} times that")


def memory(folder: Path, sizes: Iterable[int] = (100_000, 3_000_000)) -> None:
    """Measure the peak of memory against a slow API: waiting rows must not pile up."""
    print("\nPeak memory against an API of 0.2 s, 16 in flight")
    for rows in sizes:
        stream = folder / f"memory-{rows}.singer"
        write_stream(stream, "long", rows)
        with spawned("--latency-ms", "200", "--keep-history", "0") as sandbox:
            ours, _ = configure(folder, access_to(sandbox), "long", max_in_flight=16)
            cost = measure([*TARGET, str(ours)], stream)
        stream.unlink()
        print(f"{rows:>10,} rows: {cost.peak:.0f} MiB, {cost.wall:.1f} s")


def stages(folder: Path, shape: str, rows: int) -> None:
    """Profile the target's own time, of one run under a profiler's clocks."""
    stream = folder / f"stages-{rows}.singer"
    write_stream(stream, shape, rows)
    with instant() as access:
        ours, _ = configure(folder, access, shape)
        command = [PYTHON, str(HERE / "stages.py"), "--config", str(ours)]
        with stream.open("rb") as source:
            ended = subprocess.run(
                command, stdin=source, capture_output=True, text=True, check=True
            )
    print(f"\nThe processor's time by stage, {rows:,} {shape} rows")
    print(ended.stderr.partition(TABLE_BEGINS)[2].strip())


def start_up(folder: Path) -> None:
    """Measure what the start costs over that of the SDK itself."""
    empty = folder / "empty.singer"
    empty.touch()
    with spawned() as sandbox:
        ours, _ = configure(folder, access_to(sandbox), "long")
        commands = {
            "target-tocobagus": [*TARGET, str(ours)],
            "target-tocobagus --version": [*TARGET[:-1], "--version"],
            "import singer_sdk.Target": [PYTHON, "-c", "from singer_sdk import Target"],
        }
        table("Start-up, an empty input", in_turn(commands, empty, 5), 0)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[300_000, 3_000_000])
    parser.add_argument(
        "--only", choices=["rows", "stages", "latency", "memory", "start"], nargs="*"
    )
    options = parser.parse_args()
    compileall.compile_dir(str(HERE.parent / "target_tocobagus"), quiet=1)
    wanted = options.only or ["start", "rows", "stages", "latency", "memory"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "start" in wanted:
            start_up(folder)
        if "rows" in wanted:
            compare(folder, "single", min(options.rows))
            best = {rows: compare(folder, "long", rows) for rows in options.rows}
            if len(best) > 1:
                marginal(best)
            for shape in ("csv", "numbered", "wide", "nested"):
                compare(folder, shape, min(options.rows))
        if "stages" in wanted:
            stages(folder, "single", min(options.rows))
            stages(folder, "long", min(options.rows))
        if "latency" in wanted:
            latency(folder)
        if "memory" in wanted:
            memory(folder)


if __name__ == "__main__":
    main()
