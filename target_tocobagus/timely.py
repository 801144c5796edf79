"""HTTP connections whose answers have a deadline as a whole.

A socket's timeout is one between two bytes, so a server that sends a byte now and then holds its
reader for as long as it likes. Here each read from the socket gets no more time than is left of the
attempt, headers and body alike.
"""

from __future__ import annotations

import http.client
import io
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from urllib3 import connection, connectionpool

if TYPE_CHECKING:
    import socket

_SLACK_SECONDS: Final = 0.1
"""How much later than its deadline an attempt may end: setting a timeout is a system call."""

_BUFFER_BYTES: Final = 1 << 16
_attempt = threading.local()
"""The running attempt's deadline, by the monotonic clock; one attempt a thread."""


def set_deadline(moment: float) -> None:
    """Say when the attempt that this thread is about to make must be over."""
    _attempt.deadline = moment


class _TimelyFile(io.RawIOBase):
    """A socket's bytes, each read of which may take what is left of the attempt's time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._timeout = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _attempt.deadline - time.monotonic()
        if left <= 0:
            # A timeout of the socket's own may never come: each byte begins it anew.
            raise TimeoutError
        if not left <= self._timeout <= left + _SLACK_SECONDS:
            self._timeout = left
            self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimelySocket:
    """What `http.client.HTTPResponse` needs of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimelyFile(self._sock), _BUFFER_BYTES)


class _TimelyResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_TimelySocket(sock), *args, **kwargs)  # type: ignore[arg-type]  # all of it that is used


class _Connection(connection.HTTPConnection):
    response_class = _TimelyResponse


class _TLSConnection(connection.HTTPSConnection):
    response_class = _TimelyResponse


class _Pool(connectionpool.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


POOL_CLASSES: Final = {"http": _Pool, "https": _TLSPool}
"""By scheme, as urllib3's pool manager wants them."""
