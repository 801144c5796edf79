"""The tables.

Times are milliseconds since the epoch, by the API's clock as far as it is known. The location of a
global stock is an empty text. A database may be shared with other programs, so each name begins
with ours. A new ledger gets these tables at once, and `migrations` brings older ones to them; a
test holds the two equal.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

metadata: Final = MetaData()
_WHERE: Final = "where"
"""The condition of an index, among its `info`."""


def create_tables(connection: Connection) -> None:
    """Create all of them.

    A condition as an argument of an index would import both dialects, in each run; PostgreSQL's
    takes as long as a third of SQLAlchemy.
    """
    for index in [index for table in metadata.tables.values() for index in table.indexes]:
        if _WHERE in index.info:
            condition = text(index.info[_WHERE])
            index.dialect_kwargs[f"{connection.dialect.name}_where"] = condition
    metadata.create_all(connection)


def insert_into(table: Table, dialect: str) -> Any:
    """Begin an INSERT with an ON CONFLICT clause; only the dialect in use is imported."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


_insert_into: Final = cache(insert)  # a statement that is kept is compiled once


def add(writer: Connection, table: Table, values: dict[str, Any]) -> int:
    """Insert a row; returns its number."""
    key: Any = writer.execute(_insert_into(table), values).inserted_primary_key
    number: int = key[0]
    return number


Number: Final = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits; SQLite numbers rows by itself only if the type is called INTEGER."""


def _store() -> Column[int]:
    return Column("store", Number, ForeignKey("tocobagus_store.id"), nullable=False)


def _key() -> list[Column[str]]:
    """Name an item at a location."""
    return [Column(name, Text, nullable=False) for name in ("kind", "identifier", "location")]


written_by: Final = Table(
    "tocobagus_written_by",
    metadata,
    Column("version", Text, nullable=False),  # of the program that made or changed the tables
)

store: Final = Table(
    "tocobagus_store",
    metadata,
    Column("id", Number, primary_key=True),
    Column("api_url", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("guard_from", Number),  # stock-outs before this time are not counted
    Column("guard_fired", Boolean, nullable=False, server_default=text("false")),
    Index("tocobagus_store_name", "api_url", "client_id", unique=True),
)

run: Final = Table(
    "tocobagus_run",
    metadata,
    Column("id", Number, primary_key=True),
    _store(),
    Column("started_at", Number, nullable=False),
    Column("ended_at", Number),
    Column("who", Text, nullable=False),  # process and host
    Column("version", Text, nullable=False),
    Column("error", Text),
    Column("summary", Text),  # the fields of the run's summary, as JSON
    Index("tocobagus_run_started", "store", "started_at"),
)

source: Final = Table(
    "tocobagus_source",
    metadata,
    Column("id", Number, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("entry", Text, nullable=False),  # a hash of the stream's entry of `streams`
    Index("tocobagus_source_name", "stream", "entry", unique=True),
)

seen: Final = Table(
    "tocobagus_seen",
    metadata,
    Column("store", Number, primary_key=True),
    Column("source", Number, primary_key=True),
    # A column that the mapping relies on, and that has come; or a note of a run: that the stream's
    # parts were read once, or, for the source 0, since which batch sums are sure.
    Column("need", Text, primary_key=True),
    sqlite_with_rowid=False,
)

level: Final = Table(
    "tocobagus_level",
    metadata,
    Column("store", Number, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("quantity", Number),  # last accepted; NULL if none is known
    Column("accepted_at", Number),
    Column("batch", Number),
    Column("doubt", Number),  # the run of the last attempt with an unknown outcome
    Column("version", Text),  # `newer_by`: n or t, and a number or a time
    Column("source", Number),
    Column("zeroed_at", Number),  # when it was last taken from above 0 to 0
    Column("named_day", Integer),  # when its stream named it last, in days
    sqlite_with_rowid=False,
)

flight: Final = Table(
    "tocobagus_flight",
    metadata,
    Column("id", Number, primary_key=True),
    _store(),
    Column("run", Number, ForeignKey("tocobagus_run.id"), nullable=False),
    Column("marks", Text, nullable=False),  # the levels of a batch that is in flight, JSON
    Index("tocobagus_flight_store", "store"),
)

batch: Final = Table(
    "tocobagus_batch",
    metadata,
    Column("id", Number, primary_key=True),
    _store(),
    Column("run", Number, ForeignKey("tocobagus_run.id"), nullable=False),
    Column("at", Number, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("batch_id", Text),
    Column("accepted", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Index("tocobagus_batch_at", "store", "at"),
)

change: Final = Table(
    "tocobagus_change",
    metadata,
    Column("id", Number, primary_key=True),
    _store(),
    *_key(),
    Column("old", Number, nullable=False),
    Column("new", Number, nullable=False),
    Column("at", Number, nullable=False),
    Column("batch", Number, nullable=False),
    Column("source", Number, nullable=False),
    Column("columns", Text),  # of the record, those that the mapping read, as JSON
    Column("time_extracted", Text),
    Index("tocobagus_change_key", "store", "kind", "identifier"),
    Index("tocobagus_change_at", "store", "at"),
)

rejection: Final = Table(
    "tocobagus_rejection",
    metadata,
    Column("id", Number, primary_key=True),
    _store(),
    *_key(),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("record", Text, nullable=False),  # the RECORD message; empty once it is closed
    Column("schema", Text, nullable=False),  # its SCHEMA message; the same
    Column("batch", Number, nullable=False),
    Column("opened_at", Number, nullable=False),
    Column("tried_at", Number, nullable=False),
    Column("closed_at", Number),
    Index(
        "tocobagus_rejection_open",
        "store",
        "kind",
        "identifier",
        "location",
        unique=True,
        info={_WHERE: "closed_at IS NULL"},
    ),
    Index(  # without the open ones: SQLite would go through all of them by it, to find a few
        "tocobagus_rejection_closed",
        "store",
        "closed_at",
        info={_WHERE: "closed_at IS NOT NULL"},
    ),
)

part: Final = Table(
    "tocobagus_part",
    metadata,
    Column("store", Number, primary_key=True),
    Column("source", Number, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("quantity", Text, nullable=False),  # an exact decimal
    Column("version", Text),
    Column("run", Number, nullable=False),
    # The store is not its first column: SQLite would then rather use the primary key.
    Index("tocobagus_part_item", "kind", "identifier", "location", "store"),
    sqlite_with_rowid=False,
)

pair: Final = Table(
    "tocobagus_pair",
    metadata,
    Column("store", Number, primary_key=True),
    Column("source", Number, primary_key=True),
    Column("match", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("identifier", Text),  # NULL: it has none, or is left out by `where`
    sqlite_with_rowid=False,
)
