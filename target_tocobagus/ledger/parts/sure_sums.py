"""Which accepted levels surely are the sums of the parts that are remembered.

Such a sum need not be added up again while its parts come as they were. The ledger says from which
batch on what it accepted is sure, and under which policy. That is deleted in the transaction that
changes a part, and written again when a run has ended well: then each sum that it changed has been
accepted, or found unchanged, or its level is marked, forgotten, or has an open rejection.

Invariants:
- While it is written, a level that such a batch of a stream of parts has brought is their sum,
  unless it is marked or has an open rejection.
- After a run that has changed parts and failed, only what is accepted later is sure.
- An item of which a part has changed is added up, to the end of the run.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select

from target_tocobagus.ledger.database.by_items import ask_by_items, parameters
from target_tocobagus.ledger.database.schema import batch, level, seen
from target_tocobagus.ledger.levels.levels import GLOBAL
from target_tocobagus.ledger.levels.named_days import is_old

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.levels.tables import Tables
    from target_tocobagus.ledger.parts.part_changes import Change

_MOST_CHANGED: Final = 20_000
"""So many changed items are remembered; with more, all sums of the run are added up."""
_OF_ALL: Final = 0
"""In place of a source: no source has this number."""

_read_levels: Final = msgspec.json.Decoder(list[tuple[str, str]]).decode


class SureSums:
    """Those of one store, during one run."""

    def __init__(self, tables: Tables, store: int, keep: int, most: int = _MOST_CHANGED) -> None:
        """Be sure of nothing before `begin`.

        Args:
            tables: Those of the store.
            store: The number of the store.
            keep: How long an accepted value needs no second request, in ms.
            most: So many changed items are remembered.
        """
        self._connections = tables.connections
        self._tables = tables
        self._store = store
        self._keep = keep
        self._most = most
        self._policy: str | None = None
        self._since = 0
        self._is_written = False
        self._is_off = False
        self._changed: set[Identifier] = set()

    def begin(self, policy: str) -> None:
        """Trust what earlier runs have left, if their policy was this one.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        if self._policy is not None or self._connections.reads_only:
            return
        with self._connections.reading() as reader:
            needs = reader.execute(select(seen.c.need).where(*_written(self._store))).scalars()
            since = dict(need.split() for need in needs)
            self._since = int(since.get(policy) or _next_batch(reader))
        self._policy = policy
        self._is_written = policy in since
        if since and not self._is_written:
            self._connections.write(lambda writer: forget_sure(writer, self._store))

    def part_changes(self, writer: Connection) -> None:
        """Trust nothing for now: a part changes in this transaction."""
        if self._is_written:
            forget_sure(writer, self._store)

    def note(self, changes: Iterable[Change]) -> None:
        """Note what that transaction has changed."""
        self._is_written = False
        if not self._is_off:
            self._changed |= {place[0] for place, old, new in changes if old != new}
            self._is_off = len(self._changed) > self._most

    def drop(self, writer: Connection) -> None:
        """Trust nothing that is known by the end of this run."""
        forget_sure(writer, self._store)
        self._is_written = False
        self.fail()

    def turn_off(self) -> None:
        """Let all sums of this run be added up from now on."""
        self._is_off = True

    def fail(self) -> None:
        """Note that a sum could not be sent: what is accepted in this run is not sure then."""
        self._is_off, self._since = True, 0

    def among(self, places: Collection[Place], sources: Iterable[tuple[str, str]]) -> set[Place]:
        """Find the stocks whose accepted levels need no comparison; these are named.

        Args:
            places: Stocks of which parts have come.
            sources: The streams of parts.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        is_off = self._is_off or self._policy is None
        asked = [] if is_off else [each for each in places if each[0] not in self._changed]
        identifiers = {identifier for identifier, _ in asked}
        if not identifiers:
            return set()
        known, is_any_old = self._known(identifiers, self._tables.sources.numbers(sources))
        found = {each for each in asked if (*each[0], each[1] or GLOBAL) in known}
        if is_any_old:
            named: dict[Identifier, list[str]] = {}
            for identifier, place in found:
                named.setdefault(identifier, []).append(place or GLOBAL)
            self._tables.named_days.name([], named)
        return found

    def _known(
        self, identifiers: Collection[Identifier], sources: Collection[int]
    ) -> tuple[set[tuple[str, str, str]], bool]:
        """Read the levels of items that are sure, and whether any was not named today."""
        now, known, is_any_old = self._tables.now_ms(), set(), False
        values: dict[str, Any] = {"sources": [*sources], "batch": self._since, "now": now}
        values |= {"since": now - self._keep * 3 // 4 + 1, "today": self._tables.named_days.today}
        with self._connections.reading() as reader:
            rejected = self._tables.rejections.items(reader, identifiers)
            for kind, asked in parameters({*identifiers} - rejected):
                rows, are_old = reader.execute(self._statement, asked | values).one()
                known |= {(kind, *row) for row in _read_levels(rows or "[]")}
                is_any_old |= bool(are_old)
        return known, is_any_old

    @cached_property
    def _statement(self) -> Any:
        """Ask for levels of items that are sure."""
        return ask_by_items(
            level,
            (level.c.identifier, level.c.location),
            level.c.store == self._store,
            level.c.doubt.is_(None),
            level.c.accepted_at.between(bindparam("since"), bindparam("now")),
            level.c.source.in_(bindparam("sources", expanding=True)),
            level.c.batch >= bindparam("batch"),
            is_sqlite=self._connections.dialect == "sqlite",
            whether=is_old(level),
        )

    def end(self, writer: Connection) -> None:
        """Let later runs trust this one, which has ended well."""
        if self._policy is not None and not self._is_written:
            forget_sure(writer, self._store)
            since = 0 if self._tables.rejections.has_dropped else self._since
            need = f"{self._policy} {since or _next_batch(writer)}"
            values = {"store": self._store, "source": _OF_ALL, "need": need}
            writer.execute(insert(seen), values)


def forget_sure(writer: Connection, store: int) -> None:
    """Let no accepted level be sure."""
    writer.execute(delete(seen).where(*_written(store)))


def _written(store: int) -> tuple[Any, Any]:
    return seen.c.store == store, seen.c.source == _OF_ALL


def _next_batch(reader: Connection) -> int:
    """Return a number that no batch before has; see `batches.retention`."""
    last: int = reader.execute(select(func.coalesce(func.max(batch.c.id), 0))).scalar_one()
    return last + 1
