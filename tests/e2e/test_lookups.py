"""Rows whose identifiers come from another stream, through the real command."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import row, schema, state, stock_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

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


def test_an_item_that_is_deleted_or_untracked_since_is_skipped(
    command: Command, sandbox: Sandbox
) -> None:
    """The shop keeps what it has; the next rows are not sent."""
    command.run([*SCHEMAS, *ITEMS, *ROWS, state(1)], **SETTINGS).without_traceback(0)
    gone = [item(1, "A", _sdc_deleted_at="2026-01-14"), item(2, "B", tracked=False)]
    lines = [*SCHEMAS, *gone, level(1, "W1", 1), level(2, "W1", 1), state(2)]
    ended = command.run(lines, **SETTINGS).without_traceback(0)
    assert (ended.sums.accepted, ended.sums.skipped) == (0, 4)
    assert "'1' was sku 'A' and is nothing to send: its rows are skipped" in ended.stderr
    assert stock_of(sandbox) == SOLD


def test_a_column_of_the_other_stream_that_never_comes_fails_the_run(command: Command) -> None:
    """A mistyped path would skip every row."""
    streams = [{**LEVELS, "lookup": {**LOOKUP, "sku": "code"}}]
    lines = [*SCHEMAS, *ITEMS, *ROWS, state(1)]
    ended = command.run(lines, ledger="ledger.db", streams=streams).without_traceback(2)
    assert "stream 'items': 'code'" in ended.stderr
    assert ended.stdout == []


def test_a_rejected_row_is_piped_back(command: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    """One that lacked its pair, and one that was refused under what the pair said."""
    settings = {**SETTINGS, "rejects_path": "rejects.jsonl"}
    rows = [level(1, "W1", 5), level(2, "W1", 7)]
    command.run([*SCHEMAS, item(1, "unknown-A"), *rows, state(1)], **settings)
    lines = (tmp_path / "rejects.jsonl").read_bytes().splitlines()
    pairs = [*SCHEMAS, item(1, "A"), item(2, "B")]
    other: dict[str, Any] = {"ledger": "other.db", "streams": [LEVELS]}
    ended = command.run([*pairs, *lines], **other).without_traceback(0)
    assert ended.sums.rejected == 0
    assert stock_of(sandbox)["B"] == {"W1": 7}


def test_a_dry_run_looks_up_in_a_copy(command: Command, sandbox: Sandbox) -> None:
    """What it has read is not remembered."""
    lines = [*SCHEMAS, *ROWS, *ITEMS, state(1)]
    ended = command.run(lines, dry_run=True, **SETTINGS).without_traceback(0)
    assert (ended.sums.accepted, ended.sums.skipped, ended.sums.superseded) == (3, 6, 1)
    command.run([*SCHEMAS, *ITEMS, state(1)], **SETTINGS).without_traceback(0)
    again = command.run([*SCHEMAS, *ROWS, state(1)], dry_run=True, **SETTINGS).without_traceback(0)
    assert (again.sums.accepted, again.sums.rejected) == (3, 0)
    assert sandbox.batches() == []


def test_parts_are_added_up_under_what_their_items_stand_for(
    command: Command, sandbox: Sandbox
) -> None:
    """When a pair changes, its parts go with it, and the old item gets what is left."""
    lots = {**LEVELS, "combine": "sum", "part": "lot"}
    settings: dict[str, Any] = {"ledger": "ledger.db", "streams": [lots]}
    schemas = [SCHEMAS[0], schema("levels", "item", "wh", "qty", "lot")]
    rows = [
        row("levels", item=match, wh="W1", qty=qty, lot=lot)
        for match, qty, lot in ((1, 5, "a"), (1, 6, "b"), (2, 7, "c"), (9, 1, "d"))
    ]
    first = command.run([*schemas, *rows, *ITEMS, state(1)], **settings).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"W1": 11}, "B": {"W1": 7}}
    assert first.sums.rejected == 1
    newer = row("levels", item=9, wh="W1", qty=3, lot="d")
    changed = [newer, item(1, "Z"), item(9, "N")]
    ended = command.run([*schemas, *changed, state(2)], **settings).without_traceback(0)
    assert stock_of(sandbox) == {
        "A": {"W1": 0},
        "B": {"W1": 7},
        "Z": {"W1": 11},
        "N": {"W1": 3},
    }
    assert ended.numbers == [2]


def test_a_refused_level_that_follows_its_pair_is_newer_than_the_accepted_one(
    command: Command, sandbox: Sandbox
) -> None:
    """Both follow; the refused one is sent again after the other, and counts."""
    level = {"item": 1, "wh": "W1"}
    first = [item(1, "A"), row("levels", **level, qty=5), state(1)]
    command.run([*SCHEMAS, *first], **SETTINGS).without_traceback(0)
    fault = {"reject": [{"code": "INV_009", "identifiers": ["A"]}]}
    sandbox.set_scenario({"rules": [{"fault": fault}]})
    second = [row("levels", **level, qty=7), state(2)]
    command.run([*SCHEMAS, *second], **SETTINGS).without_traceback(0)
    sandbox.set_scenario({})
    command.run([*SCHEMAS, item(1, "Z"), state(3)], **SETTINGS).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"W1": 5}, "Z": {"W1": 7}}


def test_a_refused_level_goes_over_no_newer_one_of_its_new_item(
    command: Command, sandbox: Sandbox
) -> None:
    """It was refused while the newer one was under way, so it may even look younger."""
    level = {"item": 1, "wh": "W1"}
    fault = {"reject": [{"code": "INV_009", "identifiers": ["A"]}]}
    sandbox.set_scenario({"rules": [{"fault": fault}]})
    first = [item(1, "A"), row("levels", **level, qty=5), state(1)]
    command.run([*SCHEMAS, *first], **SETTINGS).without_traceback(0)
    sandbox.set_scenario({})
    second = [item(1, "Z"), row("levels", **level, qty=0), state(2)]
    command.run([*SCHEMAS, *second], **SETTINGS).without_traceback(0)
    with closing(sqlite3.connect(command.directory / "ledger.db")) as ledger, ledger:
        later = "UPDATE tocobagus_rejection SET tried_at = 0, opened_at = opened_at + 86400000"
        ledger.execute(later)
    command.run([*SCHEMAS, state(3)], **SETTINGS).without_traceback(0)
    assert stock_of(sandbox) == {"Z": {"W1": 0}}


def test_what_parts_have_left_is_sent_again_though_they_have_gone(
    command: Command, sandbox: Sandbox
) -> None:
    """The 0 of the item of before was refused: it stays open for that item, not for the new one."""
    lots = {**LEVELS, "combine": "sum", "part": "lot"}
    settings: dict[str, Any] = {"ledger": "ledger.db", "streams": [lots]}
    schemas = [SCHEMAS[0], schema("levels", "item", "wh", "qty", "lot")]
    rows = [item(1, "A"), row("levels", item=1, wh="W1", qty=5, lot="a"), state(1)]
    command.run([*schemas, *rows], **settings).without_traceback(0)
    fault = {"reject": [{"code": "INV_009", "identifiers": ["A"]}]}
    sandbox.set_scenario({"rules": [{"fault": fault}]})
    command.run([*schemas, item(1, "Z"), state(2)], **settings).without_traceback(0)
    sandbox.set_scenario({})
    with closing(sqlite3.connect(command.directory / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE tocobagus_rejection SET tried_at = 0")
    command.run([*schemas, state(3)], **settings).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"W1": 0}, "Z": {"W1": 5}}


def test_rows_that_wait_are_many(command: Command, sandbox: Sandbox) -> None:
    """All of them go out as soon as their pairs come, however many they are."""
    rows = [level(f"m{number}", "W1", number % 7 + 1) for number in range(12_000)]
    pairs = [item(f"m{number}", f"s{number}") for number in range(12_000)]
    lines = [*SCHEMAS, *rows, state(1), *pairs, state(2)]
    ended = command.run(lines, **SETTINGS).without_traceback(0)
    assert ended.sums.accepted == 12_000
    assert ended.numbers[-1] == 2
    assert len(stock_of(sandbox)) == 12_000


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ledger": None}, "streams[0].lookup: needs the setting ledger"),
        ({"streams": [{**LEVELS, "sku": "sku"}]}, "lookup: takes the place of sku"),
        (
            {"streams": [{**LEVELS, "lookup": {**LOOKUP, "id": "id"}}]},
            "lookup: needs one of sku, id and external_id",
        ),
        (
            {"streams": [{**LEVELS, "lookup": {**LOOKUP, "stream": "levels"}}]},
            "lookup: names the stream itself",
        ),
        (
            {
                "streams": [
                    LEVELS,
                    {**LEVELS, "stream": "more", "lookup": {**LOOKUP, "sku": "code"}},
                ]
            },
            "streams[1].lookup: differs from an earlier lookup of the same stream and match",
        ),
        (
            {"streams": [{**LEVELS, "levels": "list", "levels_complete": True}]},
            "levels_complete: cannot be combined with lookup",
        ),
        (
            {"streams": [{**LEVELS, "lookup": {**LOOKUP, "match": "a[?"}}]},
            "lookup.match: 'a[?' is not a valid JMESPath",
        ),
    ],
)
def test_a_lookup_that_cannot_be_used_is_a_configuration_error(
    change: dict[str, Any], problem: str, command: Command
) -> None:
    """Each is named, before anything is read."""
    ended = command.run([], **{**SETTINGS, **change}).without_traceback(2)
    assert problem in ended.stderr
