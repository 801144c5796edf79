"""Which columns that a mapping relies on have come in any run of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from target_tocobagus.ledger.schema import insert_into, seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Stream
    from target_tocobagus.ledger.sources import Sources


class SeenColumns:
    """Those of one store, by stream and mapping."""

    def __init__(self, reader: Connection, store: int, sources: Sources) -> None:
        self._store = store
        self._sources = sources
        self._seen: dict[int, set[str]] = {}
        rows: Any = reader.execute(select(seen.c.source, seen.c.need).where(seen.c.store == store))
        for source, need in rows:
            self._seen.setdefault(source, set()).add(need)

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
