"""Streams under their mappings: their numbers, and the columns that have come.

Versions are compared within one of them only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from target_tocobagus.ledger.database.schema import insert_into, seen, source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Stream


class Sources:
    """The table of sources; a copy is kept, since a run has few."""

    def __init__(self, reader: Connection) -> None:
        self._numbers: dict[tuple[str, str], int] = {
            (stream, entry): number for number, stream, entry in reader.execute(select(source))
        }
        self._latest: tuple[Stream | None, int] = (None, 0)

    def known(self, stream: Stream) -> int:
        """Return a stream's number, or -1 if it has none yet."""
        return self._numbers.get(stream.source, -1)

    def numbers(self, sources: Iterable[tuple[str, str]]) -> set[int]:
        """Return the numbers of streams under their mappings, of those that have one."""
        return {self._numbers[source] for source in sources if source in self._numbers}

    def others(self, stream: Stream) -> list[int]:
        """Return the numbers of a stream under other mappings."""
        found = self._numbers.items()
        return [n for (name, entry), n in found if name == stream.name and entry != stream.entry]

    def under(self, entries: Collection[str]) -> dict[int, tuple[str, str]]:
        """Return the streams that were read under some mappings, by their numbers."""
        return {number: source for source, number in self._numbers.items() if source[1] in entries}

    def named(self, number: int | None) -> tuple[str, str]:
        """Return the stream and entry of a number; empty for none."""
        return next((one for one, each in self._numbers.items() if each == number), ("", ""))

    def number(self, writer: Connection, stream: Stream) -> int:
        """Return a stream's number; a new one is written."""
        if stream is self._latest[0]:
            return self._latest[1]
        if stream.source not in self._numbers:
            self._numbers[stream.source] = _add(writer, *stream.source)
        self._latest = (stream, self._numbers[stream.source])
        return self._latest[1]


def _add(writer: Connection, stream: str, entry: str) -> int:
    """Number a stream and entry; a run of another store may have done so meanwhile."""
    insert = insert_into(source, writer.dialect.name)
    values = {"stream": stream, "entry": entry}
    writer.execute(insert.on_conflict_do_nothing(), values)
    found = select(source.c.id).where(source.c.stream == stream, source.c.entry == entry)
    number: int = writer.execute(found).scalar_one()
    return number


class SeenColumns:
    """Which columns that a mapping relies on have come in any run of a store."""

    def __init__(self, reader: Connection, store: int, sources: Sources) -> None:
        self._store = store
        self._sources = sources
        self._seen: dict[int, set[str]] = {}
        rows: Any = reader.execute(select(seen.c.source, seen.c.need).where(seen.c.store == store))
        for number, need in rows:
            self._seen.setdefault(number, set()).add(need)

    def of(self, stream: Stream) -> set[str]:
        """Return the needs of a stream's mapping that were met before; see `RequiredColumns`."""
        return self._seen.get(self._sources.known(stream), set())

    def add(self, writer: Connection, found: Mapping[Stream, Iterable[str]]) -> None:
        """Remember the needs that were met in this run."""
        rows = [
            {"store": self._store, "source": self._sources.number(writer, stream), "need": need}
            for stream, needs in found.items()
            for need in set(needs) - self.of(stream)
        ]
        if rows:
            insert = insert_into(seen, writer.dialect.name)
            writer.execute(insert.on_conflict_do_nothing(), rows)
