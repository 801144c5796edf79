"""The ledger, through the real command: what a second run sends, and what it says."""

from __future__ import annotations

import json
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import (
    LEVELS,
    STOCK,
    eventually,
    level,
    record,
    row,
    schema,
    state,
    stock_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

VERSIONED: dict[str, Any] = {**STOCK, "newer_by": "at"}


def test_a_second_run_sends_what_has_changed(command: Command, sandbox: Sandbox) -> None:
    """The rest is unchanged: it needs no request, and a STATE goes out all the same."""
    lines = [schema(), *[record(f"s{number}", number) for number in range(20)], state(1)]
    first = command.run(lines, ledger="ledger.db").without_traceback(0)
    assert (first.sums.accepted, first.unchanged) == (20, 0)
    again = command.run(lines, ledger="ledger.db").without_traceback(0)
    assert (again.sums.accepted, again.unchanged) == (0, 20)
    assert again.numbers == [1]
    assert again.states[0]["tocobagus"] == {
        "batchIds": [],
        "batches": 0,
        "accepted": 0,
        "rejected": 0,
    }
    lines[3] = record("s2", 99)
    third = command.run(lines, ledger="ledger.db").without_traceback(0)
    assert (third.sums.accepted, third.unchanged) == (1, 19)
    assert stock_of(sandbox)["s2"] == {None: 99}
    assert len(sandbox.batches()) == 2


def test_without_a_ledger_its_libraries_are_not_loaded(command: Command) -> None:
    """A run without memory starts as fast as before, and its summary is as before."""
    ended = command.run(
        [schema(), record("A", 1), state(1)], env={"PYTHONPROFILEIMPORTTIME": "1"}
    ).without_traceback(0)
    assert "sqlalchemy" not in ended.stderr
    assert "unchanged" not in ended.stderr


def test_a_first_run_makes_its_tables_without_a_word(command: Command) -> None:
    """The libraries' own lines say nothing to an operator."""
    fresh = {"PYTHONDONTWRITEBYTECODE": "1"}  # a process in which nothing is imported yet
    ended = command.run([schema(), record("A", 1)], ledger="ledger.db", env=fresh)
    assert "alembic" not in ended.without_traceback(0).stderr


def test_what_a_killed_run_had_sent_is_sent_again(command: Command, sandbox: Sandbox) -> None:
    """Nobody knows whether it arrived; what was answered before is known."""
    sandbox.set_scenario({"rules": [{"when": {"requests": "2-"}, "fault": {"hang": True}}]})
    talk = command.talk(ledger="ledger.db", batch_size_rows=1, max_in_flight=1)
    talk.say(schema(), record("A", 1), record("B", 2), state(1))
    eventually(lambda: len(sandbox.requests()) == 2)
    talk.signal(signal.SIGKILL)
    talk.ended()
    sandbox.set_scenario({})
    lines = [schema(), record("A", 1), record("B", 2), state(1)]
    ended = command.run(lines, ledger="ledger.db").without_traceback(0)
    assert (ended.sums.accepted, ended.unchanged) == (1, 1)
    assert stock_of(sandbox) == {"A": {None: 1}, "B": {None: 2}}


def test_a_source_that_loses_its_stock_does_not_empty_the_shop(
    command: Command, sandbox: Sandbox
) -> None:
    """What is too much is held, the run fails, and no STATE covers it; an operator may let it."""
    names = [f"s{number}" for number in range(40)]
    full = [schema(), *[record(name, 5) for name in names], state(1)]
    empty = [schema(), *[record(name, 0) for name in names], record("new", 7), state(2)]
    command.run(full, ledger="ledger.db").without_traceback(0)
    for _ in range(2):
        ended = command.run(empty, ledger="ledger.db").without_traceback(2)
        assert "GUARD: 28 stock-outs were held back" in ended.stderr
        assert "unsettled: 28 stock-outs that the guard holds" in ended.stderr
        assert 2 not in ended.numbers
        stock = stock_of(sandbox)
        assert [stock[name] for name in names].count({None: 0}) == 12
        assert stock["new"] == {None: 7}
    ended = command.run(empty, ledger="ledger.db", dry_run=True).without_traceback(0)
    assert ended.numbers == []
    ended = command.run(empty, ledger="ledger.db", max_zeroed_percent=100).without_traceback(0)
    assert ended.numbers == [2]
    assert all(stock_of(sandbox)[name] == {None: 0} for name in names)


def test_an_older_row_is_not_sent(command: Command, sandbox: Sandbox) -> None:
    """By `newer_by`, within a run and from one run to the next."""
    settings: dict[str, Any] = {"streams": [VERSIONED], "ledger": "ledger.db"}
    lines = [
        schema("stock", "sku", "qty", "at"),
        record("A", 5, at="2026-11-25T10:00:00Z"),
        record("A", 4, at="2026-11-25T09:00:00Z"),
    ]
    ended = command.run([*lines, state(1)], **settings).without_traceback(0)
    assert (ended.sums.accepted, ended.stale) == (1, 1)
    late = [lines[0], lines[2], record("B", 1, at="3026-01-01"), record("C", 1, at="soon")]
    ended = command.run([*late, state(2)], **settings).without_traceback(0)
    assert (ended.stale, ended.sums.rejected) == (1, 2)
    assert "BAD_VERSION" in ended.stderr
    assert stock_of(sandbox) == {"A": {None: 5}}


def test_a_rejected_row_that_is_piped_back_late_is_stale(
    command: Command, sandbox: Sandbox
) -> None:
    """It was rejected before its level was accepted with a newer value."""
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    settings: dict[str, Any] = {"ledger": "ledger.db", "rejects_path": "rejects.singer"}
    command.run([schema(), record("A", 1)], **settings)
    sandbox.set_scenario({})
    command.run([schema(), record("A", 7)], **settings).without_traceback(0)
    rejected = (command.directory / "rejects.singer").read_bytes()
    assert rejected
    ended = command.run(rejected, ledger="ledger.db").without_traceback(0)
    assert (ended.sums.accepted, ended.stale) == (0, 1)
    assert stock_of(sandbox) == {"A": {None: 7}}


@pytest.mark.parametrize("more", [{}, {"_sdc_deleted_at": "2026-01-14"}])
def test_a_rejected_row_that_is_piped_back_after_a_newer_one_is_stale(
    more: dict[str, Any], command: Command, sandbox: Sandbox
) -> None:
    """Also if the newer row was unchanged, or deleted: it has closed the rejection."""
    settings: dict[str, Any] = {"ledger": "ledger.db", "rejects_path": "rejects.singer"}
    command.run([schema(), record("A", 5)], **settings).without_traceback(0)
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    command.run([schema(), record("A", 7)], **settings)
    sandbox.set_scenario({})
    rejected = (command.directory / "rejects.singer").read_bytes()
    command.run([schema(), record("A", 5, **more)], **settings).without_traceback(0)
    ended = command.run(rejected, ledger="ledger.db").without_traceback(0)
    assert (ended.sums.accepted, ended.stale) == (0, 1)
    assert stock_of(sandbox) == {"A": {None: 5}}


def test_a_second_run_of_a_store_ends_at_the_start(command: Command) -> None:
    """It says who has the ledger, and that a later run will do; another store may run."""
    first = command.talk(ledger="ledger.db")
    first.say(schema(), record("A", 1))
    eventually(lambda: list(command.directory.glob("ledger.db.lock-*")))
    second = command.run([schema(), record("A", 1)], ledger="ledger.db").without_traceback(1)
    assert "another run of this store uses the ledger (process " in second.stderr
    other = command.run([schema()], ledger="ledger.db", store_client_id="other-store")
    other.without_traceback(0)
    assert first.end().without_traceback(0).sums.accepted == 1


def test_a_dry_run_reads_the_ledger_and_changes_nothing(command: Command) -> None:
    """Not even a file beside it; without a store's id it reads none."""
    lines = [schema(), record("A", 1), record("B", 2)]
    missing = command.run(lines, ledger="ledger.db", dry_run=True).without_traceback(0)
    assert not list(command.directory.glob("ledger*"))
    assert missing.sums.accepted == 2
    command.run(lines, ledger="ledger.db").without_traceback(0)
    before = _content(command.directory)
    lines[1] = record("A", 3)
    ended = command.run(lines, ledger="ledger.db", dry_run=True).without_traceback(0)
    assert (ended.sums.accepted, ended.unchanged) == (1, 1)
    assert _content(command.directory) == before
    unnamed: dict[str, Any] = {"store_client_id": None, "dry_run": True}
    assert command.run(lines, ledger="ledger.db", **unnamed).unchanged == 0


def _content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("ledger*")}


def test_a_global_ends_what_warehouses_had(command: Command, sandbox: Sandbox) -> None:
    """And a warehouse ends the global: neither is unchanged after the other."""
    both = [schema(), schema("levels"), record("A", 5), level("A", "W1", 3)]
    for _ in range(2):
        ended = command.run(both, ledger="ledger.db").without_traceback(0)
        assert ended.unchanged == 0
        assert stock_of(sandbox)["A"]["W1"] == 3


@pytest.mark.parametrize("content", [b"stock,qty\n", b"SQLite format 3\0" + b"\0" * 100])
def test_a_file_that_is_no_ledger_is_left_alone(command: Command, content: bytes) -> None:
    """A person must correct the setting."""
    path = command.directory / "other.db"
    path.write_bytes(content)
    ended = command.run([schema(), record("A", 1)], ledger="other.db").without_traceback(2)
    assert "the file exists and is not a ledger" in ended.stderr
    assert path.read_bytes() == content


def test_newer_by_needs_a_ledger(command: Command) -> None:
    """Without one, the newest version is known only within a run."""
    ended = command.run([schema()], streams=[VERSIONED]).without_traceback(2)
    assert "streams[0].newer_by: needs the setting ledger" in ended.stderr


def test_changes_hold_what_the_mapping_read(command: Command) -> None:
    """Old and new value, and of the record only the mapped columns."""
    columns = schema("stock", "sku", "qty", "customer")
    for quantity in (1, 2):
        line = {**record("A", quantity, customer="Ann"), "time_extracted": "2026-11-25T00:00:00Z"}
        command.run([columns, line], ledger="ledger.db").without_traceback(0)
    with sqlite3.connect(command.directory / "ledger.db") as database:
        query = "SELECT old, new, columns, time_extracted FROM tocobagus_change"
        ((old, new, kept, extracted),) = database.execute(query).fetchall()
    assert (old, new, extracted) == (1, 2, "2026-11-25T00:00:00Z")
    assert {"sku", "qty"} <= json.loads(kept).keys()
    assert "customer" not in kept


@pytest.mark.parametrize("later", [{"qty": None, "_sdc_deleted_at": "2026-11-25"}, {"qty": "x"}])
def test_a_rejection_is_not_open_any_more_once_a_later_record_overtakes_it(
    command: Command, sandbox: Sandbox, later: dict[str, Any]
) -> None:
    """The record was deleted, or the mapping cannot use it; that of another item stays open."""
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    command.run([schema(), record("A", 1), record("B", 1)], ledger="ledger.db")
    sandbox.set_scenario({})
    command.run([schema(), record("A", **later)], ledger="ledger.db").without_traceback(0)
    with sqlite3.connect(command.directory / "ledger.db") as database:
        still = "SELECT identifier FROM tocobagus_rejection WHERE closed_at IS NULL"
        assert database.execute(still).fetchall() == [("B",)]


@pytest.mark.parametrize("later", [{"qty": None, "_sdc_deleted_at": "2026-11-25"}, {"qty": "x"}])
def test_a_row_that_was_overtaken_before_its_refusal_is_no_open_rejection(
    command: Command, sandbox: Sandbox, later: dict[str, Any]
) -> None:
    """It waited, or was in flight, when the later record came; a row after that one stays open."""
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    lines = [*[record(name, 1) for name in "ABC"], record("A", **later)]
    talk = command.talk(ledger="ledger.db", batch_size_rows=1, max_in_flight=1)
    talk.say(schema(), *lines, record("B", **later), record("B", 2))
    assert talk.end().without_traceback(0).sums.unsettled == 0
    with sqlite3.connect(command.directory / "ledger.db") as database:
        still = "SELECT identifier FROM tocobagus_rejection WHERE closed_at IS NULL"
        assert sorted(database.execute(still).fetchall()) == [("B",), ("C",)]


def test_rows_of_a_request_that_is_wrong_are_no_open_rejections(
    command: Command, sandbox: Sandbox
) -> None:
    """Each was refused alone; then the run says that none was rejected."""
    refused = {"status": 400, "body": {"success": False, "error": {"code": "REQ_001"}}}
    sandbox.set_scenario({"rules": [{"fault": refused}]})
    lines = [schema(), *[record(name, 1) for name in "ABCDE"]]
    ended = command.run(lines, ledger="ledger.db", max_in_flight=1).without_traceback(1)
    assert "none was rejected" in ended.stderr
    with sqlite3.connect(command.directory / "ledger.db") as database:
        still = "SELECT count(*) FROM tocobagus_rejection WHERE closed_at IS NULL"
        assert database.execute(still).fetchone() == (0,)


RESERVING: dict[str, Any] = {**STOCK, "subtract": "reserved"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"store_client_id": "another"}, 2),
        ({"streams": [{**RESERVING, "where": "sku != 'Z'"}]}, 2),
        ({"ledger": None}, 2),
    ],
)
def test_a_column_that_came_in_an_earlier_run_counts(
    command: Command, changes: dict[str, Any], code: int
) -> None:
    """In a run of the same store with the same mapping, and with the ledger that remembers it."""
    settings: dict[str, Any] = {"streams": [RESERVING], "ledger": "ledger.db"}
    first = [schema("stock", "sku", "qty", "reserved"), state(1)]
    command.run(first, **{**settings, **changes}).without_traceback(0)
    lines = [schema("stock", "sku", "qty"), record("A", 6), state(2)]
    ended = command.run(lines, **settings).without_traceback(code)
    assert ended.numbers == ([2] if code == 0 else [])


DAY_MS = 86_400_000


class TestRejectedRowsComeAgain:
    """At the end of a good run, what earlier runs have rejected is sent once more."""

    @pytest.fixture
    def refused(self, command: Command, sandbox: Sandbox) -> Command:
        """A ledger in which A at W1 is an open rejection of yesterday, and B at W1 was accepted."""
        fault = {"reject": [{"code": "INV_009", "identifiers": ["A"]}]}
        sandbox.set_scenario({"rules": [{"fault": fault}]})
        lines = [schema("levels"), level("A", "W1", 4), level("B", "W1", 5), state(1)]
        command.run(lines, ledger="ledger.db").without_traceback(0)
        sandbox.set_scenario({})
        assert self.open(command) == ["A"]
        self.let_a_day_go_by(command)
        return command

    @staticmethod
    def let_a_day_go_by(command: Command) -> None:
        """Move what the ledger remembers into the past."""
        with sqlite3.connect(command.directory / "ledger.db") as database:
            past = (
                "UPDATE tocobagus_rejection SET opened_at = opened_at - ?, tried_at = tried_at - ?"
            )
            database.execute(past, [DAY_MS, DAY_MS])

    @staticmethod
    def open(command: Command) -> list[str]:
        """List the items that have an open rejection."""
        with sqlite3.connect(command.directory / "ledger.db") as database:
            still = "SELECT identifier FROM tocobagus_rejection WHERE closed_at IS NULL"
            return [identifier for (identifier,) in database.execute(still)]

    def test_its_record_does_not_fit_its_schema(self, command: Command, sandbox: Sandbox) -> None:
        """If records are validated since, it ends no run: the other rows are sent."""
        sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
        text = schema("levels")
        text["schema"]["properties"]["qty"] = {"type": "string"}
        lines = [text, level("A", "W1", 4), level("B", "W1", "5"), state(1)]
        command.run(lines, ledger="ledger.db").without_traceback(0)
        sandbox.set_scenario({})
        self.let_a_day_go_by(command)
        settings: dict[str, Any] = {"ledger": "ledger.db", "validate_records": True}
        command.run([state(2)], **settings).without_traceback(0)
        assert stock_of(sandbox) == {"B": {"W1": 5}}

    def test_its_product_was_listed_meanwhile(self, refused: Command, sandbox: Sandbox) -> None:
        """It is sent without anyone's doing, and counted apart."""
        ended = refused.run([state(2)], ledger="ledger.db").without_traceback(0)
        assert stock_of(sandbox) == {"A": {"W1": 4}, "B": {"W1": 5}}
        again = "1 update that was rejected before, sent again: 1 accepted, 0 rejected"
        assert again in ended.stderr
        assert (ended.sums.updates, ended.states[0]["tocobagus"]["accepted"]) == (0, 0)
        assert self.open(refused) == []

    def test_it_is_tried_once_in_twenty_hours(self, refused: Command, sandbox: Sandbox) -> None:
        """It may be refused again each night: no limit counts it, and no file gets it again."""
        sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
        settings: dict[str, Any] = {"rejects_path": "rejects.singer", "max_rejected_rows": 0}
        for requests in (1, 0):
            before = len(sandbox.requests())
            ended = refused.run([state(2)], ledger="ledger.db", **settings).without_traceback(0)
            assert ended.numbers == [2]
            assert len(sandbox.requests()) - before == requests
        assert self.open(refused) == ["A"]
        assert (refused.directory / "rejects.singer").read_bytes() == b""

    @pytest.mark.parametrize(
        ("mapping", "stock"),
        [
            ({"where": "sku != 'A'"}, {"B": {"W1": 5}}),
            ({"stock": "missing"}, {"B": {"W1": 5}}),
            ({"subtract": "less"}, {"A": {"W1": 1}, "B": {"W1": 5}}),
        ],
    )
    def test_the_mapping_of_the_day_is_used(
        self, command: Command, sandbox: Sandbox, mapping: dict[str, Any], stock: Any
    ) -> None:
        """What it does not yield any more is not sent, and is not open any more."""
        fault = {"reject": [{"code": "INV_009", "identifiers": ["A"]}]}
        sandbox.set_scenario({"rules": [{"fault": fault}]})
        columns = schema("levels", "sku", "wh", "qty", "less")
        lines = [columns, {**level("A", "W1", 4)}, level("B", "W1", 5)]
        lines[1]["record"]["less"] = 3
        command.run(lines, ledger="ledger.db").without_traceback(0)
        sandbox.set_scenario({})
        self.let_a_day_go_by(command)
        changed: dict[str, Any] = {"streams": [{**LEVELS, **mapping}], "ledger": "ledger.db"}
        command.run([state(2)], **changed).without_traceback(0)
        assert stock_of(sandbox) == stock
        assert self.open(command) == []

    def test_only_what_was_rejected_of_a_record_is_sent(
        self, command: Command, sandbox: Sandbox
    ) -> None:
        """The other warehouses of its record may have newer values by now."""
        wide = {**STOCK, "stream": "wide"}
        del wide["stock"]
        places = [{"column": place, "client_id": place} for place in ("W1", "W2")]
        settings: dict[str, Any] = {"streams": [{**wide, "warehouse_columns": places}, LEVELS]}
        settings["ledger"] = "ledger.db"
        fault = {"reject": [{"code": "INV_009"}]}
        refused = [{"when": {"requests": each}, "fault": fault} for each in ("1-1", "3-3")]
        sandbox.set_scenario({"rules": refused})  # the item, then W1, then W2
        columns = schema("wide", "sku", "W1", "W2")
        command.run([columns, row("wide", sku="A", W1=1, W2=2)], **settings).without_traceback(0)
        command.run([schema("levels"), level("A", "W1", 7)], **settings).without_traceback(0)
        self.let_a_day_go_by(command)
        command.run([state(2)], **settings).without_traceback(0)
        assert stock_of(sandbox) == {"A": {"W1": 7, "W2": 2}}

    def test_an_api_that_fails_then_does_not_fail_the_run(
        self, refused: Command, sandbox: Sandbox
    ) -> None:
        """The run was good, and its STATE is out; the row stays open."""
        sandbox.set_scenario({"rules": [{"fault": {"status": 500}}]})
        ended = refused.run([state(2)], ledger="ledger.db", max_retry_seconds=1)
        assert ended.without_traceback(0).numbers == [2]
        assert "could not be sent again" in ended.stderr
        assert self.open(refused) == ["A"]

    def test_credentials_that_are_wrong_fail_the_run(
        self, refused: Command, sandbox: Sandbox
    ) -> None:
        """A person must act: the next run would fail in the same way."""
        sandbox.set_scenario({"rules": [{"fault": {"status": 403}}]})
        ended = refused.run([state(2)], ledger="ledger.db").without_traceback(2)
        assert ended.numbers == [2]
        assert self.open(refused) == ["A"]

    @pytest.mark.parametrize("rows", [1, 8])
    def test_a_signal_ends_it_as_it_ends_any_run(
        self, command: Command, sandbox: Sandbox, rows: int
    ) -> None:
        """STATE is out; what is in flight gets its time and is recorded, the rest stays open."""
        sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
        lines = [schema(), *[record(f"A{number}", 1) for number in range(rows)]]
        command.run(lines, ledger="ledger.db").without_traceback(0)
        self.let_a_day_go_by(command)
        sandbox.set_scenario({"rules": [{"fault": {"latency_ms": 1500}}]})
        before = len(sandbox.requests())
        talk = command.talk(ledger="ledger.db", batch_size_rows=1, max_in_flight=1)
        talk.say(state(2))
        talk.close_stdin()
        eventually(lambda: len(sandbox.requests()) > before)
        talk.signal(signal.SIGTERM)
        assert talk.ended().without_traceback(143).numbers == [2]
        assert len(self.open(command)) == rows - 1

    def test_a_run_that_fails_sends_none(self, refused: Command, sandbox: Sandbox) -> None:
        """Its input was torn, so it knows less than it should."""
        before = len(sandbox.requests())
        refused.run([state(2), b"{"], ledger="ledger.db").without_traceback(1)
        assert len(sandbox.requests()) == before
        assert self.open(refused) == ["A"]
