"""When a STATE is written, and what is on disk before it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from target_tocobagus.state.writer import StateWriter


class Written:
    """What a writer did, in its order."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.states = StateWriter(self._emit, self._sync, seconds=5)

    def _emit(self, text: str) -> None:
        self.done.append(json.loads(text))

    def _sync(self) -> None:
        self.done.append("sync")


def value(number: int) -> dict[str, msgspec.Raw]:
    """Make a tap's STATE."""
    return {"at": msgspec.Raw(b"%d" % number)}


def test_what_was_rejected_is_on_disk_before_a_state_covers_it() -> None:
    """The file is synced first, each time."""
    written = Written()
    written.states.emit(value(1), {"rejected": 1}, now=10.0)
    written.states.emit(value(2), {"rejected": 2}, now=20.0)
    assert written.done == [
        "sync",
        {"at": 1, "tocobagus": {"rejected": 1}},
        "sync",
        {"at": 2, "tocobagus": {"rejected": 2}},
    ]


def test_a_state_is_due_when_one_waits_and_its_second_has_passed() -> None:
    """The first is due at once, a later one so many seconds after the one before it."""
    states = Written().states
    dues = [states.due]
    states.add(3, value(3))
    dues.append(states.due)
    taken = states.take_safe(lowest=4)
    assert taken is not None
    states.emit(taken, {}, now=100.0)
    dues.append(states.due)
    states.add(4, value(4))
    assert states.take_safe(lowest=4) is None
    dues.append(states.due)
    assert dues == [None, 5.0, None, 105.0]


def test_at_the_end_the_latest_is_written_again_if_there_is_news() -> None:
    """It is written again only if it was written, and the sums have changed since."""
    written = Written()
    written.states.repeat({"accepted": 1}, now=1.0)
    assert written.done == []
    written.states.emit(value(1), {"accepted": 1}, now=1.0)
    written.states.repeat({"accepted": 1}, now=2.0)
    written.states.repeat({"accepted": 2}, now=2.0)
    assert written.done[2:] == ["sync", {"at": 1, "tocobagus": {"accepted": 2}}]
