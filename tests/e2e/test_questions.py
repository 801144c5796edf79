"""Without a mapping nothing is sent on a guess, and what a message offers can be pasted."""

from __future__ import annotations

import sys
from contextlib import closing
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.e2e.command import Command, level, row, schema, state, stock_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.e2e.command import Process
    from tests.local_sandbox import Sandbox


IMPATIENT: Final = """
from target_tocobagus.__main__ import main
from target_tocobagus.recognition.questions import Questions

Questions.patience = 1.0
main()
"""


class Impatient(Command):
    """Starts the command with little patience for a question."""

    @staticmethod
    def line(arguments: Iterable[str]) -> list[str]:
        """Give the whole command line."""
        return [sys.executable, "-c", IMPATIENT, *arguments]

    def _started(self, arguments: Iterable[str], env: Mapping[str, str]) -> Process:
        return super()._started(arguments, {"PYTHONUTF8": "1", **env})  # not by forking


def offered(log: str, first: str = "streams:") -> dict[str, Any]:
    """Read the last configuration that a log offers."""
    lines = log[log.rindex(f"\n{first}") + 1 :].splitlines()
    ours = takewhile(lambda line: line.startswith((" ", "streams:", "warehouse_map:")), lines)
    found: dict[str, Any] = yaml.safe_load("\n".join(ours))
    return found


def test_a_question_can_be_pasted_and_then_the_same_input_is_sent(
    command: Command, sandbox: Sandbox
) -> None:
    """The lines of the error are a configuration, by which the run goes well."""
    lines = [
        schema("stok toko", "SKU", "Gudang", "Stok Akhir", "Rak"),
        row("stok toko", **{"SKU": "A", "Gudang": "JKT", "Stok Akhir": 4, "Rak": "1"}),
        row("stok toko", **{"SKU": "A", "Gudang": "SBY", "Stok Akhir": 0, "Rak": "2"}),
        schema("wide", "SKU", "WH-JKT", "WH SBY"),
        row("wide", **{"SKU": "B", "WH-JKT": 1, "WH SBY": 2}),
        state(1),
    ]
    asked = command.run(lines, streams=None).without_traceback(2)
    assert asked.stdout == []
    assert sandbox.requests() == []
    assert asked.sums.skipped == 3

    config = offered(asked.stderr)
    codes = ["JKT", "SBY", "WH-JKT", "WH SBY"]
    assert [each["code"] for each in config["warehouse_map"]] == codes
    ended = command.run(lines, **config).without_traceback(0)

    assert ended.numbers == [1]
    assert sandbox.stock() == {
        ("sku", "A"): {"JKT": 4, "SBY": 0},
        ("sku", "B"): {"WH-JKT": 1, "WH SBY": 2},
    }


def test_the_codes_that_warehouse_map_lacks_can_be_pasted(
    command: Command, sandbox: Sandbox
) -> None:
    """The end of the log holds the map with each of them, by which no row is rejected."""
    codes = [{"code": "gudang 1", "client_id": "W1"}]
    new = ("gudang 2", 'y: "#', "no")
    rows = [level("A", place, number) for number, place in enumerate(("gudang 1", *new))]
    lines = [schema("levels"), *rows]
    first = command.run(lines, warehouse_map=codes).without_traceback(0)
    assert first.sums.rejected == 3
    command.run(lines, **offered(first.stderr, "warehouse_map:")).without_traceback(0)
    assert stock_of(sandbox) == {"A": {"W1": 0, "gudang 2": 1, 'y: "#': 2, "no": 3}}
    skipping = command.run(lines, warehouse_map=codes, unmapped_warehouse="skip")
    assert "codes that warehouse_map lacks" not in skipping.without_traceback(0).stderr


PLACED: Final = ("sku", "stock", "gudang")
LEVEL: Final = {"sku": "A", "stock": 3, "gudang": "JKT"}


@pytest.mark.parametrize(
    "later",
    [
        [schema("stock", "sku", "stock"), row("stock", sku="A", stock=4)],
        [schema("stock", *PLACED, "nama")],
        [schema("stock", "sku"), row("stock", sku="A")],
        [{"type": "SCHEMA", "stream": "stock", "schema": {}, "key_properties": []}],
    ],
    ids=["recognised", "asked about", "not stock", "no columns"],
)
def test_a_question_stays_whatever_the_next_schema_declares(
    later: list[dict[str, Any]], command: Command, sandbox: Sandbox
) -> None:
    """Its rows were skipped: a STATE that covers them would lose them."""
    lines = [schema("stock", *PLACED), row("stock", **LEVEL), state(1), *later, state(2)]
    ended = command.run(lines, streams=None).without_traceback(2)
    assert (ended.stdout, sandbox.requests()) == ([], [])
    assert offered(ended.stderr)["streams"][0]["warehouse"] == "gudang"


def test_a_question_ends_a_run_whose_tap_goes_on(command: Command, sandbox: Sandbox) -> None:
    """After the first question a run waits only a while for a stream that is recognised."""
    with closing(Impatient(command.directory, command.api)) as impatient:
        talk = impatient.talk(streams=None)
        talk.say(schema("stok", "SKU", "Stok"), row("stok", SKU="A", Stok=1), state(1))
        ended = talk.ended().without_traceback(2)
    assert offered(ended.stderr)["streams"][0]["stream"] == "stok"
    assert (ended.stdout, sandbox.requests()) == ([], [])


def test_mixed_scopes_can_be_pasted(command: Command, sandbox: Sandbox) -> None:
    """Global stock and stock per warehouse in one run is an error with the lines for either."""
    levels = [{"clientId": "W", "stock": 2}]
    lines = [
        schema("items", "sku", "stock"),
        schema("inventory", "sku", "warehouses"),
        row("items", sku="A", stock=1),
        row("inventory", sku="A", warehouses=levels),
        state(1),
    ]
    ended = command.run(lines, streams=None).without_traceback(2)
    assert ended.stdout == []
    assert sandbox.requests() == []
    command.run(lines, **offered(ended.stderr)).without_traceback(0)
    assert sandbox.stock() == {("sku", "A"): {"W": 2}}


def test_a_record_of_recognised_items_with_another_column_ends_the_run(
    command: Command, sandbox: Sandbox
) -> None:
    """What the SCHEMA does not declare may change what the stock means: no row after it is sent."""
    fine = [row("items", sku=f"S{number}", stock=number) for number in range(3)]
    marked = row("items", sku="B", stock=1, _sdc_extracted_at="2025-11-20T00:00:00Z")
    lines = [schema("items", "sku", "stock"), *fine, marked, state(1)]
    command.run(lines, streams=None).without_traceback(0)
    assert ("sku", "B") in sandbox.stock()

    strange = row("items", sku="C", stock=0, archived=True)
    ended = command.run([*lines, strange, state(2)], streams=None).without_traceback(2)
    assert "'archived'" in ended.stderr
    assert ("sku", "C") not in sandbox.stock()
    assert 2 not in ended.numbers


def test_no_state_goes_out_while_nothing_that_came_has_a_mapping(command: Command) -> None:
    """A first run that maps nothing does not move the bookmark; one without records does."""
    people = [schema("people", "name"), row("people", name="x")]
    assert command.run([state(1), *people, state(2)], streams=None).numbers == [1]
    assert command.run([schema("people", "name"), state(3)], streams=None).numbers == [3]
    items = [schema("items", "sku", "stock"), row("items", sku="A", stock=1)]
    assert command.run([*people, state(4), *items, state(5)], streams=None).numbers[-1] == 5
