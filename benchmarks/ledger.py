"""Measures what the ledger costs and saves, beside the same run without one and a plain SDK target.

The commands of a round follow one another on the same machine; ratios are taken within a round, and
the median round is shown. A server that answers at once shows the cost; one that takes a second
shows what is saved.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from run import PLAIN, TARGET, access_to, configure, instant, measure
from streams import SHAPES, write_stream

from target_tocobagus.sandbox.handle import spawned

sys.path.insert(0, str(Path(__file__).parent.parent))  # for the server of the tests

DAY_MS = 86_400_000


def set_ledger(folder: Path, config: Path, ledger: str, **mapping: Any) -> Path:
    """Write a configuration with a ledger beside one without."""
    values = json.loads(config.read_text())
    streams = [{**stream, **mapping} for stream in values["streams"]]
    path = folder / "with-ledger.json"
    path.write_text(json.dumps({**values, "streams": streams, "ledger": ledger}))
    return path


def empty(ledger: str) -> None:
    """Remove a ledger, and what is beside it."""
    if "://" in ledger:
        import psycopg

        with psycopg.connect(ledger, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return
    path = Path(ledger)
    for file in path.parent.glob(path.name + "*"):
        file.unlink()


def cost(folder: Path, shape: str, rows: int, ledger: str, rounds: int, **mapping: Any) -> None:
    """Measure a first run and one without any change against the run without a ledger."""
    stream = folder / "stream.singer"
    write_stream(stream, shape, rows)
    ratios: dict[str, list[float]] = {"first": [], "unchanged": []}
    peaks = []
    with instant() as access:
        config, _ = configure(folder, access, shape)
        remembering = set_ledger(folder, config, ledger, **mapping)
        for _ in range(rounds):
            empty(ledger)
            without = measure([*TARGET, str(config)], stream)
            for name, found in ratios.items():
                with_ledger = measure([*TARGET, str(remembering)], stream)
                found.append(without.wall / with_ledger.wall)
                peaks.append(with_ledger.peak)
                print(f"  {name}: {with_ledger.wall:.2f} s, without {without.wall:.2f} s")
    stream.unlink()
    where = "PostgreSQL" if "://" in ledger else "SQLite"
    title = f"{rows:,} {shape} rows, {where}{', newer_by' if mapping else ''}"
    shares = ", ".join(f"{name} {statistics.median(each):.2f}" for name, each in ratios.items())
    print(f"{title}: throughput of a run without a ledger: {shares}; {max(peaks):.0f} MiB")
    if "://" not in ledger:
        print(f"  {Path(ledger).stat().st_size / rows:.0f} bytes a level")


def parts(folder: Path, rows: int, rounds: int) -> None:
    """Measure rows that are added up beside the same rows as stocks of their own."""
    stream = folder / "stream.singer"
    write_stream(stream, "long", rows)
    sums = {"combine": "sum", "part": ["sku", "warehouse_id"], "warehouse": None}
    title = f"{rows:,} rows that are added up, three an item, beside the same as stocks"
    _beside(title, (stream, {}), (stream, sums), rounds)


def lookup(folder: Path, rows: int, rounds: int) -> None:
    """Measure rows whose SKU is looked up beside the same rows with it."""
    stream, with_pairs = folder / "stream.singer", folder / "pairs.singer"
    write_stream(stream, "long", rows)
    columns = {"id": {"type": "string"}, "sku": {"type": "string"}}
    schema = {"type": "object", "properties": columns}
    with stream.open() as levels, with_pairs.open("w") as file:
        message = {"type": "SCHEMA", "stream": "item", "schema": schema, "key_properties": ["id"]}
        file.write(json.dumps(message) + "\n")
        for number in range(-(-rows // 3)):
            record = {"id": f"ITM-{number:07d}", "sku": f"SKU-{number:07d}"}
            message = {"type": "RECORD", "stream": "item", "record": record}
            file.write(json.dumps(message, separators=(",", ":")) + "\n")
        file.writelines(line.replace('"SKU-', '"ITM-') for line in levels)
    looked_up = {"stream": "item", "match": "id", "sku": "sku", "path": "sku"}
    title = f"{rows:,} rows whose SKU is looked up, beside the same with it"
    _beside(title, (stream, {}), (with_pairs, {"sku": None, "lookup": looked_up}), rounds)


def _beside(
    title: str, one: tuple[Path, dict[str, Any]], other: tuple[Path, dict[str, Any]], rounds: int
) -> None:
    """Measure one stream and mapping beside another, each with a ledger of its own."""
    folder = one[0].parent
    ratios: dict[str, list[tuple[float, float]]] = {"first": [], "unchanged": []}
    peak = 0.0
    with instant() as access:
        config, _ = configure(folder, access, "long")
        runs = [
            (folder / f"{name}.db", stream, mapping)
            for name, (stream, mapping) in {"one": one, "other": other}.items()
        ]
        configs = [
            set_ledger(folder, config, str(ledger), **mapping).rename(ledger.with_suffix(".json"))
            for ledger, _, mapping in runs
        ]
        for _ in range(rounds):
            for ledger, _, _ in runs:
                empty(str(ledger))
            for name, found in ratios.items():
                before, after = (
                    measure([*TARGET, str(each)], stream)
                    for each, (_, stream, _) in zip(configs, runs, strict=True)
                )
                found.append((after.wall / before.wall, after.cpu / before.cpu))
                peak = max(peak, after.peak)
                print(f"  {name}: {after.wall:.2f} s beside {before.wall:.2f} s")
    for _, stream, _ in runs:
        stream.unlink(missing_ok=True)
    print(f"{title}: its time, and that of the processor")
    for name, each in ratios.items():
        wall, cpu = (statistics.median(ratio) for ratio in zip(*each, strict=True))
        print(f"  {name} {wall:.2f}, {cpu:.2f}")
    print(f"  {peak:.0f} MiB")


def second_night(folder: Path, rows: int = 100_000) -> None:
    """A nightly feed of which one row in a hundred has changed, and an API that takes a second."""
    stream = folder / "night.singer"
    write_stream(stream, "single", rows)
    ledger = folder / "night.db"
    with spawned("--latency-ms", "1000") as sandbox:
        config, plain = configure(folder, access_to(sandbox), "single", max_in_flight=4)
        remembering = set_ledger(folder, config, str(ledger))
        with instant() as quick:
            values = {**json.loads(remembering.read_text()), "api_url": quick["api_url"]}
            first = folder / "first-night.json"
            first.write_text(json.dumps(values))
            measure([*TARGET, str(first)], stream)
        with sqlite3.connect(ledger) as database:  # a day goes by, and the API is the slow one
            database.execute("UPDATE tocobagus_level SET accepted_at = accepted_at - ?", [DAY_MS])
            key = access_to(sandbox)["api_url"]
            database.execute(
                "UPDATE tocobagus_store SET api_url = ?, client_id = ?",
                [key, access_to(sandbox)["store_client_id"]],
            )
        _change(stream, rows)
        ours = measure([*TARGET, str(remembering)], stream)
        sent = len(sandbox.requests())
        other = measure([*PLAIN, str(plain)], stream)
    print(f"\nThe second night: {rows:,} rows, 1 % changed, an API of 1 s")
    print(f"  with a ledger {ours.wall:.1f} s ({sent} requests), {ours.peak:.0f} MiB")
    print(f"  plain SDK target {other.wall:.1f} s: {other.wall / ours.wall:.0f} times that")


def _change(stream: Path, rows: int) -> None:
    """Change the quantity of each hundredth row."""
    record = SHAPES["single"][0]
    original = SHAPES["single"]
    SHAPES["single"] = (
        lambda number: {**record(number), "quantity": 999} if number % 100 == 0 else record(number),
        original[1],
    )
    write_stream(stream, "single", rows)
    SHAPES["single"] = original


def small_beside_large(folder: Path, rows: int = 3_000_000) -> None:
    """Start-up and memory of a run of ten rows, with so many levels remembered."""
    ledger = str(folder / "large.db")
    stream = folder / "stream.singer"
    write_stream(stream, "single", rows)
    with instant() as access:
        config, _ = configure(folder, access, "single")
        remembering = set_ledger(folder, config, ledger)
        fill = measure([*TARGET, str(remembering)], stream)
        unchanged = measure([*TARGET, str(remembering)], stream)
        write_stream(stream, "single", 10)
        pairs = [
            (measure([*TARGET, str(config)], stream), measure([*TARGET, str(remembering)], stream))
            for _ in range(5)
        ]
    print(f"\n{rows:,} levels: first run {fill.wall:.1f} s and {fill.peak:.0f} MiB,")
    print(f"  unchanged {unchanged.wall:.1f} s and {unchanged.peak:.0f} MiB,")
    more = min(ours.wall for _, ours in pairs) - min(without.wall for without, _ in pairs)
    peak = max(ours.peak for _, ours in pairs)
    print(f"  ten rows: {more:.2f} s more than without a ledger, {peak:.0f} MiB")
    print(f"  {Path(ledger).stat().st_size / rows:.0f} bytes a level")


def explained(folder: Path, rows: int, rounds: int) -> None:
    """Explain an item that has changed, beside the import of the library that asks the database."""
    stream = folder / "stream.singer"
    ledger = folder / "explained.db"
    write_stream(stream, "single", rows)
    with instant() as access:
        config, _ = configure(folder, access, "single")
        remembering = set_ledger(folder, config, str(ledger))
        measure([*TARGET, str(remembering)], stream)
        _change(stream, 1000)
        measure([*TARGET, str(remembering)], stream)
    tool = str(Path(sys.executable).with_name("tocobagus"))
    command = [tool, "explain", "SKU-0000100", "--config", str(remembering)]
    page = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "from its record to the quantity" not in page:
        raise SystemExit(page)
    library = [sys.executable, "-c", "import sqlalchemy"]
    stream.write_text("")
    pairs = [
        (measure(command, stream).wall, measure(library, stream).wall) for _ in range(15 * rounds)
    ]
    print(f"{rows:,} levels, one explained: seconds of the whole command")
    names = ("explain", "import sqlalchemy")
    for name, seconds in zip(names, zip(*pairs, strict=True), strict=True):
        print(f"  {name}: best {min(seconds):.2f}, middle {statistics.median(seconds):.2f}")


def on_postgresql(folder: Path, rows: int) -> None:
    """Measure the same on PostgreSQL, if this machine has it."""
    from tests.postgres import HOST, PASSWORD, USER, running_postgres

    try:
        with running_postgres() as server:
            url = f"postgresql://{USER}:{PASSWORD}@{HOST}:{server.port}/{USER}"
            cost(folder, "single", rows, url, 1)
    except FileNotFoundError as error:
        print(f"PostgreSQL is left out: {error}")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    choices = ["night", "cost", "parts", "lookup", "postgresql", "large", "explain"]
    parser.add_argument("--only", choices=choices, nargs="*")
    options = parser.parse_args()
    wanted = options.only or choices
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger = str(folder / "ledger.db")
        if "night" in wanted:
            second_night(folder)
        if "cost" in wanted:
            for shape in ("single", "long"):
                cost(folder, shape, options.rows, ledger, options.rounds)
            cost(folder, "single", options.rows, ledger, 1, newer_by="updated_at")
        if "parts" in wanted:
            parts(folder, options.rows, options.rounds)
        if "lookup" in wanted:
            lookup(folder, options.rows, options.rounds)
        if "explain" in wanted:
            explained(folder, options.rows, options.rounds)
        if "postgresql" in wanted:
            on_postgresql(folder, options.rows)
        if "large" in wanted:
            small_beside_large(folder)


if __name__ == "__main__":
    main()
