"""What a run costs, as far as it can be said exactly: requests, bytes, decoded lines."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.lane import FastLane
from target_tocobagus.sandbox.testing import running
from target_tocobagus.target import TargetTocobagus

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = ("wh_jakarta", "wh_surabaya", "wh_bandung")
STREAMS = [{"stream": "stock", "sku": "sku", "stock": "qty", "warehouse": "place"}]
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
    tally = target.pipeline.tally
    assert (tally.requests, tally.retries) == (-(-items // 500), 0) == (len(requests), 0)
    assert sorted(request["items"] for request in requests)[1:] == [500] * (len(requests) - 1)
    written = json.dumps([_item(number) for number in range(items)], separators=(",", ":"))
    frames = len('{"items":[]}') * len(requests)
    between = items - len(requests)
    assert tally.sent_bytes == sum(request["bodyBytes"] for request in requests)
    assert tally.sent_bytes == frames + between + len(written) - len("[]") - (items - 1)


class _CountingLane(FastLane):
    """A lane that counts how often each line is decoded."""

    decoded: Counter[bytes]

    def _prepare(self) -> None:
        super()._prepare()
        decode: Callable[[bytes], Any] = self._decode

        def counted(line: bytes) -> Any:
            self.decoded[line] += 1
            return decode(line)

        self._decode = counted


def test_a_record_is_decoded_once() -> None:
    """Each clean record is decoded by the lane, once, and by nothing else; but for the first."""
    lines = _stream(200)
    target = TargetTocobagus(config={"dry_run": True, "streams": STREAMS})
    reader = target.message_reader
    _CountingLane.decoded = Counter()
    reader.lane_type = _CountingLane
    general = reader.deserialize_json
    handled: list[bytes] = []

    def handle(line: bytes) -> dict[str, Any]:
        handled.append(line)
        return general(line)

    reader.deserialize_json = handle  # type: ignore[method-assign]
    target.listen(io.BytesIO(b"\n".join(lines)))  # type: ignore[arg-type]  # bytes will do
    records = [line for line in lines if b'"RECORD"' in line]
    assert [line for line in handled if b'"RECORD"' in line] == records[:1]
    assert {line: _CountingLane.decoded[line] for line in records[1:]} == dict.fromkeys(
        records[1:], 1
    )
