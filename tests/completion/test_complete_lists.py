"""What complete lists leave out, without a ledger or a window."""

from __future__ import annotations

from typing import Final

import msgspec

from target_tocobagus.completion.complete_lists import CompleteList, CompleteLists
from target_tocobagus.core.model import Complete, Identifier, Level, Outcome, Stock, Stream
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.window.pending import Item
from tests.delivery.scripted_run import make_settings

A: Final[Identifier] = ("sku", "a")
STREAM: Final = Stream("stock", entry="e")
OTHER: Final = Stream("stock", entry="f")


def waiting(position: int, *places: str, stream: Stream = STREAM) -> CompleteList:
    """Make a list of A that names some places."""
    return CompleteList(Complete(A, places), position, stream, b"{}")


def level(position: int, stream: Stream = STREAM) -> Level:
    """Make a level of 5."""
    return Level(5, position, stream)


def test_what_came_before_it_of_its_own_stream_is_left_out() -> None:
    """In the buffer, in the window or in flight; not a global stock."""
    lists = CompleteLists(None)
    lists.waiting = [waiting(3, "W1")]
    rows = [Item(A, {"W1": level(1), "W2": level(2), "W3": level(4)}, 1)]
    unsettled = {A: {"W4": level(1), "W5": level(1, OTHER), None: level(1)}}
    found = lists.resolve(rows, unsettled, None)
    (item,) = found.items
    assert {place: each.quantity for place, each in item.levels.items()} == {"W2": 0, "W4": 0}
    assert (item.low, item.urgent, lists.waiting, found.ended) == (3, True, [], {})


def test_no_state_covers_a_list_that_waits() -> None:
    """What it leaves out is not known before the next flush."""
    said: list[str] = []
    pipeline = Pipeline(wire(make_settings(dry_run=False), WakeUp(), emit=said.append))
    pipeline.maps_nothing = False
    pipeline.position = 1
    pipeline.take([Complete(A, ())], STREAM, b"{}")
    pipeline.stages.states.add(1, {"bookmark": msgspec.Raw(b"1")})
    pipeline.stages.shared.abandon()
    pipeline.abort(RuntimeError())
    assert said == []


def test_lists_of_one_item_in_one_record_are_one() -> None:
    """And an item of which a row is rejected has none."""
    pipeline = Pipeline(wire(make_settings(), WakeUp(), emit=lambda _: None))
    pipeline.position = 1
    outcomes: list[Outcome] = [Complete(A, ("W1",)), Stock(A, "W2", 5), Complete(A, ("W2", "W1"))]
    pipeline.take(outcomes, STREAM, b"{}")
    (one,) = pipeline.completion.lists.waiting
    assert (one.named.places, pipeline.totals.updates) == (("W1", "W2"), 1)
