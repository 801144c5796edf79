"""What the SDK does to records before they are mapped, and messages beside RECORD and STATE."""

from __future__ import annotations

import gzip
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import STOCK, Sums, record, row, schema, state, stock_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

RAW = schema("raw", "sku", "qty", "reserved", "active")


def raw(sku: str, qty: Any, reserved: Any, *, active: bool = True) -> dict[str, Any]:
    """Make a RECORD message of the stream `raw`."""
    return record(sku, qty, "raw", reserved=reserved, active=active)


def batch(*files: Path) -> dict[str, Any]:
    """Make a BATCH message."""
    encoding = {"format": "jsonl", "compression": "gzip"}
    manifest = [file.as_uri() for file in files]
    return {"type": "BATCH", "stream": "stock", "encoding": encoding, "manifest": manifest}


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
    said = second.pop("tocobagus")
    assert said["code"] == "STREAM_MAP"
    assert said["message"].startswith("a stream map fails on this record: unsupported operand")
    assert second == bad


def test_one_stream_mapped_into_two_is_sent_as_both(command: Command, sandbox: Sandbox) -> None:
    """Each of a record's transformations has its own outcome."""
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
        row("stock", variant={"sku": "A"}, qty=4),
        state(1),
    ]
    flat: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 2}
    mapping = {"stream": "stock", "sku": "variant__sku", "stock": "qty"}
    command.run(lines, streams=[mapping], **flat).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 4}}
    mapping = {"stream": "stock", "sku": "variant.sku", "stock": "qty"}
    command.run(lines, streams=[mapping]).without_traceback(0)


def test_the_records_of_batch_files_are_read_in_their_place(
    command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """They come after what precedes the BATCH, before what follows it, and can be rejected."""
    rejects = tmp_path / "rejects.singer"
    contents: list[list[tuple[str, Any]]] = [[("A", 1), ("B", 1)], [("A", 2), ("C", "x")]]
    files = []
    for number, rows in enumerate(contents):
        file = tmp_path / f"batch {number}.jsonl"
        text = "".join(json.dumps({"sku": sku, "qty": qty}) + "\n" for sku, qty in rows)
        file.write_bytes(gzip.compress(text.encode()))
        files.append(file)
    lines = [
        schema(),
        record("B", 7),
        state(1),
        batch(*files),
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
        ({"manifest": ["ftp9://x/y"]}, "ftp9://x/y cannot be read"),
        ({"stream": "later"}, "later"),
    ],
)
def test_a_batch_that_cannot_be_read_ends_the_run_after_what_came_before_it(
    change: dict[str, Any], wanted: str, command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The error is one line, and nothing after the BATCH is read."""
    file = tmp_path / "batch.jsonl"
    file.write_text('{"sku": "B", "qty": 1}\n')
    lines = [schema(), record("A", 1), state(1), {**batch(file), **change}, state(2)]
    ended = command.run(lines).without_traceback(1)
    assert wanted in ended.stderr
    assert ended.numbers == [1]
    assert stock_of(sandbox) == {"A": {None: 1}}


def test_activate_version_changes_nothing_in_any_order(command: Command, sandbox: Sandbox) -> None:
    """A row that a version lacks does not become zero, whenever the message comes."""
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
    keys_only = row("stock", id=1, _sdc_deleted_at="2025-11-20T00:00:00Z")
    lines = [schema("stock", "sku", "qty", *more), record("A", 1), alive, deleted, keys_only]
    ended = command.run(lines).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 1}, "B": {None: 3}}
    assert ended.sums == Sums(4, 2, 0, 2, 0, 0)
    command.run(lines, on_delete="zero").without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 0}, "B": {None: 3}}


def test_a_schema_that_changes_in_mid_stream_keeps_the_order(
    command: Command, sandbox: Sandbox
) -> None:
    """0 → 5 → 0 ends at 0, whatever SCHEMA comes between; a new column is mapped from then on."""
    mapping = {"stream": "stock", "sku": "sku", "stock": ["qty_new", "qty"]}
    lines = [
        schema(),
        record("A", 0),
        record("B", 1),
        schema("stock", "sku", "qty", "more"),
        record("A", 5),
        schema("stock", "sku", "qty_new", key_properties=["sku"]),
        row("stock", sku="A", qty_new=0),
        state(1),
    ]
    ended = command.run(lines, streams=[mapping], batch_size_rows=1).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 0}, "B": {None: 1}}
    assert [update.stock for update in sandbox.history() if update.identifier == "A"][-1] == 0
    assert ended.numbers == [1]


def test_a_column_that_was_never_there_fails_the_run_and_holds_state(command: Command) -> None:
    """A mistyped name is warned about at SCHEMA; no STATE goes out, and the exit code is 2."""
    lines = [schema(), record("A", 1), state(1)]
    mapping = {"stream": "stock", "sku": ["skuu", "code"], "stock": "qty"}
    ended = command.run(lines, streams=[mapping]).without_traceback(2)
    assert "Stream 'stock' has no column 'code' or 'skuu'" in ended.stderr
    assert "Columns that a mapping relies on were never seen" in ended.stderr
    assert ended.stdout == []


def test_a_column_whose_name_is_hard_to_write_is_mapped(command: Command, sandbox: Sandbox) -> None:
    """Quotes, backslashes, spaces and control characters in a column's name are only a name."""
    names = ['q"ty', "q\\ty", "q\tty", "Jumlah Stok", "qty.now", "量"]
    mappings = [{"stream": name, "sku": "sku", "stock": name} for name in names]
    lines = [schema(name, "sku", name) for name in names]
    lines += [row(name, sku=name, **{name: quantity}) for quantity in (2, 3) for name in names]
    command.run(lines, streams=mappings).without_traceback(0)
    assert stock_of(sandbox) == {name: {None: 3} for name in names}


def test_a_long_batch_file_can_be_interrupted(command: Command, tmp_path: Path) -> None:
    """A signal ends the run between two records of a file, not only after it."""
    file = tmp_path / "long.jsonl"
    file.write_text('{"sku": "A", "qty": 1}\n' * 800_000)
    talk = command.talk(batch_size_rows=1)
    talk.say(schema(), record("A", 0), batch(file))
    talk.until_logged("Batch ")
    talk.signal(signal.SIGTERM)
    ended = talk.ended().without_traceback(143)
    assert ended.sums.updates < 800_000


MISTAKES: list[tuple[dict[str, Any], list[str]]] = [
    ({"stream_maps": {"stock": {"qty": ""}}}, ["stream_maps", "stock", "qty"]),
    ({"stream_maps": {"stock": {"sku": "sku", "qty": 5}}}, ["stream_maps", "stock", "qty"]),
    ({"stream_maps": {"stock": {"qty": ["x"]}}}, ["stream_maps", "stock", "qty"]),
    ({"stream_maps": {"stock": {"qty": "1 +"}}}, ["stream_maps", "stock", "qty"]),
    ({"stream_maps": {"st*": {"sku": "sku", "__filter__": ""}}}, ["stream_maps", "__filter__"]),
    ({"stream_maps": {"stock": {"__filter__": 5}}}, ["stream_maps", "stock", "__filter__"]),
    ({"stream_maps": {"stock": {"__else__": "x"}}}, ["stream_maps", "stock", "__else__"]),
    ({"stream_maps": {"stock": {"__alias__": 5}}}, ["stream_maps", "stock"]),
    ({"stream_maps": {"other": {"__source__": 5}}}, ["stream_maps"]),
    ({"stream_maps": {"stock": {"__key_properties__": ["no"]}}}, ["stream_maps", "stock"]),
    ({"stream_maps": {"stock": 5}}, ["stream_maps.stock: must be an object or '__NULL__'"]),
    ({"stream_maps": {"stock": "x"}}, ["stream_maps", "stock"]),
    ({"stream_maps": {"__else__": "x"}}, ["stream_maps.__else__: must be '__NULL__'"]),
    ({"stream_maps": {"__x__": {}}}, ["stream_maps", "__x__"]),
    ({"flattening_enabled": True}, ["flattening_max_depth"]),
]


@pytest.mark.parametrize(("config", "named"), MISTAKES, ids=str)
def test_a_mistake_in_stream_maps_is_one_error(
    config: dict[str, Any], named: list[str], command: Command, sandbox: Sandbox
) -> None:
    """It names setting, stream and column; nothing is sent, and the exit code is 2."""
    ended = command.run([schema(), record("A", 1), state(1)], **config).without_traceback(2)
    errors = [line for line in ended.stderr.splitlines() if "ERROR" in line]
    assert len(errors) == 1
    assert all(name in errors[0] for name in named), errors
    assert (ended.stdout, sandbox.requests()) == ([], [])


def test_stream_maps_of_null_are_not_set(command: Command, sandbox: Sandbox) -> None:
    """A setting of null counts as left out."""
    lines = [schema(), record("A", 1), state(1)]
    path = command.write_config()
    nulls = dict.fromkeys(["stream_maps", "stream_map_config", "faker_config"])
    path.write_text(json.dumps({**json.loads(path.read_text()), **nulls}))
    ended = command.run(lines, arguments=["--config", str(path)])
    assert ended.without_traceback(0).numbers == [1]
    assert stock_of(sandbox) == {"A": {None: 1}}


@pytest.mark.parametrize(
    "column", [{"type": "nonsense"}, {"pattern": "("}, {"$ref": "#/nowhere"}, 5, None], ids=str
)
def test_a_schema_that_cannot_validate_is_one_error(column: Any, command: Command) -> None:
    """With `validate_records` the error names setting and stream, and the exit code is 2."""
    declared = {"properties": {"sku": {}, "qty": {}, "x": column}}
    lines = [{**schema(), "schema": declared}, record("A", 1, x="text"), state(1)]
    ended = command.run(lines, validate_records=True).without_traceback(2)
    (error,) = [line for line in ended.stderr.splitlines() if "ERROR" in line]
    assert "validate_records: stream 'stock'" in error
    assert command.run(lines).without_traceback(0).numbers == [1]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOGLEVEL", "NOPE"),
        ("TARGET_TOCOBAGUS_LOGLEVEL", "loud"),
        ("SINGER_SDK_LOG_CONFIG", "."),
        ("SINGER_SDK_LOG_CONFIG", "broken.yaml"),
        ("SINGER_SDK_LOG_CONFIG", "list.yaml"),
        ("SINGER_SDK_LOG_CONFIG", "handler.yaml"),
    ],
)
def test_a_mistake_in_the_logging_set_up_is_one_line(
    variable: str, value: str, command: Command, tmp_path: Path
) -> None:
    """It names the variable, and the exit code is 2."""
    (tmp_path / "broken.yaml").write_text("version: [")
    (tmp_path / "list.yaml").write_text("[1]")
    (tmp_path / "handler.yaml").write_text("{version: 1, handlers: {x: {class: no.such}}}")
    ended = command.run([schema(), state(1)], env={variable: value}).without_traceback(2)
    assert len(ended.stderr.splitlines()) == 1
    assert f"{variable}: " in ended.stderr
    assert ended.stdout == []


@pytest.mark.parametrize("declared", [{}, {"type": "object"}, {"properties": None}], ids=str)
def test_a_document_stores_schema_declares_nothing(
    declared: dict[str, Any], command: Command, sandbox: Sandbox
) -> None:
    """Its records are read, with stream maps too, whatever its key."""
    lines = [
        {**schema(), "schema": declared, "key_properties": ["_id"]},
        record("A", 3, _id="x", more={"y": [1]}),
        state(1),
    ]
    for maps in (None, {"stock": {"more": None}}):
        ended = command.run(lines, stream_maps=maps).without_traceback(0)
        assert ended.numbers == [1]
        assert "has no column" not in ended.stderr
    assert stock_of(sandbox) == {"A": {None: 3}}


def test_a_column_that_an_undeclared_stream_never_has_is_a_warning(command: Command) -> None:
    """No STATE covers its records, and the run does not fail."""
    mapping = {"stream": "stock", "sku": "sku", "stock": "qtty"}
    lines = [{**schema(), "schema": {}}, state(1), record("A", 3), state(2)]
    ended = command.run(lines, streams=[mapping]).without_traceback(0)
    assert "No record of stream 'stock' had 'qtty'" in ended.stderr
    assert ended.numbers == [1]


DEEP = "[" * 1100 + "]" * 1100
DEEP_OBJECT = '{"a":' * 1100 + "1" + "}" * 1100
HALF_DEEP = "[" * 600 + "]" * 600


@pytest.mark.parametrize("deep", [DEEP, DEEP_OBJECT, HALF_DEEP], ids=["list", "object", "half"])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"streams": [{**STOCK, "where": "qty > `0`"}]},
        {"stream_maps": {"stock": {"qty": "qty", "deep": None}}},
        {"flattening_enabled": True, "flattening_max_depth": 3},
        {"validate_records": True},
    ],
    ids=str,
)
def test_what_is_nested_deeply_and_not_used_is_passed_over(
    deep: str, config: dict[str, Any], command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It may be in a record, a SCHEMA, a batch file or a STATE; every row beside it arrives."""
    file = tmp_path / "batch.jsonl"
    file.write_text(f'{{"sku": "C", "deep": {deep}, "qty": 3}}\n')
    line = '{"type": "RECORD", "stream": "stock", "record": {"sku": "%s", "deep": %s, "qty": 3}}'
    declared = f'{{"properties": {{"sku": {{}}, "qty": {{}}, "deep": {{"x": {deep}}}}}}}'
    lines: list[Any] = [
        f'{{"type": "SCHEMA", "stream": "stock", "schema": {declared}, "key_properties": []}}',
        line % ("A", deep),
        line % ("B", deep),
        batch(file),
        f'{{"type": "STATE", "value": {{"bookmarks": {{"x": {deep}}}}}}}',
        f'{{"type": "UNKNOWN", "value": {deep}}}',
        state(2),
    ]
    ended = command.run(lines, **config).without_traceback(0)
    assert stock_of(sandbox) == {sku: {None: 3} for sku in "ABC"}
    assert ended.sums == Sums(3, 3, 0, 0, 0, 0)
    assert ended.states[-1]["bookmarks"]["stock"]["n"] == 2


@pytest.mark.parametrize("stream", [None, 5, ["x"]])
def test_a_state_is_taken_whatever_it_says_of_a_stream(stream: Any, command: Command) -> None:
    """Only its value matters."""
    lines = [{**state(1), "stream": stream}, {"type": "ACTIVATE_VERSION", "stream": stream}]
    assert command.run(lines).without_traceback(0).numbers == [1]
