"""What a run costs, as far as it can be said exactly: requests, bytes, decoded lines."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.singer.fast_path import FastPath
from target_tocobagus.target import TargetTocobagus
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.core.model import Stream
    from target_tocobagus.singer.stream_decoder import MappedSink

PLACES = ("wh_jakarta", "wh_surabaya", "wh_bandung")
STREAMS = [{"stream": "stock*", "sku": "sku", "stock": "qty", "warehouse": "place"}]
SCHEMA = {"type": "SCHEMA", "stream": "stock", "schema": {"properties": {}}, "key_properties": []}


def _message(row: dict[str, Any]) -> bytes:
    return json.dumps({"type": "RECORD", "stream": "stock", "record": row}).encode()


def _stream(items: int) -> list[bytes]:
    """Write a stream of so many items at three warehouses each, and a STATE after every tenth."""
    lines = [json.dumps(SCHEMA).encode()]
    for number in range(items):
        for place in PLACES:
            row = {"sku": f"SKU-{number:04d}", "qty": number % 7, "place": place, "note": "é" * 9}
            lines.append(_message(row))
        if number % 10 == 9:
            lines.append(b'{"type":"STATE","value":{"row":%d}}' % number)
    return lines


def _item(number: int) -> dict[str, Any]:
    levels = [{"clientId": place, "stock": number % 7} for place in PLACES]
    return {"sku": f"SKU-{number:04d}", "warehouses": levels}


@pytest.mark.parametrize("items", [1, 500, 501, 1000, 1499])
def test_a_run_makes_as_many_requests_as_its_items_need(items: int) -> None:
    """Batches are full but for the last, and a body holds its items and nothing more."""
    with running() as sandbox:
        config = {"api_url": sandbox.api_url, **sandbox.credentials, "streams": STREAMS}
        target = TargetTocobagus(config=config)
        target.listen(io.BytesIO(b"\n".join(_stream(items))))  # type: ignore[arg-type]  # bytes will do
        requests = sandbox.requests()
    totals = target.pipeline.totals
    sizes = sorted(request["items"] for request in requests)
    # Of items whose rows come in two chunks, the first may be under way when the rest comes.
    divided = sum(sizes) - items
    needed = -(-items // 500)
    assert (totals.requests, totals.retries) == (len(requests), 0)
    assert 0 <= divided <= 2
    assert needed <= len(requests) <= needed + divided
    assert sizes[1 + divided :] == [500] * (len(requests) - 1 - divided)
    written = json.dumps([_item(number) for number in range(items)], separators=(",", ":"))
    frames = len('{"items":[]}') * len(requests)
    between = items + divided - len(requests)
    again = divided * (len('{"sku":"SKU-0000","warehouses":[]}') - len(","))
    assert totals.sent_bytes == sum(request["bodyBytes"] for request in requests)
    assert totals.sent_bytes == frames + between + again + len(written) - len("[]") - (items - 1)


class _CountingPath(FastPath):
    """A fast path that counts how often each line is decoded, and by whom each stream is."""

    decoded: Counter[bytes]
    decoders: dict[str, list[Any]]

    def open(self, stream: Stream, sink: MappedSink) -> None:
        super().open(stream, sink)
        decoder = self._streams[stream.name]
        decoders = self.decoders.setdefault(stream.name, [])
        if decoder.decode not in decoders:
            decode: Callable[[bytes], Any] = decoder.decode

            def counted(line: bytes) -> Any:
                message = decode(line)
                self.decoded[line] += 1
                return message

            decoder.decode = counted
            decoders.append(counted)


def _read_counting(lines: list[bytes]) -> list[bytes]:
    """Read lines in a dry run; return those that went the general way."""
    target = TargetTocobagus(config={"dry_run": True, "streams": STREAMS})
    reader = target.message_reader
    _CountingPath.decoded, _CountingPath.decoders = Counter(), {}
    reader.fast_path_type = _CountingPath
    general = reader.deserialize_json
    handled: list[bytes] = []

    def handle(line: bytes) -> dict[str, Any]:
        handled.append(line)
        return general(line)

    reader.deserialize_json = handle  # type: ignore[method-assign]
    target.listen(io.BytesIO(b"\n".join(lines)))  # type: ignore[arg-type]  # bytes will do
    return handled


def test_a_record_is_decoded_once() -> None:
    """Each clean record but the first is decoded by the fast path, once, and by nothing else."""
    lines = _stream(200)
    records = [line for line in lines if b'"RECORD"' in line]
    handled = _read_counting(lines)
    assert [line for line in handled if b'"RECORD"' in line] == records[:1]
    assert _CountingPath.decoded == dict.fromkeys(records[1:], 1)


def test_a_schema_that_comes_again_is_not_decoded_again() -> None:
    """The same SCHEMA before each record leaves the fast path open, and costs its comparison."""
    schema, *records = (line for line in _stream(200) if b'"STATE"' not in line)
    lines = [line for record in records for line in (schema, record)]
    assert _read_counting(lines) == [schema, records[0]]
    assert _CountingPath.decoded == Counter(records[1:])
    assert [len(each) for each in _CountingPath.decoders.values()] == [1]


@pytest.mark.parametrize("first", ["type", "stream", "record"])
@pytest.mark.parametrize("streams", [2, 40])
def test_many_streams_cost_a_decoder_each(streams: int, first: str) -> None:
    """Opening a stream leaves the others' decoders alone; records in turn are decoded once."""
    lines = (line for line in _stream(20) if b'"STATE"' not in line)
    schema, *records = map(json.loads, lines)
    names = [f"stock {number}" for number in range(streams)]
    schemas = [json.dumps({**schema, "stream": name}).encode() for name in names]
    taken = [
        json.dumps({first: record[first], **record, "stream": name}).encode()
        for record in records
        for name in names
    ]
    assert _read_counting([*schemas, *taken]) == [*schemas, *taken[:streams]]
    assert _CountingPath.decoded == Counter(taken[streams:])
    assert [len(each) for each in _CountingPath.decoders.values()] == [1] * streams
