"""The connections of a run to its ledger: one that writes, and one that reads.

What is written is one transaction at a time; what threads want to write while another one is
written goes into the next one together, and waits for the disk once. Any thread may use them; none
holds the lock of delivery meanwhile.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from target_tocobagus.core.errors import LedgerError
from target_tocobagus.ledger.database.database import log_of, set_sync, sync_file, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

T = TypeVar("T")


class _Write(msgspec.Struct, eq=False):
    """Something to be written, and what came of it."""

    act: Callable[[Connection], Any]
    sync: bool
    is_done: bool = False
    result: Any = None
    error: Exception | None = None


class Connections:
    """Of one run.

    Attributes:
        reads_only: There is none that writes: a dry run.
        dialect: The name of the database's.
    """

    def __init__(
        self, writer: Connection | None, reader: Connection, close: Callable[[], None]
    ) -> None:
        self._writer, self._reader = writer, reader
        self._close = close
        self._write_lock = threading.Lock()
        self._writes: deque[_Write] = deque()
        self._syncs: bool | None = None
        self._is_on_disk = True
        self._sync_error: LedgerError | None = None
        self._read_lock = threading.Lock()
        self.reads_only = writer is None
        self.dialect = reader.dialect.name

    def write(self, act: Callable[[Connection], T], *, sync: bool = True) -> T:
        """Write in a transaction; it has ended when this returns.

        Args:
            act: Writes; another thread may call it.
            sync: It must survive a crash of the machine. An outcome need not: if it is lost, its
                flight is still there.

        Returns:
            What `act` returns.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        one = _Write(act, sync)
        self._writes.append(one)
        with self._write_lock:
            if not one.is_done:  # else a thread before has written it too
                self._write_all([self._writes.popleft() for _ in range(len(self._writes))])
        if one.error is not None:
            raise one.error
        result: T = one.result
        return result

    def sync(self) -> None:
        """Wait until all that was written is on disk.

        Raises:
            LedgerError: The disk cannot be written.
        """
        if self._sync_error is not None:  # the system may have dropped what it could not write
            raise self._sync_error
        if not self._is_on_disk:
            self._is_on_disk = True  # before it is looked at: another thread may write meanwhile
            try:
                with self.reading() as reader:
                    log = log_of(reader)
                if log is not None:
                    sync_file(log)
            except LedgerError as error:
                self._sync_error = error
                raise

    def _write_all(self, writes: Sequence[_Write]) -> None:
        error: Exception | None = None
        try:
            with translated(), self._transaction(sync=any(one.sync for one in writes)) as writer:
                for one in writes:
                    one.result = one.act(writer)
        except Exception as failed:  # noqa: BLE001  # each thread raises it
            error = failed
        for one in writes:
            one.error, one.is_done = error, True

    @contextmanager
    def _transaction(self, *, sync: bool) -> Iterator[Connection]:
        if self._writer is None:
            raise AssertionError
        if self._writer.invalidated:  # SQLAlchemy would connect anew, without the lock
            message = "the connection to the ledger was lost, and with it the lock of this run"
            raise LedgerError(message)
        if sync != self._syncs:
            set_sync(self._writer, sync=sync)
            self._syncs = sync
        with self._writer.begin():
            yield self._writer
        self._is_on_disk = sync

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Use the connection that reads.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with self._read_lock, translated():
            yield self._reader

    def close(self) -> None:
        """Close them; threads that still use them get an error."""
        with self._write_lock, self._read_lock:
            self._close()
