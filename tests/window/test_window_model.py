"""The window against a plain model of it: any puts, picks and releases, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from target_tocobagus.core.model import Level, Stream
from target_tocobagus.window.buffer import RowBuffer
from target_tocobagus.window.ready import Limits
from target_tocobagus.window.window import Lease, Window

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.window.pending import Item

pytestmark = pytest.mark.timeout(400)  # to make a failure small takes minutes
STREAM = Stream("stock")
IDENTIFIERS: list[Identifier] = [
    ("sku", "a"),
    ("id", "a"),
    ("sku", "é" * 9),
    ("sku", "c"),
    ("sku", '"'),
]
PLACES = st.sampled_from([None, "A", "B", "warehouse C"])
SAID = st.lists(
    st.tuples(st.sampled_from(IDENTIFIERS), PLACES, st.sampled_from([0, 0, 1, 12345])),
    min_size=1,
    max_size=4,
    unique_by=lambda said: (said[0], said[1]),
)
LIMITS = st.builds(
    Limits,
    rows=st.integers(1, 5),
    levels=st.sampled_from([1, 2, 3, 5, 1_000_000]),
    wait=st.sampled_from([0, 2, 5]),
)


class Group:
    """What may share an item: rows of one identifier, all global or none."""

    def __init__(
        self, low: int, arrived: float, levels: dict[str | None, Level] | None = None
    ) -> None:
        self.low = low
        self.arrived = arrived
        self.levels = levels or {}

    def is_empty_somewhere(self) -> bool:
        """Tell whether it is a stock-out."""
        return any(level.quantity == 0 for level in self.levels.values())


class Out(NamedTuple):
    """What is in flight of one identifier."""

    low: int
    levels: dict[str | None, Level]


Remote = dict["Identifier", dict["str | None", int]]


def apply(remote: Remote, identifier: Identifier, place: str | None, quantity: int) -> None:
    """Do to a store what the API does with one level."""
    if place is None:
        remote[identifier] = {}
    remote.setdefault(identifier, {})[place] = quantity


class WindowAgainstModel(RuleBasedStateMachine):
    """The window and a model that keeps everything in plain lists and looks through all of it."""

    leases: Bundle[Lease] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(keeps_lines=True)
        self.now = 0.0
        self.position = 0
        self.line = b""
        self.waiting: dict[Identifier, list[Group]] = {}
        self.out: dict[Identifier, Out] = {}
        self.wanted: Remote = {}
        self.remote: Remote = {}

    @initialize(line=st.sampled_from([b"", b"{}", b"x" * 70]))
    def choose_line(self, line: bytes) -> None:
        """A run keeps all lines, or none."""
        self.line = line

    @rule(records=st.lists(st.tuples(SAID, st.booleans()), min_size=1, max_size=4))
    def put(self, records: Any) -> None:
        """Records of one or several updates each come in, and are handed over together."""
        row_buffer = RowBuffer()
        expected = 0
        for said, broadcast in records:
            self.position += 1
            for identifier, place, quantity in said:
                level = Level(quantity, self.position, STREAM, self.line, broadcast)
                row_buffer.add(identifier, place, level)
                expected += self._put_one(identifier, place, level)
        assert self.window.put(row_buffer, self.now) == expected

    def _put_one(self, identifier: Identifier, place: str | None, level: Level) -> int:
        apply(self.wanted, identifier, place, level.quantity)
        groups = self.waiting.setdefault(identifier, [])
        if not groups:
            groups.append(Group(level.position, self.now))
        if place is None:
            superseded = sum(len(group.levels) for group in groups)
            del groups[1:]
            groups[0].levels = {None: level}
            return superseded
        if None in groups[0].levels and len(groups) == 1:
            groups.append(Group(level.position, self.now))
        group = groups[-1]
        superseded = int(place in group.levels)
        group.levels[place] = level
        return superseded

    @rule(seconds=st.sampled_from([0.125, 1.0, 3.0, 11.0]))  # whose sums binary holds exactly
    def pass_time(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule(target=leases, limits=LIMITS)
    def pick(self, limits: Limits) -> Any:
        """A worker picks a batch."""
        self._check_full_or_due(limits)
        ready = self._ready()
        lease = self.window.pick(limits, self.now)
        if lease is None:
            assert not ready
            return multiple()
        for item in lease.items:
            assert item.identifier in self._next(ready, limits)
            group = ready.pop(item.identifier)
            assert (item.low, item.levels) == (group.low, group.levels)
            self._take(item.identifier)
        levels = sum(len(item.levels) for item in lease.items)
        assert len(lease.items) == 1 or levels <= limits.levels
        assert len(lease.items) <= limits.rows
        if ready and len(lease.items) < limits.rows:
            following = [len(ready[identifier].levels) for identifier in self._next(ready, limits)]
            assert levels + max(following) > limits.levels
        assert lease.low == min(item.low for item in lease.items)
        return lease

    def _take(self, identifier: Identifier) -> None:
        assert identifier not in self.out
        group = self.waiting[identifier].pop(0)
        if not self.waiting[identifier]:
            del self.waiting[identifier]
        self.out[identifier] = Out(group.low, group.levels)

    def _check_full_or_due(self, limits: Limits) -> None:
        ready = self._ready().values()
        due = min([group.arrived for group in ready], default=None)
        assert self.window.ready.due(limits) == (None if due is None else due + limits.wait)
        full = len(ready) >= limits.rows or self.window.ready.levels >= limits.levels
        is_due = due is not None and due + limits.wait <= self.now
        assert self.window.ready.is_full(limits) == full
        assert self.window.ready.is_due(limits, self.now) == is_due

    def _ready(self) -> dict[Identifier, Group]:
        return {key: groups[0] for key, groups in self.waiting.items() if key not in self.out}

    def _next(self, ready: dict[Identifier, Group], limits: Limits) -> list[Identifier]:
        """Find what may go next; several only where one record said them."""
        low = min(group.low for group in ready.values())
        oldest = [key for key, group in ready.items() if group.low == low]
        if ready[oldest[0]].arrived + max(2 * limits.wait, 1.0) <= self.now:
            return oldest
        urgent = {key: group for key, group in ready.items() if group.is_empty_somewhere()}
        low = min([group.low for group in urgent.values()], default=0)
        return [key for key, group in urgent.items() if group.low == low] or oldest

    @rule(target=leases, lease=consumes(leases), data=st.data())
    def release(self, lease: Lease, data: st.DataObject) -> Any:
        """A part of a batch, or all of it, is accepted."""
        part = data.draw(st.lists(st.sampled_from(lease.items), min_size=1, unique_by=id))
        self._release(lease, part)
        return lease if lease.items else multiple()

    def _release(self, lease: Lease, part: list[Item]) -> None:
        for item in part:
            for place, level in self.out.pop(item.identifier).levels.items():
                apply(self.remote, item.identifier, place, level.quantity)
        self.window.release(lease, part)

    @invariant()
    def lowest_is_the_true_lowest(self) -> None:
        """The lowest unsettled position is what looking through everything finds."""
        waiting = [group.low for groups in self.waiting.values() for group in groups]
        assert self.window.lowest() == min(
            [*waiting, *(out.low for out in self.out.values())], default=None
        )

    @invariant()
    def every_row_is_counted(self) -> None:
        """What waits or is out is what is unsettled."""
        waiting = sum(len(group.levels) for groups in self.waiting.values() for group in groups)
        assert self.window.unsettled() == waiting + sum(
            len(out.levels) for out in self.out.values()
        )
        assert self.window.waiting == sum(map(len, self.waiting.values()))
        assert self.window.idle == (not self.waiting and not self.out)

    @invariant()
    def weights_do_not_depend_on_history(self) -> None:
        """Count, size and weight are those of what waits, and of what is out, now."""
        out = {key: [Group(one.low, 0.0, one.levels)] for key, one in self.out.items()}
        weight = _refilled(self.waiting).weight + _refilled(out).weight
        ready = [len(group.levels) for group in self._ready().values()]
        assert abs(self.window.weight - weight) <= 500 * len(self.waiting)  # for what waits behind
        assert (len(self.window.ready), self.window.ready.levels) == (len(ready), sum(ready))
        if self.window.idle:
            assert self.window.weight == 0

    def teardown(self) -> None:
        """At the end all of it goes out, and the store holds the newest of everything."""
        limits = Limits(500, 1_000_000, 0)
        for identifier in list(self.out):
            item = self.window._items[identifier]  # noqa: SLF001  # the bundle is out of reach here
            lease = next(each for each in self.window._leases if item in each.items)  # noqa: SLF001
            self._release(lease, [item])
        while (lease_or_none := self.window.pick(limits, self.now)) is not None:
            for item in lease_or_none.items:
                self._take(item.identifier)
            self._release(lease_or_none, list(lease_or_none.items))
        assert self.window.idle
        assert self.remote == self.wanted


def _refilled(waiting: dict[Identifier, list[Group]]) -> Window:
    window = Window(keeps_lines=True)
    for identifier, groups in waiting.items():
        for group in groups:
            rows = [(identifier, place, level) for place, level in group.levels.items()]
            window.put(RowBuffer(rows), 0.0)
    return window


WindowAgainstModel.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None
)
TestWindowAgainstModel = WindowAgainstModel.TestCase
