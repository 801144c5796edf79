"""Rows whose identifiers come from another stream, through the real command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import row, schema, state, stock_of

if TYPE_CHECKING:
    from pathlib import Path

    from target_tocobagus.sandbox.testing import Sandbox
    from tests.e2e.command import Command

LOOKUP: Final = {"stream": "items", "match": "id", "path": "item", "sku": "sku", "where": "tracked"}
LEVELS: Final[dict[str, Any]] = {
    "stream": "levels",
    "lookup": LOOKUP,
    "stock": "qty",
    "warehouse": "wh",
}
SETTINGS: Final[dict[str, Any]] = {"ledger": "ledger.db", "streams": [LEVELS]}
SCHEMAS: Final = [
    schema("items", "id", "sku", "tracked"),
    schema("levels", "item", "wh", "qty"),
]


def item(match: Any, sku: Any, tracked: Any = True, **more: Any) -> dict[str, Any]:  # noqa: FBT002  # a record's value
    """Make a record of the stream that is looked up."""
    return row("items", id=match, sku=sku, tracked=tracked, **more)


def level(match: Any, wh: str, qty: Any) -> dict[str, Any]:
    """Make a record of the stream that looks up."""
    return row("levels", item=match, wh=wh, qty=qty)


ITEMS: Final = [item(1, "A"), item(2, "B"), item(3, "C", tracked=False), item(4, None)]
ROWS: Final = [
    level(1, "W1", 5),
    level(1, "W2", 6),
    level(2, "W1", 7),
    level(3, "W1", 8),
    level(4, "W1", 9),
    level(1, "W1", 4),
]
SOLD: Final = {"A": {"W1": 4, "W2": 6}, "B": {"W1": 7}}


@pytest.mark.parametrize("order", ["items first", "levels first", "mixed"])
def test_rows_get_the_identifiers_of_the_other_stream(
    order: str, command: Command, sandbox: Sandbox
) -> None:
    """In any order; what is not tracked, or has no SKU, is skipped."""
    mixed = [line for pair in zip(ROWS, [*ITEMS, *ITEMS], strict=False) for line in pair]
    lines = {
        "items first": [*ITEMS, state(1), *ROWS],
        "levels first": [*ROWS, state(1), *ITEMS],
        "mixed": mixed,
    }[order]
    ended = command.run([*SCHEMAS, *lines, state(2)], **SETTINGS).without_traceback(0)
    assert stock_of(sandbox) == SOLD
    assert ended.numbers[-1] == 2
    assert (ended.sums.rejected, ended.sums.unsettled) == (0, 0)
    again = command.run([*SCHEMAS, *ROWS, state(3)], **SETTINGS).without_traceback(0)
    assert (again.sums.accepted, again.unchanged, again.sums.skipped) == (0, 3, 2)


def test_a_row_without_a_pair_is_rejected_and_comes_again_with_it(
    command: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It is in `rejects_path`; the run that brings the pair sends it."""
    lines = [*SCHEMAS, item(1, "A"), level(1, "W1", 5), level(9, "W1", 3), level(9, "W1", 2)]
    settings = {**SETTINGS, "rejects_path": "rejects.jsonl"}
    ended = command.run([*lines, state(1)], **settings).without_traceback(0)
    assert (ended.sums.accepted, ended.sums.superseded, ended.sums.rejected) == (1, 1, 1)
    assert "LOOKUP_MISSING" in ended.stderr
    assert ended.numbers == [1]
    (rejected,) = [
        json.loads(line)
        for line in (tmp_path / "rejects.jsonl").read_text().splitlines()
        if json.loads(line)["type"] == "RECORD"
    ]
    assert rejected["record"]["qty"] == 2
    assert rejected["tocobagus"]["updates"] == [
        {"identifier": {"items.id": "9"}, "warehouse": "W1"}
    ]
    again = command.run([*SCHEMAS, item(9, "N"), state(2)], **settings).without_traceback(0)
    assert "1 update that was rejected before, sent again: 1 accepted" in again.stderr
    assert stock_of(sandbox) == {"A": {"W1": 5}, "N": {"W1": 2}}
    third = command.run([*SCHEMAS, state(3)], **settings).without_traceback(0)
    assert "sent again" not in third.stderr


def test_the_levels_of_a_pair_that_changes_follow_it(command: Command, sandbox: Sandbox) -> None:
    """The change is named; the old item keeps its stock."""
    command.run([*SCHEMAS, *ITEMS, *ROWS, state(1)], **SETTINGS).without_traceback(0)
    changed = [item(1, "Z"), level(1, "W1", 3)]
    ended = command.run([*SCHEMAS, *changed, state(2)], **SETTINGS).without_traceback(0)
    assert "'1' was sku 'A' and is sku 'Z'" in ended.stderr
    assert stock_of(sandbox) == {**SOLD, "Z": {"W1": 3, "W2": 6}}
    assert ended.numbers == [2]
    again = command.run([*SCHEMAS, *changed, state(3)], **SETTINGS).without_traceback(0)
    assert (again.sums.accepted, again.unchanged) == (0, 1)
    assert "was sku" not in again.stderr
