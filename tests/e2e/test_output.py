"""What a command writes may have no room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_FULL = Path("/dev/full")


@pytest.mark.skipif(not _FULL.exists(), reason="only Linux has a device without room")
@pytest.mark.parametrize("command", [["map", "stock.csv"], ["check", "--help"], ["history", "x"]])
def test_a_full_disk_is_told_in_a_line(tmp_path: Path, command: list[str]) -> None:
    """Not by a traceback."""
    (tmp_path / "stock.csv").write_text("sku,stok\nA,5\n")
    code = "from target_tocobagus.cli import main; main()"
    with _FULL.open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-c", code, *command],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode
    assert "Traceback" not in ended.stderr
    if command[0] != "history":
        assert ended.stderr == "Error: the output cannot be written (No space left on device)\n"
