"""What a ledger knows of the past: runs, what was in a batch, and rows that are still refused."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import or_, select, true

from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.reading import holder_of, reading_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier


class RunStatus(msgspec.Struct, frozen=True):
    """One run.

    Attributes:
        started_at: In ms since the epoch; so is `ended_at`, which is ``None`` if it did not end.
        error: What ended it.
        summary: The fields of its summary; empty if it did not end.
    """

    started_at: int
    ended_at: int | None
    error: str | None
    summary: dict[str, Any]


class Sent(NamedTuple):
    """A level that a batch has brought to the API.

    Attributes:
        old: The quantity accepted before; ``None`` if none was, or it was the same.
        is_last: Nothing was accepted of it since.
    """

    identifier: Identifier
    location: str | None
    old: int | None
    quantity: int
    is_last: bool


class Rejected(NamedTuple):
    """A level that the API has refused.

    Attributes:
        stream: The stream of its row.
        opened_at: When, in ms since the epoch.
        tried_at: When its row was sent last.
        is_open: Its row is still to be sent again.
    """

    identifier: Identifier
    location: str | None
    code: str
    message: str
    reason: str
    stream: str
    opened_at: int
    tried_at: int
    is_open: bool


class Batch(msgspec.Struct, frozen=True):
    """A request that was answered.

    Attributes:
        at: When its answer came, in ms since the epoch.
        batch_id: The API's; ``None`` if it has accepted nothing.
        accepted: How many levels; so is `refused`.
        milliseconds: How long the answer took.
        levels: What is remembered of what was accepted.
        rejections: What is remembered of what was refused.
    """

    at: int
    request_id: str
    batch_id: str | None
    accepted: int
    refused: int
    milliseconds: int
    levels: list[Sent]
    rejections: list[Rejected]


class Past:
    """That of one store; open as long as it is read.

    Attributes:
        holder: The run that is under way; ``None`` if there is none.
    """

    def __init__(self, reader: Connection, store: int, holder: str | None = None) -> None:
        self._reader = reader
        self._store = store
        self.holder = holder

    def runs(self, most: int) -> list[RunStatus]:
        """Return the last runs, the newest first."""
        return last_runs(self._reader, self._store, most)

    def batch(self, name: str) -> Batch | None:
        """Find a batch by its batchId or requestId; the last one, if several have it."""
        table = schema.batch.c
        names = Batch.__struct_fields__[:-2]
        is_named = or_(table.batch_id == name, table.request_id == name)
        found = self._reader.execute(
            select(table.id, *(table[each] for each in names))
            .where(table.store == self._store, is_named)
            .order_by(table.id.desc())
            .limit(1)
        ).first()
        if found is None:
            return None
        number, values = found[0], dict(zip(names, found[1:], strict=True))
        refused = self._rejections(schema.rejection.c.batch == number)
        return Batch(**values, levels=self._levels(number), rejections=refused)

    def rejections(self, identifier: str | None = None) -> list[Rejected]:
        """Return rows that are still refused, or those of an item; the oldest of a code first."""
        table = schema.rejection.c
        of_item = table.identifier == identifier if identifier is not None else true()
        return self._rejections(table.closed_at.is_(None) & of_item)

    def _levels(self, batch: int) -> list[Sent]:
        change, level = schema.change.c, schema.level.c
        key = ("kind", "identifier", "location")
        changed = select(*(change[name] for name in key), change.old, change.new).where(
            change.store == self._store, change.batch == batch
        )
        last = select(*(level[name] for name in key), level.quantity).where(
            level.store == self._store, level.batch == batch, level.quantity.is_not(None)
        )
        quantities: dict[Any, int] = {
            tuple(row[:3]): row[3] for row in self._reader.execute(last).all()
        }
        found: dict[Any, tuple[int | None, int]] = {
            key: (None, quantity) for key, quantity in quantities.items()
        }
        for *where, old, new in self._reader.execute(changed).all():
            found[tuple(where)] = (old, new)
        return [
            Sent((kind, text), place or None, old, new, (kind, text, place) in quantities)
            for (kind, text, place), (old, new) in sorted(found.items())
        ]

    def _rejections(self, condition: Any) -> list[Rejected]:
        table = schema.rejection.c
        names = ("kind", "identifier", "location", *Rejected._fields[2:-1], "closed_at")
        rows = self._reader.execute(
            select(*(table[name] for name in names))
            .where(table.store == self._store, condition)
            .order_by(table.code, table.opened_at, table.id)
        )
        return [_rejected(row) for row in rows.all()]


def _rejected(row: Any) -> Rejected:
    said = {name: getattr(row, name) for name in Rejected._fields[2:-1]}
    place = row.location or None
    return Rejected((row.kind, row.identifier), place, **said, is_open=row.closed_at is None)


@contextmanager
def past_of(name: str, key: tuple[str, str]) -> Iterator[Past | None]:
    """Read what a ledger knows of a store; ``None`` if there is none yet.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    with reading_store(name, key) as opened:
        yield None if opened is None else Past(*opened, holder_of(opened[0], key))


def last_runs(reader: Connection, store: int, most: int, since: int = 0) -> list[RunStatus]:
    """Return the last runs of a store that began since a time, the newest first."""
    table = schema.run.c
    last = (
        select(table.started_at, table.ended_at, table.error, table.summary)
        .where(table.store == store, table.started_at >= since)
        .order_by(table.id.desc())
        .limit(most)
    )
    return [
        RunStatus(started, ended, error, msgspec.json.decode(summary or "{}"))
        for started, ended, error, summary in reader.execute(last)
    ]
