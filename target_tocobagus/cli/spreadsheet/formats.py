"""What a file is that is neither CSV nor a tap's output, by its first bytes, and what to do."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_CSV: Final = 'Save it as CSV (in Excel "CSV UTF-8")'
_ZIP: Final = b"PK\x03\x04"
_MESSAGE: Final = re.compile(r'^[ \t]*\{[ \t]*"', re.MULTILINE)

_BY_MEMBER: Final = {
    "xl/workbook.xml": (
        f"an Excel workbook (.xlsx). {_CSV}, or read it with a tap: tap-spreadsheets"
    ),
    "xl/workbook.bin": f"an Excel workbook (.xlsb). {_CSV}",
    "content.xml": f"an OpenDocument file (.ods). {_CSV}",
    "Index/Document.iwa": f"a Numbers document. {_CSV}",
}
"""By a file in the zip archive."""

_BY_BEGINNING: Final = {
    b"\xd0\xcf\x11\xe0": (
        f"an Excel workbook in the old format (.xls), or one with a password. {_CSV}"
    ),
    b"%PDF": "a PDF document. Export the table as CSV instead",
    b"BZh": "compressed. Unpack it first",
    b"7z\xbc\xaf": "compressed. Unpack it first",
    b"Rar!": "compressed. Unpack it first",
    b"\xfd7zXZ": "compressed. Unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed. Unpack it first",
}


def other_format(path: Path, beginning: bytes) -> str:
    """Say what a file is, and what to do with it, to follow "is"; empty if it may be text."""
    if beginning.startswith(_ZIP):
        return _in_archive(path)
    for signature, what in _BY_BEGINNING.items():
        if beginning.startswith(signature):
            return what
    if beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return f"HTML or XML, whatever its name says. {_CSV}"
    return ""


def may_be_messages(beginning: str) -> bool:
    """Whether a text may be a tap's output or a catalog: a line begins as a JSON object does."""
    return beginning.lstrip()[:1] in {"{", "["} or bool(_MESSAGE.search(beginning))


def _in_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        names = set()
    found = (what for member, what in _BY_MEMBER.items() if member in names)
    return next(found, "a zip archive. Unpack it first")
