"""Rows that may be parts of one stock are warned about: at SCHEMA by the key, later by the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import LEVELS, STOCK, record, row, schema, state, stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

GLOBAL = {**STOCK, "warehouse": None}
ITEMS = {"stream": "stock", "items": "list", "sku": "sku", "stock": "qty"}


def warnings(stderr: str) -> list[str]:
    """Pick the warnings that are about rows that are parts."""
    lines = stderr.splitlines()
    return [line for line in lines if "WARNING" in line and "the last one wins" in line]


def lot(sku: Any, qty: Any, lot_id: Any, **more: Any) -> dict[str, Any]:
    """Make a RECORD message with a key of its own."""
    return record(sku, qty, lot_id=lot_id, **more)


@pytest.mark.parametrize(
    ("keys", "config", "named"),
    [
        (["sku", "lot"], {}, ["'lot'"]),
        (["id"], {}, []),
        (None, {}, []),
        (["sku", "lot"], {"streams": [{**GLOBAL, "combine": "last"}]}, []),
        (["sku", "lot"], {"streams": [{**GLOBAL, "where": "lot == `1`"}]}, []),
        (["sku", "wh"], {"streams": [{**STOCK, "warehouse": "wh"}]}, []),
        (["sku", "lot"], {"streams": [{**GLOBAL, "where": "length(keys(@)) > `1`"}]}, []),
    ],
)
def test_a_key_with_columns_that_the_mapping_does_not_read_is_warned_about(
    keys: Any, config: dict[str, Any], named: list[str], command: Command
) -> None:
    """The warning comes once, at SCHEMA, and not for a lone surrogate key or `combine: last`."""
    columns = ("sku", "qty", "wh", "lot", "bin", "id")
    lines = [schema("stock", *columns, key_properties=keys), schema("stock", key_properties=keys)]
    ended = command.run([*lines, state(1)], **{"streams": [GLOBAL], **config}).without_traceback(0)
    found = warnings(ended.stderr)
    assert len(found) == len(named)
    assert all(name in line for name, line in zip(named, found, strict=True))


LOTS: list[tuple[list[dict[str, Any]], bool]] = [
    ([lot("A", 40, 101), lot("A", 25, 102)], True),
    ([lot("A", "40", 101), lot("A", 25.0, 102)], True),
    ([lot("X", 1, 1), lot("A", 40, 101), lot("B", 2, 2), lot("A", 25, 102)], True),
    ([lot("A", 40, 101), lot("A", 40, 102)], False),
    ([lot("A", 40, 101), lot("A", 25, 101)], False),
    ([lot("A", 40, 101), lot("B", 25, 102)], False),
    ([lot("A", 40, None), lot("A", 25, 102)], False),
    ([record("A", 40), lot("A", 25, 102)], False),
    ([lot("A", 40, 101), lot("A", None, 102)], False),
    ([lot("A", 40, 101), lot("A", 9, 101, _sdc_deleted_at="x"), lot("A", 25, 102)], False),
]


@pytest.mark.parametrize(("lots", "warned"), LOTS, ids=str)
@pytest.mark.parametrize("warm", [0, 3], ids=["general", "lane"])
def test_rows_of_two_keys_that_differ_are_warned_about_once(
    lots: list[dict[str, Any]], warm: int, *, warned: bool, command: Command, sandbox: Sandbox
) -> None:
    """Both keys and quantities are named; the last row wins all the same."""
    first = [lot(f"W{number}", number, number) for number in range(warm)]
    more = [lot("Z", 1, 901), lot("Z", 2, 902)] if warned else []
    lines = [schema("stock", "sku", "qty", "lot_id", key_properties=["lot_id"]), *first, *lots]
    ended = command.run([*lines, *more, state(1)], on_delete="zero").without_traceback(0)
    found = warnings(ended.stderr)
    assert len(found) == warned
    if warned:
        for told in ("sku 'A'", "40 (lot_id 101)", "25 (lot_id 102)"):
            assert told in found[0]
        assert stock_of(sandbox)["A"] == {None: 25}


def test_combine_last_silences_the_warning(command: Command) -> None:
    """It says that the last row is meant to win."""
    lines = [schema("stock", "sku", "qty", "lot_id", key_properties=["lot_id"])]
    lines += [lot("A", 40, 101), lot("A", 25, 102), lot("A", 5, 103)]
    ended = command.run(lines, streams=[{**STOCK, "combine": "last"}]).without_traceback(0)
    assert warnings(ended.stderr) == []


def test_locations_and_lists_are_looked_at_by_item_and_place(command: Command) -> None:
    """Two places of one item are not parts; two records' lists that name one item may be."""
    columns = ("sku", "wh", "qty", "id")
    level = schema("levels", *columns, key_properties=["id"])
    rows = [record("A", 1, "levels", wh="W1", id=1), record("A", 2, "levels", wh="W2", id=2)]
    assert warnings(command.run([level, *rows]).without_traceback(0).stderr) == []
    again = record("A", 3, "levels", wh="W2", id=3)
    (found,) = warnings(command.run([level, *rows, again]).without_traceback(0).stderr)
    assert "sku 'A' at 'W2'" in found
    lists = [row("stock", id=n, list=[{"sku": "A", "qty": n}]) for n in (1, 2)]
    items = schema("stock", "id", "list", key_properties=["id"])
    ended = command.run([items, *lists], streams=[ITEMS, LEVELS]).without_traceback(0)
    assert len(warnings(ended.stderr)) == 1


@pytest.mark.parametrize(
    ("rows", "config", "told"),
    [
        ([("A", 40), ("B", 1), ("A", 25)], {}, "40 (record 1) and 25 (record 3)"),
        ([("A", "40"), ("A", "25.5")], {}, "40 (record 1) and 25 (record 2)"),
        ([("A", 40), ("A", 40)], {}, ""),
        ([("A", 40), ("A", 25)], {"combine": "last"}, ""),
    ],
)
def test_two_rows_that_differ_need_no_key_to_be_warned_about(
    command: Command, rows: list[tuple[Any, Any]], config: dict[str, Any], told: str
) -> None:
    """A file often has none, and it may have a row for each lot."""
    lines = [schema("stock", "sku", "qty", key_properties=[])]
    lines += [record(sku, qty) for sku, qty in rows]
    ended = command.run([*lines, state(1)], streams=[{**GLOBAL, **config}]).without_traceback(0)
    found = warnings(ended.stderr)
    assert len(found) == bool(told)
    assert told in "".join(found)


def test_without_a_key_the_first_rows_are_looked_at(command: Command) -> None:
    """It takes time, so it ends some time after ten thousand items; each row is read once."""
    rows = [record(f"A{number}", 1) for number in range(15_000)]
    lines = [schema("stock", "sku", "qty", key_properties=[]), *rows, record("A14999", 2), state(1)]
    ended = command.run(lines, streams=[GLOBAL]).without_traceback(0)
    assert warnings(ended.stderr) == []
    assert (ended.sums.updates, ended.sums.accepted + ended.sums.superseded) == (15_001, 15_001)


def test_what_was_sent_before_is_no_part(command: Command) -> None:
    """A row that was settled before is not compared with a new one."""
    talk = command.talk(batch_wait_seconds=1)
    talk.say(schema("stock", "sku", "qty", "lot_id", key_properties=["lot_id"]))
    talk.say(lot("A", 40, 101), state(1))
    assert talk.next_state()["bookmarks"]["stock"]["n"] == 1
    talk.say(lot("A", 25, 102), state(2))
    assert warnings(talk.end().without_traceback(0).stderr) == []


@pytest.mark.parametrize("combine", [None, "stock", "levels"])
def test_two_streams_that_differ_are_warned_about_once(
    combine: str | None, command: Command, sandbox: Sandbox
) -> None:
    """Both are named, until `combine: last` is written out in one of them."""
    names = ("stock", "levels")
    last = [{"combine": "last"} if name == combine else {} for name in names]
    mappings = [{**STOCK, "stream": name, **each} for name, each in zip(names, last, strict=True)]
    lines = [schema(), schema("levels", "sku", "qty"), record("A", 5), record("A", 6, "levels")]
    lines += [record("B", 7), record("B", 7, "levels"), record("C", 1), record("C", 2, "levels")]
    found = warnings(command.run(lines, streams=mappings).without_traceback(0).stderr)
    assert len(found) == (combine is None)
    for told in ("'stock' and 'levels'", "sku 'A'", "5 and 6") if found else ():
        assert told in found[0]
    assert stock_of(sandbox) == {"A": {None: 6}, "B": {None: 7}, "C": {None: 2}}
