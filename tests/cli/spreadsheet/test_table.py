"""A CSV file is read as tap-csv reads it, or is an error that names what to change."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_tocobagus.cli.spreadsheet.table import Table, TableError, find_table

if TYPE_CHECKING:
    from pathlib import Path


def found(tmp_path: Path, content: str | bytes, name: str = "stock.csv") -> Table | None:
    """Look for the table in a file."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return find_table(path)


@pytest.mark.parametrize(
    ("content", "described"),
    [
        ("sku,qty\nA,1\n", "`,` between columns, UTF-8, 1 row."),
        ("\ufeffsku;qty\nA;1\n\n", "`;` between columns, UTF-8 with BOM, 2 rows."),
        ("sku|qty\n", "`|` between columns, UTF-8, 0 rows."),
        ("sku,qty\n" + "A,1\n" * 1204, "`,` between columns, UTF-8, 1,204 rows."),
        (
            "código\tqty\rA\t1\r".encode("cp1252"),
            "tabs between columns, Windows-1252 because it is not UTF-8, 1 row.",
        ),
    ],
)
def test_it_is_said_how_it_is_read(content: str | bytes, described: str, tmp_path: Path) -> None:
    """Delimiter, encoding and rows, in one sentence."""
    table = found(tmp_path, content)

    assert table
    assert table.described == f"Read as CSV: {described}"
    assert table.remark == ""


def test_cells_stay_texts(tmp_path: Path) -> None:
    """Leading zeros and white space stay; line breaks within a cell do, and lines are counted."""
    table = found(tmp_path, 'sku,qty\r\n00123,"1\r\n2"\r\n A ,1E3\r\n')

    assert table
    assert list(table.read()) == [(2, ["00123", "1\n2"]), (4, [" A ", "1E3"])]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("sku\nA\n", "has only one column"),
        ("sku,qty\nA,1,5\nB,2\nC,3,5\nD,4\n", "than its header (2) in lines 2, 4: a cell with `,`"),
        ("sku,qty\n" + "A,1\n" * 99 + "A,1,5\n" * 7, "101, 102, 103, 104, 105 and 2 more"),
        ("sku,qty,\nA,1,\nB,2,x\n", "has values below an empty name in its header, in line 3"),
        ('sku,qty\nA,1\nB,"2\nC,3\n', "does not end, or that has text after its end, in the row"),
        ('sku,qty\nA,1\n"B"x,2\n', "in the row that begins in line 3"),
        ('sku,qty\n"a\nb",1\nB,"2\n', "in the row that begins in line 4"),
        ("sku,qty\nA,1\nB,\x002\n", "has a NUL in line 3"),
        ("sku,qty\nA,1\n".encode("utf-16-le"), "has a NUL in line 1"),
        ("sku,qty\nA," + "1" * (1 << 21), "has more than 1,048,576 characters in line 2"),
        ("sku;a,b\nA;1,2\n", "may have `,` or `;` between its columns"),
        (b"\xef\xbb\xbfsku,qty\nA,\xff\n", "is not valid UTF-8 with BOM, somewhere after line 1"),
        ("Laporan\n\nsku,qty\nA,1\nB,2\n", "The header seems to be line 3"),
        ("sku,sku\nA,1\n", "more than once"),
        (b"PK\x03\x04", "is a zip archive"),
    ],
)
def test_what_cannot_be_read_without_doubt_is_an_error(
    content: str | bytes, problem: str, tmp_path: Path
) -> None:
    """The error names the line, and nothing is left out silently."""
    with pytest.raises(TableError) as raised:
        found(tmp_path, content)

    assert problem in str(raised.value)


def test_rows_with_fewer_cells_are_named(tmp_path: Path) -> None:
    """They are read; a blank line is none of them, nor are empty cells beyond the header."""
    table = found(tmp_path, "sku,qty,note\nA,1\n\nB,2,x,,\nC\n")

    assert table
    assert (
        table.remark
        == "Fewer cells than in the header, in lines 2, 5: the others are missing there"
    )
    assert [cells for _, cells in table.read()][-1] == ["C"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("stock.csv", '{"type": "SCHEMA"}\n'),
        ("stock.csv", b"\xff\xfe" + '{"type": "SCHEMA"}\n'.encode("utf-16-le")),
        ("stock.csv", b"\x1f\x8b packed"),
        ("stock", "nothing\n"),
    ],
)
def test_the_output_of_a_tap_is_left_alone(name: str, content: str | bytes, tmp_path: Path) -> None:
    """Whatever its name; and so is a text without columns that is not called CSV."""
    assert found(tmp_path, content, name) is None


def test_an_empty_file_is_told_so_whatever_its_name(tmp_path: Path) -> None:
    """It is neither a table nor the output of a tap."""
    with pytest.raises(TableError, match="is empty"):
        found(tmp_path, "", "stock.singer")


def test_a_pipe_is_left_alone(tmp_path: Path) -> None:
    """It could be read only once."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)

    assert find_table(pipe) is None


def test_a_table_without_its_suffix_is_found(tmp_path: Path) -> None:
    """As Excel's "Unicode text" is called."""
    table = found(tmp_path, "sku\tqty\nA\t1\n".encode("utf-16"), "stok.txt")

    assert table
    assert table.header == ("sku", "qty")


def test_a_large_table_takes_little_memory(tmp_path: Path) -> None:
    """It is read row by row: 6 MB of rows never are in memory at once."""
    path = tmp_path / "large.csv"
    path.write_text("sku,qty\n" + f"{'A' * 95},1\n" * 60_000, "utf-8")
    tracemalloc.start()
    table = find_table(path)
    rows = sum(1 for _ in table.read()) if table else 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rows == 60_000
    assert peak < 3 << 20


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text('ab1,;"\n \t{é', max_size=60) | st.binary(max_size=60))
def test_no_file_ends_in_another_error(content: str | bytes, tmp_path: Path) -> None:
    """It is a table whose rows can all be read, something else, or an error that says why."""
    table = None
    with suppress(TableError):
        table = found(tmp_path, content)

    assert table is None or sum(1 for _ in table.read()) == table.rows
