"""`tocobagus history`, `batch` and `rejects`: what the ledger knows of the past."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main
from target_tocobagus.report.advice import ADVICE, advice_on
from tests.cli.ledger.test_command import Shelf, change, empty, shelf
from tests.ledger.test_maintenance import die_in_flight
from tests.ledger.world import Fault, Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["empty", "shelf"]  # fixtures

A: Final = ("sku", "KOPI")
NAMES: Final = (["history"], ["rejects"], ["batch", "x"], ["explain", "x"])


def call(shelf: Shelf, *arguments: str) -> tuple[int, str, str]:
    """Run a command of `tocobagus`; returns its exit code, stdout and stderr."""
    line = [*arguments, "--config", str(shelf.config)]
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, line)
    assert isinstance(result.exception, (SystemExit, type(None))), result.exc_info
    assert "MARKER" not in result.output
    assert "\x1b" not in result.output
    return result.exit_code, result.stdout, result.stderr


def fields(shelf: Shelf, *arguments: str) -> dict[str, Any]:
    """Run a command that writes JSON."""
    values: dict[str, Any] = json.loads(call(shelf, *arguments, "--json")[1])
    return values


def ids_of(shelf: Shelf) -> list[tuple[str, str]]:
    """Return the ids of all batches and requests, as they came."""
    with sqlite3.connect(shelf.world.ledger) as database:
        return database.execute("SELECT batch_id, request_id FROM tocobagus_batch").fetchall()


class TestHistory:
    """`tocobagus history`."""

    def test_runs_are_listed_the_newest_first(self, shelf: Shelf) -> None:
        """A person and a program get the same runs; no line is wider than a terminal."""
        code, page, errors = call(shelf, "history")
        found = fields(shelf, "history")["runs"]

        assert (code, errors) == (0, "")
        assert [run["summary"].get("rejected") for run in found] == [1, 0]
        assert page.index("1 rejected") < page.index("3 accepted")
        assert max(map(len, page.splitlines())) <= 80
        assert [len(fields(shelf, "history", "--limit", "1")["runs"])] == [1]

    def test_a_run_that_was_killed_is_one_that_did_not_end(self, shelf: Shelf) -> None:
        """It has a start only."""
        die_in_flight(shelf.world, [Row(A, (("W1", 7),))])
        newest = fields(shelf, "history")["runs"][0]
        assert (newest["ended_at"], newest["summary"]) == (None, {})
        assert "did not end" in call(shelf, "history")[1]


class TestBatch:
    """`tocobagus batch`."""

    def test_a_batch_is_found_by_either_id(self, shelf: Shelf) -> None:
        """With the levels that it has brought; the quantity of before is known from a change."""
        shelf.world.run([Row(A, (("W1", 5),))])
        batch_id, request_id = ids_of(shelf)[-1]
        found = fields(shelf, "batch", batch_id)
        assert found == fields(shelf, "batch", request_id)
        assert (found["accepted"], found["refused"], found["batch_id"]) == (1, 0, batch_id)
        (level,) = found["levels"]
        assert level == {
            "identifier": {"sku": "KOPI"},
            "warehouse": "W1",
            "old": 1,
            "quantity": 5,
            "is_last": True,
        }
        page = call(shelf, "batch", batch_id)[1]
        assert page.startswith(f"Batch {batch_id}\n  requestId {request_id}\n")
        assert "sku KOPI at W1: 1 -> 5\n" in page

    def test_what_has_been_accepted_since_is_told(self, shelf: Shelf) -> None:
        """A first quantity is known as long as it is the last; a change stays."""
        for quantity in (5, 6):
            shelf.world.run([Row(A, (("W1", quantity),))])
        pages = "".join(call(shelf, "batch", each)[1] for _, each in ids_of(shelf))
        assert "1 other level of it has been accepted anew since.\n" in pages
        assert "sku KOPI at W1: 1 -> 5 (another value has been accepted since)\n" in pages
        assert "sku KOPI at W1: 5 -> 6\n" in pages

    def test_a_batch_has_its_refused_rows(self, shelf: Shelf) -> None:
        """With code, message and reason."""
        (found,) = [
            each
            for _, request in ids_of(shelf)
            for each in fields(shelf, "batch", request)["rejections"]
        ]
        assert (found["identifier"], found["is_open"]) == ({"sku": "GULA"}, True)
        assert ": refused, " in "".join(call(shelf, "batch", each)[1] for _, each in ids_of(shelf))

    def test_an_id_that_is_not_known_is_an_error(self, shelf: Shelf) -> None:
        """With exit code 1, and nothing on stdout."""
        code, page, errors = call(shelf, "batch", "\x1b[31mb")
        assert (code, page) == (1, "")
        assert "is remembered; they are kept for history_days" in errors


class TestRejects:
    """`tocobagus rejects`."""

    def test_open_rows_are_listed_with_what_to_do(self, shelf: Shelf) -> None:
        """By code; each with its reason, its stream, and when it was tried."""
        code, page, errors = call(shelf, "rejects")
        (found,) = fields(shelf, "rejects")["rejections"]

        assert (code, errors) == (0, "")
        assert (found["identifier"], found["warehouse"]) == ({"sku": "GULA"}, None)
        assert found["what_to_do"] == advice_on(found["code"])
        assert f"{found['code']}: 1 row. {found['what_to_do']}\n" in page
        assert "  sku GULA at all warehouses: " in page
        assert found["opened_at"].endswith("+00:00")

    def test_a_row_that_is_accepted_is_open_no_longer(self, shelf: Shelf) -> None:
        """The next run has settled it."""
        shelf.world.run([Row(("sku", "GULA"), ((None, 4),))])
        assert fields(shelf, "rejects")["rejections"] == []
        assert call(shelf, "rejects")[1] == "The API refuses no row.\n"

    def test_what_the_last_run_rejected_itself_is_told(self, shelf: Shelf) -> None:
        """The ledger does not keep such rows; so its log is named."""
        shelf.world.run([Row(("sku", "GULA"), ((None, 4),))])
        summary = '{"rejected_by_code": {"BAD_QUANTITY": 2}}'
        with sqlite3.connect(shelf.world.ledger) as database:
            database.execute("UPDATE tocobagus_run SET summary = ?", (summary,))
        told = call(shelf, "rejects")[1]
        assert told.startswith("The API refuses no row.\n")
        assert "(BAD_QUANTITY 2): its log says which.\n" in told

    def test_many_rows_of_a_code_are_counted(self, empty: Shelf) -> None:
        """A person sees twenty of them, a program all."""
        rows = [Row(("sku", f"A{number}"), ((None, 1),)) for number in range(60)]
        empty.world.run(rows, faults=[Fault("refused", rows=(1 << 60) - 1)] * 99)
        count = len(fields(empty, "rejects")["rejections"])
        assert count > 20
        assert f"  and {count - 20} more (--json lists all)\n" in call(empty, "rejects")[1]


@pytest.mark.parametrize("arguments", NAMES, ids=" ".join)
def test_a_ledger_that_does_not_exist_is_no_failure(empty: Shelf, arguments: Sequence[str]) -> None:
    """A run creates it; so nothing is created by looking."""
    code, page, errors = call(empty, *arguments)
    assert (code, errors) == (0, "")
    assert "There is no ledger yet" in page
    assert fields(empty, *arguments)["exists"] is False
    assert not [each for each in empty.config.parent.iterdir() if each != empty.config]


def test_a_relative_path_is_explained(
    empty: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another folder the ledger seems to be missing."""
    change(empty, ledger="ledger.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "A relative path begins at the folder of the command" in call(empty, "history")[1]
    change(empty, ledger=str(tmp_path / "ledger.db"))
    assert len(call(empty, "history")[1].splitlines()) == 1


def test_a_level_in_doubt_is_told_so(shelf: Shelf) -> None:
    """Its last request had no answer: it may hold either value."""
    die_in_flight(shelf.world, [Row(A, (("W1", 7),))])
    (level,) = fields(shelf, "explain", "KOPI", "--kind", "sku")["levels"]
    assert (level["quantity"], level["in_doubt"]) == (1, True)
    assert "  in doubt: a later request had no answer" in call(shelf, "explain", "KOPI")[1]
    shelf.world.run([Row(A, (("W1", 7),))])
    (level,) = fields(shelf, "explain", "KOPI", "--kind", "sku")["levels"]
    assert (level["quantity"], level["in_doubt"]) == (7, False)


def test_a_code_without_advice_is_for_the_support() -> None:
    """A status stands for all of its kind."""
    assert advice_on("HTTP_413") == ADVICE["HTTP_…"]
    assert advice_on("NEW") == ADVICE["any other"]
