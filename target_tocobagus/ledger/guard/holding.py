"""Holds the stock-outs that are too many, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.core.errors import StockOutsHeld
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.plural import counted
from target_tocobagus.ledger.guard.guard import OFF, Count, stock_outs
from target_tocobagus.ledger.levels.rules import NOTHING
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.guard.counting import Counter, Pending
    from target_tocobagus.ledger.guard.guard import Span, StockOut
    from target_tocobagus.ledger.levels.rules import Memory
    from target_tocobagus.window.buffer import Unsent

_MOST_NAMED: Final = 10


class Judged(msgspec.Struct):
    """What the guard says of a batch.

    Attributes:
        items: What is to be sent.
        held: What is not.
        pending: What the former change in the count.
    """

    items: Sequence[Item]
    held: Unsent
    pending: Pending


class Guard:
    """Judges batches when they are marked; one at a time, so that no two of them share the rest.

    Attributes:
        counter: Counts what falls to 0.
        held: How many updates were held.
        sees_all: The run sees what the tap gives, so that its good end counts.
    """

    def __init__(self, counter: Counter, percent: int) -> None:
        """Use a count; `percent` of the levels may fall to 0."""
        self.counter = counter
        self._percent = percent
        self.held = 0
        self.sees_all = True
        self._examples: list[str] = []
        self._count = Count()

    def judge(
        self, writer: Connection, items: Sequence[Item], known: Mapping[Identifier, Memory]
    ) -> Judged:
        """Count the stock-outs of a batch, and hold those that are too many."""
        judged = Judged(items, {}, {})
        if not (known and self.counter.is_on):
            return judged
        out = [item for item in items if item.identifier in known and item.is_out_of_stock()]
        if out:
            span = self.counter.span(writer)
            for item in out:
                self._judge_item(item, known[item.identifier], span, judged)
            if judged.held:
                judged.items = _without(items, judged.held)
                self.counter.fire(writer, span)
        return judged

    def _judge_item(self, item: Item, memory: Memory, span: Span, judged: Judged) -> None:
        for one in stock_outs(item, memory, span):
            share = self.counter.total + one.change
            if share.exceeds(self._percent):
                judged.held.setdefault(item.identifier, {})[one.place] = "held"
                self._note(item.identifier, one)
            else:
                judged.pending[item.identifier, one.place] = one.change
                self.counter.depart(one.change)

    def _note(self, identifier: Identifier, one: StockOut) -> None:
        if not self.held:
            self._count = self.counter.total
        self.held += 1
        if self.held <= _MOST_NAMED:
            where = f" at {quoted(one.place)}" if one.place else ""
            self._examples.append(f"{identifier[0]} {quoted(identifier[1])}{where} {one.old} to 0")

    def refusal(
        self, writer: Connection, items: Iterable[Item], known: Mapping[Identifier, Memory]
    ) -> StockOutsHeld | None:
        """Say that one of some items would be held if all of them were sent."""
        if not self.counter.is_on:
            return None
        span, share = self.counter.span(writer), self.counter.total
        for item in items:
            for one in stock_outs(item, known.get(item.identifier, NOTHING), span):
                share += one.change
        if not share.exceeds(self._percent):
            return None
        return StockOutsHeld(
            f"GUARD: nothing was sent: {share.zeroed} of {share.base} levels in stock would have"
            f" fallen to 0 within 20 hours, and max_zeroed_percent allows {self._percent} %. If"
            f" that is right, send them with max_zeroed_percent {OFF}"
            f" (TARGET_TOCOBAGUS_MAX_ZEROED_PERCENT={OFF} with --config=ENV)"
        )

    def rest(self, writer: Connection) -> None:
        """Note the end of a run that has seen all rows."""
        if self.sees_all and not self.held:
            self.counter.rest(writer)

    def problem(self) -> StockOutsHeld | None:
        """Say what was held, at the end of a run."""
        if not self.held:
            return None
        more = self.held - len(self._examples)
        held = counted(self.held, "stock-out was", "stock-outs were")
        return StockOutsHeld(
            f"GUARD: {held} held back and not sent: {self._count.zeroed} of {self._count.base}"
            f" levels in stock have fallen to 0 within 20 hours, and max_zeroed_percent allows"
            f" {self._percent} %. Held back: {', '.join(self._examples)}"
            f"{f' and {more} more' if more else ''}. If the source is wrong, correct it: the rows"
            " come again. If it is right, run once with max_zeroed_percent"
            f" {OFF} (TARGET_TOCOBAGUS_MAX_ZEROED_PERCENT={OFF} with --config=ENV)"
        )


def _without(items: Sequence[Item], held: Unsent) -> list[Item]:
    """Return items without the updates that are held."""
    left = []
    for item in items:
        gone = held.get(item.identifier)
        if gone is None:
            left.append(item)
        elif len(gone) < len(item.levels):
            levels = {place: level for place, level in item.levels.items() if place not in gone}
            left.append(Item(item.identifier, levels, item.low))
    return left
