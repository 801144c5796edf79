"""Opens the ledger of a store: for one run, or to be looked at."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import URL, Connection, Engine, select

from target_tocobagus.core.errors import LedgerRefused
from target_tocobagus.ledger.connections import Connections
from target_tocobagus.ledger.database import file_of, is_missing, open_engine, read_url, translated
from target_tocobagus.ledger.ledger import Ledger, Options
from target_tocobagus.ledger.migrate import HEAD, is_current, migrate, step_of
from target_tocobagus.ledger.run_lock import (
    RunLock,
    holder_in_database,
    holder_of_file,
    one_at_a_time,
    require_own_session,
)
from target_tocobagus.ledger.schema import add
from target_tocobagus.ledger.schema import store as stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_tocobagus.config.settings import Settings

_PORTS = {"http": 80, "https": 443}


def store_key(api_url: str, client_id: str) -> tuple[str, str]:
    """Name a store: the API's URL in one form, and the store's id."""
    parts = urlsplit(api_url.strip())
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    place = host if port in {None, _PORTS.get(parts.scheme)} else f"{host}:{port}"
    return urlunsplit((parts.scheme.lower(), place, parts.path.rstrip("/"), "", "")), client_id


def open_ledger(settings: Settings, now_ms: Callable[[], int]) -> Ledger | None:
    """Open the ledger that the configuration names, for this run alone.

    A dry run only reads it, beside any other run.

    Args:
        settings: A checked configuration.
        now_ms: The API's time, as far as it is known.

    Returns:
        ``None`` if there is none, or nothing in it for a dry run.

    Raises:
        ConfigurationError: It cannot be opened.
        LedgerRefused: It is of a later version.
        LedgerError: Another run uses it, or it cannot be written.
    """
    if settings.ledger is None or (settings.dry_run and settings.credentials is None):
        return None
    client_id = settings.credentials.store_client_id if settings.credentials else ""
    key = store_key(settings.api_url, client_id)
    options = Options(settings.resend_hours, settings.history_days, settings.max_zeroed_percent)
    if settings.dry_run:
        return _open_to_read(settings.ledger, key, options, now_ms)
    with ExitStack() as stack, translated():
        engine = open_engine(read_url(settings.ledger))
        writer = stack.enter_context(engine.connect())
        with writer.begin():
            is_current(writer)  # a later version's is left alone
        stack.enter_context(locked(writer, key))
        with writer.begin():
            one_at_a_time(writer)
            if not is_current(writer):
                migrate(writer)
            named = {"api_url": key[0], "client_id": key[1]}
            number = find_store(writer, key) or add(writer, stores, named)
        reader = stack.enter_context(_connect_to_read(engine))
        connections = Connections(writer, reader, stack.pop_all().close)
    return Ledger(connections, number, now_ms, options)


@contextmanager
def locked(writer: Connection, key: tuple[str, str]) -> Iterator[None]:
    """Hold the lock of a store.

    Raises:
        LedgerError: Another run has it.
        ConfigurationError: The lock cannot be held.
    """
    require_own_session(writer)
    lock = RunLock()
    with writer.begin():
        lock.take(writer, key)
    try:
        yield
    finally:
        lock.release()


def connect_to_read(url: URL) -> Connection | None:
    """Connect to a ledger without the lock; ``None`` if its file does not exist.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
    """
    if is_missing(url):
        return None
    return _connect_to_read(open_engine(url, reads_only=True))


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


def _open_to_read(
    name: str, key: tuple[str, str], options: Options, now_ms: Callable[[], int]
) -> Ledger | None:
    with ExitStack() as stack, translated():
        reader = connect_to_read(read_url(name))
        if reader is None:
            return None
        stack.enter_context(reader)
        number = find_store(reader, key) if is_current(reader) else None
        if number is None:
            return None
        connections = Connections(None, reader, stack.pop_all().close)
    return Ledger(connections, number, now_ms, options)


def _connect_to_read(engine: Engine) -> Connection:
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def find_store(connection: Connection, key: tuple[str, str]) -> int | None:
    """Return the number of a store; ``None`` if the ledger does not know it."""
    statement = select(stores.c.id).where(stores.c.api_url == key[0], stores.c.client_id == key[1])
    number: int | None = connection.execute(statement).scalar()
    return number
