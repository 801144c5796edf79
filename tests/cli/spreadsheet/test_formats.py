"""A file of another format is named, by its content, with what to do."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from target_tocobagus.cli.spreadsheet.formats import may_be_messages, other_format

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "an Excel workbook (.xlsx)"),
        (["xl/workbook.bin"], "an Excel workbook (.xlsb)"),
        (["mimetype", "content.xml"], "an OpenDocument file (.ods)"),
        (["Index/Document.iwa"], "a Numbers document"),
        (["stock.csv"], "a zip archive. Unpack it first"),
    ],
)
def test_an_archive_is_named_by_its_content(members: list[str], said: str, tmp_path: Path) -> None:
    """Whatever the file is called; only tap-spreadsheets's format names a tap."""
    path = tmp_path / "stock.csv"
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, "")
    found = other_format(path, path.read_bytes())

    assert found.startswith(said)
    assert ("a tap: tap-spreadsheets" in found) == ("xl/workbook.xml" in members)


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        (b"PK\x03\x04 damaged", "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "in the old format (.xls), or one with a password"),
        (b"%PDF-1.7", "a PDF document"),
        (b"BZh9", "compressed. Unpack it first"),
        (b"\xef\xbb\xbf\r\n<html><table>", "HTML or XML"),
        (b"<?xml", "HTML or XML"),
        (b"sku,qty\n", ""),
        (b"", ""),
    ],
)
def test_a_format_is_named_by_its_first_bytes(beginning: bytes, said: str, tmp_path: Path) -> None:
    """What may be text is not named."""
    path = tmp_path / "stock.xls"
    path.write_bytes(beginning)
    found = other_format(path, beginning)

    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("text", "is_taps"),
    [
        ('\n {"type": "SCHEMA"}', True),
        ("{", True),
        ('[{"sku": 1}]', True),
        ('sku,qty\n{"type": "RECORD"}\n', True),
        ('2025-11-20 INFO sync\n {"type":', True),
        ("sku,qty\nA,{1}\n", False),
        ("", False),
        ("\n" * 1_000_000, False),
    ],
)
def test_the_output_of_a_tap_is_told_by_its_content(text: str, *, is_taps: bool) -> None:
    """Its first line is JSON, or a later one is, behind something that is not."""
    assert may_be_messages(text) == is_taps
