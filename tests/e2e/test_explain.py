"""`tocobagus explain` after runs of the real command: why the shop shows what it shows."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main
from tests.e2e.command import LEVELS, STOCK, Command, level, record, row, schema
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.local_sandbox import Sandbox

BUFFERED: Final[dict[str, Any]] = {
    "ledger": "ledger.db",
    "stock_buffer": 2,
    "streams": [{**LEVELS, "subtract": "held"}],
}


def run(command: Command, lines: Iterable[dict[str, Any]], config: dict[str, Any]) -> None:
    """Run well."""
    command.run(lines, **config).without_traceback(0)


def told(command: Command, config: dict[str, Any], *arguments: str) -> str:
    """Explain; returns what is written."""
    path = command.write_config("explain.json", **config)
    place = {"ledger": str(path.parent / config["ledger"])}
    values = {**json.loads(path.read_text()), **place}
    path.write_text(json.dumps(values))
    line = ["explain", *arguments, "--config", str(path)]
    ended = CliRunner(env={"COLUMNS": "80"}).invoke(main, line)
    assert (ended.exit_code, ended.stderr) == (0, "")
    return ended.stdout


def fields(command: Command, config: dict[str, Any], *arguments: str) -> dict[str, Any]:
    """Explain, as JSON."""
    found: dict[str, Any] = json.loads(told(command, config, *arguments, "--json"))
    return found


def said(sku: str, wh: str, qty: Any, held: Any = 0) -> dict[str, Any]:
    """Make a RECORD with a reserved quantity, and a column that is not mapped."""
    return {**record(sku, qty, "levels", wh=wh, held=held, other=1), "time_extracted": "T1"}


def test_a_quantity_is_explained_from_its_record(command: Command) -> None:
    """Batch and request, the columns that the mapping reads, each step, and the changes."""
    start = schema("levels", "sku", "wh", "qty", "held", "other")
    for qty in (9, 100, 6):
        run(command, [start, said("A", "W", qty, 1)], BUFFERED)
    (found,) = fields(command, BUFFERED, "A")["levels"]
    newest = found["changes"][0]

    assert (found["identifier"], found["warehouse"], found["quantity"]) == ({"sku": "A"}, "W", 3)
    assert [(step["what"], step["result"]) for step in found["steps"]] == [
        ("stock", "6"),
        ("less subtract", "5"),
        ("less stock_buffer 2", "3"),
    ]
    assert newest["columns"] == {"sku": "A", "wh": "W", "qty": 6, "held": 1}
    assert newest["time_extracted"] == "T1"
    assert [(each["old"], each["new"]) for each in found["changes"]] == [(97, 3), (6, 97)]
    assert newest["by"] == found["by"]
    assert None not in found["by"].values()
    page = told(command, BUFFERED, "A")
    assert "sku A at W: 3\n" in page
    assert f"  by batch {found['by']['batch_id']}\n" in page
    assert '  its record: {"held":1,"qty":6,"sku":"A","wh":"W"}\n' in page


def test_the_first_accepted_quantity_has_no_record(command: Command) -> None:
    """A record is kept from the first change on; what is asked of one warehouse is of that."""
    config = {**BUFFERED, "streams": [LEVELS]}
    run(command, [schema("levels"), level("A", "W", 9), level("A", "V", 5)], config)
    assert len(fields(command, config, "A")["levels"]) == 2
    (found,) = fields(command, config, "A", "--warehouse", "V", "--kind", "sku")["levels"]
    assert (found["quantity"], found["steps"], found["changes"]) == (3, [], [])
    assert "its record is not kept" in told(command, config, "A")
    assert fields(command, config, "A", "--kind", "id")["levels"] == []


def test_steps_of_another_mapping_are_not_told(command: Command) -> None:
    """They would explain another number than the one that was sent."""
    for qty in (9, 5):
        run(command, [schema("levels"), level("A", "W", qty)], {**BUFFERED, "streams": [LEVELS]})
    other = {**BUFFERED, "streams": [{**LEVELS, "subtract": "held"}]}
    assert "the pair of its lookup has changed" in told(command, other, "A")
    assert fields(command, other, "A")["levels"][0]["steps"] == []


def test_steps_that_lead_to_another_number_are_not_told(command: Command) -> None:
    """A setting has changed since, or the configuration cannot be used at all."""
    config = {**BUFFERED, "streams": [LEVELS]}
    for qty in (9, 5):
        run(command, [schema("levels"), level("A", "W", qty)], config)
    later = {**config, "stock_buffer": 1}
    assert "no steps: they lead to 4 now; settings have changed" in told(command, later, "A")
    assert fields(command, later, "A")["levels"][0]["steps"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"streams": [{**LEVELS, "stock": "[["}]},
        {"streams": [{**LEVELS, "stock": 5}]},
        {"streams": [5]},
        {"streams": "levels"},
        {"stock_buffer": "2"},
        {"warehouse_map": [{"code": "W", "client_id": 5}]},
    ],
)
def test_a_configuration_that_no_run_takes_has_no_steps(
    command: Command, wrong: dict[str, Any]
) -> None:
    """What is known is told as before."""
    config = {**BUFFERED, "streams": [LEVELS]}
    for qty in (9, 5):
        run(command, [schema("levels"), level("A", "W", qty)], config)
    page = told(command, {**config, **wrong}, "A")
    assert "sku A at W: 3\n" in page
    assert "the configuration is not valid" in page


def test_explaining_imports_only_what_it_needs(command: Command) -> None:
    """Each of these takes longer than the question to the ledger."""
    config = {**BUFFERED, "streams": [LEVELS]}
    for qty in (9, 5):
        run(command, [schema("levels"), level("A", "W", qty)], config)
    file = command.write_config("explain.json", **config)
    line = ["explain", "A", "--config", str(file)]
    script = "; ".join(
        (
            "import sys",
            "from target_tocobagus.cli import main",
            f"main({line!r}, standalone_mode=False)",
            "print(*sys.modules)",
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=file.parent, check=True, capture_output=True, text=True
    )
    page, modules = done.stdout.rsplit("\n", 2)[:2]
    assert "less stock_buffer 2" in page
    assert {"jsonschema", "requests", "rich", "singer_sdk"}.isdisjoint(modules.split())


def test_a_sum_that_is_not_accepted_is_not_explained_as_if_it_were(
    command: Command, sandbox: Sandbox
) -> None:
    """Its parts are remembered, and the API has refused it: the number before stays."""
    config = {"ledger": "ledger.db", "streams": [{**STOCK, "combine": "sum", "part": "lot"}]}
    fault = {"reject": [{"code": "INV_009", "identifiers": ["A"]}]}
    for qty, rules in ((3, []), (9, [{"fault": fault}])):
        sandbox.set_scenario({"rules": rules})
        run(command, [schema("stock", "sku", "qty", "lot"), record("A", qty, lot=1)], config)
    (found,) = fields(command, config, "A")["levels"]
    assert (found["quantity"], found["steps"]) == (3, [])


def test_the_global_stock_is_that_of_each_warehouse(command: Command) -> None:
    """Who asks for one warehouse is told of it."""
    run(command, [schema(), record("A", 9)], {**BUFFERED, "streams": [STOCK]})
    (found,) = fields(command, {**BUFFERED, "streams": [STOCK]}, "A", "--warehouse", "W")["levels"]
    assert (found["warehouse"], found["quantity"]) == (None, 7)


def test_a_sum_is_explained_by_its_parts(command: Command) -> None:
    """Each part that counts, and the steps from their sum."""
    config = {**BUFFERED, "streams": [{**STOCK, "combine": "sum", "part": "lot"}]}
    lots = [record("A", 3, lot=1), record("A", 2.5, lot=2), record("B", 9, lot=3)]
    run(command, [schema("stock", "sku", "qty", "lot"), *lots], config)
    (found,) = fields(command, config, "A")["levels"]
    assert [(part["part"], part["quantities"]) for part in found["parts"]] == [
        ("1", ["3"]),
        ("2", ["2.5"]),
    ]
    assert [step["result"] for step in found["steps"]] == ["5.5", "5", "3"]
    assert "     2.5  2 of stream stock\n" in told(command, config, "A")


def test_an_item_that_is_looked_up_is_explained_by_its_sku(command: Command) -> None:
    """The row has the match alone; the pair is named too."""
    lookup = {"stream": "items", "match": "id", "path": "item", "sku": "sku"}
    mapping = {"stream": "levels", "lookup": lookup, "stock": "qty", "warehouse": "wh"}
    config = {**BUFFERED, "streams": [mapping]}
    pairs = [schema("items", "id", "sku"), row("items", id=7, sku="A")]
    for qty in (9, 5):
        rows = [schema("levels", "item", "qty", "wh"), row("levels", item=7, qty=qty, wh="W")]
        run(command, [*pairs, *rows], config)
    found = fields(command, config, "A")
    assert found["pairs"] == [{"stream": "items", "match": "7"}]
    assert [step["result"] for step in found["levels"][0]["steps"]] == ["5", "3"]
    assert "Rows with 7 get it by lookup from stream items.\n" in told(command, config, "A")


def test_a_recognised_stream_is_explained_too(command: Command) -> None:
    """Without `streams` the mapping is found by the columns again."""
    config = {"ledger": "ledger.db", "stock_buffer": 1, "streams": None}
    for stock in (9, 5):
        run(command, [schema("stock", "sku", "stock"), row("stock", sku="A", stock=stock)], config)
    (found,) = fields(command, config, "A")["levels"]
    assert [step["result"] for step in found["steps"]] == ["5", "4"]


def test_what_is_refused_is_told_beside_what_was_accepted(command: Command) -> None:
    """An item that the shop does not list has no quantity; what to do is said."""
    with running(catalogue={"sku": ["A"]}) as sandbox:
        api = {"api_url": sandbox.api_url, **sandbox.credentials}
        config = {**BUFFERED, **api}
        run(command, [schema("levels"), said("A", "W", 9), said("B", "W", 9)], config)
        page = told(command, config, "B")
    assert "sku B at W: no accepted quantity is known\n" in page
    assert "  still refused: INV_001 Invalid SKU" in page
    assert "    Add it to the shop" in page


def test_an_item_that_was_never_seen_is_told_with_those_that_may_be_meant(
    command: Command, sandbox: Sandbox
) -> None:
    """As people type it; nothing of a name can control the terminal."""
    config = {**BUFFERED, "streams": [LEVELS]}
    assert "There is no ledger yet" in told(command, config, "KOPI")
    run(command, [schema("levels"), level("KOPI-250", "W", 9)], config)
    assert told(command, config, "kopi-25") == "kopi-25 was not seen; similar are KOPI-250.\n"
    run(command, [schema("levels"), level("GULA", "W", "many")], config)
    page = told(command, config, "GULA")
    assert page.startswith("GULA was not seen.\n")
    assert "rejected some rows itself (BAD_QUANTITY 1)" in page
    sandbox.set_scenario({"rules": [{"fault": {"reject": [{"code": "INV_009"}]}}]})
    run(command, [schema("levels"), level("TEH", "W", 1)], config)
    assert "rejected some rows itself" not in told(command, config, "GULA")
    found = fields(command, config, "\x1b[31mx")
    assert (found["seen"], found["levels"]) == (False, [])
    assert "\x1b" not in told(command, config, "\x1b[31mx")
