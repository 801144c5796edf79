"""Counts for the guard during a run: what falls to 0, and what is in stock.

What is in flight is counted in memory; after a crash its flight says it. All else is counted by the
columns of levels: all of them when the first stock-out comes, and then those that an answer
changes. Each method is called by the one thread that writes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import select, update

from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.guard.guard import Count, may_move, span_of
from target_tocobagus.ledger.guard.zeroed import ZeroedLevels, count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.guard.guard import Span
    from target_tocobagus.ledger.levels.rules import Memory
    from target_tocobagus.ledger.levels.tables import Tables
    from target_tocobagus.window.pending import Item

Pending: TypeAlias = "dict[Place, Count]"
"""What the updates of a flight change."""

_NOTHING: Final = Count()
_AGAIN_AFTER: Final = 3_600_000


class Counter:
    """The count of one store.

    Attributes:
        is_on: Something is counted: there is a guard.
        zeroed: Notes when levels fall to 0.
        has_fired: The guard has held something, in this run or since a run ended well.
    """

    def __init__(self, tables: Tables, store: int, *, is_on: bool) -> None:
        self._levels = tables.levels
        self._now_ms = tables.now_ms
        self._store = store
        self.is_on = is_on
        self.zeroed = ZeroedLevels(store, self.now)
        self.has_fired = False
        self._guard_from: int | None = None
        self._span: Span | None = None
        self._counted_at = 0
        self._recorded = _NOTHING
        self._in_flight = _NOTHING

    def begin(self, writer: Connection) -> None:
        """Begin a run; one without the guard empties the count."""
        if self.is_on:
            columns = schema.store.c
            found = select(columns.guard_from, columns.guard_fired)
            row = writer.execute(found.where(columns.id == self._store)).one()
            self._guard_from, self.has_fired = row
        else:
            self._set(writer, self._now_ms(), fired=False)

    def fire(self, writer: Connection, span: Span) -> None:
        """Note that something is held: what counts now will count until a run ends well."""
        if not self.has_fired:
            self._set(writer, span.zeroed_after, fired=True)

    def rest(self, writer: Connection) -> None:
        """Note that a run has ended well and nothing was held."""
        if self.has_fired:
            self._set(writer, self._guard_from, fired=False)

    def _set(self, writer: Connection, guard_from: int | None, *, fired: bool) -> None:
        self._guard_from, self.has_fired = guard_from, fired
        setting = update(schema.store).where(schema.store.c.id == self._store)
        writer.execute(setting, {"guard_from": guard_from, "guard_fired": fired})

    def now(self) -> int | None:
        """Return the time, which is later than what does not count; ``None`` without a guard."""
        return max(self._now_ms(), (self._guard_from or 0) + 1) if self.is_on else None

    def span(self, writer: Connection) -> Span:
        """Say which times count, and count all levels if that was long ago or never."""
        now = self._now_ms()
        if self._span is None or abs(now - self._counted_at) > _AGAIN_AFTER:
            self._span = span_of(now, self._guard_from, fired=self.has_fired)
            self._counted_at = now
            self.zeroed.end_kept(writer, self._span)
            self._recorded = count(writer, self._store, self._span)
        return self._span

    @property
    def total(self) -> Count:
        """What counts now, with what is in flight."""
        return self._recorded + self._in_flight

    def depart(self, change: Count) -> None:
        """Count an update that will be sent."""
        self._in_flight += change

    def land(self, pending: Pending) -> None:
        """Count the updates of a flight no longer as in flight."""
        while pending:
            self._in_flight -= pending.popitem()[1]

    @contextmanager
    def following(
        self,
        writer: Connection,
        known: Mapping[Identifier, Memory],
        pending: Pending,
        answered: tuple[Sequence[Item], Sequence[Item]],
    ) -> Iterator[None]:
        """Follow what an answer changes.

        Args:
            writer: Where it is recorded.
            known: What was known of the items of the flight.
            pending: What is in flight of it.
            answered: The items that were accepted, and those that were not.
        """
        span = self._span
        if span is None:  # nothing was counted yet
            yield
            return
        items = [item for part in answered for item in part]
        moving = [
            item.identifier
            for item in answered[0]
            if (memory := known.get(item.identifier)) and may_move(item, memory, span)
        ]
        moving += [item.identifier for item in answered[1] if item.identifier in known]
        before = self._count_items(writer, moving, span)
        yield
        self._recorded += self._count_items(writer, moving, span) - before
        self._recorded += Count(0, _count_new(answered[0], known))
        self.land(
            {
                (item.identifier, place): pending.pop((item.identifier, place))
                for item in (items if pending else ())
                for place in item.levels
                if (item.identifier, place) in pending
            }
        )

    def _count_items(
        self, writer: Connection, identifiers: Sequence[Identifier], span: Span
    ) -> Count:
        if not identifiers:
            return _NOTHING
        return span.count(self._levels.recall(writer, identifiers).values())


def _count_new(accepted: Sequence[Item], known: Mapping[Identifier, Memory]) -> int:
    """Count the levels in stock of items of which nothing was known."""
    new = [item for item in accepted if item.identifier not in known]
    return sum(level.quantity > 0 for item in new for level in item.levels.values())
