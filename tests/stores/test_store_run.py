"""One run of one store, as both orchestrators' examples start it, with the real target."""

from __future__ import annotations

import json
import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from stock_stores import Store
from store_run import Login, Outcome, ask_ledger, login_from_environment, run_store

from tests.docs.documents import ROOT

if TYPE_CHECKING:
    from tests.local_sandbox import Sandbox

RECORDED: Final = ROOT / "tests" / "data" / "streams" / "pgml-full.singer"
STREAMS: Final = [
    {"stream": "public-stock_levels", "sku": "sku", "stock": "qty", "warehouse": "warehouse_code"}
]
PATIENCE: Final = 30.0
ALONE: Final = """
import json, sys
from pathlib import Path
from stock_stores import Store
from store_run import Login, run_store

logins, tap, target = json.loads(sys.argv[1])
store = Store("jakarta", "one", {"partner": "partner", "store": "store"}, tap, target)
keep = Path("kept").write_text
run_store(store, lambda name: Login(*logins[name]), None, keep, lambda line: None)
"""
"""A run in a process of its own."""


class Desk:
    """A store of the sandbox, and whoever runs it.

    Attributes:
        logins: The credentials by name.
        said: The lines of the log.
        kept: The STATEs, as they came.
    """

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        given = sandbox.credentials
        self.logins = {
            "partner": Login(given["partner_client_id"], given["partner_secret"]),
            "store": Login(given["store_client_id"], given["store_token"]),
            "source": Login("stock", "MARKER-of-the-source"),
        }
        self.said: list[str] = []
        self.kept: list[str] = []
        self.folder = folder

    def tap(self, ends: str) -> list[str]:
        """Write a tap that writes down how it was called, sends the recording, and ends so."""
        path = self.folder / "tap"
        lines = ['echo "$@" > called', 'cat "$2" > config', f"cat {RECORDED}", ends]
        path.write_text("\n".join(lines) + "\n")
        return ["sh", str(path)]

    def store(self, **tap: Any) -> Store:
        """Describe the store."""
        credentials = {"partner": "partner", "store": "store", **tap.pop("credentials", {})}
        target = {"streams": STREAMS, "batch_wait_seconds": 1}
        return Store("jakarta", "one", credentials, tap, target)

    def run(self, ends: str = "exit 0", state: str | None = None, **tap: Any) -> Outcome:
        """Run the store to its end."""
        store = self.store(**{"command": self.tap(ends), **tap})
        return run_store(store, self.logins.__getitem__, state, self.kept.append, self.said.append)


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Somebody who has the target on PATH, in a folder of his own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
    monkeypatch.setenv("TARGET_TOCOBAGUS_API_URL", sandbox.api_url)
    return Desk(tmp_path, sandbox)


def test_a_run_sends_the_stock_and_tells_what_came_of_it(desk: Desk, sandbox: Sandbox) -> None:
    """It gives the exit code, the STATE and the summary, and passes the log on as text."""
    outcome = desk.run()

    assert (outcome.exit_code, outcome.needs_person, outcome.error) == (0, False, "")
    assert outcome.summary["accepted"] == 5
    assert sandbox.stock()[("sku", "KOPI-ARB-250")] == {"WH-JKT": 12, "WH-SBY": 0}
    assert json.loads(desk.kept[-1])["tocobagus"]["accepted"] == 5
    assert any(line.startswith("INFO Summary\n") for line in desk.said)


def test_the_tap_gets_its_files(desk: Desk) -> None:
    """The STATE comes in as it was kept; {store} stands for the name; login and password too."""
    catalog = desk.folder / "catalog.json"
    catalog.write_text('{"schema": "{store}"}')
    ends = 'cat "$4" "$6" > files'
    desk.run(
        ends,
        state='{"bookmarks": 1}',
        credentials={"tap": "source"},
        config={"schema": "{store}"},
        catalog=str(catalog),
    )

    assert json.loads((desk.folder / "config").read_text()) == {
        "schema": "jakarta",
        "user": "stock",
        "password": "MARKER-of-the-source",
    }
    assert (desk.folder / "files").read_text() == '{"schema": "jakarta"}{"bookmarks": 1}'


def test_no_secret_is_left_behind(desk: Desk) -> None:
    """The files of a run are its user's alone while it lasts, and then gone; no log tells one."""
    desk.run('stat -c %a "$(dirname "$2")" > mode', credentials={"tap": "source"})

    config = Path((desk.folder / "called").read_text().split()[1])
    assert (desk.folder / "mode").read_text() == "700\n"
    assert not config.parent.exists()
    secrets = [login.password for login in desk.logins.values()]
    assert not [line for line in desk.said if any(secret in line for secret in secrets)]


@pytest.mark.parametrize(
    ("ends", "token", "code", "error"),
    [
        ("exit 3", None, 3, "the tap ended with 3"),
        ("exit 2", None, 2, "the tap ended with 2"),
        ("kill -9 $$", None, 137, "the tap ended with 137"),
        ("exit 0", "wrong", 2, "AUTH"),
        ("exit 3", "wrong", 2, "AUTH"),
    ],
    ids=["a dead tap", "a tap's own 2", "a killed tap", "credentials", "both"],
)
def test_the_exit_code_says_whether_to_try_again(
    desk: Desk, ends: str, token: str | None, code: int, error: str
) -> None:
    """The target's goes before the tap's, and only the target's 2 is for a person."""
    if token:
        desk.logins["store"] = Login(desk.logins["store"].login, token)
    outcome = desk.run(ends)

    assert (outcome.exit_code, outcome.needs_person) == (code, token is not None)
    assert error in outcome.error
    assert str(outcome) == f"exit {code}: {outcome.error}"


def test_a_command_that_is_not_there_is_for_a_person(desk: Desk) -> None:
    """It ends like a shell's, and nothing has run."""
    outcome = desk.run(command=["no-such-tap"])
    assert outcome == Outcome(
        127, needs_person=True, summary={}, error="there is no command 'no-such-tap' on PATH"
    )


def test_the_ledger_can_be_asked_about_a_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows the run that was, with its summary."""
    monkeypatch.setenv("TARGET_TOCOBAGUS_LEDGER", str(desk.folder / "ledger.db"))
    outcome = desk.run()
    report = ask_ledger(desk.store(), desk.logins.__getitem__)
    assert report["runs"][0]["summary"]["accepted"] == outcome.summary["accepted"] == 5
    assert report["last_success"]


def test_credentials_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """In capitals, with an underscore in place of a hyphen; a missing one is an error."""
    monkeypatch.setenv("TOCOBAGUS_NORTH_EAST_LOGIN", "1")
    with pytest.raises(KeyError, match="TOCOBAGUS_NORTH_EAST_PASSWORD"):
        login_from_environment("tocobagus_north-east")
    monkeypatch.setenv("TOCOBAGUS_NORTH_EAST_PASSWORD", "2")
    assert login_from_environment("tocobagus_north-east") == Login("1", "2")
