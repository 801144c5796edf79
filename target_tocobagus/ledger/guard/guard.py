"""The guard: what is counted, and which stock-out is one too many; pure.

A source that breaks often says 0 for all that it has. So of the levels in stock only a share may
fall to 0 within a time; the stock-out that would lift the share above it is *held*.

Counted are levels that were taken from above 0 to 0, or may have been: their `zeroed_at` says when.
The base is what is counted and what is in stock. A clock may be corrected between two runs, so a
time that is a little ahead counts too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.ledger.levels.levels import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_tocobagus.ledger.levels.levels import Known
    from target_tocobagus.ledger.levels.rules import Memory
    from target_tocobagus.window.pending import Item

OFF: Final = 100
"""The percentage that lets everything through."""

_HOUR: Final = 3_600_000
ZEROED_FOR: Final = 20 * _HOUR
"""How long a stock-out counts: less than a day, so that no nightly run lies on its edge."""
_IN_STOCK_FOR: Final = 30 * 24 * _HOUR
_AHEAD: Final = 20 * _HOUR
_FEWEST: Final = 20
"""Of fewer levels none is held: a small shop may well sell out."""


class Count(msgspec.Struct, frozen=True):
    """Levels that are counted as taken to 0, and levels in stock."""

    zeroed: int = 0
    in_stock: int = 0

    @property
    def base(self) -> int:
        """What the share is taken of."""
        return self.zeroed + self.in_stock

    def __add__(self, other: Count) -> Count:
        """Add what changes."""
        return Count(self.zeroed + other.zeroed, self.in_stock + other.in_stock)

    def __sub__(self, other: Count) -> Count:
        """Take off what has changed."""
        return Count(self.zeroed - other.zeroed, self.in_stock - other.in_stock)

    def exceeds(self, percent: int) -> bool:
        """Whether more than a percentage of the levels is taken to 0."""
        return self.base >= _FEWEST and self.zeroed * 100 > percent * self.base


class Span(msgspec.Struct, frozen=True):
    """Which times count, in ms since the epoch.

    Attributes:
        zeroed_after: Stock-outs count that are later than this.
        accepted_from: Levels in stock count that were accepted then or later.
        until: What is later than this is a clock's mistake, and counts as long ago.
    """

    zeroed_after: int
    accepted_from: int
    until: int

    def is_zeroed(self, known: Known | None) -> bool:
        """Whether a level is counted."""
        at = known.zeroed_at if known else None
        return at is not None and self.zeroed_after < at <= self.until

    def is_in_stock(self, known: Known | None) -> bool:
        """Whether a level counts as in stock."""
        if not known or not known.quantity or known.accepted_at is None:
            return False
        return self.accepted_from <= known.accepted_at <= self.until and not self.is_zeroed(known)

    def count(self, memories: Iterable[Memory]) -> Count:
        """Count the levels of items."""
        levels = [known for memory in memories for known in memory.values()]
        return Count(sum(map(self.is_zeroed, levels)), sum(map(self.is_in_stock, levels)))


def span_of(now: int, guard_from: int | None, *, fired: bool) -> Span:
    """Say which times count.

    Args:
        now: The API's time, in ms since the epoch.
        guard_from: Stock-outs up to then do not count.
        fired: The guard has held something, and no run has ended well since: what counted then
            still counts, whatever time has passed.
    """
    since = now - ZEROED_FOR
    if guard_from is None or guard_from > now + _AHEAD:
        return Span(since, now - _IN_STOCK_FOR, now + _AHEAD)
    until = max(now, guard_from) + _AHEAD
    if fired:
        return Span(guard_from, min(now, guard_from + ZEROED_FOR) - _IN_STOCK_FOR, until)
    return Span(max(guard_from, since), now - _IN_STOCK_FOR, until)


def holder_of_stock(place: str, memory: Memory) -> Known | None:
    """Return what says the stock at a place: of a warehouse without memory, the global one."""
    known = memory.get(place)
    return memory.get(GLOBAL) if known is None or known.quantity is None else known


def taken_by(place: str, memory: Memory) -> list[str]:
    """Return the levels of an item that a 0 at a place takes from above 0: a global takes all."""
    if place == GLOBAL:
        # A global that has ended is without a time; see `ZeroedLevels.end_globals`.
        return [known.location for known in memory.values() if known.quantity and known.accepted_at]
    known = holder_of_stock(place, memory)
    return [place] if known is not None and known.quantity else []


class StockOut(msgspec.Struct, frozen=True):
    """An update that takes levels from above 0 to 0.

    Attributes:
        place: Of the update.
        old: What is known to be there, of all levels together.
        change: Of the count.
    """

    place: str | None
    old: int
    change: Count


def stock_outs(item: Item, memory: Memory, span: Span) -> Iterator[StockOut]:
    """Yield the updates of an item that take levels to 0 which are not counted yet."""
    ended: set[str] = set()  # the global ends with the first warehouse, and counts only once
    for place, level in item.levels.items():
        taken = taken_by(place or GLOBAL, memory) if level.quantity == 0 else []
        new = [each for each in taken if not span.is_zeroed(memory.get(each))]
        before = [known for each in new if (known := holder_of_stock(each, memory))]
        gone = {known.location for known in before if span.is_in_stock(known)} - ended
        ended |= gone
        if new:
            old = sum(known.quantity or 0 for known in before)
            yield StockOut(place, old, Count(len(new), -len(gone)))


def may_move(item: Item, memory: Memory, span: Span) -> bool:
    """Whether an answer to an item may change the count; mostly it does not."""
    is_alike = set(memory) == {GLOBAL} if None in item.levels else GLOBAL not in memory
    if not is_alike:
        return True
    for place, level in item.levels.items():
        known = memory.get(place or GLOBAL)
        if known is None or known.zeroed_at is not None:
            return True
        is_known = span.is_in_stock(known) if level.quantity else not known.quantity
        if not is_known:
            return True
    return False
