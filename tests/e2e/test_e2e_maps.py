"""What the SDK does to records before they are mapped, and messages beside RECORD and STATE."""

from __future__ import annotations

import gzip
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from e2e_command import STOCK, Sums, record, schema, state, stock_of

if TYPE_CHECKING:
    from pathlib import Path

    from e2e_command import Command

    from target_tocobagus.sandbox.testing import Sandbox

RAW = schema("raw", "sku", "qty", "reserved", "active")


def raw(sku: str, qty: Any, reserved: Any, *, active: bool = True) -> dict[str, Any]:
    """Make a RECORD message of the stream `raw`."""
    values = {"sku": sku, "qty": qty, "reserved": reserved, "active": active}
    return {"type": "RECORD", "stream": "raw", "record": values}


def batch(*files: Path, stream: str = "stock", compression: str | None = "gzip") -> dict[str, Any]:
    """Make a BATCH message."""
    encoding = {"format": "jsonl", "compression": compression}
    manifest = [file.as_uri() for file in files]
    return {"type": "BATCH", "stream": stream, "encoding": encoding, "manifest": manifest}


def test_stream_maps_rename_filter_and_compute(
    command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """An alias, a filter and a computed quantity apply; rejects keep the record as it came."""
    maps = {
        "raw": {
            "__alias__": "stock",
            "__filter__": "active",
            "qty": "record['qty'] - record['reserved']",
        },
        "noise": None,
    }
    rejects = tmp_path / "rejects.singer"
    bad = raw("X", "many", 1)
    lines = [
        RAW,
        schema("noise"),
        raw("A", 5, 2),
        raw("B", 9, 1, active=False),
        bad,
        record("N", 1, "noise"),
        state(1),
    ]
    ended = command.run(lines, stream_maps=maps, streams=[STOCK], rejects_path=str(rejects))
    assert ended.without_traceback(0).sums == Sums(4, 1, 0, 2, 1, 0)
    assert stock_of(sandbox) == {"A": {None: 3}}
    first, second = (json.loads(line) for line in rejects.read_text().splitlines())
    assert first == RAW
    assert second.pop("tocobagus")["code"] == "STREAM_MAP"
    assert second == bad


def test_one_stream_mapped_into_two_is_sent_as_both(command: Command, sandbox: Sandbox) -> None:
    """Each of a record's transformations has its own fate."""
    maps = {
        "raw": {"__alias__": "stock"},
        "levels": {"__source__": "raw", "wh": "'W1'", "qty": "record['reserved']"},
    }
    ended = command.run([RAW, raw("A", 5, 2), state(1)], stream_maps=maps)
    ended.without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 5, "W1": 2}}
    assert ended.sums.updates == 2


def test_flattened_columns_are_mapped_by_their_flat_names(
    command: Command, sandbox: Sandbox
) -> None:
    """With flattening on, a nested path is the column `a__b`."""
    nested = {"type": "object", "properties": {"sku": {"type": "string"}}}
    columns = {"properties": {"variant": nested, "qty": {"type": "integer"}}}
    lines = [
        {"type": "SCHEMA", "stream": "stock", "schema": columns, "key_properties": []},
        {"type": "RECORD", "stream": "stock", "record": {"variant": {"sku": "A"}, "qty": 4}},
        state(1),
    ]
    flat: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 2}
    mapping = {"stream": "stock", "sku": "variant__sku", "stock": "qty"}
    command.run(lines, streams=[mapping], **flat).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 4}}
    mapping = {"stream": "stock", "sku": "variant.sku", "stock": "qty"}
    command.run(lines, streams=[mapping]).without_traceback(0)


@pytest.mark.parametrize("compression", ["gzip", "none", None])
@pytest.mark.parametrize("zipped", [True, False], ids=["gzip", "plain"])
def test_the_records_of_batch_files_are_read_in_their_place(
    zipped: bool,  # noqa: FBT001  # a table
    compression: str | None,
    command: Command,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    """Whatever the label says; before what follows them, after what came before; with rejects."""
    rejects = tmp_path / "rejects.singer"
    contents: list[list[tuple[str, Any]]] = [[("A", 1), ("B", 1)], [("A", 2), ("C", "x")]]
    files = []
    for number, rows in enumerate(contents):
        file = tmp_path / f"batch {number}.jsonl"
        text = "".join(json.dumps({"sku": sku, "qty": qty}) + "\n" for sku, qty in rows)
        file.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
        files.append(file)
    lines = [
        schema(),
        record("B", 7),
        state(1),
        batch(*files, compression=compression),
        record("A", 3),
        state(2),
    ]
    ended = command.run(lines, rejects_path=str(rejects)).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 3}, "B": {None: 1}}
    assert ended.sums == Sums(6, 2, 3, 0, 1, 0)
    assert ended.numbers[-1] == 2
    message = json.loads(rejects.read_text().splitlines()[-1])
    assert message["record"] == {"sku": "C", "qty": "x"}
    again = command.run(rejects.read_bytes()).without_traceback(0)
    assert again.sums == Sums(1, 0, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"manifest": ["file:///nowhere/x.jsonl"]}, "file:///nowhere/x.jsonl cannot be read"),
        ({"encoding": {"format": "parquet"}}, "format 'parquet' cannot be read: only jsonl can"),
        ({"encoding": None}, "only jsonl can"),
        ({"manifest": None}, "BATCH"),
        ({"manifest": ["ftp9://x/y"]}, "ftp9://x/y cannot be read"),
        ({"stream": "later"}, "later"),
    ],
)
def test_a_batch_that_cannot_be_read_ends_the_run_after_what_came_before_it(
    change: dict[str, Any], wanted: str, command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It is the tap's mistake: told in a line; no directory is made in looking for a file."""
    file = tmp_path / "batch.jsonl"
    file.write_text('{"sku": "B", "qty": 1}\n')
    lines = [schema(), record("A", 1), state(1), {**batch(file), **change}, state(2)]
    ended = command.run(lines).without_traceback(1)
    assert wanted in ended.stderr
    assert ended.numbers == [1]
    assert stock_of(sandbox) == {"A": {None: 1}}


def test_a_batch_file_with_a_broken_line_keeps_what_came_before_it(
    command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The error names the file and the line."""
    file = tmp_path / "batch.jsonl"
    file.write_text('{"sku": "A", "qty": 1}\n\nbroken\n')
    ended = command.run([schema(), batch(file), state(1)]).without_traceback(1)
    assert f"Line 3 of the batch file {file.as_uri()} is not JSON" in ended.stderr
    assert stock_of(sandbox) == {"A": {None: 1}}
    assert ended.stdout == []


def test_activate_version_changes_nothing_in_any_order(command: Command, sandbox: Sandbox) -> None:
    """Before, after, or for a stream not seen: what a version lacks is not known to be zero."""
    versions = [
        {"type": "ACTIVATE_VERSION", "stream": name, "version": 1} for name in ("stock", "other")
    ]
    lines = [*versions, schema(), *versions, record("A", 1), *versions, state(1)]
    ended = command.run(lines).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 1}}
    assert ended.numbers == [1]


@pytest.mark.parametrize("declared", [True, False], ids=["in the schema", "not in the schema"])
def test_a_deleted_record_is_skipped_or_zero_as_the_setting_says(
    declared: bool,  # noqa: FBT001  # a table
    command: Command,
    sandbox: Sandbox,
) -> None:
    """`on_delete` decides; the old quantity of a deleted row is never sent."""
    more = ["_sdc_deleted_at"] if declared else []
    deleted = record("A", 9, _sdc_deleted_at="2025-11-20T00:00:00Z")
    alive = record("B", 3, _sdc_deleted_at=None)
    keys_only = {
        "type": "RECORD",
        "stream": "stock",
        "record": {"id": 1, "_sdc_deleted_at": "2025-11-20T00:00:00Z"},
    }
    lines = [schema("stock", "sku", "qty", *more), record("A", 1), alive, deleted, keys_only]
    ended = command.run(lines).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 1}, "B": {None: 3}}
    assert ended.sums == Sums(4, 2, 0, 2, 0, 0)
    command.run(lines, on_delete="zero").without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 0}, "B": {None: 3}}


def test_a_schema_that_changes_in_mid_stream_keeps_the_order(
    command: Command, sandbox: Sandbox
) -> None:
    """0 → 5 → 0 ends at 0, whatever SCHEMA stands between; a new column is mapped from then on."""
    mapping = {"stream": "stock", "sku": "sku", "stock": ["qty_new", "qty"]}
    lines = [
        schema(),
        record("A", 0),
        record("B", 1),
        schema("stock", "sku", "qty", "more"),
        record("A", 5),
        schema("stock", "sku", "qty_new", key_properties=["sku"]),
        {"type": "RECORD", "stream": "stock", "record": {"sku": "A", "qty_new": 0}},
        state(1),
    ]
    ended = command.run(lines, streams=[mapping], batch_size_rows=1).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 0}, "B": {None: 1}}
    assert [update.stock for update in sandbox.history() if update.identifier == "A"][-1] == 0
    assert ended.numbers == [1]


def test_meltanos_trial_stream_is_taken_gently(command: Command, sandbox: Sandbox) -> None:
    """`meltano config test` sends a stream that holds no stock: a warning, and exit 0."""
    lines = [
        {
            "type": "SCHEMA",
            "stream": "meltano_test_stream",
            "schema": {"properties": {"id": {"type": "integer"}, "name": {}, "created_at": {}}},
            "key_properties": ["id"],
        },
        {
            "type": "RECORD",
            "stream": "meltano_test_stream",
            "record": {"id": 1, "name": "x", "created_at": "2025-11-20T00:00:00Z"},
        },
    ]
    for streams in (None, [STOCK]):
        ended = command.run(lines, streams=streams).without_traceback(0)
        assert ended.sums == Sums(1, 0, 0, 1, 0, 0)
        assert "Stream 'meltano_test_stream' is ignored" in ended.stderr
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("mapping", "columns"),
    [
        ({"sku": "sku", "stock": "qtty"}, "'qtty'"),
        ({"sku": ["skuu", "code"], "stock": "qty"}, "'code' or 'skuu'"),
        ({"sku": "sku", "stock": "qty", "subtract": "reservd"}, "'reservd'"),
    ],
)
def test_a_column_that_was_never_there_fails_the_run_and_holds_state(
    mapping: dict[str, Any], columns: str, command: Command
) -> None:
    """A mistyped name must not pass as "all skipped": warned at SCHEMA, no STATE, exit 1."""
    lines = [schema(), record("A", 1), state(1)]
    ended = command.run(lines, streams=[{"stream": "stock", **mapping}]).without_traceback(2)
    assert f"Stream 'stock' has no column {columns}" in ended.stderr
    assert "Columns that a mapping relies on were never seen" in ended.stderr
    assert ended.stdout == []


def test_a_column_that_is_late_lets_state_go(command: Command, sandbox: Sandbox) -> None:
    """A column that no SCHEMA declares counts as seen with the first record that has it."""
    lines = [schema("stock", "sku"), record("A", 1), state(1)]
    ended = command.run(lines).without_traceback(0)
    assert ended.numbers == [1]
    assert stock_of(sandbox) == {"A": {None: 1}}


def test_a_mapping_without_location_on_a_stream_that_has_one_is_refused(
    command: Command, sandbox: Sandbox
) -> None:
    """One place's stock must not be sent as all of it, unless the user says `warehouse: null`."""
    mapping = {"stream": "levels", "sku": "sku", "stock": "qty"}
    lines = [
        schema("levels", "sku", "warehouse_code", "qty"),
        record("A", 1, "levels", warehouse_code="W1"),
    ]
    ended = command.run(lines, streams=[mapping]).without_traceback(2)
    assert "set warehouse to that column, or to null" in ended.stderr
    assert sandbox.requests() == []
    command.run(lines, streams=[{**mapping, "warehouse": None}]).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 1}}


def test_a_column_whose_name_is_hard_to_write_is_mapped(command: Command, sandbox: Sandbox) -> None:
    """Quotes, backslashes, spaces and control characters in a column's name are only a name."""
    names = ['q"ty', "q\\ty", "q\tty", "Jumlah Stok", "qty.now", "量"]
    mappings = [{"stream": name, "sku": "sku", "stock": name} for name in names]
    lines: list[dict[str, Any]] = [schema(name, "sku", name) for name in names]
    for quantity in (2, 3):
        for name in names:
            values = {"sku": name, name: quantity}
            lines.append({"type": "RECORD", "stream": name, "record": values})
    command.run(lines, streams=mappings).without_traceback(0)
    assert stock_of(sandbox) == {name: {None: 3} for name in names}


def test_a_long_batch_file_can_be_interrupted(command: Command, tmp_path: Path) -> None:
    """A signal is heeded between the records of a file, not only after it."""
    file = tmp_path / "long.jsonl"
    file.write_text('{"sku": "A", "qty": 1}\n' * 800_000)
    talk = command.talk(batch_size_rows=1)
    talk.say(schema(), record("A", 0), batch(file))
    talk.until_logged("Batch ")
    talk.signal(signal.SIGTERM)
    ended = talk.ended().without_traceback(143)
    assert ended.sums.updates < 800_000
