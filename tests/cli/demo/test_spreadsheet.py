"""`tocobagus demo` sends a spreadsheet that was saved as CSV like a tap's output."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main

if TYPE_CHECKING:
    from click.testing import Result

DATA: Final = Path(__file__).parents[2] / "data" / "spreadsheets"


def demo(*arguments: object) -> Result:
    """Run the command; what it leaves in the folder of temporary files is another test's matter."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["demo", *map(str, arguments)])


def cells(text: str) -> list[list[str]]:
    """Split what was shown into lines of words."""
    return [line.split() for line in text.splitlines()]


def test_a_question_is_shown_with_the_way_to_answer_it(tmp_path: Path) -> None:
    """Nothing is sent on a guess; the commands that are named, pasted, send the table."""
    path = tmp_path / "stok gudang.csv"
    path.write_bytes((DATA / "stok.csv").read_bytes())
    asked = demo(path)

    assert asked.exit_code == 1
    assert "stok gudang.csv, as tap-csv would write it" in asked.stdout
    assert "Read as CSV: `;` between columns, UTF-8 with BOM, 3 rows." in asked.stdout
    assert '- stream: "stok gudang"' in asked.stdout
    assert "Nothing has arrived." in asked.stdout
    step = asked.stdout.partition("To send it: ")[2]
    commands = step.replace("\nCheck that file, and then: ", " && ")
    tool = f"{sys.executable} -c 'from target_tocobagus.cli import main; main()' "
    done = subprocess.run(
        [shutil.which("sh") or "", "-ec", commands.replace("tocobagus ", tool)],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert ["00123", "JKT", "12"] in cells(done.stdout)
    assert ["KOPI-250", "SBY", "AMBIGUOUS_QUANTITY"] in [line[:3] for line in cells(done.stdout)]
    assert "3 updates = 1 accepted" in done.stdout
    assert "To send it" not in done.stdout


def test_an_empty_file_is_told_so(tmp_path: Path) -> None:
    """Nothing is started for it."""
    path = tmp_path / "leer"
    path.touch()
    done = demo(path)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "leer is empty" in done.stderr


def test_a_table_that_no_one_recognises_is_no_success(tmp_path: Path) -> None:
    """Nothing has arrived; the way to a mapping is named."""
    path = tmp_path / "isi.csv"
    path.write_text("SKU;Gudang;Jumlah\nKOPI-250;JKT;12\n")
    done = demo(path)

    assert done.exit_code == 1
    assert "Nothing has arrived." in done.stdout
    assert "To send it: tocobagus map --format json" in done.stdout
    drafted = CliRunner().invoke(main, ["map", str(path)])
    assert drafted.exit_code == 0
    for line in ("sku: SKU", "stock: Jumlah", "warehouse: Gudang"):
        assert line in drafted.stdout


def test_stream_maps_hide_what_went_in(tmp_path: Path) -> None:
    """Rows are not shown beside stock that is made of others."""
    path, config = tmp_path / "stock.csv", tmp_path / "config.json"
    path.write_text("sku,units\nTEH-6,45\n")
    mapping = {"stream": "stock", "sku": "sku", "stock": "packs"}
    maps = {"stock": {"packs": "int(units) // 6 if units else None"}}
    config.write_text(json.dumps({"streams": [mapping], "stream_maps": maps}))
    done = demo(path, "--config", config)

    assert ["TEH-6", "all", "warehouses", "7"] in cells(done.stdout)
    assert "The first rows that went in" not in done.stdout


def test_a_table_of_the_apis_items_needs_no_configuration(tmp_path: Path) -> None:
    """It is recognised as the same stream of a tap is, and rows with fewer cells are named."""
    path = tmp_path / "stock.csv"
    path.write_text("sku,stock\nKOPI-250,12\nTEH-100\n")

    done = demo(path)

    assert done.exit_code == 0
    assert "Fewer cells than in the header, in line 3" in done.stdout
    assert ["KOPI-250", "all", "warehouses", "12"] in cells(done.stdout)
    assert "To send it" not in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Laporan\nsku,qty\nA,1\nB,2\n", "The header seems to be line 2: delete the lines above"),
        ("PK\x03\x04", "is a zip archive. Unpack it first."),
    ],
)
def test_what_cannot_be_read_is_not_sent(content: str, said: str, tmp_path: Path) -> None:
    """The error comes before anything is started."""
    path = tmp_path / "stock.csv"
    path.write_text(content)

    done = demo(path)

    assert done.exit_code == 1
    assert done.stdout == ""
    assert said in done.stderr


def test_a_list_of_mappings_is_a_configuration(tmp_path: Path) -> None:
    """As `tocobagus map --format json` writes it, also if a mapping needs a ledger."""
    config = tmp_path / "streams.json"
    parts = {"combine": "sum", "part": ["sku", "warehouse_code"], "warehouse": "warehouse_code"}
    config.write_text(json.dumps([{"stream": "stock", "sku": "sku", "stock": "qty", **parts}]))

    done = demo(DATA / "stock.csv", "--config", config)

    assert done.exit_code == 0
    assert ["MADU-500", "WH-JKT", "3"] in cells(done.stdout)


def test_the_ledger_of_a_store_is_left_alone(tmp_path: Path) -> None:
    """It would remember what the sandbox accepted."""
    config = tmp_path / "config.json"
    mapping = {"stream": "stock", "sku": "sku", "stock": "qty", "warehouse": "warehouse_code"}
    ledger = tmp_path / "store.db"
    config.write_text(json.dumps({"streams": [mapping], "ledger": str(ledger)}))

    done = demo(DATA / "stock.csv", "--config", config)

    assert done.exit_code == 0
    assert not ledger.exists()


def test_a_configuration_is_settings_or_a_list(tmp_path: Path) -> None:
    """Anything else is refused."""
    config = tmp_path / "config.json"
    config.write_text("7")

    done = demo(DATA / "stock.csv", "--config", config)

    assert done.exit_code == 2
    assert "is not a JSON object" in done.stderr
