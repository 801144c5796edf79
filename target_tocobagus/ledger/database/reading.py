"""Opens a ledger to be looked at, without its lock; a run may be under way."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import URL, Connection, Engine, select

from target_tocobagus.core.errors import LedgerRefused
from target_tocobagus.ledger.database.database import (
    file_of,
    is_missing,
    open_engine,
    read_url,
    translated,
)
from target_tocobagus.ledger.database.migrate import HEAD, step_of
from target_tocobagus.ledger.database.run_lock import holder_in_database, holder_of_file
from target_tocobagus.ledger.database.schema import store as stores

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORTS = {"http": 80, "https": 443}


def store_key(api_url: str, client_id: str) -> tuple[str, str]:
    """Name a store: the API's URL in one form, and the store's id."""
    parts = urlsplit(api_url.strip())
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    place = host if port in {None, _PORTS.get(parts.scheme)} else f"{host}:{port}"
    return urlunsplit((parts.scheme.lower(), place, parts.path.rstrip("/"), "", "")), client_id


def connect_to_read(url: URL) -> Connection | None:
    """Connect to a ledger without the lock; ``None`` if its file does not exist.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
    """
    if is_missing(url):
        return None
    return reading_connection(open_engine(url, reads_only=True))


@contextmanager
def reading(name: str) -> Iterator[Connection | None]:
    """Open a ledger to read; ``None`` if there is none yet.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    with ExitStack() as stack, translated():
        reader = connect_to_read(read_url(name))
        if reader is not None:
            stack.enter_context(reader)
        yield reader if reader is not None and require_current(reader) else None


@contextmanager
def reading_store(name: str, key: tuple[str, str]) -> Iterator[tuple[Connection, int] | None]:
    """Open a ledger to read one store, with its number; ``None`` if there is nothing of it.

    Raises:
        TocobagusError: As `reading`.
    """
    with reading(name) as reader:
        number = None if reader is None else find_store(reader, key)
        yield None if reader is None or number is None else (reader, number)


def require_current(connection: Connection) -> bool:
    """Whether there are tables; they are this program's then.

    Raises:
        LedgerRefused: They are of another version.
    """
    step = step_of(connection)
    if step is not None and step != HEAD:
        message = "the ledger is of an earlier version: the next run brings it up to date"
        raise LedgerRefused(message)
    return step is not None


def holder_of(connection: Connection, key: tuple[str, str]) -> str | None:
    """Say who has the lock of a store; ``None`` if nobody has."""
    if connection.dialect.name == "sqlite":
        return holder_of_file(str(file_of(connection)), key)
    return holder_in_database(connection, key)


def reading_connection(engine: Engine) -> Connection:
    """Connect to a database without a transaction that lasts, which would see nothing new."""
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def find_store(connection: Connection, key: tuple[str, str]) -> int | None:
    """Return the number of a store; ``None`` if the ledger does not know it."""
    statement = select(stores.c.id).where(stores.c.api_url == key[0], stores.c.client_id == key[1])
    number: int | None = connection.execute(statement).scalar()
    return number
