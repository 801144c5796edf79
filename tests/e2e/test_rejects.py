"""`rejects_path`: a Singer stream of the rows that were rejected, which can be sent again."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import Command, encode, record, row, schema, state, stock_of
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local_sandbox import Sandbox

WIDE: dict[str, Any] = {
    "stream": "wide",
    "sku": "sku",
    "warehouse_columns": [
        {"column": "a", "client_id": "A"},
        {"column": "b", "client_id": "B"},
        {"column": "c", "client_id": "C"},
    ],
}


def wide(sku: str, a: Any, b: Any, c: Any) -> dict[str, Any]:
    """Make a RECORD message of a stream with a column for each of three warehouses."""
    return row("wide", sku=sku, a=a, b=b, c=c)


WIDE_SCHEMA = schema("wide", "sku", "a", "b", "c")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the rejects go."""
    return tmp_path / "rejects.singer"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Sandbox, Command]]:
    """A store that knows two products and the warehouses A and C."""
    known = {"sku": ["P", "Q", "R"], "warehouses": ["A", "C"]}
    with running(catalogue=known) as sandbox:
        command = Command(tmp_path, {"api_url": sandbox.api_url, **sandbox.credentials})
        yield sandbox, command
        command.close()


def read(path: Path) -> list[dict[str, Any]]:
    """Read the messages of a file of rejects."""
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_rejected_row_is_written_as_it_came_with_what_was_wrong(
    shop: tuple[Sandbox, Command], path: Path
) -> None:
    """SCHEMA and RECORD stand as they came; a key beside the record says which updates, and why."""
    sandbox, command = shop
    bad = (
        '{"type":"RECORD","stream":"wide","record":{"sku":"P","a":"x","b":null,"c":1.0,"big":1.10}}'
    )
    unknown = wide("NEW", 1, None, None)
    lines: list[Any] = [WIDE_SCHEMA, wide("P", 1, None, 2), bad, unknown, state(1)]
    ended = command.run(lines, streams=[WIDE], rejects_path=str(path)).without_traceback(0)

    first, mapped, refused = read(path)
    assert first == WIDE_SCHEMA
    assert '"big":1.10' in path.read_text()
    own = mapped.pop("tocobagus")
    assert mapped == json.loads(bad)
    moment = datetime.fromisoformat(own.pop("at"))
    assert abs(datetime.now(timezone.utc) - moment) < timedelta(minutes=1)
    assert own == {
        "code": "BAD_QUANTITY",
        "message": "'x' is not a number",
        "reason": "",
        "identifier": {"sku": "P"},
        "updates": [{"identifier": {"sku": "P"}, "warehouse": "A"}],
    }
    (batch,) = sandbox.batches()
    own = refused.pop("tocobagus")
    assert own.pop("at")
    assert own == {
        "code": "INV_001",
        "message": "Invalid SKU",
        "reason": "Product SKU not found",
        "identifier": {"sku": "NEW"},
        "updates": [{"identifier": {"sku": "NEW"}, "warehouse": "A"}],
        "batchId": batch["batchId"],
        "requestId": batch["requestId"],
    }
    for part in ("Rejected sku 'P' at 'A': BAD_QUANTITY", "Rejected sku 'NEW' at 'A': INV_001"):
        assert part in ended.stderr
    assert path.stat().st_mode & 0o077 == 0, "it may hold what is nobody else's business"


def test_piping_the_rejects_back_sends_only_what_was_rejected(
    shop: tuple[Sandbox, Command], path: Path
) -> None:
    """Of a record whose one warehouse was refused, the others are not sent again."""
    sandbox, command = shop
    lines = [WIDE_SCHEMA, wide("P", 1, 2, 3), wide("Q", 4, None, "x"), state(1)]
    ended = command.run(lines, streams=[WIDE], rejects_path=str(path)).without_traceback(0)
    assert stock_of(sandbox) == {"P": {"A": 1, "C": 3}, "Q": {"A": 4}}
    assert ended.sums == (6, 3, 0, 1, 2, 0)
    refused = {own["tocobagus"]["code"]: own["tocobagus"]["updates"] for own in read(path)[1:]}
    assert refused == {
        "INV_004": [{"identifier": {"sku": "P"}, "warehouse": "B"}],
        "BAD_QUANTITY": [{"identifier": {"sku": "Q"}, "warehouse": "C"}],
    }

    # In the meantime there is newer stock, and the shop has got its third warehouse.
    with running() as later:
        other = Command(command.directory, {"api_url": later.api_url, **later.credentials})
        newer = [WIDE_SCHEMA, wide("P", 10, None, 30), wide("Q", 40, None, None)]
        other.run(newer, streams=[WIDE]).without_traceback(0)
        again = other.run(path.read_bytes(), streams=[WIDE]).without_traceback(0)
        assert stock_of(later) == {"P": {"A": 10, "B": 2, "C": 30}, "Q": {"A": 40}}
    assert again.sums == (6, 1, 0, 4, 1, 0)


def test_the_input_is_never_its_own_file_of_rejects(command: Command, path: Path) -> None:
    """As `--input` or as stdin it is refused, and not changed."""
    data = encode([schema(), record("A", "x")])
    path.write_bytes(data)
    config = str(command.write_config(rejects_path=str(path)))
    ended = command.run(arguments=["--config", config, "--input", str(path)]).without_traceback(2)
    assert "rejects_path: is the file that this run reads from" in ended.stderr
    with path.open("rb") as stdin:
        done = subprocess.run(
            command.line(["--config", config]),
            stdin=stdin,
            capture_output=True,
            env=command.env(),
            check=False,
            timeout=30,
        )
    assert done.returncode == 2
    assert b"rejects_path: is the file that this run reads from" in done.stderr
    assert path.read_bytes() == data


def test_beyond_the_limit_of_rejected_rows_no_further_state_goes_out(
    command: Command, sandbox: Sandbox, path: Path
) -> None:
    """Everything else is still sent, and the run fails, so that the rows come again."""
    talk = command.talk(max_rejected_rows=1, rejects_path=str(path), batch_wait_seconds=1)
    talk.say(schema(), record("A", 1), record("B", "x"), state(1))
    assert talk.next_state()["bookmarks"]["stock"]["n"] == 1
    talk.say(record("C", "x"), state(2), record("D", 4), state(3))
    ended = talk.end().without_traceback(1)
    assert ended.numbers == [1]
    assert stock_of(sandbox) == {"A": {None: 1}, "D": {None: 4}}
    assert "2 rows were rejected, more than max_rejected_rows allows" in ended.stderr
    assert len(read(path)) == 3
    assert command.run([schema(), record("A", "x")], max_rejected_rows=0).code == 1
    exactly = [schema(), record("A", 1), record("B", "x"), state(1)]
    assert command.run(exactly, max_rejected_rows=1).without_traceback(0).numbers == [1]
