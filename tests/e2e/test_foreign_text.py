"""What a tap, a server or a path says reaches no terminal, log or STATE as it came."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import STOCK, record, schema, state
from tests.local_sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Command, Ended

EVIL: Final = "\x1b[2J\r\nFORGED | INFO\u202e\u2028\x9b\x00" + "A" * 5_000
"""An escape, a forged line, what turns the reading direction, other line ends, and no end."""
_LINE: Final = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ \| |  \S")
"""How a line of the log begins, or one of the summary."""


def batch(**more: Any) -> tuple[list[Any], dict[str, Any]]:
    """Make an input with a BATCH message, and the settings for it."""
    message = {"type": "BATCH", "stream": "stock", "encoding": {"format": "jsonl"}, **more}
    return [schema("stock", "sku", "qty"), message], {}


def assert_safe(ended: Ended) -> None:
    """No line is forged, none is long, and none holds what a terminal obeys."""
    lines = ended.stderr.removesuffix("\n").split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line[:120] for line in lines if not _LINE.match(line) and line != "Summary"] == []
    assert max(map(len, lines)) < 1_500


REPLIES: Final[dict[str, tuple[int, Any]]] = {
    "a refused row": (
        200,
        {
            "requestId": EVIL,
            "data": {
                "batchId": EVIL,
                "acceptedRows": [{"rowIndex": 1}],
                "errors": [
                    {
                        "rowIndex": 0,
                        "code": EVIL,
                        "message": EVIL,
                        "details": {"context": {"reason": EVIL}},
                    }
                ],
            },
        },
    ),
    "a refused request": (
        418,
        {"success": False, "requestId": EVIL, "error": {"code": EVIL, "message": EVIL}},
    ),
    "credentials": (401, {"requestId": EVIL, "error": {"code": "AUTH_010", "message": EVIL}}),
    "no rows": (200, {"requestId": EVIL, "data": {"acceptedRows": EVIL, "errors": {EVIL: EVIL}}}),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_servers_texts_are_safe(reply: tuple[int, Any], tmp_path: Path, command: Command) -> None:
    """Codes, messages, reasons and ids are safe in the log, in STATE and in the rejected rows."""
    status, body = reply
    rejects = tmp_path / "rejects.singer"
    fault = {"status": status, "body": body}
    with running({"rules": [{"fault": fault}]}) as sandbox:
        ended = command.run(
            [schema("stock", "sku", "qty"), record("A", 1), record("B", 2), state(1)],
            api_url=sandbox.api_url,
            rejects_path=str(rejects),
            max_retry_seconds=0,
        )
    assert_safe(ended)
    for value in ended.states:
        assert all(
            len(each) <= 300 and each.isprintable() for each in value["tocobagus"]["batchIds"]
        )
    lines = rejects.read_text("utf-8").splitlines()
    assert len(ended.states) == bool(lines) == ("batchId" in str(body) or "success" in body)
    for line in map(json.loads, lines[1:]):
        own = line["tocobagus"]
        texts = [own[key] for key in ("code", "message", "reason", "requestId")]
        texts.append(own.get("batchId", ""))
        assert all(len(text) <= 300 and text.isprintable() for text in texts)


MAPPED: Final = {**STOCK, "stream": "*"}
INPUTS: Final[dict[str, tuple[list[Any], dict[str, Any]]]] = {
    "a stream's name": (
        [schema(EVIL, "sku", "qty"), record("A", "x", EVIL)],
        {"streams": [MAPPED]},
    ),
    "a stream that changes": (
        [schema(EVIL, "sku", "qty"), schema(EVIL, "sku", "qty", "x"), record("A", 1, EVIL)],
        {"streams": [MAPPED]},
    ),
    "a stream without stock": ([schema(EVIL, "a"), record("A", 1, EVIL)], {"streams": [STOCK]}),
    "a row's values": (
        [
            schema("stock", "sku", "qty"),
            record(EVIL, EVIL),
            record(None, EVIL),
            record({EVIL: 1}, 1),
        ],
        {},
    ),
    "a warehouse": (
        [
            schema("stock", "sku", "qty", "wh"),
            record("A", EVIL, wh=EVIL),
            record(EVIL, 1, wh=[EVIL]),
        ],
        {"streams": [{**STOCK, "warehouse": "wh"}]},
    ),
    "an unknown type": ([{"type": EVIL}], {}),
    "no type": ([{EVIL: EVIL}], {}),
    "no JSON": ([EVIL.encode("utf-8", "replace").replace(b"\n", b"")], {}),
    "a record without SCHEMA": ([record("A", 1, EVIL)], {}),
    "a batch's format": batch(encoding={"format": EVIL}, manifest=[]),
    "a batch's path": batch(manifest=["/" + EVIL]),
    "a batch's storage": batch(manifest=[f"{EVIL}://x"]),
    "a record that breaks its schema": (
        [
            schema("stock", "sku", "qty", schema={"properties": {"sku": {"enum": [1]}, "qty": {}}}),
            record(EVIL, 1),
        ],
        {"validate_records": True},
    ),
    "a stream map that fails": (
        [schema("stock", "sku", "qty"), record(EVIL, 1)],
        {"stream_maps": {"stock": {"qty": "int(sku)"}}},
    ),
}


@pytest.mark.parametrize(("lines", "config"), INPUTS.values(), ids=INPUTS)
def test_a_taps_texts_are_safe(lines: list[Any], config: dict[str, Any], command: Command) -> None:
    """Names, identifiers, warehouses, types, paths and bad lines are safe."""
    assert_safe(command.run([*lines, state(1)], **config))


@pytest.mark.parametrize("key", ["setting", "key of a mapping"])
def test_a_name_in_the_configuration_is_safe(key: str, command: Command) -> None:
    """An unknown setting and an unknown key of a mapping are safe."""
    config = {EVIL: 1} if key == "setting" else {"streams": [{**STOCK, EVIL: 1}]}
    assert_safe(command.run([schema("stock", "sku", "qty")], **config))
