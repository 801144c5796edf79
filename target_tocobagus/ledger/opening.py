"""Opens the ledger of a store for one run."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from target_tocobagus.ledger.database.connections import Connections
from target_tocobagus.ledger.database.database import open_engine, read_url, translated
from target_tocobagus.ledger.database.migrate import is_current, migrate
from target_tocobagus.ledger.database.reading import (
    connect_to_read,
    find_store,
    reading_connection,
    store_key,
)
from target_tocobagus.ledger.database.run_lock import (
    RunLock,
    one_at_a_time,
    require_own_session,
)
from target_tocobagus.ledger.database.schema import add
from target_tocobagus.ledger.database.schema import store as stores
from target_tocobagus.ledger.ledger import Ledger, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from target_tocobagus.config.settings import Settings


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
        reader = stack.enter_context(reading_connection(engine))
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
