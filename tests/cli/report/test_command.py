"""`tocobagus report`: writes a page about a store, and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from target_tocobagus.cli import main
from tests.cli.ledger.test_command import Shelf, empty, shelf

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["empty", "shelf"]  # fixtures


def call(shelf: Shelf, *arguments: str) -> tuple[int, str, str]:
    """Run the command; returns its exit code, stdout and stderr."""
    line = ["report", "--config", str(shelf.config), *arguments]
    result = CliRunner().invoke(main, line)
    assert isinstance(result.exception, (SystemExit, type(None))), result.exc_info
    assert "MARKER" not in result.output
    return result.exit_code, result.stdout, result.stderr


def test_a_page_is_written(shelf: Shelf, tmp_path: Path) -> None:
    """Into the file that is named, or to standard output; it has no secret."""
    file = tmp_path / "page.html"
    before = (tmp_path / "ledger.db").read_bytes()
    code, told, errors = call(shelf, "-o", str(file))
    written = file.read_text("utf-8")

    assert (code, told, errors) == (0, f"{file} is written: open it in a browser.\n", "")
    assert written.startswith("<!doctype html>")
    assert "GULA" in written
    assert "MARKER" not in written
    assert call(shelf, "-o", "-")[1].startswith("<!doctype html>")
    assert (tmp_path / "ledger.db").read_bytes() == before


def test_its_default_file_is_in_the_working_directory(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is replaced by the next."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.html").write_text("old")
    assert call(shelf)[1].startswith("report.html is written")
    assert "Stock of store s" in (tmp_path / "report.html").read_text("utf-8")


def test_a_program_reads_the_same(shelf: Shelf) -> None:
    """JSON has the light, its reasons, and what they are made of."""
    found = json.loads(call(shelf, "--json", "--days", "365")[1])
    assert (found["exists"], found["levels"]) == (True, 3)
    assert found["light"] == found["reasons"][0]["light"]
    assert found["refusals"][0]["example"] == "GULA"


def test_without_a_ledger_there_is_no_page(empty: Shelf, tmp_path: Path) -> None:
    """It says so, which is no failure."""
    code, told, _ = call(empty, "-o", str(tmp_path / "page.html"))
    assert (code, told[:24]) == (0, "There is no ledger yet (")
    assert not (tmp_path / "page.html").exists()


def test_a_file_that_cannot_be_written_is_an_error(shelf: Shelf, tmp_path: Path) -> None:
    """With the system's reason."""
    file = tmp_path / "missing" / "page.html"
    code, told, errors = call(shelf, "-o", str(file))
    assert (code, told) == (1, "")
    assert errors == f"Error: {file} cannot be written (No such file or directory)\n"
