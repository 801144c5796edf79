"""Deleted rows, of which a database's log often has no more than the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import LEVELS, record, row, schema, state, stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command, Ended
    from tests.local_sandbox import Sandbox

GONE: dict[str, Any] = {"_sdc_deleted_at": "2026-01-14T00:00:00Z"}
LISTED = {"stream": "levels", "sku": "sku", "levels": "list", "warehouse": "wh", "stock": "qty"}
COLUMNS = ("sku", "wh", "qty", "list", "at", *GONE)


def run(command: Command, *lines: dict[str, Any], **config: Any) -> Ended:
    """Run with a ledger, which keeps what is refused, as a file does."""
    given: dict[str, Any] = {"ledger": "ledger.db", "rejects_path": "rejects.singer", **config}
    lines = (schema("levels", *COLUMNS), *lines, state(1))
    return command.run(list(lines), **given).without_traceback(0)


@pytest.mark.parametrize(
    ("mapping", "refused", "deleted"),
    [
        (LEVELS, {"wh": "J", "qty": 5}, {"wh": None, "qty": None}),
        (LEVELS, {"wh": "J", "qty": 5}, {"wh": "J", "qty": None}),
        (LISTED, {"list": [{"wh": "J", "qty": 5}]}, {"list": None}),
        (LISTED, {"list": [{"wh": "J", "qty": 5}]}, {"list": []}),
        (LISTED, {"list": [{"wh": "J", "qty": 5}]}, {}),
    ],
)
def test_what_was_refused_of_a_deleted_item_is_not_sent_again(
    command: Command,
    sandbox: Sandbox,
    mapping: dict[str, Any],
    refused: dict[str, Any],
    deleted: dict[str, Any],
) -> None:
    """Also if its row does not say any more where it was."""
    streams = [mapping]
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    run(command, row("levels", sku="A", **refused), streams=streams)
    sandbox.set_scenario({})
    run(command, row("levels", sku="A", **deleted, **GONE), streams=streams)
    rejected = (command.directory / "rejects.singer").read_bytes()
    again = command.run(rejected, streams=streams, ledger="ledger.db").without_traceback(0)
    assert (again.sums.accepted, again.stale) == (0, 1)
    assert stock_of(sandbox) == {}


@pytest.mark.parametrize("in_one_run", [True, False])
def test_an_older_row_does_not_replace_one_that_has_lost_its_version(
    command: Command, sandbox: Sandbox, *, in_one_run: bool
) -> None:
    """The zero of a deleted row has the version of the row before it."""
    streams = [{**LEVELS, "newer_by": "at"}]
    first = record("A", 5, "levels", wh="J", at=5)
    deleted = row("levels", sku="A", wh="J", **GONE)
    older = record("A", 4, "levels", wh="J", at=4)
    runs = [[first, deleted, older]] if in_one_run else [[first], [deleted, older]]
    for lines in runs:
        ended = run(command, *lines, streams=streams, on_delete="zero")
    assert ended.stale == 1
    assert stock_of(sandbox) == {"A": {"J": 0}}


@pytest.mark.parametrize("pair_comes", ["before", "after", "later"])
def test_nor_while_it_waits_for_its_pair(
    command: Command, sandbox: Sandbox, pair_comes: str
) -> None:
    """The newest row of each match waits."""
    looked_up = {"stream": "items", "match": "id", "path": "item", "sku": "sku"}
    mapping = {"stream": "levels", "lookup": looked_up, "stock": "qty", "warehouse": "wh"}
    settings: dict[str, Any] = {"streams": [{**mapping, "newer_by": "at"}], "on_delete": "zero"}
    settings["ledger"] = "ledger.db"
    schemas = [schema("items", "id", "sku"), schema("levels", "item", "wh", "qty", "at", *GONE)]
    levels = [
        row("levels", item="x", wh="J", qty=5, at=5),
        row("levels", item="x", wh="J", **GONE),
        row("levels", item="x", wh="J", qty=4, at=4),
    ]
    pair = row("items", id="x", sku="A")
    runs = {"before": [[pair, *levels]], "after": [[*levels, pair]], "later": [levels, [pair]]}
    for lines in runs[pair_comes]:
        command.run([*schemas, *lines, state(1)], **settings).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 0}}


def test_of_several_rows_a_stale_one_does_not_replace_a_fresh_one(
    command: Command, sandbox: Sandbox
) -> None:
    """Also where only the ledger can tell: of another kind of version, or another stream."""
    both = [{**LEVELS, "newer_by": "at"}, {**LEVELS, "stream": "other"}]
    old, new = (record("A", qty, "levels", wh="J", at=at) for qty, at in ((4, 4), (5, 5)))
    other = record("A", 9, "other", wh="J")
    schemas = [schema("other", "sku", "wh", "qty")]
    run(command, *schemas, new, streams=both)
    ended = run(command, *schemas, other, old, streams=both)
    assert (ended.sums.accepted, ended.stale) == (1, 1)
    assert stock_of(sandbox) == {"A": {"J": 9}}
    mixed = [record("B", 5, "levels", wh="J", at="2026-01-05")]
    run(command, *schemas, *mixed, streams=both)
    mixed = [record("B", qty, "levels", wh="J", at=at) for qty, at in ((6, 3), (4, "2026-01-04"))]
    run(command, *schemas, *mixed, streams=both)
    assert stock_of(sandbox)["B"] == {"J": 6}
