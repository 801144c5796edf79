"""What a ledger holds; read without its lock, and without a change to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import exists, func, select

from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import place_of, read_url, size_of
from target_tocobagus.ledger.database.reading import find_store, holder_of, reading, reading_store
from target_tocobagus.ledger.guard import zeroed
from target_tocobagus.ledger.guard.guard import span_of
from target_tocobagus.ledger.inspection import left_open, past
from target_tocobagus.ledger.levels.absent import Absent, find

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from target_tocobagus.ledger.guard.guard import Count

LAST_RUNS: Final = 5


class OfStream(msgspec.Struct, frozen=True):
    """How much is remembered of one stream.

    Attributes:
        entries: Under how many mappings of it, or lookups of it.
    """

    stream: str
    count: int
    entries: int


class StoreStatus(msgspec.Struct, frozen=True):
    """What is remembered of one store.

    Attributes:
        marked: Levels whose value in the shop is not certain, those in flight included.
        parts: The parts that `combine: sum` adds up.
        pairs: Those of `lookup`; the streams are those that are looked up.
        open_rejections: Rows that were refused, and not settled since.
        guarded: What the guard counts.
        guard_fired: It has held stock-outs, and no run has ended without since.
        holder: Who has its lock; ``None`` if nobody has.
        runs: The last ones, the newest first.
    """

    api_url: str
    client_id: str
    levels: int
    marked: int
    parts: list[OfStream]
    pairs: list[OfStream]
    open_rejections: int
    guarded: Count
    guard_fired: bool
    holder: str | None
    runs: list[past.RunStatus]


class Status(msgspec.Struct, frozen=True):
    """What a ledger holds.

    Attributes:
        place: The path of its file, or host, port and database.
        size: In bytes.
        version: Of the program that made or changed its tables.
    """

    place: str
    size: int
    version: str
    stores: list[StoreStatus]


def status(name: str, now: int | None = None) -> Status | None:
    """Look at a ledger.

    Args:
        name: The setting `ledger`.
        now: The time, in ms since the epoch; by default this machine's.

    Returns:
        ``None`` if there is none yet.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    now = int(time.time() * 1000) if now is None else now
    with reading(name) as reader:
        if reader is None:
            return None
        version = reader.execute(select(schema.written_by.c.version)).scalar() or "unknown"
        stores = [
            _store_status(reader, row, now) for row in reader.execute(select(schema.store)).all()
        ]
        return Status(place_of(read_url(name)), size_of(reader), version, stores)


def streams_with_parts(name: str, key: tuple[str, str]) -> list[str]:
    """Name the streams of a store whose parts are remembered, also of a mapping of before.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    with reading_store(name, key) as opened:
        if opened is None:
            return []
        reader, store = opened
        part, source = schema.part.c, schema.source.c
        has_parts = exists().where(part.store == store, part.source == source.id)
        found = select(source.stream).where(has_parts).distinct().order_by(source.stream)
        return list(reader.execute(found).scalars())


def look_for_absent(name: str, key: tuple[str, str], stream: str, since: int) -> Absent | None:
    """Look for levels of a stream that were not named on a day or later.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.
        stream: The stream's name.
        since: The day, in days since the epoch.

    Returns:
        ``None`` if there is no ledger yet.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    with reading(name) as reader:
        if reader is None:
            return None
        store = find_store(reader, key)
        return Absent(()) if store is None else find(reader, store, stream, since)


def _store_status(reader: Connection, store: Any, now: int) -> StoreStatus:
    number, table, pair = store.id, schema.level.c, schema.pair.c
    of_store = table.store == number
    span = span_of(now, store.guard_from, fired=store.guard_fired)
    is_remembered = table.quantity.is_not(None) | table.doubt.is_not(None)
    return StoreStatus(
        api_url=store.api_url,
        client_id=store.client_id,
        levels=left_open.count(reader, schema.level, of_store, is_remembered),
        marked=left_open.count_in_doubt(reader, number),
        parts=_by_stream(reader, _parts(number)),
        pairs=_by_stream(reader, select(pair.source).where(pair.store == number)),
        open_rejections=left_open.count_rejections(reader, number),
        guarded=zeroed.count(reader, number, span),
        guard_fired=store.guard_fired,
        holder=holder_of(reader, (store.api_url, store.client_id)),
        runs=past.last_runs(reader, number, LAST_RUNS),
    )


def _parts(store: int) -> Select[Any]:
    """Ask for the parts of a store, each once; a stock without quantity is gone from its part."""
    table = schema.part.c
    has_stock = table.store == store, table.quantity != ""
    return select(table.source, table.part).where(*has_stock).distinct()


def _by_stream(reader: Connection, rows: Select[Any]) -> list[OfStream]:
    """Count rows with a source by its stream."""
    found, source = rows.subquery(), schema.source.c
    entries = func.count(found.c.source.distinct())
    counting = (
        select(source.stream, func.count(), entries)
        .join_from(found, schema.source, found.c.source == source.id)
        .group_by(source.stream)
        .order_by(source.stream)
    )
    return [OfStream(*row) for row in reader.execute(counting).all()]
