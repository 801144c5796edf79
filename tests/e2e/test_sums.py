"""Rows that are parts, through the real command: what is sent is their sum, run after run."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sysconfig
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import LEVELS, STOCK, Ended, eventually, record, row, schema, state, stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

SUM: Final[dict[str, Any]] = {**LEVELS, "combine": "sum", "part": "lot"}
COLUMNS: Final = ("sku", "wh", "qty", "lot", "_sdc_deleted_at")
WHOLE: Final[dict[str, Any]] = {**SUM, "parts_complete": True}


def lot(key: Any, sku: Any, wh: Any, qty: Any, **more: Any) -> dict[str, Any]:
    """Make a RECORD of a lot."""
    return record(sku, qty, "levels", wh=wh, lot=key, **more)


def gone(key: Any) -> dict[str, Any]:
    """Make a RECORD of a lot that was deleted, as a log of a database has it."""
    return row("levels", lot=key, _sdc_deleted_at="2026-01-14T00:00:00Z")


def run(command: Command, *lines: dict[str, Any], **config: Any) -> Ended:
    """Run with a ledger; a STATE comes last."""
    given: dict[str, Any] = {"streams": [SUM], "ledger": "ledger.db", **config}
    return command.run([schema("levels", *COLUMNS), *lines, state(1)], **given)


def test_a_tap_that_brings_one_part_changes_the_sum(command: Command, sandbox: Sandbox) -> None:
    """Parts that have moved or are deleted are taken off where they were."""
    first = run(command, lot(1, "A", "J", 40), lot(2, "A", "J", 25.5), lot(3, "B", "S", 7))
    assert first.without_traceback(0).sums == (5, 2, 3, 0, 0, 0)
    assert stock_of(sandbox) == {"A": {"J": 65}, "B": {"S": 7}}
    run(command, lot(2, "A", "J", 5)).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 45}, "B": {"S": 7}}
    run(command, lot(2, "B", "S", 5), gone(1)).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 0}, "B": {"S": 12}}
    again = run(command, lot(2, "B", "S", 5), gone(1)).without_traceback(0)
    assert (again.unchanged, again.sums.skipped, again.numbers) == (1, 1, [1])


def test_a_part_that_has_moved_counts_once(command: Command, sandbox: Sandbox) -> None:
    """Also if one of its quantities is null: that of its new item is kept, and of no other."""
    places = [{"column": name, "client_id": name} for name in ("J", "S")]
    wide: dict[str, Any] = {"stream": "levels", "sku": "sku", "warehouse_columns": places}
    wide |= {"combine": "sum", "part": "lot"}

    def send(sku: str, jakarta: Any, surabaya: Any) -> None:
        line = row("levels", sku=sku, lot=1, J=jakarta, S=surabaya)
        lines = [schema("levels", "sku", "lot", "J", "S"), line, state(1)]
        command.run(lines, streams=[wide], ledger="ledger.db").without_traceback(0)

    send("A", 1, 5)
    send("B", None, 5)
    assert stock_of(sandbox) == {"A": {"J": 0, "S": 0}, "B": {"S": 5}}
    send("B", 2, None)
    assert stock_of(sandbox)["B"] == {"J": 2, "S": 5}


def test_a_part_whose_list_is_empty_has_nothing(command: Command, sandbox: Sandbox) -> None:
    """What it had before counts no longer; the other parts do."""
    listed = {"stream": "stock", "sku": "sku", "levels": "at", "warehouse": "wh", "stock": "qty"}
    settings: dict[str, Any] = {
        "streams": [{**listed, "combine": "sum", "part": "doc"}],
        "ledger": "ledger.db",
    }
    here = [{"wh": "J", "qty": 1}]
    both = [*here, {"wh": "S", "qty": 4}]
    for first in (both, []):
        lines = [row("stock", sku="A", doc=doc, at=at) for doc, at in ((1, first), (2, here))]
        sent = [schema("stock", "sku", "doc", "at"), *lines, state(1)]
        command.run(sent, **settings).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 1, "S": 0}}


def test_an_unchanged_part_moves_its_version_on(command: Command, sandbox: Sandbox) -> None:
    """Or a row that is older than it, and newer than the one before, would count."""
    config: dict[str, Any] = {"streams": [{**SUM, "newer_by": "at"}]}
    columns = schema("levels", *COLUMNS, "at")
    for at, qty in ((1, 5), (3, 5), (2, 9)):
        said = [columns, lot(1, "A", "J", qty, at=at), state(at)]
        ended = command.run(said, ledger="ledger.db", **config).without_traceback(0)
    assert ended.stale == 1
    assert stock_of(sandbox) == {"A": {"J": 5}}


def test_plain_rows_and_others_give_the_same_sums(command: Command, sandbox: Sandbox) -> None:
    """A text, white space, a fraction and a new code leave the fastest way, and are parts too."""
    odd = [lot(" 1", "A ", "J", "40"), lot("2", "A", " J", 25), lot(3, "A", "J", "2.50")]
    many = [lot(f"m{number}", "A", "J", 1) for number in range(50)]
    run(command, *many[:25], *odd, *many[25:]).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 117}}
    run(command, lot("1", "A", "J", 0), lot("3", "A", "J", 2)).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 77}}


def test_no_part_is_lost_when_rows_are_handed_over_between_two(
    command: Command, sandbox: Sandbox
) -> None:
    """A new code leaves the fastest way; and where there are lookups, parts may get new names."""
    lookup = {"stream": "items", "match": "id", "path": "item", "sku": "sku"}
    levels = {"stream": "more", "lookup": lookup, "stock": "qty", "warehouse": "wh"}
    few = {"batch_size_rows": 1, "max_in_flight": 1}  # so that rows are handed over soon
    lots = [lot(number, "A", "J", 1) for number in range(9)]
    more = [schema("items", "id", "sku"), schema("more", "item", "wh", "qty")]
    lines = [*more, *lots[:6], lot("x", "A", "S", 1), *lots[6:]]
    run(command, *lines, streams=[SUM, levels], **few).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 9, "S": 1}}


def test_no_sum_goes_out_before_all_parts_have_come_once(
    command: Command, sandbox: Sandbox
) -> None:
    """The first lots of a first run are not the stock, and no STATE covers them."""
    lines = [schema("levels", *COLUMNS), lot(1, "A", "J", 40), state(1)]
    talk = command.talk(streams=[SUM], ledger="ledger.db", batch_size_rows=1)
    talk.say(*lines)
    eventually(lambda: remembered(command) == 1)
    talk.say(lot(2, "A", "J", 2), state(2))
    eventually(lambda: remembered(command) == 2)
    time.sleep(1)  # in which a worker could send, and a STATE could go out
    talk.signal(signal.SIGTERM)
    ended = talk.ended()
    assert ended.without_traceback(143).states == []
    assert stock_of(sandbox) == {}
    run(command, lot(1, "A", "J", 40), lot(2, "A", "J", 2)).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 42}}


def remembered(command: Command) -> int:
    """Count the parts in the ledger."""
    file = command.directory / "ledger.db"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as ledger, suppress(sqlite3.Error):
        return int(ledger.execute("SELECT count(*) FROM tocobagus_part").fetchone()[0])
    return 0


def test_a_feed_of_all_parts_forgets_those_that_are_gone(
    command: Command, sandbox: Sandbox
) -> None:
    """Of each item that it names, and only if it was read to its end."""
    run(command, lot(1, "A", "J", 4), lot(2, "A", "S", 5), lot(3, "B", "J", 6), streams=[WHOLE])
    assert stock_of(sandbox) == {"A": {"J": 4, "S": 5}, "B": {"J": 6}}
    torn = [schema("levels", *COLUMNS), state(1), lot(1, "A", "J", 3)]
    ended = command.run(torn, streams=[WHOLE], ledger="ledger.db").without_traceback(1)
    assert "no STATE came after the last record of 'levels'" in ended.stderr
    assert (ended.sums.unsettled, ended.numbers) == (1, [1])
    assert stock_of(sandbox) == {"A": {"J": 4, "S": 5}, "B": {"J": 6}}
    run(command, lot(1, "A", "J", 3), streams=[WHOLE]).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 3, "S": 0}, "B": {"J": 6}}


@pytest.mark.parametrize("key", [None, ["x"]])
def test_a_row_that_does_not_tell_its_part_may_be_any(
    command: Command, sandbox: Sandbox, key: Any
) -> None:
    """No part of its item is gone then; those of other items are."""
    whole = [lot(key, "A", "J", 5) for key in (1, 2)] + [lot(key, "B", "S", 1) for key in (3, 4)]
    run(command, *whole, streams=[WHOLE]).without_traceback(0)
    torn = [lot(1, "A", "J", 4), lot(key, "A", "J", 5), lot(3, "B", "S", 1)]
    ended = run(command, *torn, streams=[WHOLE]).without_traceback(0)
    assert ended.sums.rejected == 1
    assert stock_of(sandbox) == {"A": {"J": 9}, "B": {"S": 1}}
    run(command, lot(1, "A", "J", 4), streams=[WHOLE]).without_traceback(0)
    assert stock_of(sandbox)["A"] == {"J": 4}


def test_where_a_torn_feed_had_no_part_any_more_gets_its_zero_later(
    command: Command, sandbox: Sandbox
) -> None:
    """A whole feed of other items does not forget what was not sent."""
    run(command, lot(1, "A", "J", 4), lot(2, "B", "J", 6), streams=[WHOLE])
    torn = [schema("levels", *COLUMNS), lot(1, "A", "S", 4)]
    command.run(torn, streams=[WHOLE], ledger="ledger.db").without_traceback(1)
    run(command, lot(2, "B", "J", 6), streams=[WHOLE]).without_traceback(0)
    run(command, lot(3, "A", "S", 5), streams=[WHOLE]).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 0, "S": 5}, "B": {"J": 6}}


@pytest.mark.parametrize("at", [4, None, [], "2999-01-01"])
def test_a_part_has_come_whatever_its_version(command: Command, sandbox: Sandbox, at: Any) -> None:
    """A row that is older, or that cannot be used, does not make its part one that is gone."""
    streams = [{**WHOLE, "newer_by": "at"}]
    columns = schema("levels", *COLUMNS, "at")
    for lots in ([lot(1, "A", "J", 4, at=5)], [lot(1, "A", "J", 9, at=at)]):
        lines = [columns, *lots, lot(2, "A", "J", 5, at=5), state(1)]
        command.run(lines, streams=streams, ledger="ledger.db").without_traceback(0)
        assert stock_of(sandbox) == {"A": {"J": 9}}


def test_a_refused_row_brings_no_deleted_part_back(command: Command, sandbox: Sandbox) -> None:
    """It is one part of a sum that was refused, and the part may be gone when it is piped back."""
    kept: dict[str, Any] = {"rejects_path": "rejects.singer"}
    run(command, lot(2, "A", "J", 5), **kept).without_traceback(0)
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    run(command, lot(1, "A", "J", 4), **kept).without_traceback(0)
    sandbox.set_scenario({})
    run(command, gone(1)).without_traceback(0)
    rejected = (command.directory / "rejects.singer").read_bytes()
    command.run(rejected, streams=[SUM], ledger="ledger.db").without_traceback(0)
    run(command, lot(2, "A", "J", 6)).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 6}}
    run(command, lot(1, "A", "S", 2)).without_traceback(0)
    again = run(command, lot(1, "A", "S", 2)).without_traceback(0)
    assert (again.sums.updates, again.unchanged) == (1, 1)
    assert stock_of(sandbox) == {"A": {"J": 6, "S": 2}}


def test_a_part_that_is_still_bad_is_rejected_again(command: Command) -> None:
    """It has an outcome each time that it is piped back."""
    kept: dict[str, Any] = {"rejects_path": "rejects.singer"}
    run(command, lot(1, "A", "J", "x"), **kept).without_traceback(0)
    rejected = (command.directory / "rejects.singer").read_bytes()
    ended = command.run(rejected, streams=[SUM], ledger="ledger.db").without_traceback(0)
    assert (ended.sums.updates, ended.sums.rejected) == (1, 1)


@pytest.mark.parametrize("at", [6, None])
def test_an_older_row_brings_no_deleted_part_back(
    command: Command, sandbox: Sandbox, at: Any
) -> None:
    """Not in a later run either; a deleted row may have lost all columns but its key."""
    streams = [{**SUM, "newer_by": "at"}]
    columns = schema("levels", *COLUMNS, "at")

    def send(*lots: dict[str, Any]) -> Ended:
        lines = [columns, *lots, state(1)]
        return command.run(lines, streams=streams, ledger="ledger.db").without_traceback(0)

    send(lot(1, "A", "J", 4, at=5), lot(2, "A", "J", 3, at=5))
    deleted = {**gone(1)["record"], "at": at}
    send(row("levels", **deleted))
    assert stock_of(sandbox) == {"A": {"J": 3}}
    assert send(lot(1, "A", "J", 9, at=4), lot(2, "A", "J", 3, at=5)).stale == 1
    assert stock_of(sandbox) == {"A": {"J": 3}}
    send(lot(1, "A", "J", 1, at=7))
    assert stock_of(sandbox) == {"A": {"J": 4}}


@pytest.mark.parametrize("meant", [None, False])
def test_parts_that_do_not_come_are_named(command: Command, meant: Any) -> None:
    """They still count, which is wrong if the feed is a full one; false says that it is not."""
    streams = [{**SUM, "parts_complete": meant}]
    run(command, lot(1, "A", "J", 4), lot(2, "A", "S", 5), streams=streams)
    ended = run(command, lot(1, "A", "J", 4), streams=streams).without_traceback(0)
    assert ("1 part of items that this run has named did not come" in ended.stderr) == (
        meant is None
    )


def test_warehouses_that_become_one(command: Command, sandbox: Sandbox) -> None:
    """Two codes have one client id; rows of one item at both add up."""
    pairs = [{"code": code, "client_id": "W"} for code in ("J", "S")]
    one = {**LEVELS, "combine": "sum", "part": ["sku", "wh"]}
    lines = [lot(0, "A", "J", 4), lot(0, "A", "S", 5)]
    run(command, *lines, streams=[one], warehouse_map=pairs).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"W": 9}}
    global_ = {**one, "warehouse": None}
    stopped = run(command, *lines, streams=[global_]).without_traceback(2)
    assert "forget --parts 'levels'" in stopped.stderr
    assert forget(command, "levels").startswith("2 parts of stream levels forgotten")
    run(command, *lines, streams=[global_]).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 9}}


def forget(command: Command, stream: str) -> str:
    """Forget the parts of a stream by the operator's command."""
    tool = Path(sysconfig.get_path("scripts")) / "tocobagus"
    arguments = ["ledger", "forget", "--parts", stream, "--config", "config.json"]
    done = subprocess.run(
        [tool, *arguments], cwd=command.directory, capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def test_two_codes_of_one_place_are_an_error_without_sums(command: Command) -> None:
    """Of two rows the last one would win."""
    pairs = [{"code": code, "client_id": "W"} for code in ("J", "S")]
    ended = run(command, streams=[LEVELS], warehouse_map=pairs).without_traceback(2)
    assert "warehouse_map: duplicate client_id" in ended.stderr


def test_two_streams_of_lots_add_up(command: Command, sandbox: Sandbox) -> None:
    """Each has its own parts, of one stock."""
    bins = {**SUM, "stream": "bins"}
    other = [schema("bins", *COLUMNS), record("A", 3, "bins", wh="J", lot=1)]
    ended = run(command, lot(1, "A", "J", 4), *other, streams=[SUM, bins]).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 7}}
    assert "WARNING" not in ended.stderr


def test_a_stock_of_many_parts_follows_each_of_them(command: Command, sandbox: Sandbox) -> None:
    """Also where each one comes by itself, is new, moves, is deleted, or comes twice."""
    run(command, *(lot(number, "A", "J", "1.5") for number in range(20))).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 30}}
    changes = [
        lot(0, "A", "J", "2.25"),
        lot(1, "B", "J", 4),
        gone(2),
        lot(30, "A", "J", 5),
        lot(30, "A", "J", 6),
        lot(0, "A", "J", "2.5"),
    ]
    few = {"batch_size_rows": 1, "max_in_flight": 1}  # so that each is handed over by itself
    others = [lot(f"other {number}", "C", "J", 1) for number in range(5)]
    lines = [line for each in changes for line in (each, *others)]
    run(command, *lines, **few).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 34}, "B": {"J": 4}, "C": {"J": 5}}


@pytest.mark.parametrize("first", ["levels", "stock"])
def test_one_mapping_cannot_add_up_what_another_one_sets(
    first: str, command: Command, sandbox: Sandbox
) -> None:
    """It is unclear which of them counts: what comes second is rejected, in each run."""
    setting = {**STOCK, "warehouse": "wh"}
    sums = [lot(1, "A", "J", 4), lot(2, "B", "J", 5)]
    sets = [schema("stock", "sku", "wh", "qty"), record("A", 9, wh="J"), record("C", 1, wh="J")]
    lines = [*sums, *sets] if first == "levels" else [*sets, *sums]
    for _ in range(2):
        ended = run(command, *lines, streams=[SUM, setting]).without_traceback(0)
        assert "MIXED_SOURCES" in ended.stderr
        assert stock_of(sandbox)["B"] == {"J": 5}
        assert stock_of(sandbox)["C"] == {"J": 1}
        assert stock_of(sandbox)["A"] == {"J": 4}


def test_a_refused_sum_is_sent_as_it_is_when_its_row_comes_back(
    command: Command, sandbox: Sandbox
) -> None:
    """The rejected row is one part of it, and may be old by then."""
    command_line: dict[str, Any] = {"rejects_path": "rejects.singer"}
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    run(command, lot(1, "A", "J", 4), lot(2, "A", "J", 5), **command_line).without_traceback(0)
    sandbox.set_scenario({})
    rejected = (command.directory / "rejects.singer").read_bytes()
    again = command.run(rejected, streams=[SUM], ledger="ledger.db").without_traceback(0)
    assert again.sums.accepted == 1
    assert "did not come" not in again.stderr
    assert stock_of(sandbox) == {"A": {"J": 9}}


def test_a_dry_run_adds_up_what_is_remembered(command: Command, sandbox: Sandbox) -> None:
    """And remembers nothing itself."""
    run(command, lot(1, "A", "J", 4), lot(2, "A", "J", 5)).without_traceback(0)
    for _ in range(2):
        tried = run(command, lot(1, "A", "J", 1), dry_run=True).without_traceback(0)
        assert (tried.sums.accepted, tried.unchanged) == (1, 0)
    run(command, lot(1, "A", "J", 4)).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"J": 9}}


def test_an_older_version_of_a_part_is_stale(command: Command, sandbox: Sandbox) -> None:
    """Versions are compared for each part, not for the sum."""
    streams = [{**SUM, "newer_by": "at"}]
    columns = [schema("levels", *COLUMNS, "at")]
    lines = [lot(1, "A", "J", 4, at=5), lot(2, "A", "J", 5, at=1)]
    command.run([*columns, *lines, state(1)], streams=streams, ledger="ledger.db")
    old = [lot(1, "A", "J", 9, at=4), lot(2, "A", "J", 6, at=2)]
    ended = command.run([*columns, *old, state(1)], streams=streams, ledger="ledger.db")
    assert (ended.without_traceback(0).stale, ended.sums.accepted) == (1, 1)
    assert stock_of(sandbox) == {"A": {"J": 10}}


def test_a_sum_that_falls_to_nothing_goes_through_the_guard(
    command: Command, sandbox: Sandbox
) -> None:
    """A part that is deleted is a stock-out like any other."""
    lots = [lot(number, f"s{number}", "J", 1) for number in range(30)]
    run(command, *lots).without_traceback(0)
    ended = run(command, *[gone(number) for number in range(30)]).without_traceback(2)
    assert "GUARD" in ended.stderr
    left = [sku for sku, levels in stock_of(sandbox).items() if levels["J"]]
    assert len(left) == 21
    rerun = run(command, *[gone(number) for number in range(30)], max_zeroed_percent=100)
    rerun.without_traceback(0)
    assert not any(levels["J"] for levels in stock_of(sandbox).values())


def test_a_needed_ledger_is_asked_for(command: Command) -> None:
    """Parts cannot be added up without memory."""
    ended = command.run([], streams=[SUM]).without_traceback(2)
    assert "streams[0].combine: needs the setting ledger" in ended.stderr
    assert json.dumps(SUM["part"]) not in ended.stderr
