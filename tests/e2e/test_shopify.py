"""What tap-shopify 3.13 wrote, of a stand-in for Shopify, goes into the sandbox by real pipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

RECORDED: Final = Path(__file__).parents[1] / "data" / "tap-shopify.singer"
JAKARTA, BANDUNG = "gid://shopify/Location/3", "gid://shopify/Location/4"
STOCK: Final = {"GULA-1KG": {JAKARTA: 0}, "KOPI-250": {JAKARTA: 12, BANDUNG: 5}}


def recorded(*, without: str = "") -> list[dict[str, Any]]:
    """Read the messages, if need be without those of a stream."""
    messages = [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()]
    return [message for message in messages if message.get("stream") != without]


def levels_first() -> list[dict[str, Any]]:
    """Change the order as the tap does when a run has stopped within the levels."""
    messages = recorded()
    schemas = [each for each in messages if each["type"] == "SCHEMA"]
    levels = [each for each in messages if each.get("stream") == "inventory_levels"]
    items = [each for each in messages if each.get("stream") == "inventory_items"]
    records = [each for each in (*levels, *items) if each["type"] == "RECORD"]
    return [*schemas[::-1], *records, messages[-1]]


@pytest.mark.parametrize("lines", [recorded(), levels_first()], ids=["items first", "levels first"])
def test_levels_are_sent_with_the_skus_of_their_items(
    lines: list[dict[str, Any]], command: Command, sandbox: Sandbox
) -> None:
    """Without `streams`: the two are recognised together; untracked items are left out."""
    ended = command.run(lines, ledger="ledger.db", streams=None).without_traceback(0)
    assert stock_of(sandbox) == STOCK
    assert ended.states[-1]["bookmarks"] == lines[-1]["value"]["bookmarks"]
    assert "is ignored" not in ended.stderr
    again = command.run(lines, ledger="ledger.db", streams=None).without_traceback(0)
    assert (again.sums.accepted, again.unchanged) == (0, 3)


def test_without_a_ledger_a_draft_says_what_is_needed(command: Command, sandbox: Sandbox) -> None:
    """It is a question, and nothing is sent."""
    ended = command.run(recorded(), streams=None).without_traceback(2)
    assert "it needs the setting ledger" in ended.stderr
    assert "lookup: {stream: inventory_items, match: id" in ended.stderr
    assert sandbox.requests() == []
    assert not any("inventory_items" in each["bookmarks"] for each in ended.states)


def test_without_the_items_a_person_is_asked(command: Command, sandbox: Sandbox) -> None:
    """The SKUs are in the stream that is not selected."""
    lines = recorded(without="inventory_items")
    ended = command.run(lines, ledger="ledger.db", streams=None).without_traceback(2)
    assert "the tap must write the stream 'inventory_items' too" in ended.stderr
    assert sandbox.requests() == []
