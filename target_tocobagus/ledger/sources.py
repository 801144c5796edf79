"""Numbers of streams under their mappings: versions are compared within one of them only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from target_tocobagus.ledger.schema import insert_into, source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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

    def under(self, entries: Collection[str]) -> dict[int, tuple[str, str]]:
        """Return the streams that were read under some mappings, by their numbers."""
        return {number: source for source, number in self._numbers.items() if source[1] in entries}

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
