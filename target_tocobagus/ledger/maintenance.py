"""Changes that an operator makes to a ledger: forgetting levels, and deleting old history.

They take the lock of the store, so that no run is under way meanwhile.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, select

from target_tocobagus.ledger.batches.retention import delete_before
from target_tocobagus.ledger.database.database import (
    is_missing,
    open_engine,
    read_url,
    size_of,
    translated,
)
from target_tocobagus.ledger.database.reading import find_store, require_current
from target_tocobagus.ledger.database.schema import level, part, seen, source
from target_tocobagus.ledger.inspection.selection import Wanted, nearest
from target_tocobagus.ledger.opening import locked
from target_tocobagus.ledger.parts.parts import READ_ONCE
from target_tocobagus.ledger.parts.sure_sums import forget_sure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


class Forgotten(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        levels: How many levels were forgotten.
        near: If none: identifiers that are known and may be meant, or warehouses of the item.
    """

    levels: int
    near: tuple[str, ...] = ()


class Pruned(msgspec.Struct, frozen=True):
    """What was deleted.

    Attributes:
        rows: Of history.
        size: Of the ledger, in bytes, before and after.
    """

    rows: int
    size: tuple[int, int]


def forget(name: str, key: tuple[str, str], wanted: Wanted) -> Forgotten | None:
    """Forget levels of a store, so that their next updates are sent, whatever they are.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.
        wanted: Which levels.

    Returns:
        ``None`` if there is no ledger yet.

    Raises:
        ConfigurationError: It cannot be opened.
        LedgerRefused: Its tables are of another version.
        LedgerError: A run of the store uses it, or it cannot be written.
    """
    with _taken(name, key) as taken:
        if taken is None:
            return None
        writer, store = taken
        with writer.begin():
            done = writer.execute(delete(level).where(*wanted.conditions(store))).rowcount
            return Forgotten(done, () if done else tuple(nearest(writer, store, wanted)))


def forget_parts(name: str, key: tuple[str, str], stream: str) -> int | None:
    """Forget the parts of a stream that are added up, whatever its mapping was.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.
        stream: The stream's name.

    Returns:
        How many parts were forgotten; ``None`` if there is no ledger yet.

    Raises:
        ConfigurationError: It cannot be opened.
        LedgerRefused: Its tables are of another version.
        LedgerError: A run of the store uses it, or it cannot be written.
    """
    with _taken(name, key) as taken:
        if taken is None:
            return None
        writer, store = taken
        with writer.begin():
            numbers = select(source.c.id).where(source.c.stream == stream)
            of_stream = part.c.store == store, part.c.source.in_(numbers)
            found = select(part.c.source, part.c.part).where(*of_stream, part.c.quantity != "")
            parts = found.distinct().subquery()
            forgotten: int = writer.execute(select(func.count()).select_from(parts)).scalar_one()
            writer.execute(delete(part).where(*of_stream))
            forget_sure(writer, store)
            read = seen.c.store == store, seen.c.source.in_(numbers), seen.c.need == READ_ONCE
            writer.execute(delete(seen).where(*read))
            return forgotten


def prune(name: str, key: tuple[str, str], before: int) -> Pruned | None:
    """Delete the history of a store before a time, and give its space back.

    PostgreSQL uses the space again by itself (autovacuum); it is not asked to.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.
        before: In ms since the epoch.

    Returns:
        ``None`` if there is no ledger yet.

    Raises:
        ConfigurationError: It cannot be opened.
        LedgerRefused: Its tables are of another version.
        LedgerError: A run of the store uses it, or it cannot be written.
    """
    with _taken(name, key) as taken:
        if taken is None:
            return None
        writer, store = taken
        with writer.begin():
            size = size_of(writer)
            rows = delete_before(writer, store, before)
        if writer.dialect.name == "sqlite":
            _shrink(writer)
        with writer.begin():
            return Pruned(rows, (size, size_of(writer)))


def _shrink(writer: Connection) -> None:
    """Write the file anew without its empty pages; it waits for runs of other stores."""
    outside = writer.execution_options(isolation_level="AUTOCOMMIT")
    outside.exec_driver_sql("VACUUM")
    outside.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    outside.rollback()


@contextmanager
def _taken(name: str, key: tuple[str, str]) -> Iterator[tuple[Connection, int] | None]:
    """Open a ledger to write, with the lock of a store; ``None`` if there is nothing of it."""
    url = read_url(name)
    if is_missing(url):
        yield None
        return
    with ExitStack() as stack, translated():
        writer = stack.enter_context(open_engine(url).connect())
        with writer.begin():
            store = find_store(writer, key) if require_current(writer) else None
        if store is None:
            yield None
            return
        stack.enter_context(locked(writer, key))
        yield writer, store
