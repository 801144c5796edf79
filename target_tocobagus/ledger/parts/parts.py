"""The parts of stocks that are added up (`combine: sum`), remembered across runs.

A part is what its newest record said: item, location and exact quantity of each of its stocks. A
stock that a part had before, and has no more, stays as a row that is *gone*, until a run has ended
well: the process may die before the API knows of it, and then the record comes again.

`part_changes` decides what a record changes, `part_rows` reads and writes.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from target_tocobagus.ledger.parts.kept_totals import KeptTotals
from target_tocobagus.ledger.parts.part_changes import PartChanges, alone, first_changes, renamed
from target_tocobagus.ledger.parts.part_rows import (
    PartRows,
    Source,
    among,
    as_texts,
    by_part,
    layers,
)
from target_tocobagus.ledger.parts.sure_sums import SureSums
from target_tocobagus.mapping.totals import total_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Part, Place, Stream
    from target_tocobagus.ledger.levels.tables import Tables
    from target_tocobagus.mapping.totals import Total

READ_ONCE: Final = "parts"
"""Beside the columns of a stream that were seen: a run that has read all of it has ended well."""


class Parts:
    """The parts of one store, during one run.

    Attributes:
        sure: Which accepted levels are their sums.
    """

    def __init__(self, tables: Tables, store: int, run: int, keep: int = 0) -> None:
        """Use a ledger; `keep`: see `SureSums`."""
        self.sure = SureSums(tables, store, keep)
        self._connections = tables.connections
        self._sources = tables.sources
        self._seen = tables.seen_columns
        self._levels = tables.levels
        self._store = store
        self._run = run
        self._rows = PartRows(store, tables.connections.dialect)
        self._kept = KeptTotals()
        self._has_gone = False

    def was_read(self, stream: Stream) -> bool:
        """Whether a run that has read a stream to its end has ended well."""
        return READ_ONCE in self._seen.of(stream)

    def has_others(self, stream: Stream) -> bool:
        """Whether parts of a stream are remembered under another mapping of it.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._connections.reading() as reader:
            return self._rows.are_of(reader, self._sources.others(stream))

    def fold(
        self, stream: Stream, parts: Sequence[Part], *, names_all: bool
    ) -> list[Sequence[Place] | None]:
        """Take in what records of one stream say of their parts.

        Args:
            stream: Where they came.
            parts: In the order of the records.
            names_all: Which run named a part last is to be remembered of each.

        Returns:
            For each the stocks that it may have changed; ``None`` if a newer version is known.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        of_run, (rows, others) = self._source(stream), alone(parts)
        texts = as_texts(rows)
        with self._connections.reading() as reader:
            new, differing = self._rows.compare(reader, of_run, texts)
            others |= differing
            known = self._rows.recall(reader, of_run, others) if others else ()
        changes = PartChanges(parts, known, others, names_all=names_all)
        if len(new) < sum(map(len, rows.values())):
            texts = as_texts(among(rows, new))

        def write(writer: Connection) -> None:
            of_run = Source(self._sources.number(writer, stream), self._run)
            self.sure.part_changes(writer)
            for each in (texts, *map(as_texts, layers(changes.new))):
                self._rows.write(writer, of_run, each)
            if names_all:
                unchanged = {each.key for each in parts} - new - others
                self._rows.name(writer, of_run, [*unchanged, *changes.same])

        if new or changes.new or names_all:
            # It is on disk before a STATE covers its record, and before a sum of it leaves.
            self._connections.write(write, sync=False)
            self.sure.note(chain(changes.changes, first_changes(parts, new)))
        self._has_gone |= changes.has_gone
        self._kept.follow(chain(changes.changes, first_changes(parts, new)))
        return changes.touched

    def known(self, stream: Stream, keys: Collection[str]) -> set[str]:
        """Return which parts are remembered.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._connections.reading() as reader:
            return {*by_part(self._rows.recall(reader, self._source(stream), keys))}

    def totals(self, places: Iterable[Place]) -> dict[Place, Total]:
        """Add up the parts of stocks; those that have no part are left out.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        found = {place: self._kept.get(place) for place in places}
        unread = [place for place, total in found.items() if total is None]
        if unread:
            with self._connections.reading() as reader:
                texts = self._rows.quantities(reader, unread)
            for place, text in texts.items():
                found[place] = total = total_of(text)
                self._kept.add(place, total)
        return {place: total for place, total in found.items() if total is not None}

    def rename(
        self, stream: Stream, names: Mapping[Identifier, Identifier], *, names_all: bool
    ) -> set[Place]:
        """Let the parts of a stream count for other items.

        Args:
            stream: The stream.
            names: By the identifiers of before.
            names_all: See `fold`.

        Returns:
            The stocks that it may have changed.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        with self._connections.reading() as reader:
            of_run = self._source(stream)
            found = self._rows.of_items(reader, of_run, names)
            keys = {key for of_item in found.values() for key in of_item}
            known = self._rows.recall(reader, of_run, keys) if keys else ()
        said = [renamed(key, stocks, names) for key, stocks in by_part(known).items()]
        touched = self.fold(stream, said, names_all=names_all) if said else []
        places = {place for each in touched for place in each or ()}
        new = {*names.values()}
        return {place for place in places if place[0] in new or place[0] in names}

    def of_items(
        self, stream: Stream, identifiers: Collection[Identifier]
    ) -> dict[Identifier, set[str]]:
        """Name the parts that items have of a stream.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._connections.reading() as reader:
            found = self._rows.of_items(reader, self._source(stream), identifiers)
        return {
            identifier: {key for key, is_there in keys.items() if is_there}
            for identifier, keys in found.items()
        }

    def sent_by(
        self, identifiers: Collection[Identifier], streams: Collection[tuple[str, str]]
    ) -> set[Place]:
        """Return the stocks of items that one of some streams and mappings has sent last."""
        with self._connections.reading() as reader:
            known = self._levels.recall(reader, identifiers)
        numbers = self._sources.numbers(streams)
        return {
            (identifier, place or None)
            for identifier, levels in known.items()
            for place, level in levels.items()
            if level.source in numbers
        }

    def leave_out_unnamed(self, stream: Stream) -> None:
        """Let only the parts of this run count, of each item that it has named.

        What an earlier run left out is noted anew: its end may have been lost, so the API may not
        know of it yet.

        Raises:
            LedgerError: The ledger cannot be written.
        """

        def write(writer: Connection) -> None:
            of_run = Source(self._sources.number(writer, stream), self._run)
            self.sure.part_changes(writer)
            self._rows.leave_out_unnamed(writer, of_run)

        self._has_gone = True
        self._connections.write(write)
        self.sure.note(())
        self.sure.turn_off()
        self._kept.clear()

    def touched(self, stream: Stream, held: Iterable[Stream]) -> Iterator[dict[Place, Total]]:
        """Yield the sums of the stocks of which this run has named a part, some at a time.

        Args:
            stream: Of the part.
            held: Stocks with a part of one of these streams are left out.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        numbers = [self._sources.known(each) for each in held]
        after: Place | None = None
        while True:
            with self._connections.reading() as reader:
                found = self._rows.page(reader, self._source(stream), after, numbers)
            if not found:
                return
            yield {place: total_of(text) for place, text in found.items()}
            after = [*found][-1]

    def end(self, writer: Connection, streams: Iterable[Stream]) -> None:
        """Forget what is gone, after a run that has ended well and has named it.

        What a run that died found gone stays until a record names it again: its sum may not have
        been sent. So does what is gone of a stock that was refused.
        """
        self.sure.end(writer)
        if not self._has_gone:
            return
        for stream in streams:
            of_run = Source(self._sources.number(writer, stream), self._run)
            self._rows.settle_gone(writer, of_run)

    def _source(self, stream: Stream) -> Source:
        return Source(self._sources.known(stream), self._run)
