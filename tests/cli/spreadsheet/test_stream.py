"""A table becomes what tap-csv writes of it: its recorded output says so.

MeltanoLabs/tap-csv at commit 1ec6206 wrote each `.singer` file beside its `.csv`, with the settings
that `tap_lines` gives.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pytest
import yaml

from target_tocobagus.cli.spreadsheet.stream import messages, opened, table_in, tap_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.cli.spreadsheet.table import Table

DATA: Final = Path(__file__).parents[2] / "data" / "spreadsheets"
TABLES: Final = sorted(DATA.glob("*.csv"))
SETTINGS: Final = {
    "existencias": {"delimiter": ";", "encoding": "cp1252"},
    "persediaan": {"delimiter": "\t", "encoding": "utf-16"},
    "stock": {},
    "stok": {"delimiter": ";", "encoding": "utf-8-sig"},
}


def found(path: Path) -> Table:
    """Find the table in a file that has one."""
    table = table_in(path)
    assert table
    return table


def decoded(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Decode messages, without the tap's time and the name of the schema's standard."""
    given = [json.loads(line) for line in lines]
    for message in given:
        message.pop("time_extracted", None)
        message.get("schema", {}).pop("$schema", None)
    return given


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_the_messages_are_those_of_tap_csv(path: Path) -> None:
    """SCHEMA, RECORDs with their columns in order, and STATE; blank lines and short rows too."""
    ours = decoded(messages(found(path)))
    recorded = decoded(path.with_suffix(".singer").read_bytes().splitlines())

    assert ours == recorded
    assert [list(each.get("record", ())) for each in ours] == [
        list(each.get("record", ())) for each in recorded
    ]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_the_settings_are_those_that_tap_csv_was_run_with(path: Path) -> None:
    """Only what differs from its defaults is written, and each table is on one file entry."""
    (file,) = yaml.safe_load(tap_lines(found(path)))["files"]

    assert "\\U" not in tap_lines(found(path))
    assert file == {"entity": path.stem, "path": str(path), "keys": [], **SETTINGS[path.stem]}


def test_a_name_that_tap_csv_skips_is_pointed_out(tmp_path: Path) -> None:
    """It reads only files whose names end with .csv, in small letters."""
    path = tmp_path / "STOK.CSV"
    path.write_text("sku,qty\nA,1\n")

    assert "# tap-csv needs a name that ends with .csv" in tap_lines(found(path))
    assert "#" not in tap_lines(found(DATA / "stock.csv"))


def test_a_table_is_opened_as_a_file_of_messages(tmp_path: Path) -> None:
    """Its lines may be read in parts of any size, and be long; another file is opened as it is."""
    long = tmp_path / "long.csv"
    long.write_text(f"sku,note\nA,{'x' * 100_000}\nB,y\n")
    with opened(long, found(long)) as file:
        assert file.readlines() == list(messages(found(long)))
    table = found(DATA / "stock.csv")
    recorded = DATA / "stock.singer"

    with opened(table.path, table) as file:
        assert file.read(7) + file.read(1) + file.readline() + file.read() == b"".join(
            messages(table)
        )
    with opened(recorded, table_in(recorded)) as file:
        assert file.read() == recorded.read_bytes()


def test_a_name_that_is_not_utf_8_is_written_with_replacements(tmp_path: Path) -> None:
    """A file may be called so; a stream may not."""
    path = tmp_path / os.fsdecode(b"stok\xff.csv")
    path.write_text("sku,qty\nA,1\n")

    assert {each.get("stream") for each in decoded(messages(found(path)))} == {"stok\ufffd", None}
    assert yaml.safe_load(tap_lines(found(path)))["files"][0]["entity"] == "stok\ufffd"


def test_an_error_names_the_file(tmp_path: Path) -> None:
    """A command ends with it."""
    path = tmp_path / "stok.csv"
    path.write_text("")

    with pytest.raises(click.ClickException) as raised:
        table_in(path)
    assert raised.value.message == f"{path} is empty."
