"""The parts and pairs of a dry run: a copy of what is remembered, which ends with the run."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Connection, create_engine, event, insert, select
from sqlalchemy.pool import StaticPool

from target_tocobagus.ledger.database.connections import Connections
from target_tocobagus.ledger.database.database import begin, translated
from target_tocobagus.ledger.database.reading import find_store, reading, store_key
from target_tocobagus.ledger.database.schema import metadata, pair, part, seen, source
from target_tocobagus.ledger.levels.tables import Tables
from target_tocobagus.ledger.pairs.pairs import Pairs
from target_tocobagus.ledger.parts.parts import Parts

if TYPE_CHECKING:
    from target_tocobagus.config.settings import Settings

_AT_ONCE: Final = 1000


class CopiedMemory(NamedTuple):
    """The copy."""

    parts: Parts
    pairs: Pairs


def copy_memory(settings: Settings) -> CopiedMemory:
    """Copy parts and pairs of a store into a database of SQLite's own, which leaves no file.

    Raises:
        ConfigurationError: The ledger cannot be opened.
        LedgerRefused: It is of another version.
        LedgerError: It cannot be read.
    """
    engine = create_engine("sqlite://", creator=_connect, poolclass=StaticPool)
    event.listen(engine, "begin", begin)
    writer, reader = engine.connect(), engine.connect()
    reader = reader.execution_options(isolation_level="AUTOCOMMIT")
    store = 0
    with translated(), writer.begin():
        metadata.create_all(writer)
        if settings.ledger is not None and settings.credentials is not None:
            key = store_key(settings.api_url, settings.credentials.store_client_id)
            with reading(settings.ledger) as original:
                store = (original and find_store(original, key)) or 0
                if original is not None and store:
                    _copy(original, writer, store)
    tables = Tables(Connections(writer, reader, engine.dispose), store, lambda: 0)
    return CopiedMemory(Parts(tables, store, 0), Pairs(tables, store))


def _connect() -> sqlite3.Connection:
    return sqlite3.connect("", check_same_thread=False, isolation_level=None)


def _copy(original: Connection, writer: Connection, store: int) -> None:
    for table in (source, seen, part, pair):
        rows = select(table) if table is source else select(table).where(table.c.store == store)
        found = original.execution_options(yield_per=_AT_ONCE).execute(rows)
        for some in found.mappings().partitions():
            writer.execute(insert(table), [dict(row) for row in some])
