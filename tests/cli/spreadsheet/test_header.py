"""A first row that is no header is told from one, because tap-csv would take it for one."""

from __future__ import annotations

import pytest

from target_tocobagus.cli.spreadsheet.header import header_problem


@pytest.mark.parametrize(
    "header",
    [
        ["sku", "qty"],
        ["Kode Barang", "Stok Akhir", "", ""],
        ["SKU", "101", "102"],
        ["Nama Barang", "2025"],
        ["Kode", "kode"],
    ],
)
def test_names_are_a_header(header: list[str]) -> None:
    """Columns may be called by numbers, and the last ones may have no name."""
    assert header_problem(header, [(2, ["A", "1"])]) == ""


@pytest.mark.parametrize(
    ("header", "following", "problem"),
    [
        (
            ["Laporan Stok", "", ""],
            [(2, ["Gudang"]), (3, []), (4, ["kode", "stok", ""])],
            "line 1 holds `Laporan Stok` alone. The header seems to be line 4",
        ),
        ([], [(2, ["sku", "qty"])], "line 1 holds nothing. The header seems to be line 2"),
        (["sep=", ""], [(2, ["sku", "qty"])], "line 1 holds `sep=` alone"),
        (["", " "], [], "has no header: line 1 holds nothing"),
        (["KOPI-250", "12"], [], "has no header: line 1 holds `12`. Write the columns' names"),
        (["ITEM-001", "Gudang", "7,5"], [], "has no header: line 1 holds `7,5`"),
        (["sku", "qty", "qty "], [], "has a header with 'qty' more than once: rename the others"),
    ],
    ids=["title", "blank", "sep", "blanks", "data", "code-with-a-word", "twice"],
)
def test_what_is_no_header_is_an_error(
    header: list[str], following: list[tuple[int, list[str]]], problem: str
) -> None:
    """A title, data, and a name that would lose a column; the likely line is named."""
    assert problem in header_problem(header, following)
