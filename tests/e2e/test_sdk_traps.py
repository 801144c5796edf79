"""Traps of the SDK's own target (0.54.9): those that no other file has a test for."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_tocobagus.target import TargetTocobagus
from tests.e2e.command import Sums, encode, record, schema, state, stock_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox


_TELLING_ITS_MEMORY: Final = """
import atexit, pathlib, sys
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text(), file=sys.stderr))
from target_tocobagus.__main__ import main
main()
"""


def test_a_batch_message_overtakes_nothing_and_is_mapped_row_by_row(
    command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Unlike in the SDK, its records keep their order and go through the stream maps."""
    file = tmp_path / "batch.jsonl"
    file.write_text("".join(f'{{"sku": "A", "qty": {n}, "keep": {n % 2}}}\n' for n in range(1, 9)))
    manifest = {"encoding": {"format": "jsonl"}, "manifest": [file.as_uri()]}
    lines = [
        schema("stock", "sku", "qty", "keep"),
        record("A", 100, keep=1),
        {"type": "BATCH", "stream": "stock", **manifest},
        state(1),
    ]
    maps = {"stock": {"__filter__": "keep == 1"}}
    ended = command.run(lines, stream_maps=maps).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 7}}
    assert ended.sums == Sums(9, 1, 4, 4, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_long_batch_file_is_streamed(command: Command, tmp_path: Path) -> None:
    """The SDK loads a whole file; here the memory does not grow with it."""
    file = tmp_path / "long.jsonl"
    padding = "x" * 900
    file.write_text(f'{{"sku": "A", "qty": 1, "padding": "{padding}"}}\n' * 100_000)
    manifest = {"encoding": {"format": "jsonl"}, "manifest": [file.as_uri()]}
    lines = [schema(), {"type": "BATCH", "stream": "stock", **manifest}, state(1)]
    config = str(command.write_config())
    done = subprocess.run(
        [sys.executable, "-c", _TELLING_ITS_MEMORY, "--config", config],
        input=encode(lines),
        capture_output=True,
        env=command.env(),
        check=True,
        timeout=30,
    )
    (peak,) = re.findall(rb"VmHWM:\s+(\d+) kB", done.stderr)
    assert file.stat().st_size > 90e6
    assert int(peak) < 100_000


def test_what_the_mapping_does_not_use_never_stops_a_run(
    command: Command, sandbox: Sandbox
) -> None:
    """Wrong types, odd dates, draft-4 schemas, missing keys: the SDK stops on each of them."""
    dates = ["", "20/11/2025", 1_700_000_000, "2025-11-20 08:15", None, [], "0001-01-01T00:00:00Z"]
    columns = {
        "sku": {"type": "string"},
        "qty": {"type": "number", "exclusiveMaximum": True, "maximum": 10, "multipleOf": 1e-38},
        "updated_at": {"type": "string", "format": "date-time"},
        "tags": {"type": ["array"], "items": {"$ref": "#/definitions/nowhere"}},
        "id": {"type": "integer"},
        "empty": {"type": []},
        "": {},
    }
    lines = [
        {
            "type": "SCHEMA",
            "stream": "stock",
            "schema": {"properties": columns, "required": ["id", "gone"]},
            "key_properties": ["id", "SKU"],
        },
        *(record(f"S{n}", 50 + n, updated_at=date, tags=n) for n, date in enumerate(dates)),
        state(1),
    ]
    ended = command.run(lines).without_traceback(0)
    assert stock_of(sandbox) == {f"S{n}": {None: 50 + n} for n in range(len(dates))}
    assert ended.numbers == [1]


def test_validation_that_the_user_asks_for_ends_the_run_as_the_sdk_does(
    command: Command, sandbox: Sandbox
) -> None:
    """With `validate_records` what comes before a row that breaks its schema is settled."""
    columns = {"sku": {"type": "string"}, "qty": {"type": "integer"}, "on": {"type": "string"}}
    good = {"type": "SCHEMA", "stream": "stock", "schema": {"properties": columns}}
    lines = [
        {**good, "key_properties": []},
        record("A", 1, on="x"),
        state(1),
        record("B", 2, on=5),
        record("C", 3),
        state(2),
    ]
    ended = command.run(lines, validate_records=True).without_traceback(1)
    assert stock_of(sandbox) == {"A": {None: 1}}
    assert "validate_records: " in ended.stderr  # and the SDK's own words, which change
    assert ended.numbers == [1]
    broken = {"properties": {**columns, "on": {"type": 5}}}
    ended = command.run([{**lines[0], "schema": broken}], validate_records=True)
    assert "its SCHEMA cannot be used: Schema Validation" in ended.without_traceback(2).stderr


def test_every_setting_can_come_from_the_environment(command: Command) -> None:
    """The SDK gives a `number` as text, and then refuses it: so there is none."""
    about = "\n".join(command.run(arguments=["--about", "--format=json"]).stdout)
    settings = json.loads(about)["settings"]["properties"]
    kinds = {name: setting.get("type", []) for name, setting in settings.items()}
    assert [name for name, kind in kinds.items() if "number" in kind] == []
    numbers = {
        name: settings[name].get("minimum", 1) for name, kind in kinds.items() if "integer" in kind
    }
    own = {"batch_size_rows", "request_timeout_seconds", "max_rejected_rows", "stock_buffer"}
    assert own <= set(numbers)
    env = {f"TARGET_TOCOBAGUS_{name.upper()}": str(least) for name, least in numbers.items()}
    arguments = ["--config", str(command.write_config()), "--config", "ENV"]
    command.run([schema(), record("A", 1)], arguments, env).without_traceback(0)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([record("A", 1)], RecordsWithoutSchemaException),
        ([{"type": "SCHEMA", "stream": "stock"}], InvalidInputLine),
    ],
    ids=["a record before its schema", "no schema"],
)
def test_a_tap_that_breaks_the_protocol_meets_the_sdks_errors(
    lines: list[Any], error: type[Exception]
) -> None:
    """The errors of the protocol are the SDK's own."""
    target = TargetTocobagus(config={"dry_run": True})
    with pytest.raises(error):
        target.listen(io.StringIO(encode(lines).decode()))
