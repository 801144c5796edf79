"""The pairs of lookups, remembered across runs: which item a `match` of another stream stands for.

A pair without an identifier is known, too: rows with its match are skipped.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from sqlalchemy import JSON, BigInteger, Text, bindparam, cast, func, literal, select, true

from target_tocobagus.core.model import Stream
from target_tocobagus.ledger.database.by_items import as_json, ask_among, ask_by
from target_tocobagus.ledger.database.schema import insert_into, pair
from target_tocobagus.ledger.pairs.renamed_rejections import RenamedRejections

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.levels.rejections import NotAccepted
    from target_tocobagus.ledger.levels.tables import Tables

_KEY: Final = ("store", "source", "match")
_NO_BATCH: Final = 0
_NO_KIND: Final[Any] = ""
_LEFT: Final = "left "
"""Before the entry of a level that was left behind: its stream is known, but not its match."""
_read_pairs: Final = msgspec.json.Decoder(list[tuple[str, str, str | None]]).decode


class SentLevel(NamedTuple):
    """A level that a stream has sent.

    Attributes:
        quantity: Last accepted.
        accepted_at: When, in ms since the epoch; 0 if it never was.
        version: Its `newer_by`; empty if there is none.
        stream: Which stream sent it, under which mapping.
    """

    identifier: Identifier
    location: str | None
    quantity: int
    accepted_at: int
    version: str
    stream: tuple[str, str]

    @property
    def is_left(self) -> bool:
        """Whether its item stands for another match since, so that it is nobody's."""
        return self.stream[1].startswith(_LEFT)


class Left(NamedTuple):
    """Levels that belong to no match from now on.

    Attributes:
        identifiers: The items.
        entries: The mappings that have sent them.
        kept: Those of them that do belong to one.
    """

    identifiers: Collection[Identifier]
    entries: Collection[str]
    kept: Collection[Place]


class Pairs:
    """The pairs of one store."""

    def __init__(self, tables: Tables, store: int) -> None:
        self._connections = tables.connections
        self._sources = tables.sources
        self._levels = tables.levels
        self._rejections = tables.rejections
        self._renamed = RenamedRejections(tables.rejections)
        self._now_ms = tables.now_ms
        self._store = store
        self._is_sqlite = tables.connections.dialect == "sqlite"

    def known(self, source: Stream, matches: Iterable[str]) -> dict[str, Identifier | None]:
        """Return the pairs that are known of some matches.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        number = self._sources.known(source)
        asked = {"identifiers": as_json(sorted(matches)), "source": number}
        with self._connections.reading() as reader:
            answer = reader.execute(self._by_match, asked).scalar() or "[]"
        found: dict[str, Any] = {
            match: None if text is None else (kind, text)
            for match, kind, text in _read_pairs(answer)
        }
        return found

    def learn(
        self,
        source: Stream,
        stand_in: str,
        pairs: Mapping[str, Identifier | None],
        entries: Collection[str],
    ) -> None:
        """Remember pairs that are new, or have no identifier any more.

        Rejected rows that lack one of them are to be sent again, whenever they were tried last.
        What their items had before is not theirs.

        Args:
            source: The stream of the pairs, under its lookup.
            stand_in: The kind of the identifiers that stood in for these.
            pairs: By match.
            entries: The mappings whose levels follow the pairs.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        names: dict[Identifier, Identifier | None] = {}
        for match, identifier in pairs.items():
            key: Any = (stand_in, match)
            names[key] = identifier

        taken = {identifier for identifier in pairs.values() if identifier is not None}

        def write(writer: Connection) -> None:
            self._write(writer, source, pairs)
            self._leave(writer, taken, entries)
            self._renamed.rename(writer, names, self._now_ms())

        self._connections.write(write)

    def change(
        self,
        source: Stream,
        pairs: Mapping[str, Identifier | None],
        names: Mapping[Identifier, tuple[Identifier, Callable[[str | None], bool]]],
        streams: Collection[str],
        left: Left,
    ) -> None:
        """Let rejected rows follow their pairs, and remember those that have changed.

        Args:
            source: The stream of the pairs, under its lookup.
            pairs: By match: those whose levels are where they belong.
            names: The items of before, each with the new one, under which rejected rows are to be
                sent again, and whether the level at a location follows.
            streams: The names of the streams whose levels they are.
            left: Levels that belong to no match from now on.

        Raises:
            LedgerError: The ledger cannot be written.
        """

        def write(writer: Connection) -> None:
            self._write(writer, source, pairs)
            self._leave(writer, *left)
            self._renamed.move(writer, names, streams, self._now_ms())

        self._connections.write(write)

    def _write(
        self, writer: Connection, source: Stream, pairs: Mapping[str, Identifier | None]
    ) -> None:
        number = self._sources.number(writer, source)
        by_kind: dict[str, dict[str, str | None]] = {}
        for match, identifier in pairs.items():
            of_kind, text = identifier or (_NO_KIND, None)
            by_kind.setdefault(of_kind, {})[match] = text
        for kind, rows in by_kind.items():
            writer.execute(self._upsert, {"source": number, "kind": kind, "rows": as_json(rows)})

    def claimed(
        self, source: Stream, identifiers: Collection[Identifier], but: Collection[str]
    ) -> set[Identifier]:
        """Return those of some items that pairs of other matches stand for, too.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        number = self._sources.known(source)
        asked = {"identifiers": as_json([text for _, text in identifiers]), "source": number}
        with self._connections.reading() as reader:
            answer = reader.execute(self._by_identifier, asked).scalar() or "[]"
        found: set[Any] = {
            (kind, text) for match, kind, text in _read_pairs(answer) if match not in but
        }
        return found & set(identifiers)

    def _leave(
        self,
        writer: Connection,
        identifiers: Collection[Identifier],
        entries: Collection[str],
        kept: Collection[Place] = (),
    ) -> None:
        """Let the levels of items follow no pair any more, but for those that are kept."""
        streams = self._sources.under(entries)
        if not (identifiers and streams):
            return
        rows = [
            (*identifier, place, streams[level.source])
            for identifier, levels in self._levels.recall(writer, identifiers).items()
            for place, level in levels.items()
            if level.source in streams and (identifier, place or None) not in kept
        ]
        left = {
            source: self._sources.number(writer, Stream(source[0], entry=_LEFT + source[1]))
            for source in {row[3] for row in rows}
        }
        self._levels.set_sources(writer, [(*row[:3], left[row[3]]) for row in rows])

    def sent(self, identifiers: Collection[Identifier]) -> list[SentLevel]:
        """Return the levels of items that streams have sent.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._connections.reading() as reader:
            known = self._levels.recall(reader, identifiers)
        return [
            SentLevel(
                identifier,
                place or None,
                level.quantity,
                level.accepted_at or 0,
                level.version or "",
                self._sources.named(level.source),
            )
            for identifier, levels in known.items()
            for place, level in levels.items()
            if level.quantity is not None
        ]

    def streams_under(self, entries: Collection[str]) -> set[str]:
        """Name the streams that were ever read under some mappings."""
        return {name for name, _ in self._sources.under(entries).values()}

    def keep_rejected(self, rows: Sequence[NotAccepted]) -> None:
        """Keep rows that lack their pair, in place of those of the same match and location.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        now = self._now_ms()
        self._connections.write(lambda writer: self._rejections.open(writer, rows, _NO_BATCH, now))

    @cached_property
    def _by_match(self) -> Any:
        return self._ask(ask_by, pair.c.match)

    @cached_property
    def _by_identifier(self) -> Any:
        return self._ask(ask_among, pair.c.identifier)

    def _ask(self, ask: Callable[..., Any], column: Any) -> Any:
        columns = (pair.c.match, pair.c.kind, pair.c.identifier)
        of_source = pair.c.source == bindparam("source", type_=BigInteger)
        of_store = pair.c.store == self._store
        return ask(column, columns, of_store, of_source, is_sqlite=self._is_sqlite)

    @cached_property
    def _upsert(self) -> Any:
        """Write pairs of one kind that come as JSON: identifiers by match."""
        rows: Any = bindparam("rows", type_=Text)
        each = func.json_each(rows) if self._is_sqlite else func.json_each_text(cast(rows, JSON))
        row = each.table_valued("key", "value")
        values: dict[str, Any] = {
            "store": literal(self._store, BigInteger),
            "source": bindparam("source", type_=BigInteger),
            "match": row.c.key,
            "kind": bindparam("kind", type_=Text),
            "identifier": row.c.value,
        }
        found = select(*values.values()).select_from(row).where(true())
        insert = insert_into(pair, "sqlite" if self._is_sqlite else "postgresql")
        insert = insert.from_select(list(values), found)
        new = {name: insert.excluded[name] for name in values if name not in _KEY}
        return insert.on_conflict_do_update(index_elements=list(_KEY), set_=new)
