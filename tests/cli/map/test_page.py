"""What the page of `tocobagus map` shows of parts, lookups and complete lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_tocobagus.cli.map import survey as surveying
from tests.cli.map.test_command import cells, configured, flat, run, written
from tests.e2e.command import row, schema

if TYPE_CHECKING:
    from pathlib import Path

SUMMED: Final = {
    "stream": "lots",
    "sku": "sku",
    "stock": "qty",
    "warehouse": "wh",
    "combine": "sum",
    "part": "lot",
}


def lots(*quantities: Any) -> list[Any]:
    """Make a stream of lots of item A at J and S in turn, with a number each."""
    rows = [
        row("lots", lot=number, sku="A", wh="JS"[number % 2], qty=quantity)
        for number, quantity in enumerate(quantities)
    ]
    return [schema("lots", "lot", "sku", "wh", "qty"), *rows]


def test_rows_that_add_up_are_shown_with_their_sums(tmp_path: Path) -> None:
    """A row shows its part as it is; fractions are cut, and what is below 0 raised, of sums."""
    file = written(tmp_path, lots(1.5, -2, 2.5, 1, "x"))
    config = configured(tmp_path, [SUMMED])  # the list alone needs no ledger
    shown = run(file, "--config", config).stdout

    assert ["1", "A", "J", "1.5"] in cells(shown)
    assert ["2", "A", "S", "-2"] in cells(shown)
    assert "The sums of these parts. A run also adds the parts that its ledger" in flat(shown)
    assert ["A", "J", "4", "2"] in cells(shown)
    assert ["A", "S", "0", "2"] in cells(shown)
    told = "5 records read: 4 rows of 4 parts added up to 2 sums, 1 rejected, 0 skipped"
    assert f"{told} (1 below 0 became 0)" in flat(shown)
    assert max(map(len, shown.splitlines())) <= 80

    few = run(file, "--config", config, "--records", "1").stdout
    assert "and 1 more sum; --records shows more" in few
    config = configured(tmp_path, [{**SUMMED, "parts_complete": True}])
    assert "ledger remembers" not in flat(run(file, "--config", config).stdout)


def test_for_sums_the_file_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sum of the first rows would be wrong."""
    monkeypatch.setattr(surveying, "ENOUGH", 20)
    file = written(tmp_path, lots(*[1] * 90))
    shown = run(file, "--config", configured(tmp_path, [SUMMED])).stdout

    assert ["A", "J", "45", "45"] in cells(shown)
    assert "not read" not in shown


def test_codes_that_become_one_warehouse_are_told(tmp_path: Path) -> None:
    """Their rows add up."""
    one = [{"code": code, "client_id": "W"} for code in ("J", "S")]
    other = {"code": "B", "client_id": "V"}
    given = {"streams": [SUMMED], "warehouse_map": [*one, other], "ledger": "ledger.db"}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(given))
    file = written(tmp_path, lots(1, 2))
    told = "The stock of 'W' is the sum of the codes 'J', 'S' in warehouse_map."
    shown = run(file, "--config", path).stdout

    assert told in flat(shown)
    assert "'V'" not in shown
    assert ["A", "W", "3", "2"] in cells(shown)
    assert f"# lots: {told}" in run(file, "--config", path, "--format", "yaml").stdout


def test_a_sum_that_cannot_be_sent_is_rejected(tmp_path: Path) -> None:
    """It is counted, and has a reason."""
    file = written(tmp_path, lots(2**53 - 1, 0, 2**53 - 1))
    shown = run(file, "--config", configured(tmp_path, [SUMMED]), "--records", "1").stdout

    assert "3 rows of 3 parts added up to 2 sums, 1 rejected, 0 skipped" in flat(shown)
    assert "1 QUANTITY_TOO_LARGE, first as a sum:" in flat(shown)


@pytest.mark.parametrize("more", [{}, {"combine": "sum", "part": "lot"}], ids=["last", "sum"])
def test_items_that_are_looked_up_have_their_names(tmp_path: Path, more: dict[str, Any]) -> None:
    """As far as the file has them, wherever; a row whose pair has no item is skipped."""
    lookup = {"stream": "alias", "match": "code", "path": "sku", "sku": "name"}
    mapping = {"stream": "lots", "stock": "qty", "warehouse": "wh", "lookup": lookup, **more}
    names = [row("alias", code="A", name="KOPI"), row("alias", code="B", name=None)]
    others = [row("lots", lot=9, sku=sku, wh="J", qty=3) for sku in ("B", "C")]
    messages = [*lots(1), *others, schema("alias", "code", "name"), *names]
    file = written(tmp_path, messages)
    shown = run(file, "--config", configured(tmp_path, [mapping])).stdout

    assert ["1", "KOPI", "J", "1"] in cells(shown)
    assert "skipped: the pair of alias.code B has no identifier" in flat(shown)
    assert "alias.code C (no pair here) J 3" in flat(shown)
    assert (["KOPI", "J", "1", "1"] in cells(shown)) == bool(more)


def test_a_complete_list_says_so_in_a_row(tmp_path: Path) -> None:
    """Any other place is 0, which no record counts."""
    mapping = {
        "stream": "stok",
        "sku": "sku",
        "levels": "levels",
        "warehouse": "w",
        "stock": "q",
        "levels_complete": True,
    }
    rows = [schema("stok", "sku", "levels"), row("stok", sku="A", levels=[{"w": "J", "q": 1}])]
    config = configured(tmp_path, [mapping])
    shown = run(written(tmp_path, rows), "--config", config).stdout

    assert "A any other 0, if it was sent before" in flat(shown)
    assert "1 record read: 1 row mapped, 0 rejected, 0 skipped" in shown
