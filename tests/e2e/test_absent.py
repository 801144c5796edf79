"""`tocobagus ledger absent` as a process of its own, beside runs of the target, against the API."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import eventually, level, schema, state, stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

NAMES: Final = [f"s{number:02d}" for number in range(25)]
GONE: Final = ["s07", "s08", "s09"]


class Source:
    """A source of one stock for each item, and the target and the operator's tool beside it."""

    def __init__(self, command: Command) -> None:
        self.command = command

    def run(self, gone: list[str]) -> None:
        """Let the target read all of it, without what is gone."""
        rows = [level(name, "W1", 5) for name in NAMES if name not in gone]
        self.command.run([schema("levels"), *rows, state(1)], ledger="ledger.db").without_traceback(
            0
        )

    def let_days_go_by(self) -> None:
        """Move what the ledger remembers of levels into the past."""
        with sqlite3.connect(self.command.directory / "ledger.db") as database:
            database.execute("UPDATE tocobagus_level SET named_day = named_day - 10")
            database.execute("UPDATE tocobagus_level SET accepted_at = accepted_at - 864000000")

    def start(self, *arguments: str, **settings: Any) -> subprocess.Popen[str]:
        """Start `tocobagus ledger absent`."""
        config = self.command.write_config("tool.json", ledger="ledger.db", **settings)
        program = "from target_tocobagus.cli import main; main()"
        named = ["--stream", "levels", "--since", "7d", "--config", str(config)]
        return subprocess.Popen(
            [sys.executable, "-c", program, "ledger", "absent", *named, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.command.env(),
            cwd=self.command.directory,
            text=True,
        )

    def absent(self, *arguments: str, answer: str = "", **settings: Any) -> tuple[int, str, str]:
        """Run it; returns its exit code and what it writes to stdout and stderr."""
        process = self.start(*arguments, **settings)
        out, log = process.communicate(answer, timeout=60)
        assert "Traceback" not in log
        return process.returncode, out, log

    def open_rejections(self) -> int:
        """Count them."""
        with sqlite3.connect(self.command.directory / "ledger.db") as database:
            query = "SELECT count(*) FROM tocobagus_rejection WHERE closed_at IS NULL"
            ((count,),) = database.execute(query).fetchall()
            return int(count)


@pytest.fixture
def source(command: Command) -> Source:
    """A source that named 25 items ten days ago, and all but three of them now."""
    source = Source(command)
    source.run([])
    source.let_days_go_by()
    source.run(GONE)
    return source


def test_what_is_gone_is_listed(source: Source, sandbox: Sandbox) -> None:
    """Each level with its stock, its day and its batch; nothing is sent."""
    before = len(sandbox.requests())
    code, page, log = source.absent()
    lines = page.splitlines()
    assert (code, log) == (0, "")
    assert [line.split(":")[0] for line in lines[:-1]] == [f"sku {each} at W1" for each in GONE]
    assert ": stock 5, last named 20" in lines[0]
    assert ", accepted 20" in lines[0]
    assert " in batch " in lines[0]
    assert lines[-1].startswith("levels has sent 25 levels: 22 named on 20")
    assert lines[-1].endswith(", 3 not, and 0 not that are at 0 already.")
    assert len(sandbox.requests()) == before


def test_an_operator_sends_it_as_0(source: Source, sandbox: Sandbox) -> None:
    """After a question; then it is at 0, and a run changes nothing of it."""
    assert source.absent("--zero", answer="n\n")[0] == 1
    assert source.absent("--zero", answer="")[0] == 1
    assert stock_of(sandbox)["s07"] == {"W1": 5}
    code, page, log = source.absent("--zero", answer="y\n")
    assert code == 0, log
    assert page.splitlines()[-1] == "3 levels of 3 sent as 0 and accepted, 0 rejected, 0 skipped."
    assert "Send 0 for 3 levels?" in log
    assert "3 updates = 3 accepted" in log
    stock = stock_of(sandbox)
    assert {name for name in NAMES if stock[name] == {"W1": 0}} == set(GONE)
    requests = len(sandbox.requests())
    source.run(GONE)
    assert len(sandbox.requests()) == requests
    code, page, _ = source.absent("--zero", "--yes")
    assert (code, len(page.splitlines())) == (0, 1)
    assert page.endswith(", 0 not, and 3 not that are at 0 already.\n")
    assert len(sandbox.requests()) == requests


def test_a_program_does_the_same(source: Source, sandbox: Sandbox) -> None:
    """JSON has all levels, and what became of them."""
    listed = json.loads(source.absent("--json")[1])
    done = json.loads(source.absent("--json", "--zero", "--yes")[1])
    assert (listed["stream"], listed["named"]) == ("levels", 22)
    assert [each["identifier"] for each in listed["levels"]] == [{"sku": each} for each in GONE]
    first = listed["levels"][0]
    assert (first["warehouse"], first["quantity"], first["in_doubt"]) == ("W1", 5, False)
    assert first["batch"] in json.dumps(sandbox.batches())
    assert done == {**listed, "zeroed": 3, "rejected": 0}


def test_all_or_none_is_sent(command: Command, sandbox: Sandbox) -> None:
    """If the guard would hold one of them, none is; an operator may let them through."""
    source = Source(command)
    source.run([])
    source.let_days_go_by()
    source.run(NAMES[:8])
    before = len(sandbox.requests())
    code, _, log = source.absent("--zero", "--yes")
    assert code == 2
    assert "GUARD: nothing was sent: 8 of 25 levels in stock would have fallen to 0" in log
    assert "max_zeroed_percent allows 30 %" in log
    assert len(sandbox.requests()) == before
    assert source.absent("--zero", "--yes", max_zeroed_percent=100)[0] == 0
    assert sum(each == {"W1": 0} for each in stock_of(sandbox).values()) == 8


def test_what_is_refused_is_reported_and_not_kept(source: Source, sandbox: Sandbox) -> None:
    """There is no record that could be mapped again."""
    sandbox.set_scenario(
        {"rules": [{"fault": {"reject": [{"code": "INV_009", "identifiers": ["s08"]}]}}]}
    )
    code, page, log = source.absent("--zero", "--yes", rejects_path="rejects.singer")
    assert code == 0
    assert page.splitlines()[-1] == "2 levels of 3 sent as 0 and accepted, 1 rejected, 0 skipped."
    assert "INV_009" in log
    assert "s08" in log
    assert source.open_rejections() == 0
    assert not (source.command.directory / "rejects.singer").exists()
    assert source.absent()[1].startswith("sku s08 at W1: stock 5")


def test_a_run_is_under_way(source: Source, sandbox: Sandbox) -> None:
    """It can be looked for; nothing is sent."""
    talk = source.command.talk(ledger="ledger.db")
    talk.say(schema("levels"), level("s01", "W1", 5), state(1))
    talk.next_state()
    assert source.absent()[0] == 0
    code, _, log = source.absent("--zero", "--yes")
    assert code == 1
    assert "another run of this store uses the ledger" in log
    assert stock_of(sandbox)["s07"] == {"W1": 5}
    talk.end().without_traceback(0)


def test_a_stream_that_has_not_been_read_is_not_gone(source: Source, sandbox: Sandbox) -> None:
    """That nothing came says nothing."""
    source.let_days_go_by()
    code, page, log = source.absent("--zero", "--yes")
    assert code == 1
    assert len(page.splitlines()) == 26
    assert "stream levels has named nothing since 20" in log
    assert stock_of(sandbox)["s07"] == {"W1": 5}


def test_a_signal_ends_it_as_it_ends_a_run(source: Source, sandbox: Sandbox) -> None:
    """What is in flight gets its time; the exit code says which signal."""
    sandbox.set_scenario({"rules": [{"fault": {"latency_ms": 1500}}]})
    before = len(sandbox.requests())
    process = source.start("--zero", "--yes", batch_size_rows=1, max_in_flight=1)
    eventually(lambda: len(sandbox.requests()) > before)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 143, log
    assert "3 updates = 1 accepted" in log


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dry_run": True}, "dry_run: is set, so nothing would be sent"),
        ({"store_token": None}, "store_token: is required"),
        ({"rounding": "up"}, "rounding: must be one of"),
    ],
    ids=str,
)
def test_to_send_needs_a_whole_configuration(
    source: Source, settings: dict[str, Any], told: str
) -> None:
    """To look needs the store and the ledger alone."""
    code, page, log = source.absent("--zero", "--yes", **settings)
    assert (code, page) == (2, "")
    assert told in log
    assert source.absent(**settings)[0] == 0
