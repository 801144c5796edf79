"""Encoding and delimiter of a CSV file are found out, or it is said that they cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.cli.spreadsheet.dialect import ENCODINGS, delimiters_of, encoding_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"sku,qty\n", "utf-8"),
        ("kopi ☕,1\n".encode(), "utf-8"),
        ("sku,qty\n".encode("utf-8-sig"), "utf-8-sig"),
        ("sku\tqty\n".encode("utf-16"), "utf-16"),
        ("\ufeffsku\tqty\n".encode("utf-16-be"), "utf-16"),
        ("café,1\n".encode("cp1252"), "cp1252"),
        (b"caf\xe9\x81,1\n", "latin-1"),
        (b"a,b\n" * 1_000_000 + "é,1\n".encode("cp1252"), "cp1252"),
        (b"a,b\n" * 1_000_000 + "é,1\n".encode(), "utf-8"),
    ],
    ids=[
        *("ascii", "utf-8", "bom", "utf-16-le", "utf-16-be", "windows", "latin-1"),
        *("late-windows", "late-utf-8"),
    ],
)
def test_the_encoding_is_found_in_the_whole_file(
    content: bytes, encoding: str, tmp_path: Path
) -> None:
    """A byte order mark decides; without one the first encoding that can read all of it."""
    path = tmp_path / "stock.csv"
    path.write_bytes(content)

    assert encoding_of(path, content[:100]) == encoding
    assert encoding in ENCODINGS


@pytest.mark.parametrize(
    ("sample", "delimiters"),
    [
        ("sku,qty\nA,1\n", [","]),
        ("sku;qty\nA;1,5\nB;2,5\n", [";"]),
        ("kode;nama, merek;stok\nA;Kopi, Kapal;5\nB;Teh, Botol;6\n", [";"]),
        ("sku\tqty\nA, B; C\t1\n", ["\t"]),
        ("sku|qty\nA|1\n", ["|"]),
        ('sku,qty\n"A;B;C",1\n"D;E;F",2\n', [","]),
        ("Laporan Stok\n\nkode;stok\nA;1,5\nB;2,5\n", [";"]),
        ("sku;a,b\nA;1,2\n", [",", ";"]),
        ("sku\nA\n", []),
        ("", []),
    ],
    ids=[
        *("comma", "decimal-comma", "comma-in-names", "tab", "bar", "quoted", "title"),
        *("ambiguous", "one-column", "empty"),
    ],
)
def test_the_delimiter_gives_most_rows_the_same_number_of_columns(
    sample: str, delimiters: list[str]
) -> None:
    """Of several the one with the most columns; two with as many are both returned."""
    assert delimiters_of(sample, is_whole=True) == delimiters


@pytest.mark.parametrize(
    "sample", ["sku,qty\nA,1\nB,2\nC;x;y", 'sku,qty\nA,1\n"' + "x;y\n" * 100_000]
)
def test_a_row_that_is_cut_off_does_not_count(sample: str) -> None:
    """The sample ends within it, or its quoted cell does not end there."""
    assert delimiters_of(sample, is_whole=False) == [","]
    assert delimiters_of("a;b,c\n1;2,3\n4;5", is_whole=False) == [",", ";"]


@given(
    columns=st.integers(2, 6),
    rows=st.lists(st.lists(st.text('ab ,;\t|\n"'), min_size=6, max_size=6), max_size=8),
    delimiter=st.sampled_from(",;\t|"),
)
def test_a_table_whose_cells_are_quoted_is_never_in_doubt(
    columns: int, rows: list[list[str]], delimiter: str
) -> None:
    """Whatever delimiters are within quoted cells, that between them is found."""
    header = [f"column{number}" for number in range(columns)]
    lines = [
        delimiter.join('"{}"'.format(cell.replace('"', '""')) for cell in row[:columns])
        for row in [header, header, *rows]
    ]

    assert delimiter in delimiters_of("\n".join(lines) + "\n", is_whole=True)
