"""`tocobagus ledger` as a command: its options, its messages, its exit codes, and what it hides."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main
from target_tocobagus.config.settings import Credentials
from target_tocobagus.ledger.opening import open_ledger
from tests.delivery.scripted_run import CREDENTIALS, make_settings
from tests.ledger.test_maintenance import say_parts_and_pairs
from tests.ledger.world import Fault, Row, World

if TYPE_CHECKING:
    from pathlib import Path

ABSENT: Final = ["absent", "--stream", "stock", "--since", "7d"]
COMMANDS: Final = (["status"], ["forget", "--all"], ["prune"], ["check"], ABSENT)
ROWS: Final = [
    Row(("sku", "KOPI"), (("W1", 1),)),
    Row(("externalId", "KOPI"), ((None, 2),)),
    Row(("sku", "\x1b[31mTEH"), ((None, 3),)),
]


class Shelf(NamedTuple):
    """A folder with a configuration and the ledger that it names."""

    config: Path
    world: World

    def run(self, *arguments: str, **env: str) -> tuple[int, str, str]:
        """Run a command; returns its exit code and what it writes to stdout and stderr."""
        command = ["ledger", *arguments, "--config", str(self.config)]
        result = CliRunner(env={"COLUMNS": "80", **env}).invoke(main, command)
        assert isinstance(result.exception, (SystemExit, type(None))), result.exc_info
        assert "MARKER" not in result.output
        return result.exit_code, result.stdout, result.stderr

    def fields(self, *arguments: str) -> dict[str, Any]:
        """Run a command that writes JSON."""
        values: dict[str, Any] = json.loads(self.run(*arguments, "--json")[1])
        return values


@pytest.fixture
def empty(tmp_path: Path) -> Shelf:
    """A configuration whose ledger does not exist yet."""
    path, config = tmp_path / "ledger.db", tmp_path / "config.json"
    given = {**CREDENTIALS, "store_client_id": "s", "ledger": str(path), "store_token": "MARKER"}
    config.write_text(json.dumps(given))
    return Shelf(config, World(str(path)))


@pytest.fixture
def shelf(empty: Shelf) -> Shelf:
    """A ledger after two runs, of which the second has a refused row."""
    empty.world.run(ROWS)
    empty.world.run([Row(("sku", "GULA"), ((None, 4),))], faults=[Fault("refused")] * 9)
    return empty


def change(shelf: Shelf, **settings: Any) -> None:
    """Change the configuration; a setting of ``None`` is left out."""
    values = {**json.loads(shelf.config.read_text()), **settings}
    given = {name: value for name, value in values.items() if value is not None}
    shelf.config.write_text(json.dumps(given))


class TestStatus:
    """`tocobagus ledger status`."""

    def test_a_person_reads_what_is_remembered(self, shelf: Shelf) -> None:
        """No line but the path has more than 80 columns."""
        code, page, errors = shelf.run("status")
        lines = page.splitlines()

        assert (code, errors) == (0, "")
        assert lines[0] == shelf.world.ledger
        assert "tables of target-tocobagus 0." in lines[1]
        assert "Store s at http://127.0.0.1:9/api/v1" in lines
        assert "  3 levels remembered; 0 in doubt" in lines
        assert "  1 open rejection" in lines
        assert "  guard: 0 of 0 levels in stock fell to 0 within 20 hours" in lines
        assert "1 rejected" in page
        assert "3 accepted" in page
        assert max(map(len, lines[1:])) <= 80

    def test_a_program_reads_the_same(self, shelf: Shelf) -> None:
        """JSON has the same facts, with times that have a zone."""
        found = shelf.fields("status")
        (store,) = found.pop("stores")
        runs = store.pop("runs")

        assert (found["exists"], found["place"]) == (True, shelf.world.ledger)
        assert store == {
            "api_url": "http://127.0.0.1:9/api/v1",
            "store_client_id": "s",
            "levels": 3,
            "marked": 0,
            "parts": [],
            "pairs": [],
            "open_rejections": 1,
            "guard": {"fired": False, "zeroed": 0, "in_stock": 0},
            "in_use_by": None,
        }
        assert runs[1]["summary"]["accepted"] == 3
        assert runs[1]["started_at"] == "2027-01-15T08:00:00+00:00"

    def test_parts_and_pairs_have_a_line_for_each_stream(self, empty: Shelf) -> None:
        """Nothing in a stream's name can control the terminal."""
        say_parts_and_pairs(empty.world)
        with sqlite3.connect(empty.world.ledger) as database:
            database.execute("UPDATE tocobagus_source SET stream = char(27) WHERE stream = 'bins'")
        page = empty.run("status")[1]
        (store,) = empty.fields("status")["stores"]

        assert "  2 parts of stream lots remembered\n" in page
        assert "  3 pairs of stream items remembered, under 2 lookups\n" in page
        assert "\x1b" not in page
        assert store["parts"][1] == {"stream": "lots", "count": 2, "mappings": 1}
        assert store["pairs"] == [{"stream": "items", "count": 3, "lookups": 2}]

    def test_a_guard_that_has_fired_is_shown(self, empty: Shelf) -> None:
        """With what it counts, until a run ends without it."""
        empty.world.now_ms = int(time.time() * 1000)
        names = [f"i{number}" for number in range(20)]
        for quantity in (5, 0):
            empty.world.run([Row(("sku", name), ((None, quantity),)) for name in names])
        page = empty.run("status")[1]
        (store,) = empty.fields("status")["stores"]

        assert "  the guard has fired: 6 of 20 levels in stock had fallen to 0" in page
        assert store["guard"] == {"fired": True, "zeroed": 6, "in_stock": 14}

    def test_a_run_under_way_is_shown(self, shelf: Shelf) -> None:
        """It can be looked at; `forget` and `prune` name who has the lock, and exit with 1."""
        own = Credentials("p", "secret", "s", "token")
        run = open_ledger(
            make_settings(ledger=shelf.world.ledger, credentials=own), lambda: shelf.world.now_ms
        )
        assert run is not None
        try:
            code, page, _ = shelf.run("status")
            assert code == 0
            assert "is running" in page
            assert "in use by process " in page
            assert shelf.run("check")[0] == 0
            for command in (["forget", "--all"], ["prune"]):
                code, _, errors = shelf.run(*command)
                assert code == 1
                assert "another run of this store uses the ledger (process " in errors
                assert "since 20" in errors
        finally:
            run.close()


class TestForget:
    """`tocobagus ledger forget`."""

    def test_it_says_how_many_levels_were_forgotten(self, shelf: Shelf) -> None:
        """Levels are forgotten by identifier, by kind, by warehouse, or all."""
        assert shelf.run("forget", "KOPI", "--kind", "external_id")[:2] == (
            0,
            "1 level of KOPI forgotten: the next rows are sent anew.\n",
        )
        assert shelf.fields("forget", "KOPI", "--warehouse", "W1") == {"forgotten": 1, "near": []}
        assert shelf.fields("forget", "--all") == {"forgotten": 1, "near": []}
        assert shelf.run("forget", "--all")[0] == 0

    def test_what_is_not_known_is_a_failure(self, shelf: Shelf) -> None:
        """It exits with 1 and names what is similar; nothing in a name can control the terminal."""
        code, page, errors = shelf.run("forget", "KOPI2")
        assert (code, page) == (1, "")
        assert errors == "Error: nothing is remembered of KOPI2; similar are KOPI\n"

        code, _, errors = shelf.run("forget", "mTEH")
        assert code == 1
        assert "\x1b" not in errors
        assert "TEH" in errors

    @pytest.mark.parametrize(
        "arguments",
        [[], ["KOPI", "--all"], ["--all", "--warehouse", "W1"], ["--all", "--kind", "sku"]],
        ids=str,
    )
    def test_what_is_to_be_forgotten_must_be_said(self, shelf: Shelf, arguments: list[str]) -> None:
        """It exits with 2, and nothing is forgotten."""
        assert shelf.run("forget", *arguments)[0] == 2
        assert shelf.fields("status")["stores"][0]["levels"] == 3


class TestAbsent:
    """`tocobagus ledger absent`; `tests/e2e/test_absent.py` sends."""

    @pytest.fixture
    def gone(self, empty: Shelf) -> Shelf:
        """A ledger with levels that no row has named for long, and one that a row has."""
        many = [Row(("sku", f"x{number:02d}"), (("W1", 2),)) for number in range(50)]
        empty.world.now_ms = 1_700_000_000_000
        empty.world.run([*ROWS, *many, Row(("sku", "GULA"), (("W1", 0),))])
        empty.world.now_ms = int(time.time() * 1000)
        empty.world.run([Row(("sku", "NEW"), (("W1", 1),))])
        return empty

    def test_a_person_reads_the_first_of_them(self, gone: Shelf) -> None:
        """Nothing in a name can control the terminal."""
        code, page, errors = gone.run(*ABSENT)
        lines = page.splitlines()

        assert (code, errors, len(lines)) == (0, "", 52)
        assert lines[0] == (
            "externalId KOPI at all warehouses: stock 2, last named 2023-11-14,"
            " accepted 2023-11-14 22:13:20"  # its batch is history that has been deleted
        )
        assert "\x1b" not in page
        assert lines[50] == "and 3 more (--json lists all)"
        assert lines[51].startswith("stock has sent 55 levels: 1 named on 20")
        assert lines[51].endswith(" or later, 53 not, and 1 not that are at 0 already.")

    def test_a_program_reads_all(self, gone: Shelf) -> None:
        """Those at 0 too."""
        found = gone.fields("absent", "--stream", "stock", "--since", "2024-01-01")

        assert (found["since"], found["named"], len(found["levels"])) == ("2024-01-01", 1, 54)
        assert {each["quantity"] for each in found["levels"]} == {0, 1, 2, 3}

    def test_a_stream_that_has_sent_nothing_is_a_failure(self, gone: Shelf) -> None:
        """It exits with 1 and names those that have."""
        code, page, errors = gone.run("absent", "--stream", "stocks", "--since", "7d")

        assert (code, page) == (1, "")
        told = "stream stocks has sent nothing that is remembered; others are stock"
        assert errors == f"Error: {told}\n"

    @pytest.mark.parametrize("since", ["7", "0d", "12h", "7 d", "yesterday", "9999-01-01", "9999d"])
    def test_the_day_must_be_said(self, gone: Shelf, since: str) -> None:
        """It exits with 2."""
        assert (
            gone.run("absent", "--stream", "stock", "--since", since)[0] == (since != "9999d") * 2
        )


def test_prune_deletes_what_is_older_than_history_days(shelf: Shelf) -> None:
    """It says how much was deleted; the setting has a default."""
    code, page, _ = shelf.run("prune")

    assert code == 0
    assert page.startswith("0 rows of history older than 30 days deleted. The ledger took ")
    assert shelf.fields("prune").keys() == {"deleted", "size_before", "size"}


def test_check_says_whether_the_ledger_is_sound(shelf: Shelf) -> None:
    """It exits with 0 if the ledger is sound, else with 1 and what is wrong."""
    assert shelf.run("check") == (0, "The ledger is sound.\n", "")
    assert shelf.fields("check") == {"sound": True, "problems": []}
    connection = sqlite3.connect(shelf.world.ledger)
    with connection:
        connection.execute("UPDATE tocobagus_level SET quantity = NULL")
    connection.close()
    code, page, errors = shelf.run("check")

    assert code == 1
    assert page.startswith("3 levels have neither a quantity nor a mark, such as ")
    assert "\x1b" not in page
    assert "not sound" in errors
    assert shelf.fields("check")["sound"] is False


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_without_a_ledger_there_is_nothing_to_do(empty: Shelf, command: list[str]) -> None:
    """It exits with 0, and no ledger is made."""
    before = list(empty.config.parent.iterdir())
    code, page, errors = empty.run(*command)

    assert (code, errors) == (0, "")
    assert page == f"There is no ledger yet ({empty.world.ledger}): a run creates it.\n"
    assert empty.fields(*command) == {"exists": False, "place": empty.world.ledger}
    assert list(empty.config.parent.iterdir()) == before


@pytest.mark.parametrize("command", COMMANDS, ids=str)
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ledger": None}, "ledger is not set in "),
        ({"ledger": "<config>"}, "is not a ledger; it is left alone"),
        ({"ledger": "mysql://u:MARKER@h/d"}, "only sqlite and postgresql"),
        ({"ledger": 5}, "ledger: must be a text"),
        ({"api_url": "MARKER"}, "api_url: must begin with https://"),
    ],
    ids=str,
)
def test_a_person_must_act_first(
    shelf: Shelf, command: list[str], settings: dict[str, Any], told: str
) -> None:
    """It exits with 2 and without a traceback."""
    named = {
        key: str(shelf.config) if value == "<config>" else value for key, value in settings.items()
    }
    change(shelf, **named)
    code, page, errors = shelf.run(*command)

    assert (code, page) == (2, "")
    assert told in errors


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_database_that_does_not_answer_is_a_failure(shelf: Shelf, command: list[str]) -> None:
    """It exits with 1, and does not show the password."""
    pytest.importorskip("psycopg")
    change(shelf, ledger="postgresql+psycopg://someone:MARKER@127.0.0.1:1/stock")
    code, page, errors = shelf.run(*command)

    assert (code, page) == (1, "")
    assert errors.startswith("Error: the ledger cannot be used: ")


def test_other_settings_do_not_matter(shelf: Shelf) -> None:
    """A ledger can be looked at without credentials; what is forgotten needs the store."""
    change(shelf, rounding="up", store_token=None, store_client_id=None)

    assert shelf.run("status")[0] == 0
    assert shelf.run("check")[0] == 0
    for command in (["forget", "--all"], ["prune"], ABSENT):
        code, _, errors = shelf.run(*command)
        assert (code, errors) == (2, "Error: store_client_id: is required\n")


def test_settings_come_from_the_environment_too(shelf: Shelf) -> None:
    """`--config=ENV` works as for a run."""
    shelf.config.write_text("{}")
    code, page, _ = shelf.run("status", "--config=ENV", TARGET_TOCOBAGUS_LEDGER=shelf.world.ledger)

    assert code == 0
    assert page.startswith(shelf.world.ledger)
