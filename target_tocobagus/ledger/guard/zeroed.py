"""When levels were taken from above 0 to 0: noted with what is recorded, and counted.

A global stock-out takes the warehouses of its item to 0 and ends their memory. Those that it took
are *kept*, without a quantity, as long as they count.

The first warehouse of an item ends the memory of its global. The others may come later in the run,
and had the same stock until then: for a run, such a global is kept in mind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import BigInteger, bindparam, case, delete, func, null, select, update

from target_tocobagus.ledger.database.schema import level
from target_tocobagus.ledger.guard.guard import Count, holder_of_stock, taken_by
from target_tocobagus.ledger.levels.levels import GLOBAL, IS_GLOBAL, OF_ITEM, of_item
from target_tocobagus.ledger.levels.rules import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.guard.guard import Span
    from target_tocobagus.ledger.levels.levels import Known
    from target_tocobagus.ledger.levels.rules import Memory
    from target_tocobagus.window.pending import Item

_ENDED: Final = ("quantity", "accepted_at", "batch", "doubt", "version", "source")


class ZeroedLevels:
    """Those of one store. Most are noted when they are written; here are those of other levels."""

    def __init__(self, store: int, now: Callable[[], int | None]) -> None:
        """Note; `now` gives the time, in ms since the epoch, or ``None`` if nothing is counted."""
        self._store = store
        self._now = now
        self._ended: dict[Identifier, Known] = {}

    def end_globals(self, ended: Mapping[Identifier, Known]) -> None:
        """Keep globals in mind that warehouses have ended; they are not in stock any more."""
        if self._now() is not None:
            self._ended |= {
                one: msgspec.structs.replace(known, accepted_at=None)
                for one, known in ended.items()
            }

    def forget_globals(self, identifiers: Iterable[Identifier]) -> None:
        """Forget those of items that the store does not list any more."""
        for one in identifiers if self._ended else ():
            self._ended.pop(one, None)

    def with_ended(self, known: Mapping[Identifier, Memory]) -> Mapping[Identifier, Memory]:
        """Add to what is known of items their globals that have ended in this run."""
        ended = {
            one: {GLOBAL: self._ended[one], **known[one]}
            for one in self._ended.keys() & known.keys()
        }
        return {**known, **ended} if ended else known

    def note_accepted(
        self, writer: Connection, items: Iterable[Item], known: Mapping[Identifier, Memory]
    ) -> None:
        """Note the warehouses of which only the global was known, which has ended."""
        now, known = self._now(), self.with_ended(known)
        if now is not None:
            times = [
                (item.identifier, place, at)
                for item in items
                if GLOBAL in known[item.identifier] and item.is_out_of_stock()
                for place, at in _inherited(item, known[item.identifier], now)
            ]
            self._stamp(writer, times)

    def note_doubtful(
        self,
        writer: Connection,
        zeros: Iterable[tuple[Identifier, str]],
        known: Mapping[Identifier, Memory],
    ) -> None:
        """Note what stock-outs may have taken, given the item and location of each."""
        now, known = self._now(), self.with_ended(known)
        if now is not None:
            times = [
                (identifier, each, now)
                for identifier, place in zeros
                for each in taken_by(place, known.get(identifier, NOTHING))
            ]
            self._stamp(writer, times)

    def _stamp(self, writer: Connection, times: Iterable[tuple[Identifier, str, int]]) -> None:
        rows = [
            {"of_kind": kind, "of_identifier": text, "at": place, "time": time}
            for (kind, text), place, time in times
        ]
        if rows:
            at_place = level.c.location == bindparam("at")
            stamping = of_item(update(level), self._store).where(at_place)
            writer.execute(stamping.values(zeroed_at=bindparam("time")), rows)

    def keep_warehouses(
        self, writer: Connection, items: Iterable[Item], known: Mapping[Identifier, Memory]
    ) -> set[Identifier]:
        """End the memory of the warehouses of items whose global is sold out; what counts is kept.

        Returns:
            The items of which some were kept.
        """
        now = self._now()
        kept = [
            item.identifier
            for item in items
            if now is not None
            and item.is_out_of_stock()
            and _has_warehouses_to_keep(known[item.identifier])
        ]
        rows = [dict(zip(OF_ITEM, one, strict=True)) for one in kept]
        if rows:
            taken = case((level.c.quantity > 0, bindparam("time", now, type_=BigInteger)))
            at = func.coalesce(taken, level.c.zeroed_at)
            keeping = of_item(update(level), self._store).where(~IS_GLOBAL, at.is_not(None))
            writer.execute(keeping.values(**dict.fromkeys(_ENDED, null()), zeroed_at=at), rows)
            ending = of_item(delete(level), self._store).where(~IS_GLOBAL)
            writer.execute(ending.where(level.c.zeroed_at.is_(None)), rows)
        return set(kept)

    def end_kept(self, writer: Connection, span: Span) -> None:
        """Delete levels that were kept and count no longer."""
        columns = level.c
        is_kept = columns.quantity.is_(None) & columns.doubt.is_(None)
        is_over = (columns.zeroed_at <= span.zeroed_after) | (columns.zeroed_at > span.until)
        writer.execute(delete(level).where(columns.store == self._store, is_kept, is_over))


def count(reader: Connection, store: int, span: Span) -> Count:
    """Count all levels of a store."""
    columns = level.c
    is_zeroed = (columns.zeroed_at > span.zeroed_after) & (columns.zeroed_at <= span.until)
    is_recent = columns.accepted_at.between(span.accepted_from, span.until)
    group = case((is_zeroed, 0), ((columns.quantity > 0) & is_recent, 1))
    counting = select(func.count(case((group == 0, 1))), func.count(case((group == 1, 1))))
    zeroed, in_stock = reader.execute(counting.where(columns.store == store)).one()
    return Count(zeroed, in_stock)


def _inherited(item: Item, memory: Memory, now: int) -> Iterator[tuple[str, int]]:
    """Yield the warehouses that a stock-out took, or that were at 0 with the global, and since."""
    for place, stock in item.levels.items():
        holder = holder_of_stock(place or GLOBAL, memory)
        if place is None or stock.quantity or holder is None or holder.location != GLOBAL:
            continue
        at = now if holder.quantity else holder.zeroed_at
        if at is not None:
            yield place, at


def _has_warehouses_to_keep(memory: Memory) -> bool:
    return any(
        known.location != GLOBAL and (known.quantity or known.zeroed_at is not None)
        for known in memory.values()
    )
