"""Opens the ledger of a store: for one run, or to be looked at."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection, Engine, select

from target_tocobagus.ledger.database import open_engine, read_url, translated
from target_tocobagus.ledger.ledger import Ledger, Options
from target_tocobagus.ledger.migrate import is_current, migrate
from target_tocobagus.ledger.run_lock import RunLock, one_at_a_time
from target_tocobagus.ledger.schema import add
from target_tocobagus.ledger.schema import store as stores

if TYPE_CHECKING:
    from collections.abc import Callable

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
    options = Options(settings.resend_hours, settings.history_days)
    if settings.dry_run:
        return _open_to_read(settings.ledger, key, options, now_ms)
    with ExitStack() as stack, translated():
        engine = open_engine(read_url(settings.ledger))
        writer = stack.enter_context(engine.connect())
        lock = RunLock()
        stack.callback(lock.release)
        with writer.begin():
            is_current(writer)  # a later version's is left alone
            lock.take(writer, key)
        with writer.begin():
            one_at_a_time(writer)
            if not is_current(writer):
                migrate(writer)
            number = _find_store(writer, key) or _add_store(writer, key)
        reader = stack.enter_context(_connect_to_read(engine))
        ledger = Ledger((writer, reader), number, now_ms, options, stack.pop_all().close)
    ledger.begin()
    return ledger


def _open_to_read(
    name: str, key: tuple[str, str], options: Options, now_ms: Callable[[], int]
) -> Ledger | None:
    url = read_url(name)
    if url.drivername == "sqlite" and not Path(str(url.database)).exists():
        return None
    with ExitStack() as stack, translated():
        reader = stack.enter_context(_connect_to_read(open_engine(url, reads_only=True)))
        if not is_current(reader):
            return None
        number = _find_store(reader, key)
        if number is None:
            return None
        return Ledger((None, reader), number, now_ms, options, stack.pop_all().close)


def _connect_to_read(engine: Engine) -> Connection:
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _find_store(connection: Connection, key: tuple[str, str]) -> int | None:
    statement = select(stores.c.id).where(stores.c.api_url == key[0], stores.c.client_id == key[1])
    number: int | None = connection.execute(statement).scalar()
    return number


def _add_store(writer: Connection, key: tuple[str, str]) -> int:
    values = {"api_url": key[0], "client_id": key[1]}
    return add(writer, stores, values)
