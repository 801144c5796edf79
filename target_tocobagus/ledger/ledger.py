"""The ledger of one store, during one run; any thread may use it.

`comparing` finds what needs no request, `recording` follows the batches that do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select, update

from target_tocobagus import __version__
from target_tocobagus.core.errors import RunFailed
from target_tocobagus.ledger.batches.comparing import Comparer
from target_tocobagus.ledger.batches.recording import Recorder
from target_tocobagus.ledger.batches.retention import delete_before
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import name_process
from target_tocobagus.ledger.inspection.left_open import count_in_doubt, count_rejections
from target_tocobagus.ledger.levels.absent import Absent, find
from target_tocobagus.ledger.levels.levels import GLOBAL
from target_tocobagus.ledger.levels.tables import Tables
from target_tocobagus.ledger.pairs.pairs import Pairs
from target_tocobagus.ledger.parts.parts import READ_ONCE, Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.errors import StockOutsHeld
    from target_tocobagus.core.model import Identifier, Place, Stream
    from target_tocobagus.ledger.database.connections import Connections
    from target_tocobagus.ledger.levels.rejections import Due
    from target_tocobagus.window.pending import Item

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_PAUSE: Final = 20 * _HOUR
"""A rejected row is tried again once a night, and not by the second run of a night."""


class Options(msgspec.Struct, frozen=True):
    """What the configuration says.

    Attributes:
        resend_hours: After so long an accepted value is sent again, also if it is unchanged.
        history_days: How long batches, changes and closed rejections are kept.
        max_zeroed_percent: Of the levels in stock, so many may fall to 0 within a time.
    """

    resend_hours: int
    history_days: int
    max_zeroed_percent: int


class Ledger:
    """The memory of one store, from the beginning of a run to its end.

    Attributes:
        has_accepted: The API has accepted something of this store, in any run before.
        comparer: Finds what needs no request.
        guard: Holds stock-outs that are too many.
        parts: Those of stocks that are added up.
        named_days: When levels were named last.
        pairs: Those of lookups.
        screen, compare, note_unsent: Its methods.
        sync: Waits until all that was written is on disk.
        seen_columns: The method `of` of `sources.SeenColumns`.
        mark, record, leave: The methods of `recording.Recorder`.
    """

    def __init__(
        self, connections: Connections, store: int, now_ms: Callable[[], int], options: Options
    ) -> None:
        """Begin a run: turn flights of runs that died into marks. A dry run only reads.

        Args:
            connections: To the ledger.
            store: The number of the store.
            now_ms: The API's time, as far as it is known.
            options: What the configuration says.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        self._connections = connections
        self._store = store
        self._now_ms = now_ms
        self._history = options.history_days * _DAY
        self._run = 0
        tables = Tables(connections, store, now_ms)
        self._rejections = tables.rejections
        self._seen = tables.seen_columns
        self.sync = connections.sync
        self.named_days = tables.named_days
        self.seen_columns = tables.seen_columns.of
        with connections.reading() as reader:
            self.has_accepted = _has_accepted(reader, store)
        if not connections.reads_only:
            self._run = connections.write(self._begin)
        keep = options.resend_hours * _HOUR
        self.parts = Parts(tables, store, self._run, keep)
        self.pairs = Pairs(tables, store)
        recorder = Recorder(tables, store, self._run, options.max_zeroed_percent)
        if not connections.reads_only:
            connections.write(recorder.recover)
        self.comparer = Comparer(tables, keep)
        self.screen, self.compare = self.comparer.screen, self.comparer.compare
        self.note_unsent = self.comparer.note_unsent
        self.mark, self.record, self.leave = recorder.mark, recorder.record, recorder.leave
        self.guard = recorder.guard

    def close(self) -> None:
        """Close the connections; threads that still use them get an error."""
        self._connections.close()

    def _begin(self, writer: Connection) -> int:
        values = {
            "store": self._store,
            "started_at": self._now_ms(),
            "who": name_process(),
            "version": __version__,
        }
        return schema.add(writer, schema.run, values)

    def last_accepted(self, most: int) -> list[tuple[Identifier, str | None, int]]:
        """Return the levels that were accepted last, without a mark; the newest last."""
        table = schema.level.c
        newest = (
            select(table.kind, table.identifier, table.location, table.quantity)
            .where(table.store == self._store, table.quantity.is_not(None), table.doubt.is_(None))
            .order_by(table.accepted_at.desc())
            .limit(most)
        )
        with self._connections.reading() as reader:
            rows: Any = reader.execute(newest).all()
        return [
            ((kind, text), place or None, quantity) for kind, text, place, quantity in rows[::-1]
        ]

    def rejected(self, identifiers: Collection[Identifier]) -> set[tuple[Identifier, str | None]]:
        """Return the levels of items that have an open rejection.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        if not (identifiers and self._rejections.any):
            return set()
        with self._connections.reading() as reader:
            found: Any = self._rejections.found(reader, identifiers).values()
        return {(key[:2], key[2] or None) for key in found}

    def close_rejections(
        self,
        levels: Iterable[Place],
        overtaken: Mapping[Place, int] | None = None,
        *,
        undecided: bool = False,
    ) -> None:
        """Close the open rejections of levels: what was rejected of them has been overtaken.

        Args:
            levels: Item and location of each.
            overtaken: Rows of these levels before a position are not kept if they are refused.
            undecided: Rows of these levels are not rejected after all; what was rejected of them
                before stays open.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if overtaken is not None:
            self._rejections.overtaken = overtaken
        keys = [(*identifier, place or GLOBAL) for identifier, place in levels]
        if keys and self._rejections.any and not self._connections.reads_only:
            now = self._now_ms()

            def close(writer: Connection) -> None:
                if self._rejections.close(writer, keys, now, alone=True, undecided=undecided):
                    self.parts.sure.drop(writer)

            self._connections.write(close)

    def doubt_sums(self) -> None:
        """Let the sums of parts be added up again, whatever was accepted.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        self._connections.write(self.parts.sure.drop)

    def refused(self, identifiers: Iterable[Identifier], stream: str) -> set[Place]:
        """Return the levels of items that have an open rejection of a stream.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._connections.reading() as reader:
            return self._rejections.of_stream(reader, identifiers, stream)

    def due_rejections(self) -> Iterator[list[Due]]:
        """Yield the open rejections that were not tried for 20 hours, some at a time.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if not self._rejections.any or self._connections.reads_only:
            return
        now, last = self._now_ms(), 0
        take = partial(self._rejections.take_due, before=now - _PAUSE, now=now)
        while due := self._connections.write(partial(take, after=last)):
            last = due[-1].number
            yield due

    def absent(self, stream: str, since: int) -> Absent:
        """Find levels of a stream that were not named on a day or later; see `absent.find`.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._connections.reading() as reader:
            return find(reader, self._store, stream, since)

    def refusal(self, items: Sequence[Item]) -> StockOutsHeld | None:
        """Say that the guard would hold one of some items, if all of them were sent.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        known = self.compare(items).known
        return self._connections.write(lambda writer: self.guard.refusal(writer, items, known))

    def left_open(self) -> dict[str, int]:
        """Count the levels in doubt, and the rows that are still refused.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._connections.reading() as reader:
            return {
                "in_doubt": count_in_doubt(reader, self._store),
                "open_rejections": count_rejections(reader, self._store),
            }

    def end(
        self,
        summary: dict[str, Any],
        problem: Exception | None,
        met: Mapping[Stream, Iterable[str]],
        read: Iterable[Stream] = (),
    ) -> None:
        """Note how the run ended, and forget what is older than `history_days`.

        Args:
            summary: The run's.
            problem: Why it failed, if it did.
            met: The needs of each stream's mapping that were met (`RequiredColumns.met`).
            read: Streams of parts that were read to their end.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        if self._connections.reads_only:
            return
        now = self._now_ms()
        text = msgspec.json.encode(summary).decode()
        values = {"ended_at": now, "error": problem and str(problem), "summary": text}

        def write(writer: Connection) -> None:
            writer.execute(update(schema.run).where(schema.run.c.id == self._run), values)
            if problem is None or type(problem) is RunFailed:
                self.guard.rest(writer)
            self._seen.add(writer, met)
            if problem is None:
                self._seen.add(writer, {stream: [READ_ONCE] for stream in read})
                self.parts.end(writer, read)
            delete_before(writer, self._store, now - self._history)

        self._connections.write(write)


def _has_accepted(reader: Connection, store: int) -> bool:
    of_store = schema.level.c.store == store
    known = select(schema.level.c.store).where(of_store, schema.level.c.quantity.is_not(None))
    return reader.execute(known.limit(1)).first() is not None
