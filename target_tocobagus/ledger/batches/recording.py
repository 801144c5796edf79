"""Records the way of a batch: marked, then answered, or given up.

Invariants:
- Levels are marked before a request that holds them leaves, in a transaction that is synced.
- A flight is deleted in the same transaction that records its last outcome.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, insert, select

from target_tocobagus.ledger.batches.changes import changes_of
from target_tocobagus.ledger.batches.flight import Answered, Flight, Sent, read_marks, read_zeros
from target_tocobagus.ledger.batches.level_rows import LevelRows
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.guard.counting import Counter
from target_tocobagus.ledger.guard.guard import OFF
from target_tocobagus.ledger.guard.holding import Guard
from target_tocobagus.ledger.levels.levels import GLOBAL, IS_GLOBAL, Known
from target_tocobagus.ledger.levels.rules import NOTHING, Memory, marked_in, newer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.levels.rejections import NotAccepted
    from target_tocobagus.ledger.levels.tables import Tables
    from target_tocobagus.window.pending import Item


_LAND: Final = delete(schema.flight).where(schema.flight.c.id == bindparam("number"))


class Recorder:
    """Records the batches of one run.

    Attributes:
        guard: Holds stock-outs.
    """

    def __init__(self, tables: Tables, store: int, run: int, max_zeroed_percent: int = OFF) -> None:
        self._connections = tables.connections
        self._levels = tables.levels
        self._rows = LevelRows(tables)
        self._rejections = tables.rejections
        self._sources = tables.sources
        self._now_ms = tables.now_ms
        self._store = store
        self._run = run
        self._counter = Counter(tables, store, is_on=max_zeroed_percent < OFF)
        self._zeroed = self._counter.zeroed
        self.guard = Guard(self._counter, max_zeroed_percent)

    def recover(self, writer: Connection) -> None:
        """Turn the flights of runs that died into marks."""
        self._counter.begin(writer)
        of_store = schema.flight.c.store == self._store
        flights = select(schema.flight.c.run, schema.flight.c.marks).where(of_store)
        for run, marks in writer.execute(flights).all():
            sent = read_marks(marks)
            known = self._levels.recall(writer, sent)
            self._rows.mark(writer, sent, run, known)
            self._zeroed.note_doubtful(writer, read_zeros(marks), known)
        writer.execute(delete(schema.flight).where(of_store))

    def mark(
        self, items: Sequence[Item], known: dict[Identifier, dict[str, Known]]
    ) -> Flight | None:
        """Mark the levels of items before a request with them leaves; in a dry run, nothing.

        Updates that the guard holds are left out.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if self._connections.reads_only:
            return None
        in_doubt = any(marked_in(self._run, memory) for memory in known.values())

        def write(writer: Connection) -> Flight:
            judged = self.guard.judge(writer, items, self._zeroed.with_ended(known))
            left = judged.items
            rows = self._rows.encoded(writer, left)
            marks = ",".join(f'["{kind}",{source},{text}]' for (kind, source), text in rows.items())
            values = {"store": self._store, "run": self._run, "marks": f"[{marks}]"}
            number = schema.add(writer, schema.flight, values) if left else 0
            held, pending = judged.held, judged.pending
            return Flight(number, known, _count(left), rows, in_doubt, held, pending)

        return self._connections.write(write)

    def record(self, flight: Flight, answered: Answered, *, last: bool) -> None:
        """Record what a reply settles; refused rows are kept with their records.

        Args:
            flight: The batch.
            answered: What it settles.
            last: Nothing of the batch is left.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        kept = [refusal for refusal in answered.refused if not refusal.is_skipped]
        items = (answered.accepted, [each.item for each in answered.refused])

        def write(writer: Connection) -> None:
            batch = self._add_batch(writer, answered)
            with self._counter.following(writer, flight.known, flight.pending, items):
                self._accept(writer, flight, answered.accepted, batch)
                self._refuse(writer, flight, answered.refused)
            self._rejections.open(writer, kept, batch, self._now_ms())
            self._keep_versions(writer, flight, kept)
            if last:
                self._land(writer, flight)

        self._connections.write(write, sync=bool(kept))

    def leave(self, flight: Flight, refused: Iterable[NotAccepted]) -> None:
        """Give up a batch: what surely did not reach the API is as it was before.

        Args:
            flight: The batch.
            refused: Its items without an outcome, as if they were refused.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        rest = list(refused)
        items = [each.item for each in rest]

        def write(writer: Connection) -> None:
            with self._counter.following(writer, flight.known, flight.pending, ((), items)):
                self._refuse(writer, flight, rest)
            self._land(writer, flight)

        self._connections.write(write)

    def _add_batch(self, writer: Connection, answered: Answered) -> int:
        values = {
            "store": self._store,
            "run": self._run,
            "at": self._now_ms(),
            "request_id": answered.request_id,
            "batch_id": answered.batch_id,
            "accepted": _count(answered.accepted),
            "refused": _count([each.item for each in answered.refused]),
            "milliseconds": answered.milliseconds,
        }
        return schema.add(writer, schema.batch, values)

    def _accept(
        self, writer: Connection, flight: Flight, items: Sequence[Item], batch: int
    ) -> None:
        now = self._now_ms()
        known = [item for item in items if item.identifier in flight.known]
        self._end_others(writer, flight, known)
        doubtful = flight.in_doubt or flight.unknown
        unsure = [item for item in items if self._is_in_doubt(item, flight)] if doubtful else []
        write = partial(
            self._rows.accept, writer, at=now, batch=batch, zeroed_at=self._counter.now()
        )
        if not unsure and _count(items) == flight.levels:
            write(flight.rows, doubt=None)
        else:
            others = {item.identifier for item in unsure}
            sure = [item for item in items if item.identifier not in others]
            write(self._rows.encoded(writer, sure), doubt=None)
            write(self._rows.encoded(writer, unsure), doubt=self._run)
        self._zeroed.note_accepted(writer, known, flight.known)
        if self._rejections.any:
            keys = [(*item.identifier, place or GLOBAL) for item in items for place in item.levels]
            self._rejections.close(writer, keys, now)
        self._add_changes(writer, flight, known, now, batch)

    def _add_changes(
        self, writer: Connection, flight: Flight, items: Sequence[Item], now: int, batch: int
    ) -> None:
        """Record the levels that had another value before; a first acceptance is no change."""
        changes = [
            {
                **change,
                "store": self._store,
                "at": now,
                "batch": batch,
                "source": self._sources.number(writer, stream),
            }
            for item in items
            for stream, change in changes_of(item, flight.known[item.identifier])
        ]
        if changes:
            writer.execute(insert(schema.change), changes)

    def _is_in_doubt(self, item: Item, flight: Flight) -> bool:
        """Whether a late attempt of this run may still change an item."""
        memory: Memory = flight.known.get(item.identifier, NOTHING)
        return item.identifier in flight.unknown or marked_in(self._run, memory)

    def _end_others(self, writer: Connection, flight: Flight, items: Sequence[Item]) -> None:
        """Forget the warehouses of items whose global was accepted, and the other way round."""
        globals_ = [item for item in items if None in item.levels]
        others = [item.identifier for item in items if None not in item.levels]
        kept = self._zeroed.keep_warehouses(writer, globals_, flight.known)
        ended = [item.identifier for item in globals_ if item.identifier not in kept]
        self._levels.forget(writer, ended, ~IS_GLOBAL)
        changed = [one for one in others if GLOBAL in flight.known[one]]
        self._levels.forget(writer, changed, IS_GLOBAL)
        self._zeroed.end_globals({one: flight.known[one][GLOBAL] for one in changed})

    def _refuse(self, writer: Connection, flight: Flight, refused: Sequence[NotAccepted]) -> None:
        """Forget items that the store does not list; mark those whose attempts are in doubt."""
        forgotten = [each.item.identifier for each in refused if each.is_unlisted]
        self._levels.forget(writer, forgotten)
        self._zeroed.forget_globals(forgotten)
        sent: Sent = {}
        for each in refused:
            item = each.item
            memory: Memory = flight.known.get(item.identifier, NOTHING)
            was_marked = each.is_unlisted and marked_in(self._run, memory)
            if item.identifier in flight.unknown or was_marked:
                places = sent.setdefault(item.identifier, {})
                for place, level in item.levels.items():
                    source = self._sources.number(writer, level.stream)
                    places[place or GLOBAL] = level.version, source
        known = {key: memory for key, memory in flight.known.items() if key not in forgotten}
        self._rows.mark(writer, sent, self._run, known)
        zeros = [
            (each.item.identifier, place or GLOBAL)
            for each in refused
            if each.item.identifier in sent
            for place, level in each.item.levels.items()
            if level.quantity == 0
        ]
        self._zeroed.note_doubtful(writer, zeros, known)

    def _keep_versions(
        self, writer: Connection, flight: Flight, refused: Sequence[NotAccepted]
    ) -> None:
        """Note the versions of refused rows: an older row is stale, although none was accepted."""
        rows = []
        for item in [each.item for each in refused]:
            memory: Memory = flight.known.get(item.identifier, NOTHING)
            for place, level in item.levels.items():
                known = memory.get(place or GLOBAL)
                sent = (level.version, self._sources.number(writer, level.stream))
                if known is not None and known.source == sent[1] and newer(sent, known) == sent:
                    rows.append((*item.identifier, place or GLOBAL, *sent))
        self._levels.set_versions(writer, rows)

    def _land(self, writer: Connection, flight: Flight) -> None:
        self._counter.land(flight.pending)
        writer.execute(_LAND, {"number": flight.number})


def _count(items: Iterable[Item]) -> int:
    return sum(map(len, [item.levels for item in items]))
