"""Opens the database of a ledger: an SQLite file or PostgreSQL. All errors of SQLAlchemy end here.

Invariants:
- A file that is not a ledger is not changed, nor opened by SQLite.
- No error text holds the URL, a statement or its parameters.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from target_tocobagus.core.errors import ConfigurationError, LedgerError
from target_tocobagus.core.foreign_text import clean, reason
from target_tocobagus.ledger.database.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION_ID: Final = 0x746F636F
"""What an SQLite file of ours has at byte 68: "toco"."""

_MAGIC: Final = b"SQLite format 3\0"
_WAIT_SECONDS: Final = 30
_LOOK_SECONDS: Final = 10
_CHECKPOINT_PAGES: Final = 4000


def read_url(ledger: str) -> URL:
    """Read the setting `ledger`: a path, or a URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: It is neither.
    """
    try:
        url = make_url(ledger) if "://" in ledger else URL.create("sqlite", database=ledger)
    except (ArgumentError, ValueError) as error:
        text = "ledger: is neither a path nor a database's URL"
        raise ConfigurationError([text]) from error
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise ConfigurationError(["ledger: only sqlite and postgresql+psycopg can be used"])
    if url.drivername == "sqlite" and (not url.database or url.database == ":memory:"):
        raise ConfigurationError(["ledger: needs the path of a file"])
    return url


def is_missing(url: URL) -> bool:
    """Whether a ledger would be a file that does not exist yet."""
    return url.drivername == "sqlite" and not Path(str(url.database)).exists()


def place_of(url: URL) -> str:
    """Name the place of a ledger: a file's path, or host and database; never a user or password."""
    if url.drivername == "sqlite":
        return str(Path(str(url.database)).absolute())
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL at {url.host or 'this machine'}{port}, database {url.database or ''}"


def file_of(connection: Connection) -> Path:
    """Return the path of an SQLite ledger, links followed."""
    rows: Any = connection.exec_driver_sql("PRAGMA database_list").all()
    return Path(rows[0][2])


def size_of(connection: Connection) -> int:
    """Return the size of a ledger in bytes."""
    if connection.dialect.name == "sqlite":
        file = file_of(connection)
        files = (file, file.with_name(f"{file.name}-wal"))
        return sum(each.stat().st_size for each in files if each.exists())
    total = text(
        "SELECT sum(pg_total_relation_size(to_regclass(t))) FROM unnest(CAST(:names AS text[])) t"
    )
    return int(connection.execute(total, {"names": list(metadata.tables)}).scalar() or 0)


def open_engine(url: URL, *, reads_only: bool = False) -> Engine:
    """Prepare to connect; an SQLite file is created if it is missing, unless `reads_only`.

    Raises:
        ConfigurationError: The file is not a ledger, or the driver is not installed.
        LedgerError: The file cannot be opened.
    """
    if url.drivername == "sqlite":
        return _open_file(url, reads_only=reads_only)
    try:
        return create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={
                "application_name": name_process(),
                "connect_timeout": _LOOK_SECONDS if reads_only else _WAIT_SECONDS,
            },
        )
    except (ImportError, NoSuchModuleError) as error:
        problem = "ledger: PostgreSQL needs its driver: install target-tocobagus[postgresql]"
        raise ConfigurationError([problem]) from error


def name_process() -> str:
    """Name this process, for whoever finds the ledger in use."""
    return f"process {os.getpid()} on {os.uname().nodename}"[:63]


def _open_file(url: URL, *, reads_only: bool) -> Engine:
    path = Path(str(url.database))
    try:
        if not reads_only:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with path.open("rb") as file:
            head = file.read(100)
    except (OSError, ValueError) as error:  # a ValueError means a name that no file can have
        raise ConfigurationError([f"ledger: cannot be opened ({reason(error)})"]) from error
    is_ours = head[:16] == _MAGIC and int.from_bytes(head[68:72], "big") == APPLICATION_ID
    if head and not is_ours:
        raise ConfigurationError(["ledger: the file exists and is not a ledger; it is left alone"])
    if reads_only:
        # Opened to read only, SQLite would still leave files of its own beside a closed ledger.
        quiet = not path.with_name(path.name + "-wal").exists()
        query = {"mode": "ro", "uri": "true", **({"immutable": "1"} if quiet else {})}
        url = URL.create("sqlite", database=path.resolve().as_uri(), query=query)
    try:
        engine = create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={"check_same_thread": False, "timeout": _WAIT_SECONDS},
        )
    except ValueError as error:
        raise ConfigurationError(["ledger: an option in its URL is invalid"]) from error
    event.listen(engine, "connect", _prepare_to_read if reads_only else _prepare)
    event.listen(engine, "begin", _begin_reading if reads_only else begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Leave transactions to SQLAlchemy, and mark the file as a ledger."""
    connection.isolation_level = None
    if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")


def set_sync(connection: Connection, *, sync: bool) -> None:
    """Let the next transactions wait for the disk, or not."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA synchronous={'FULL' if sync else 'NORMAL'}")


def log_of(connection: Connection) -> Path | None:
    """Return the file that holds what was committed last; PostgreSQL waits for its own."""
    if connection.dialect.name != "sqlite":
        return None
    file = file_of(connection)
    return file.with_name(f"{file.name}-wal")


def sync_file(path: Path) -> None:
    """Wait until a file is on disk.

    Raises:
        LedgerError: The disk cannot be written.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)  # not one of the files that SQLite locks
    except OSError as error:
        raise LedgerError(_describe(reason(error))) from error


def _prepare_to_read(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


def begin(connection: Connection) -> None:
    """Wait for another store's run here: a transaction that begins to write later cannot wait."""
    if not connection.get_execution_options().get("isolation_level"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the database into ours.

    Raises:
        LedgerError: The database cannot be read or written.
    """
    try:
        yield
    except DBAPIError as error:
        raise LedgerError(_describe(error.orig)) from None
    except SQLAlchemyError as error:
        raise LedgerError(_describe(type(error).__name__)) from None
    except sqlite3.Error as error:
        raise LedgerError(_describe(error)) from None


def _describe(error: Any) -> str:
    """Describe an error of the driver by its first line; a URL in it is not shown."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"the ledger cannot be used: {clean(lines[0])}"
