"""One run at a time for each store.

The operating system holds the lock, on a file beside an SQLite ledger; or PostgreSQL does, for the
one connection that also writes. So it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from target_tocobagus.core.errors import ConfigurationError, LedgerError
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.ledger.database.database import name_process

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK_CLASS = 0x746F636F
"""The first key of our locks in PostgreSQL; the second is the store's."""
_SHARED = (
    "ledger: a pool gives several connections one session of PostgreSQL (pgbouncer's transaction"
    " mode); use its session mode, or connect to PostgreSQL itself"
)


class RunLock:
    """Held from `take` on, until `release` or the end of the process."""

    def __init__(self) -> None:
        self._file: int | None = None

    def take(self, writer: Connection, store: tuple[str, str]) -> None:
        """Take the lock of a store (API and store id), or say who has it.

        Raises:
            LedgerError: Another run has it.
            ConfigurationError: The lock's file cannot be written.
        """
        if writer.dialect.name == "sqlite":
            self._lock_file(lock_path(str(writer.engine.url.database), store))
            return
        taken = text("SELECT pg_try_advisory_lock(:class, :store)")
        if not writer.execute(taken, _keys_of(store)).scalar():
            raise LedgerError(held_by(holder_in_database(writer, store) or ""))

    def release(self) -> None:
        """Give a lock file back; PostgreSQL's lock ends with its connection."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock_file(self, path: Path) -> None:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            problem = f"ledger: its lock file cannot be opened ({error.strerror})"
            raise ConfigurationError([problem]) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            who = _written_in(file)
            os.close(file)
            raise LedgerError(held_by(who)) from error
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._file = file
        with suppress(OSError):  # on a full disk nobody is told who holds the lock
            os.ftruncate(file, 0)
            os.pwrite(file, f"{name_process()}, since {since}\n".encode(), 0)


def require_own_session(writer: Connection) -> None:
    """Make sure that a connection to PostgreSQL has a session of its own, which holds the lock.

    A pool that gives each transaction any session (pgbouncer's transaction mode) would lend the
    lock to another run. It shows while nothing else happens: two connections meet in one session.

    Raises:
        ConfigurationError: There is such a pool.
    """
    if writer.dialect.name == "sqlite":
        return
    session = text("SELECT pg_backend_pid()")
    with writer.begin():
        own = writer.execute(session).scalar()
    with writer.engine.connect() as other:
        if other.execute(session).scalar() == own:
            raise ConfigurationError([_SHARED])


def one_at_a_time(writer: Connection) -> None:
    """Until the transaction ends, let no other run change the tables; SQLite does so by itself."""
    if writer.dialect.name != "sqlite":
        lock = text("SELECT pg_advisory_xact_lock(:class)")
        writer.execute(lock, {"class": _LOCK_CLASS})


def lock_path(file: str, store: tuple[str, str]) -> Path:
    """Name the lock file of a store beside an SQLite file; the same for every link to it."""
    return Path(f"{Path(file).resolve()}.lock-{_checksum(store):08x}")


def holder_of_file(file: str, store: tuple[str, str]) -> str | None:
    """Say who has the lock of a store beside an SQLite file; ``None`` if nobody has."""
    try:
        lock = os.open(lock_path(file, store), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared, and released at once: it is refused only while a run holds the lock.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _written_in(lock)
    else:
        return None
    finally:
        os.close(lock)


def holder_in_database(connection: Connection, store: tuple[str, str]) -> str | None:
    """Say who has the lock of a store in PostgreSQL; ``None`` if nobody has."""
    found = connection.execute(
        text(
            "SELECT a.application_name, a.backend_start FROM pg_locks l"
            " JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.classid = :class AND l.granted"
            " AND l.objid = (:store)::int::bit(32)::bigint"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        _keys_of(store),
    ).first()
    return f"{found[0]}, since {found[1]:%Y-%m-%dT%H:%M:%S%z}" if found else None


def held_by(who: str) -> str:
    """Say that another run has the lock; `who` may be empty."""
    by = f" ({clean(who)})" if who else ""
    return f"another run of this store uses the ledger{by}: try again when it has ended"


def _checksum(store: tuple[str, str]) -> int:
    return zlib.crc32("\n".join(store).encode())


def _keys_of(store: tuple[str, str]) -> dict[str, int]:
    """Return the two keys of a store's lock in PostgreSQL: 32 bits with a sign."""
    return {"class": _LOCK_CLASS, "store": _checksum(store) - (1 << 31)}


def _written_in(file: int) -> str:
    return os.pread(file, 200, 0).decode(errors="replace").strip()
