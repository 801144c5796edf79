"""`levels_complete`: what a list of an item's locations leaves out is 0, through the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_tocobagus.ledger.database import schema as tables
from tests.e2e.command import eventually, row, schema, state, stock_of
from tests.ledger.desk import rows as ledger_rows

if TYPE_CHECKING:
    from tests.e2e.command import Command, Ended
    from tests.local_sandbox import Sandbox

MAPPING: Final[dict[str, Any]] = {
    "stream": "items",
    "sku": "sku",
    "levels": "levels",
    "warehouse": "wh",
    "stock": "qty",
    "levels_complete": True,
}
COLUMNS: Final = schema("items", "sku", "levels")


def item(sku: str, levels: Any, **more: Any) -> dict[str, Any]:
    """Make a record of an item: its quantity by location, or what its list holds instead."""
    entries = levels
    if isinstance(levels, dict):
        entries = [{"wh": place, "qty": quantity} for place, quantity in levels.items()]
    return row("items", sku=sku, levels=entries, **more)


def run(command: Command, *lines: dict[str, Any], code: int = 0, **settings: Any) -> Ended:
    """Run once on a ledger."""
    given = {"streams": [MAPPING], "ledger": "ledger.db", **settings}
    return command.run([COLUMNS, *lines, state(1)], **given).without_traceback(code)


@pytest.fixture
def known(command: Command) -> Command:
    """A ledger in which A is at three warehouses, and B at one."""
    run(command, item("A", {"W1": 1, "W2": 2, "W3": 3}), item("B", {"W1": 4}))
    return command


def test_what_a_list_leaves_out_is_0(known: Command, sandbox: Sandbox) -> None:
    """It is an update of the record; what the list names, and other items, stay."""
    ended = run(known, item("A", {"W1": 1, "W4": 5}))
    assert stock_of(sandbox) == {"A": {"W1": 1, "W2": 0, "W3": 0, "W4": 5}, "B": {"W1": 4}}
    assert (ended.sums.updates, ended.sums.accepted, ended.unchanged) == (4, 3, 1)
    again = run(known, item("A", {"W1": 1, "W4": 5}))
    assert (again.sums.updates, again.unchanged, again.numbers) == (4, 4, [1])
    back = run(known, item("A", {"W1": 1, "W2": 9}))
    assert stock_of(sandbox)["A"] == {"W1": 1, "W2": 9, "W3": 0, "W4": 0}
    assert back.sums.updates == 4


@pytest.mark.parametrize(
    ("levels", "left"),
    [
        ([], {"W1": 0, "W2": 0, "W3": 0}),
        ("[]", {"W1": 0, "W2": 0, "W3": 0}),
        ({"W1": None}, {"W1": 1, "W2": 0, "W3": 0}),
        (None, {"W1": 1, "W2": 2, "W3": 3}),
        ("", {"W1": 1, "W2": 2, "W3": 3}),
        ("{", {"W1": 1, "W2": 2, "W3": 3}),
        ({"W1": "x"}, {"W1": 1, "W2": 2, "W3": 3}),
        ({"": 1}, {"W1": 1, "W2": 2, "W3": 3}),
        ([{"wh": "W1", "qty": 1}, None], {"W1": 1, "W2": 2, "W3": 3}),
        ([{"wh": "W1", "qty": 1}, {"wh": None, "qty": None}], {"W1": 1, "W2": 2, "W3": 3}),
        ([{"wh": "W1", "qty": 7}, 5], {"W1": 7, "W2": 2, "W3": 3}),
        ([{"wh": "W1", "qty": 7}] * 2, {"W1": 1, "W2": 2, "W3": 3}),
    ],
    ids=str,
)
def test_only_a_list_that_can_be_read_is_complete(
    known: Command, sandbox: Sandbox, levels: Any, left: dict[str, int]
) -> None:
    """An empty one is; null is not, nor one with an entry that is bad or whose place is unknown."""
    run(known, item("A", levels))
    assert stock_of(sandbox) == {"A": left, "B": {"W1": 4}}


def test_a_deleted_record_and_one_that_is_left_out_leave_nothing_out(
    known: Command, sandbox: Sandbox
) -> None:
    """Their lists may be old."""
    where: dict[str, Any] = {"streams": [{**MAPPING, "where": "keep"}]}
    columns = schema("items", "sku", "levels", "keep", "_sdc_deleted_at")
    for deletes in ("skip", "zero"):
        lines = [columns, item("A", {"W1": 1}, keep=False), state(1)]
        known.run(lines, ledger="ledger.db", **where).without_traceback(0)
        lines[1] = item("A", {"W1": 1}, keep=True, _sdc_deleted_at="2026-01-01")
        known.run(lines, ledger="ledger.db", on_delete=deletes, **where).without_traceback(0)
    assert stock_of(sandbox)["A"] == {"W1": 0, "W2": 2, "W3": 3}


def test_only_what_the_same_stream_and_mapping_have_sent_is_left_out(
    known: Command, sandbox: Sandbox
) -> None:
    """A level that another stream sent last is not theirs any more."""
    other = {**MAPPING, "stream": "other", "levels_complete": None}
    lines = [
        schema("other", "sku", "levels"),
        row("other", sku="A", levels=[{"wh": "W2", "qty": 8}]),
        COLUMNS,
        item("A", {"W1": 1}),
    ]
    settings: dict[str, Any] = {"streams": [MAPPING, other], "ledger": "ledger.db"}
    known.run(lines[:2], **settings).without_traceback(0)
    known.run(lines, **settings).without_traceback(0)
    assert stock_of(sandbox)["A"] == {"W1": 1, "W2": 8, "W3": 0}


def test_what_is_not_sent_anywhere_is_no_gap(command: Command, sandbox: Sandbox) -> None:
    """A code that the map lacks is known; a place that the map has lost is left alone."""
    codes = {"J": "W1", "S": "W2", "B": "W3"}
    entries = [{"code": code, "client_id": place} for code, place in codes.items()]
    skips: dict[str, Any] = {"unmapped_warehouse": "skip"}
    run(command, item("A", dict.fromkeys(codes, 5)), warehouse_map=entries, **skips)
    run(command, item("A", {"J": 5, "X": 1}), warehouse_map=entries[:2], **skips)
    assert stock_of(sandbox)["A"] == {"W1": 5, "W2": 0, "W3": 5}


def test_it_counts_within_a_run_too(command: Command, sandbox: Sandbox) -> None:
    """Also what waits, or is in flight, of an earlier record; and a later one may name it again."""
    lines = [
        item("A", {"W1": 1, "W2": 2}),
        item("B", {"W1": 1, "W2": 2}),
        item("A", {"W1": 1}),
        item("B", {"W1": 1}),
        item("B", {"W1": 1, "W2": 6}),
        item("C", {"W1": 1, "W2": 2}),
        item("C", {"W1": 1}),
        item("C", {"W1": 3}),
    ]
    ended = run(command, *lines)
    assert stock_of(sandbox) == {
        "A": {"W1": 1, "W2": 0},
        "B": {"W1": 1, "W2": 6},
        "C": {"W1": 3, "W2": 0},
    }
    assert (ended.sums.unsettled, ended.sums.accepted) == (0, 6)


def test_a_list_that_cannot_be_read_undoes_no_other(command: Command, sandbox: Sandbox) -> None:
    """What the one before it has left out stays at 0."""
    bad = item("A", [{"wh": "W1", "qty": 3}, 5])
    run(command, item("A", {"W1": 1, "W2": 2}), item("A", {"W1": 1}), bad)
    assert stock_of(sandbox)["A"] == {"W1": 3, "W2": 0}


def test_a_level_in_flight_is_left_out_too(command: Command, sandbox: Sandbox) -> None:
    """Its answer has not come when the next list leaves it out."""
    sandbox.set_scenario({"rules": [{"when": {"requests": "1-1"}, "fault": {"latency_ms": 1500}}]})
    settings: dict[str, Any] = {"streams": [MAPPING], "ledger": "ledger.db"}
    talk = command.talk(batch_wait_seconds=1, **settings)
    talk.say(COLUMNS, item("A", {"W1": 1, "W2": 2}))
    eventually(lambda: len(sandbox.requests()) == 1)
    talk.say(item("A", {"W1": 1}), state(1))
    assert talk.end().without_traceback(0).sums.updates == 4
    assert stock_of(sandbox)["A"] == {"W1": 1, "W2": 0}


def test_the_guard_holds_what_is_too_much(command: Command, sandbox: Sandbox) -> None:
    """A source that loses its lists does not empty the shop."""
    names = [f"s{number:02d}" for number in range(30)]
    run(command, *[item(name, {"W1": 5}) for name in names])
    ended = run(command, *[item(name, []) for name in names], code=2)
    assert "GUARD: 21 stock-outs were held back" in ended.stderr
    assert sum(each == {"W1": 0} for each in stock_of(sandbox).values()) == 9


def test_a_0_that_is_refused_comes_again(known: Command, sandbox: Sandbox) -> None:
    """By the same record; the rest of its list was accepted."""
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    ended = run(known, item("A", {"W1": 1, "W2": 2}), rejects_path="rejects.singer")
    assert ended.sums.rejected == 1
    sandbox.set_scenario({})
    rejected = json.loads((known.directory / "rejects.singer").read_text().splitlines()[-1])
    assert rejected["tocobagus"]["updates"] == [{"identifier": {"sku": "A"}, "warehouse": "W3"}]
    ended = run(known, rejected)
    assert stock_of(sandbox)["A"] == {"W1": 1, "W2": 2, "W3": 0}
    assert ended.sums.updates == 3
    found = ledger_rows(str(known.directory / "ledger.db"), tables.rejection)
    assert [each["closed_at"] is not None for each in found] == [True]


def test_what_was_refused_and_is_left_out_does_not_come_again(
    command: Command, sandbox: Sandbox
) -> None:
    """It was never there; what was refused of another item stays open."""
    fault = {"reject": [{"code": "INV_009"}]}
    sandbox.set_scenario({"rules": [{"when": {"requests": "1-6"}, "fault": fault}]})
    run(command, item("A", {"W1": 1, "W2": 2}), item("B", {"W2": 2}))
    sandbox.set_scenario({})
    run(command, item("A", {"W1": 1}))
    found = ledger_rows(str(command.directory / "ledger.db"), tables.rejection)
    still = [(each["identifier"], each["location"]) for each in found if not each["closed_at"]]
    assert still == [("B", "W2")]
    assert stock_of(sandbox) == {"A": {"W1": 1}}


def test_an_older_list_leaves_nothing_out(command: Command, sandbox: Sandbox) -> None:
    """By `newer_by` of its record."""
    streams = [{**MAPPING, "newer_by": "at"}]
    columns = schema("items", "sku", "levels", "at")
    settings: dict[str, Any] = {"streams": streams, "ledger": "ledger.db"}
    for levels, at in (({"W1": 1, "W2": 2}, 5), ({"W1": 1}, 4), ({"W1": 1}, "x")):
        command.run([columns, item("A", levels, at=at)], **settings).without_traceback(0)
        assert stock_of(sandbox)["A"] == {"W1": 1, "W2": 2}
    command.run([columns, item("A", {"W1": 1}, at=6)], **settings).without_traceback(0)
    assert stock_of(sandbox)["A"] == {"W1": 1, "W2": 0}


@pytest.mark.parametrize(
    ("mapping", "settings", "told"),
    [
        ({}, {"ledger": None}, "streams[0].levels_complete: needs the setting ledger"),
        ({"levels": None}, {}, "levels_complete: is only used with levels"),
        ({"combine": "sum", "part": "sku"}, {}, "levels_complete: is only used with levels"),
        (
            {"levels_complete": "yes"},
            {},
            "streams[0].levels_complete: must be true or false, without quotes",
        ),
    ],
    ids=str,
)
def test_the_settings_must_fit(
    command: Command, mapping: dict[str, Any], settings: dict[str, Any], told: str
) -> None:
    """It needs a ledger, and a list."""
    given = {"streams": [{**MAPPING, **mapping}], "ledger": "ledger.db", **settings}
    assert told in command.run([COLUMNS], **given).without_traceback(2).stderr
