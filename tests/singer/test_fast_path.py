"""The fast path gives what the general way gives: the law that every shortcut is held to.

Each test reads the same lines twice, in a dry run: once as they are, and once with a reader whose
fast path never takes anything. What comes out must be the same in every detail.
"""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_tocobagus.mapping import CompiledMapping
from target_tocobagus.singer import stream_decoder
from target_tocobagus.singer.fast_path import FastPath
from target_tocobagus.singer.stream_decoder import StreamDecoder
from target_tocobagus.target import TargetTocobagus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.mapping.looking_up import Pair, PairReader
    from target_tocobagus.window.buffer import RowBuffer, Unsent
    from target_tocobagus.window.pending import Item

STREAMS = Path(__file__).parents[1] / "data" / "streams"
LONG = {"stream": "stock", "sku": "sku", "stock": "qty", "warehouse": "wh"}
MAPPINGS: dict[str, dict[str, Any]] = {
    "long": LONG,
    "global": {"stream": "stock", "sku": "sku", "stock": "qty", "warehouse": None},
    "comma": {**LONG, "decimal_mark": ","},
    "subtract": {**LONG, "subtract": "held"},
    "fallbacks": {**LONG, "stock": ["qty", "held"], "external_id": "ext"},
    "where": {**LONG, "where": "held == `1`"},
    "path": {"stream": "stock", "sku": "nested.sku", "stock": "nested.qty[0]", "warehouse": "wh"},
    "wide": {
        "stream": "stock",
        "sku": "sku",
        "warehouse_columns": [
            {"column": "qty", "client_id": "a"},
            {"column": "held", "client_id": "b"},
        ],
    },
    "broadcast": {"stream": "stock", "sku": "sku", "stock": "qty", "warehouses": ["a", "b"]},
    "one column twice": {"stream": "stock", "sku": "sku", "stock": "sku", "warehouse": "wh"},
    "parts": {**LONG, "combine": "sum", "part": "ext"},
    "parts by columns that are read": {**LONG, "combine": "sum", "part": ["sku", "held", "wh"]},
}
POLICIES: list[dict[str, Any]] = [
    {},
    {"stock_buffer": 2, "max_stock": 7},
    {"batch_size_rows": 1, "max_in_flight": 1},  # rows are handed over in the midst of a chunk
    {"rounding": "reject", "negative_stock": "reject", "null_stock": "reject"},
    {"null_stock": "zero", "on_delete": "zero"},
    {"warehouse_map": [{"code": "JKT", "client_id": "wh_jkt"}], "unmapped_warehouse": "skip"},
]
COLUMNS: dict[str, Any] = {name: {} for name in ("sku", "ext", "qty", "held", "wh", "nested")}
DECLARED = {"properties": {**COLUMNS, "qty": {"type": "number"}}}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "stock",
    "schema": {"properties": COLUMNS},
    "key_properties": [],
}


class _ClosedPath(FastPath):
    """A fast path that leaves every line to the general way."""

    def read(self, lines: Sequence[bytes], start: int) -> int:  # noqa: ARG002  # the signature of `FastPath.read`
        return start


def _read(config: dict[str, Any], lines: list[bytes], *, fast: bool) -> dict[str, Any]:
    """Read lines in a dry run; return all that the pipeline was told of them."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"rejects_path": f"{folder}/rejects", "ledger": f"{folder}/ledger.db"}
        return _told({"dry_run": True, **files, **config}, lines, fast)


def _told(config: dict[str, Any], lines: list[bytes], fast: bool) -> dict[str, Any]:  # noqa: FBT001
    target = TargetTocobagus(config=config)
    reader = target.message_reader
    told: dict[str, Any] = {"entries": [], "pairs": [], "count": 0, "refused": []}
    open_run = reader._open_run  # noqa: SLF001  # the seam where a run begins

    def listen_in(source: Any) -> Any:
        pipeline = open_run(source)
        pipeline.is_pending = lambda *_: True  # type: ignore[method-assign]  # whatever was sent
        rejects = pipeline.stages.rejects  # what it is told is what is compared
        rejects.write = told["refused"].append  # type: ignore[method-assign]  # to listen in
        scheduler = pipeline.stages.scheduler
        put = scheduler.put

        def note(row_buffer: RowBuffer, unsent: Unsent | None = None) -> None:
            told["count"] += row_buffer.rows
            for item in row_buffer.items:
                _note_item(told["entries"], item)
            put(row_buffer, unsent)

        scheduler.put = note  # type: ignore[method-assign]  # to listen in
        take_in = pipeline.completion.pairs.note

        def note_pair(reader: PairReader, pair: Pair, position: int) -> None:
            told["pairs"].append((pair, position))
            take_in(reader, pair, position)

        pipeline.completion.pairs.note = note_pair  # type: ignore[method-assign]  # to listen in
        return pipeline

    reader._open_run = listen_in  # noqa: SLF001
    if not fast:
        reader.fast_path_type = _ClosedPath
    try:
        target.listen(io.BytesIO(b"\n".join(lines)))  # type: ignore[arg-type]  # bytes will do
    except Exception as error:  # noqa: BLE001  # that both end in the same way is part of the law
        told["error"] = (type(error).__name__, str(error))
    totals = target.pipeline.totals
    told["sums"] = (totals.updates, totals.skipped, totals.rejected, totals.records)
    told["changed"] = (totals.clamped, totals.cut)
    told["parts"] = {name: watch is None for name, watch in target.stream_setup._parts.items()}  # noqa: SLF001
    told["read"] = dict(reader._counts)  # noqa: SLF001
    told["refused"] = [
        (each.code, each.message, each.position, each.updates, each.values, each.line)
        for each in told["refused"]
    ]
    return told


def _note_item(noted: list[Any], item: Item) -> None:
    """Write down what an item says; where two could have been gathered as one, as one."""
    levels = {
        place: (level.quantity, level.position, level.stream.name, level.line, level.broadcast)
        for place, level in item.levels.items()
    }
    latest = noted[-1] if noted else {"item": None, "levels": {}}
    if latest["item"] == item.identifier and (None in latest["levels"]) == (None in levels):
        latest["levels"].update(levels)
        latest["urgent"] |= item.urgent
    else:
        noted.append(
            {
                "item": item.identifier,
                "low": item.low,
                "levels": levels,
                "urgent": item.urgent,
                "broadcast": item.broadcast,
            }
        )


PLAIN_TEXTS = ["A", "B", " A ", "", " ", "JKT", "SBY", "ünï 咖啡", 'q"uote', "\\u0041"]
texts = st.sampled_from([*PLAIN_TEXTS, "8.99E+12", "A\0", "x" * 1001, "é" * 501, "é" * 500])
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 20),
    st.sampled_from([2**53 - 1, 2**53, 10**40]),
    texts,
    st.sampled_from(["7.5", " 5 ", "-0", "1.250", "1,250", "1e3", "N/A", "12", "1_0", "٣"]),
    st.lists(st.integers(0, 3), max_size=2),
)
DUST = "2.9999999999999996"
NUMBERS = ["12.000", DUST, "0E-10", "1e-07", "-0.0", "NaN", "1e999999999", "4.0", "1" * 5000]
raw = st.sampled_from([*NUMBERS, "1e99999999999999999999", '"\\ud800"', '"\\ufeffA"', "[[1]]"])
values = st.one_of(odd.map(json.dumps), raw)
columns = st.sampled_from(
    ["sku", "qty", "wh", "held", "ext", "nested", "_sdc_deleted_at", "\ufeffsku", "other", "\0"]
)
nested = st.fixed_dictionaries({"sku": odd, "qty": st.lists(odd, max_size=2)}).map(json.dumps)
plain_rows = st.fixed_dictionaries(
    {"sku": texts, "qty": st.integers(0, 9), "wh": texts, "other": st.integers(0, 2) | st.none()}
)


def _record(pairs: list[tuple[str, str]], extra: str = "", stream: str = "stock") -> bytes:
    body = ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs)
    return f'{{"type":"RECORD","stream":"{stream}","record":{{{body}}}{extra}}}'.encode()


hostile = st.builds(
    _record,
    st.lists(st.tuples(columns, values), max_size=5),
    st.sampled_from(["", ',"version":1', ',"tocobagus":{"updates":[]}', ',"tocobagus":1']),
)
with_nested = st.builds(
    lambda value, where: _record([("nested", value), ("wh", json.dumps(where))]), nested, texts
)
clean = plain_rows.map(
    lambda row: _record([(name, json.dumps(value)) for name, value in row.items()])
)
warm_rows = st.builds(
    lambda sku, quantity, place, deleted: _record(
        [("sku", sku), ("qty", quantity), ("wh", place), *deleted]
    ),
    st.sampled_from(['"A"', '"A"', '"B"', "null", '""', '" A "', "1", "1", '"1"', "1.0", "true"]),
    st.sampled_from(
        ["1", "2", "-2", "0", "null", '"3"', '"3"', "true", "1.0", "1.50", '"1.0"', str(2**53)]
    ),
    st.sampled_from(['"JKT"', '"JKT"', '"SBY"', "null", '" "', "1", "1", '"1"', "1.0", "true"]),
    st.sampled_from(
        [
            [],
            [],
            [("_sdc_deleted_at", "null")],
            [("_sdc_deleted_at", '"2026-01-01"')],
            [("_sdc_deleted_at", '""')],
        ]
    ),
)
extras = st.sampled_from(
    [
        "",
        ',"tocobagus":null',
        ',"tocobagus":{"updates":[{"identifier":{"sku":"A"},"warehouse":"JKT"}]}',
    ]
)
near_clean = st.builds(
    lambda row, name, value, extra: _record(
        [*{**{key: json.dumps(said) for key, said in row.items()}, name: value}.items()], extra
    ),
    plain_rows,
    columns,
    st.one_of(values, st.integers(-3, -1).map(str)),
    extras,
)
other_lines = st.sampled_from(
    [
        b"",
        b'{"type":"STATE","value":{"a":1}}',
        b'{"stream":"stock","record":{"sku":"A","qty":1,"wh":"JKT"},"type":"RECORD"}',
        b'{"type":"RECORD","stream":"stock","record":{"sku":"A"},"type":"STATE","value":{}}',
        b'{"type":"RECORD","stream":"stock","record":[1]}',
        b'{"type":"RECORD","stream":"other","record":{"sku":"A","qty":1,"wh":"JKT"}}',
        b'{"type":"ACTIVATE_VERSION","stream":"stock","version":1}',
        json.dumps(SCHEMA).encode(),
        json.dumps({**SCHEMA, "stream": "other"}).encode(),
        json.dumps({**SCHEMA, "key_properties": ["sku"]}).encode(),
        json.dumps({**SCHEMA, "schema": DECLARED}).encode(),
        json.dumps({**SCHEMA, "key_properties": ["other"]}).encode(),
        json.dumps({**SCHEMA, "key_properties": ["other", "ext"]}).encode(),
        b'{"type":"RECORD","stream":"stock","record":{"sku":"\xff","qty":1,"wh":"JKT"}}',
    ]
)
lines = st.one_of(
    st.lists(warm_rows, max_size=20),
    st.lists(st.one_of(clean, near_clean, hostile, with_nested, other_lines), max_size=12),
)


@pytest.mark.parametrize("name", MAPPINGS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(read=lines, policy=st.sampled_from(POLICIES), keys=st.sampled_from([[], ["other"], ["ext"]]))
def test_both_ways_give_the_same_for_hostile_values(
    name: str, read: list[bytes], policy: dict[str, Any], keys: list[str]
) -> None:
    """Whatever a record holds, the fast path and the general way make the same of it."""
    config = {"streams": [MAPPINGS[name], {**MAPPINGS[name], "stream": "other"}], **policy}
    stream = [json.dumps({**SCHEMA, "key_properties": keys}).encode(), *read]
    assert _read(config, stream, fast=True) == _read(config, stream, fast=False)


@pytest.mark.parametrize("where", [{}, {"where": "other"}, {"where": "other > `1`"}])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(read=lines, match=st.sampled_from(["sku", "qty"]))
def test_both_ways_give_the_same_pairs(
    where: dict[str, str], read: list[bytes], match: str
) -> None:
    """Whatever a record of a looked-up stream holds, both ways read the same pair."""
    lookup = {"stream": "stock", "match": match, "sku": "wh", "path": "id", **where}
    mapping = {"stream": "levels", "lookup": lookup, "stock": "qty", "warehouse": None}
    stream = [json.dumps(SCHEMA).encode(), *read]
    told = _read({"streams": [mapping]}, stream, fast=True)
    assert told == _read({"streams": [mapping]}, stream, fast=False)


@pytest.mark.parametrize("path", sorted(STREAMS.iterdir()), ids=lambda path: path.stem)
@pytest.mark.parametrize("mapping", ["sku", "named"])
def test_both_ways_give_the_same_for_recorded_streams(path: Path, mapping: str) -> None:
    """What real taps wrote gives the same in both ways."""
    keys: dict[str, dict[str, Any]] = {
        "sku": {"sku": ["sku", "SKU"], "stock": ["qty", "jumlah", "WH-JKT"], "warehouse": None},
        "named": {"sku": "sku", "stock": "qty", "warehouse": ["warehouse_code", "warehouse"]},
    }
    config = {"streams": [{"stream": "*", **keys[mapping]}]}
    stream = path.read_bytes().split(b"\n")
    assert _read(config, stream, fast=True) == _read(config, stream, fast=False)


@pytest.mark.parametrize("marked", ["sku", "qty", "wh", "ext"])
@pytest.mark.parametrize("part", ["ext", ["ext", "sku"]])
def test_parts_whose_column_has_a_bom_are_read(marked: str, part: Any) -> None:
    """The name of a spreadsheet's first column begins with one, in SCHEMA and RECORD."""
    config = {"streams": [{**LONG, "combine": "sum", "part": part}]}
    names = {name: "\ufeff" * (name == marked) + name for name in COLUMNS}
    schema = {**SCHEMA, "schema": {"properties": {name: {} for name in names.values()}}}
    rows = [
        _record(
            [(names["sku"], '"A"'), (names["qty"], "1"), (names["wh"], '"J"'), (names["ext"], n)]
        )
        for n in "123"
    ]
    told = _read(config, [json.dumps(schema).encode(), *rows], fast=True)
    assert (told["refused"], told["count"]) == ([], 1)
    assert [item["levels"]["J"][0] for item in told["entries"]] == [3]


@pytest.mark.parametrize("before", range(8))
def test_no_row_is_added_to_what_has_been_handed_over(before: int) -> None:
    """Rows of one item on both sides of a hand-over in the midst of a chunk all arrive."""
    quantities = ['"9"', *["1"] * before, '"2"', "3"]
    rows = [_record([("sku", '"A"'), ("qty", said), ("wh", '"JKT"')]) for said in quantities]
    config = {"streams": [LONG], "batch_size_rows": 1, "max_in_flight": 1}
    stream = [json.dumps(SCHEMA).encode(), *rows]
    assert _read(config, stream, fast=True) == _read(config, stream, fast=False)


def _handled(
    lines: list[bytes], ledger: Path | None = None, **mapping: Any
) -> list[tuple[str, str]]:
    """Read lines; return type and stream of those that take the general way."""
    config: dict[str, Any] = {"dry_run": True, "streams": [{**LONG, "stream": "*", **mapping}]}
    target = TargetTocobagus(config=config | ({"ledger": str(ledger)} if ledger else {}))
    handled: list[dict[str, Any]] = []
    decode = target.message_reader.deserialize_json  # the general way begins with it

    def note(line: bytes) -> dict[str, Any]:
        handled.append(decode(line))
        return handled[-1]

    target.message_reader.deserialize_json = note  # type: ignore[method-assign]
    target.listen(io.BytesIO(b"\n".join(lines)))  # type: ignore[arg-type]  # bytes will do
    records = [line for line in lines if b'"RECORD"' in line]
    assert target.pipeline.totals.updates == len(records)
    return [(message["type"], message["stream"]) for message in handled]


def test_the_fast_path_does_take_what_it_is_made_for() -> None:
    """Clean rows of a plain mapping take the fast path, or the law above would prove nothing."""
    row = _record([("sku", '"A"'), ("qty", "1"), ("wh", '"JKT"')])
    handled = _handled([json.dumps(SCHEMA).encode(), *[row] * 50])
    assert handled == [("SCHEMA", "stock"), ("RECORD", "stock")]


@pytest.mark.parametrize(
    ("sku", "said", "code", "policy", "mapped"),
    [
        ('"A"', "1", '"JKT"', {}, 1),
        ("17", "1", '"JKT"', {}, 1),
        (str(2**63), "1", '"JKT"', {}, 1),
        ('"A"', "1", "101", {}, 1),
        ('"A"', '"12"', '"JKT"', {}, 1),
        ('"A"', "12.0", '"JKT"', {}, 1),
        ('"A"', '"12.0"', '"JKT"', {}, 1),
        ('"A"', "12", '"JKT"', {"stock_buffer": 2}, 1),
        ('"A"', "12", '"JKT"', {"max_stock": 7}, 1),
        ('"A"', "12.5", '"JKT"', {}, 30),
        ('"A"', "-1", '"JKT"', {}, 30),
        ("1.0", "1", '"JKT"', {}, 30),
        ('"A"', "12", "1.0", {}, 30),
        ('"A"', '" ' + "0" * 200 + '12"', '"JKT"', {}, 30),
    ],
)
def test_values_that_come_again_are_mapped_once(
    monkeypatch: pytest.MonkeyPatch,
    sku: str,
    said: str,
    code: str,
    policy: dict[str, Any],
    mapped: int,
) -> None:
    """What needs no rule is used as it is; what is counted as changed is counted for each row."""
    calls: list[Any] = []
    of_row = CompiledMapping.row

    def counting(self: CompiledMapping, *values: Any) -> Any:
        calls.append(values)
        return of_row(self, *values)

    monkeypatch.setattr(CompiledMapping, "row", counting)
    row = _record([("sku", sku), ("qty", said), ("wh", code)])
    config = {"streams": [LONG], **policy}
    stream = [json.dumps(SCHEMA).encode(), *[row] * 31]
    told = _read(config, stream, fast=True)
    assert (len(calls), told["count"], told["refused"]) == (mapped, 31, [])
    assert told == _read(config, stream, fast=False)


def test_what_comes_again_is_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tap whose values are all different takes no memory for them, and arrives all the same."""
    monkeypatch.setattr(stream_decoder, "_MOST_LEARNED", 2)
    opened: list[StreamDecoder] = []
    begin = StreamDecoder.__init__

    def noting(self: StreamDecoder, *values: Any) -> None:
        begin(self, *values)
        opened.append(self)

    monkeypatch.setattr(StreamDecoder, "__init__", noting)
    rows = [
        _record([("sku", '"A"'), ("qty", f'"{number}"'), ("wh", str(number))])
        for number in [1, 2, 3, 4, 1, 2, 3, 4]
    ]
    stream = [json.dumps(SCHEMA).encode(), *rows]
    told = _read({"streams": [LONG]}, stream, fast=True)
    assert {len(each.places) for each in opened} == {2}
    assert {len(each._quantities) for each in opened} == {2}  # noqa: SLF001
    assert told == _read({"streams": [LONG]}, stream, fast=False)


@pytest.mark.parametrize("policy", [{}, {"stock_buffer": 1}])
@pytest.mark.parametrize("column", ["sku", "qty", "wh"])
def test_true_is_no_number_whatever_came_before(column: str, policy: dict[str, Any]) -> None:
    """It equals 1 for Python, and is still rejected after a row that has 1 in its place."""
    row = {"sku": "1", "qty": "1", "wh": "1"}
    rows = [_record([*{**row, column: said}.items()]) for said in ("1", "1", "1", "true")]
    stream = [json.dumps(SCHEMA).encode(), *rows]
    told = _read({"streams": [LONG], **policy}, stream, fast=True)
    assert [each[2] for each in told["refused"]] == [4]
    assert told == _read({"streams": [LONG], **policy}, stream, fast=False)


def test_plain_pairs_take_the_fast_path(tmp_path: Path) -> None:
    """Records that are a match and an identifier take it, or the law of pairs proves nothing."""
    lookup = {"stream": "stock", "match": "ext", "sku": "sku", "where": "held", "path": "sku"}
    row = _record([("sku", '"A"'), ("ext", "1"), ("held", "true")])
    mapping = {"stream": "levels", "lookup": lookup, "sku": None}
    handled = _handled([json.dumps(SCHEMA).encode(), *[row] * 50], tmp_path / "l.db", **mapping)
    assert handled == [("SCHEMA", "stock"), ("RECORD", "stock")]


def test_a_schema_of_one_stream_leaves_the_others_on_the_fast_path() -> None:
    """Only the stream whose SCHEMA changes has a record that takes the general way again."""
    columns = [("sku", '"A"'), ("qty", "1"), ("wh", '"JKT"')]
    schemas = [json.dumps({**SCHEMA, "stream": name}).encode() for name in ("stock", "other")]
    changed = json.dumps({**SCHEMA, "stream": "other", "schema": DECLARED}).encode()
    rows = [_record(columns, stream=name) for name in ("stock", "other")]
    handled = _handled([*schemas, *rows, changed, *[rows[0]] * 20, *[rows[1]] * 20])
    assert handled[4:] == [("SCHEMA", "other"), ("RECORD", "other")]
