"""The connections of a run to its ledger: one that writes, and one that reads.

What is written is one transaction at a time. Any thread may use them; none holds the lock of
delivery meanwhile.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from target_tocobagus.core.errors import LedgerError
from target_tocobagus.ledger.database import set_sync, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection


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
        self._read_lock = threading.Lock()
        self.reads_only = writer is None
        self.dialect = reader.dialect.name

    @contextmanager
    def writing(self, *, sync: bool = True) -> Iterator[Connection]:
        """Begin a transaction to write.

        Args:
            sync: It must survive a crash of the machine. An outcome need not: if it is lost, its
                flight is still there.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        with self._write_lock, translated():
            if self._writer is None:
                raise AssertionError
            if self._writer.invalidated:  # SQLAlchemy would connect anew, without the lock
                message = "the connection to the ledger was lost, and with it the lock of this run"
                raise LedgerError(message)
            set_sync(self._writer, sync=sync)
            with self._writer.begin():
                yield self._writer

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
