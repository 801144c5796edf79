"""The ledger of one store, during one run.

Any thread may use it, and nothing here needs the lock of delivery. One connection writes, one
transaction at a time; another reads.

Invariants:
- Levels are marked before a request that holds them leaves, in a transaction that is synced.
- Their outcome is recorded before their identifiers are released, and before a STATE covers them.
- A flight is deleted in the same transaction that records its last outcome.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import delete, insert, select, update

from target_tocobagus import __version__
from target_tocobagus.core.errors import LedgerError
from target_tocobagus.core.foreign_text import clean, quoted
from target_tocobagus.ledger import schema
from target_tocobagus.ledger.database import name_process, set_sync, translated
from target_tocobagus.ledger.history import delete_before
from target_tocobagus.ledger.levels import GLOBAL, Known, LevelRow, Levels, Shared
from target_tocobagus.ledger.memory import (
    NOTHING,
    Memory,
    doubted,
    judge,
    marked_in,
    newer,
)
from target_tocobagus.ledger.rejections import OpenRejections, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Level, Stream
    from target_tocobagus.window.buffer import Unsent
    from target_tocobagus.window.pending import Item

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR


class Options(msgspec.Struct, frozen=True):
    """What the configuration says.

    Attributes:
        resend_hours: After so long an accepted value is sent again, also if it is unchanged.
        history_days: How long batches, changes and closed rejections are kept.
    """

    resend_hours: int
    history_days: int


class Compared(msgspec.Struct, frozen=True):
    """Items beside what is known of them.

    Attributes:
        known: What is remembered, by item.
        unsent: What needs no request.
    """

    known: dict[Identifier, dict[str, Known]]
    unsent: Unsent


class Flight(msgspec.Struct, eq=False):
    """A batch that is marked.

    Attributes:
        number: Its row of the table of flights.
        known: What was known of its items.
        unknown: Items of which an attempt of this batch had an unknown outcome.
    """

    number: int
    known: dict[Identifier, dict[str, Known]]
    unknown: set[Identifier] = msgspec.field(default_factory=set)


class Answered(msgspec.Struct, frozen=True):
    """What a reply settles.

    Attributes:
        accepted: Items that the API has accepted.
        refused: Items that it has refused.
        request_id: Of the reply.
        batch_id: Of the reply, if it has one.
        milliseconds: How long the request took.
    """

    accepted: Sequence[Item]
    refused: Sequence[Refusal]
    request_id: str
    batch_id: str | None
    milliseconds: int


class Ledger:
    """The memory of one store.

    Attributes:
        has_accepted: The API has accepted something of this store, in any run before.
        stale_example: Describes the first update that was found stale.
    """

    def __init__(
        self,
        connections: tuple[Connection | None, Connection],
        store: int,
        now_ms: Callable[[], int],
        options: Options,
        close: Callable[[], None],
    ) -> None:
        """Use a ledger that is open.

        Args:
            connections: To write (``None`` in a dry run), and to read.
            store: The number of the store.
            now_ms: The API's time, as far as it is known.
            options: What the configuration says.
            close: Called when the run is over.
        """
        self._writer, self._reader = connections
        self._store = store
        self._now_ms = now_ms
        self._keep = options.resend_hours * _HOUR
        self._history = options.history_days * _DAY
        self._close = close
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self.reads_only = self._writer is None
        dialect = self._reader.dialect.name
        self._levels = Levels(store, dialect)
        self._rejections = OpenRejections(store, dialect)
        self._sources: dict[tuple[str, str], int] = {}
        self._latest: tuple[Stream | None, int] = (None, 0)
        self.stale_example = ""
        self._run = 0
        with self._reading() as reader:
            known = select(schema.level.c.store).where(
                schema.level.c.store == store, schema.level.c.quantity.is_not(None)
            )
            self.has_accepted = reader.execute(known.limit(1)).first() is not None
            self._rejections.count(reader)
            for number, stream, entry in reader.execute(select(schema.source)):
                self._sources[stream, entry] = number

    def begin(self) -> None:
        """Begin a run: turn flights of runs that died into marks.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        with self._writing() as writer:
            values = {
                "store": self._store,
                "started_at": self._now_ms(),
                "who": name_process(),
                "version": __version__,
            }
            self._run = schema.add(writer, schema.run, values)
            flights = select(schema.flight.c.run, schema.flight.c.marks).where(
                schema.flight.c.store == self._store
            )
            for run, marks in writer.execute(flights).all():
                sent = _sent_of(msgspec.json.decode(marks))
                self._doubt(writer, sent, run, self._levels.recall(writer, sent))
            writer.execute(delete(schema.flight).where(schema.flight.c.store == self._store))

    def screen(self, items: Sequence[Item]) -> Unsent:
        """Find the updates that need no request, before they wait for one.

        An item that is named several times is left out: only the last of its values counts.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        times = Counter([item.identifier for item in items])
        alone = items
        if len(times) < len(items):
            alone = [item for item in items if times[item.identifier] == 1]
        plain = [item for item in alone if not any(map(_is_special, item.levels.values()))]
        unsent: Unsent = self._equal(plain) if plain else {}
        if len(plain) < len(alone):
            known = {item.identifier for item in plain}
            others = [item for item in alone if item.identifier not in known]
            compared = self.compare(others)
            self.note_unsent(others, compared.unsent)
            unsent |= compared.unsent
        return unsent

    def _equal(self, items: Sequence[Item]) -> Unsent:
        """Find the levels that are not marked, and were accepted lately with the same quantity."""
        identifiers = [item.identifier for item in items]
        now = self._now_ms()
        with self._reading() as reader:
            since = now - self._keep * 3 // 4 + 1
            certain = self._levels.certain(reader, identifiers, since, now)
            rejected = self._rejections.items(reader, identifiers)
        unsent: Unsent = {}
        for item in items if any(certain.values()) else ():
            kind, text = item.identifier
            same = {
                place: "unchanged"
                for place, level in item.levels.items()
                if (text, place or GLOBAL, level.quantity) in certain[kind]
                and item.identifier not in rejected
            }
            if same:
                unsent[item.identifier] = same
        return unsent

    def compare(self, items: Sequence[Item]) -> Compared:
        """Compare items with what is known of them."""
        with self._reading() as reader:
            known = self._levels.recall(reader, [item.identifier for item in items])
        compared = Compared(known, {})
        now = self._now_ms()
        for item in items if known else ():
            memory: Memory = known.get(item.identifier, NOTHING)
            for place, level in item.levels.items() if memory else ():
                where = place or GLOBAL
                key = (*item.identifier, where)
                source = self._sources.get(level.stream.source, -1)
                verdict = judge(key, level, source, memory, now=now, keep=self._keep)
                if verdict != "send":
                    compared.unsent.setdefault(item.identifier, {})[place] = verdict
                if verdict == "stale" and not self.stale_example:
                    self.stale_example = _describe_stale(key, level, memory[where])
        return compared

    def note_unsent(self, items: Sequence[Item], unsent: Unsent) -> None:
        """Record updates that need no request: newer versions of unchanged levels, and what closes.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if self._writer is None or not unsent:
            return
        versions = [
            (item.identifier, place or GLOBAL, level)
            for item in items
            for place, verdict in unsent.get(item.identifier, {}).items()
            if (level := item.levels[place]).version and verdict == "unchanged"
        ]
        if versions or self._rejections.any:
            keys = {(*one, place or GLOBAL) for one, places in unsent.items() for place in places}
            with self._writing() as writer:
                self._move_versions(writer, versions)
                self._rejections.close(writer, keys, self._now_ms())

    def mark(
        self, items: Sequence[Item], known: dict[Identifier, dict[str, Known]]
    ) -> Flight | None:
        """Mark the levels of items before a request with them leaves; in a dry run, nothing.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if self._writer is None:
            return None
        with self._writing() as writer:
            marks = [
                (*item.identifier, place or GLOBAL, *self._sent(writer, level), level.quantity)
                for item in items
                for place, level in item.levels.items()
            ]
            values = {
                "store": self._store,
                "run": self._run,
                "marks": msgspec.json.encode(marks).decode(),
            }
            number = schema.add(writer, schema.flight, values)
        return Flight(number, known)

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
        with self._writing(sync=bool(kept)) as writer:
            batch = self._add_batch(writer, answered)
            self._accept(writer, flight, answered.accepted, batch)
            self._refuse(writer, flight, answered.refused)
            self._rejections.open(writer, kept, batch, self._now_ms())
            if last:
                self._land(writer, flight)

    def leave(self, flight: Flight, refused: Iterable[Refusal]) -> None:
        """Give up a batch: what surely did not reach the API is as it was before.

        Args:
            flight: The batch.
            refused: Its items without an outcome, as if they were refused.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        with self._writing() as writer:
            self._refuse(writer, flight, list(refused))
            self._land(writer, flight)

    def last_accepted(self, most: int) -> list[tuple[Identifier, str | None, int]]:
        """Return the levels that were accepted last, without a mark; the newest last."""
        table = schema.level.c
        newest = (
            select(table.kind, table.identifier, table.location, table.quantity)
            .where(table.store == self._store, table.quantity.is_not(None), table.doubt.is_(None))
            .order_by(table.accepted_at.desc())
            .limit(most)
        )
        with self._reading() as reader:
            rows: Any = reader.execute(newest).all()
        return [
            ((kind, text), place or None, quantity) for kind, text, place, quantity in rows[::-1]
        ]

    def end(self, summary: dict[str, Any], problem: Exception | None) -> None:
        """Note how the run ended, and forget what is older than `history_days`.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if self.reads_only:
            return
        now = self._now_ms()
        with self._writing() as writer:
            ending = update(schema.run).where(schema.run.c.id == self._run)
            text = msgspec.json.encode(summary).decode()
            writer.execute(
                ending, {"ended_at": now, "error": problem and str(problem), "summary": text}
            )
            delete_before(writer, self._store, now - self._history)

    def close(self) -> None:
        """Close the connections; threads that still use them get an error."""
        with self._write_lock, self._read_lock:
            self._close()

    def _add_batch(self, writer: Connection, answered: Answered) -> int:
        values = {
            "store": self._store,
            "run": self._run,
            "at": self._now_ms(),
            "request_id": answered.request_id,
            "batch_id": answered.batch_id,
            "accepted": sum([len(item.levels) for item in answered.accepted]),
            "refused": sum([len(each.item.levels) for each in answered.refused]),
            "milliseconds": answered.milliseconds,
        }
        return schema.add(writer, schema.batch, values)

    def _accept(
        self, writer: Connection, flight: Flight, items: Sequence[Item], batch: int
    ) -> None:
        now = self._now_ms()
        known = [item for item in items if item.identifier in flight.known]
        self._end_others(writer, flight, known)
        alike: dict[tuple[str, int | None, int], list[LevelRow]] = {}
        for item in items:
            (kind, text), doubt = item.identifier, self._doubt_of(item, flight)
            for place, level in item.levels.items():
                row = (text, place or GLOBAL, level.quantity, level.version or None)
                source = self._source(writer, level.stream)
                alike.setdefault((kind, doubt, source), []).append(row)
        for (name, doubt, source), rows in alike.items():
            self._levels.write(writer, Shared(name, now, batch, doubt, source), rows)
            self._rejections.close(writer, [(name, *row[:2]) for row in rows], now)
        changes = [row for item in known for row in self._changes(writer, item, flight, now, batch)]
        if changes:
            writer.execute(insert(schema.change), changes)

    def _doubt_of(self, item: Item, flight: Flight) -> int | None:
        """Return this run, if a late attempt of it may still change the item."""
        memory = flight.known.get(item.identifier)
        if item.identifier in flight.unknown or (memory and marked_in(self._run, memory)):
            return self._run
        return None

    def _end_others(self, writer: Connection, flight: Flight, items: Sequence[Item]) -> None:
        """Forget the warehouses of items whose global was accepted, and the other way round."""
        globals_ = [item.identifier for item in items if None in item.levels]
        others = [item.identifier for item in items if None not in item.levels]
        self._levels.forget_warehouses(writer, globals_)
        self._levels.forget_global(writer, [one for one in others if GLOBAL in flight.known[one]])

    def _changes(
        self, writer: Connection, item: Item, flight: Flight, now: int, batch: int
    ) -> Iterator[dict[str, Any]]:
        """Make a row for each level that had another value before."""
        memory = flight.known[item.identifier]
        for place, level in item.levels.items():
            known = memory.get(place or GLOBAL)
            if known is None or known.quantity is None or known.quantity == level.quantity:
                continue
            record = _record_of(level)
            yield {
                "store": self._store,
                "kind": item.identifier[0],
                "identifier": item.identifier[1],
                "location": place or GLOBAL,
                "old": known.quantity,
                "new": level.quantity,
                "at": now,
                "batch": batch,
                "source": self._source(writer, level.stream),
                "columns": _columns_of(record, level.stream),
                "time_extracted": _text(record.get("time_extracted")),
            }

    def _refuse(self, writer: Connection, flight: Flight, refused: Sequence[Refusal]) -> None:
        """Forget items that the store does not list; mark those whose attempts are in doubt."""
        forgotten = [each.item.identifier for each in refused if each.is_unlisted]
        self._levels.forget(writer, forgotten)
        sent: dict[Identifier, dict[str, tuple[str, int | None]]] = {}
        for each in refused:
            item = each.item
            memory: Memory = flight.known.get(item.identifier, NOTHING)
            was_marked = each.is_unlisted and marked_in(self._run, memory)
            if item.identifier in flight.unknown or was_marked:
                places = sent.setdefault(item.identifier, {})
                for place, level in item.levels.items():
                    places[place or GLOBAL] = self._sent(writer, level)
        known = {key: memory for key, memory in flight.known.items() if key not in forgotten}
        self._doubt(writer, sent, self._run, known)

    def _doubt(
        self,
        writer: Connection,
        sent: dict[Identifier, dict[str, tuple[str, int | None]]],
        run: int,
        known: dict[Identifier, dict[str, Known]],
    ) -> None:
        """Mark the levels of items: an attempt of a run had an unknown outcome."""
        for identifier, places in sent.items():
            for each in doubted(identifier[1], places, known.get(identifier, NOTHING)):
                shared = Shared(identifier[0], each.accepted_at, each.batch, run, each.source)
                row = (each.identifier, each.location, each.quantity, each.version)
                self._levels.write(writer, shared, [row])

    def _move_versions(
        self, writer: Connection, unchanged: Sequence[tuple[Identifier, str, Level]]
    ) -> None:
        """Move the versions of unchanged levels on; one may be newer than when it was compared."""
        known = self._levels.recall(writer, [identifier for identifier, _, _ in unchanged])
        rows = []
        for identifier, place, level in unchanged:
            at = known.get(identifier, NOTHING).get(place)
            if at is not None and at.quantity == level.quantity:
                version, source = newer(self._sent(writer, level), at)
                rows.append((*identifier, place, version, source))
        self._levels.set_versions(writer, rows)

    def _land(self, writer: Connection, flight: Flight) -> None:
        writer.execute(delete(schema.flight).where(schema.flight.c.id == flight.number))

    def _sent(self, writer: Connection, level: Level) -> tuple[str, int | None]:
        """Return the version and the source of a level."""
        return level.version, self._source(writer, level.stream)

    def _source(self, writer: Connection, stream: Stream) -> int:
        if stream is self._latest[0]:
            return self._latest[1]
        number = self._sources.get(stream.source)
        if number is None:
            number = self._levels.add_source(writer, *stream.source)
            self._sources[stream.source] = number
        self._latest = (stream, number)
        return number

    @contextmanager
    def _writing(self, *, sync: bool = True) -> Iterator[Connection]:
        """Begin a transaction to write.

        Args:
            sync: It must survive a crash of the machine. An outcome need not: if it is lost, its
                flight is still there.
        """
        with self._write_lock, translated():
            if self._writer is None:
                raise AssertionError
            if self._writer.invalidated:  # SQLAlchemy would connect anew, without the lock
                message = "the connection to the ledger was lost, and with it the lock of this run"
                raise LedgerError(message)
            set_sync(self._writer, sync=sync)
            with self._writer.begin():
                yield self._writer

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._read_lock, translated():
            yield self._reader


def _is_special(level: Level) -> bool:
    """Whether more than its quantity decides if a level is sent."""
    return bool(level.version or level.said_at)


def _describe_stale(key: tuple[str, str, str], level: Level, known: Known) -> str:
    kind, text, place = key
    where = f" at {quoted(place)}" if place else ""
    if level.said_at:
        return f"{kind} {quoted(text)}{where}, which was rejected before its last acceptance"
    came, newest = level.version[2:], (known.version or "")[2:]
    return f"{kind} {quoted(text)}{where} came with {clean(came)}, and {clean(newest)} is known"


def _sent_of(marks: list[Any]) -> dict[Identifier, dict[str, tuple[str, int | None]]]:
    """Read the marks of a flight: the version and source of each level, by item and location."""
    sent: dict[Identifier, dict[str, tuple[str, int | None]]] = {}
    for kind, text, place, version, source, _ in marks:
        sent.setdefault((kind, text), {})[place] = (version, source)
    return sent


def _text(value: object) -> str | None:
    """Return what is a text, without what PostgreSQL cannot keep."""
    return value.replace("\0", "") if isinstance(value, str) else None


def _record_of(level: Level) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(level.line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _columns_of(message: dict[str, Any], stream: Stream) -> str | None:
    record = message.get("record")
    if not isinstance(record, dict):
        return None
    columns = {name: record[name] for name in stream.columns if name in record}
    return msgspec.json.encode(columns or record).decode()
