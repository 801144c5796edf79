"""Whether a run could open the ledger; nothing is created or changed to find out."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import text

from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import reason
from target_tocobagus.ledger.database.database import read_url, translated
from target_tocobagus.ledger.database.migrate import HEAD, step_of
from target_tocobagus.ledger.database.reading import connect_to_read, holder_of

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection


class Trial(msgspec.Struct, frozen=True):
    """What a run would find.

    Attributes:
        state: Whether it exists, as the end of a sentence.
        holder: Who holds the lock of the store; ``None`` if nobody does.
    """

    state: str
    holder: str | None = None


def try_to_open(name: str, key: tuple[str, str]) -> Trial:
    """Find out whether a run of a store could open its ledger.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.

    Raises:
        ConfigurationError: It could not be opened or created, or is not a ledger.
        LedgerRefused: Its tables are of a later version.
        LedgerError: The database does not answer.
    """
    url = read_url(name)
    with translated():
        reader = connect_to_read(url)
        if reader is None:
            _require_writable(url)
            return Trial("does not exist yet, and a run creates it")
        with reader:
            if url.drivername == "sqlite":
                _require_writable(url)
            return _state_of(reader, key)


def _state_of(reader: Connection, key: tuple[str, str]) -> Trial:
    step, holder = step_of(reader), holder_of(reader, key)
    if step == HEAD:
        return Trial("exists", holder)
    if step is not None:
        return Trial("is of an earlier version, and the next run brings it up to date", holder)
    if reader.dialect.name == "postgresql":
        _require_right_to_create(reader)
    return Trial("is empty, and a run creates its tables", holder)


def _require_writable(url: URL) -> None:
    """Create a file without a name beside an SQLite file; a run needs files of its own there."""
    try:
        path = Path(os.path.realpath(str(url.database)))
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise ConfigurationError(["ledger: may not be written"])
        with TemporaryFile(dir=path.parent) as file:
            file.write(b"\n")
    except (OSError, ValueError) as error:
        problem = f"ledger: its folder cannot be written ({reason(error)})"
        raise ConfigurationError([problem]) from error


def _require_right_to_create(reader: Connection) -> None:
    may = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")
    if not reader.execute(may).scalar():
        problem = "ledger: this user may not create tables in the database"
        raise ConfigurationError([problem])
