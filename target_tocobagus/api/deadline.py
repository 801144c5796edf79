"""HTTP connections that keep to one deadline, from the host's name to the answer's last byte.

A socket's timeout only limits the time between two bytes, so a slow server can hold its reader for
ever; and each address of a host would get a whole timeout. Here each step gets only the time left
of the attempt: looking up the name, connecting, TLS, sending, and each read of headers and body.

Invariants: nothing waits beyond the deadline; an address without an answer leaves time for the next
one and for the request; at most `MOST_BYTES_RECEIVED` of an answer are received.
"""

from __future__ import annotations

import http.client
import io
import threading
from typing import TYPE_CHECKING, Any, Final

from urllib3 import connection, connectionpool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from target_tocobagus.api.addresses import connect, time_left

if TYPE_CHECKING:
    import socket

MOST_BYTES_RECEIVED: Final = 32 << 20
"""Of one answer, including headers and chunk sizes; the body has its own lower limit."""

_SLACK_SECONDS: Final = 0.1
"""How much later than its deadline an attempt may end. Setting a timeout is a system call, which
releases the interpreter's lock, so it is left out if the change is small."""

_BUFFER_BYTES: Final = 1 << 16
_RECORD_BYTES: Final = 1 << 14
"""A TLS record: a TLS socket restarts its timeout with each."""

_MOST_INFORMATIONAL: Final = 100
_INFORMATIONAL: Final = range(100, 200)


class _Attempt(threading.local):
    """The attempt that a thread is making.

    Attributes:
        deadline: When it must be over, by the monotonic clock.
        sent: A byte of it may have been sent.
    """

    deadline = 0.0
    sent = False


_attempt: Final = _Attempt()


class ConnectionTimeoutError(ConnectTimeoutError):
    """The name did not resolve, or no address accepted a connection, before the deadline."""


class HandshakeTimeoutError(ConnectTimeoutError):
    """The connection was open, but TLS or the proxy's tunnel was not ready before the deadline."""


class UntrustedAnswer(http.client.HTTPException):
    """The answer is not valid HTTP; the text is ours."""


def set_deadline(moment: float) -> None:
    """Set the deadline of the next attempt of this thread."""
    _attempt.deadline = moment
    _attempt.sent = False


def was_sent() -> bool:
    """Whether a byte of this thread's attempt may have been sent."""
    return _attempt.sent


def _allow_time_left(sock: socket.socket) -> None:
    """Limit the next operation of a socket to the time left of the attempt."""
    left = time_left(_attempt.deadline)
    if not left <= (sock.gettimeout() or 0) <= left + _SLACK_SECONDS:
        sock.settimeout(left)


class _TimelyFile(io.RawIOBase):
    """Reads a socket; each read may take the time left of the attempt."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _allow_time_left(self._sock)
        count = self._file.readinto(buffer)
        self._received += count or 0
        if self._received > MOST_BYTES_RECEIVED:
            message = "it is too long"
            raise UntrustedAnswer(message)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimelySocket:
    """The part of a socket that `http.client.HTTPResponse` uses."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimelyFile(self._sock), _BUFFER_BYTES)


class _TimelyResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_TimelySocket(sock), *args, **kwargs)  # type: ignore[arg-type]  # all of it that is used

    def begin(self) -> None:
        super().begin()
        if self.length is None and not self.chunked:
            self.length = _joined_length(self.headers.get("content-length", ""))

    def _read_status(self) -> tuple[str, int, str]:
        """Read the first line of the final answer; `http.client` itself only skips 100."""
        for _ in range(_MOST_INFORMATIONAL):
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]  # not in its stub
            status = found[1]
            if status not in _INFORMATIONAL or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return found
            http.client.parse_headers(self.fp)
        message = "it has too many 1xx responses"
        raise UntrustedAnswer(message)


def _joined_length(text: str) -> int | None:
    """Read two equal `Content-Length` headers joined by a proxy: ``5, 5`` (RFC 9110, 8.6)."""
    lengths = {part.strip() for part in text.split(",")}
    only = lengths.pop()
    return int(only) if not lengths and only.isascii() and only.isdecimal() else None


class _Connection(connection.HTTPConnection):
    response_class = _TimelyResponse
    _bytes_at_once: int | None = None
    """Bytes sent under one timeout; all, unless the socket restarts its timeout in between."""

    def _new_conn(self) -> socket.socket:
        try:
            sock = connect(self._dns_host, self.port, _attempt.deadline)
        except TimeoutError as error:
            raise ConnectionTimeoutError(self, "") from error
        except OSError as error:
            raise NewConnectionError(self, "") from error
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as error:
            raise HandshakeTimeoutError(self, "") from error

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _attempt.sent = True
        most = self._bytes_at_once or max(len(data), 1)
        for start in range(0, len(data), most):
            _allow_time_left(self.sock)
            self.sock.sendall(data[start : start + most])


class _TLSConnection(_Connection, connection.HTTPSConnection):
    _bytes_at_once = _RECORD_BYTES


class _Pool(connectionpool.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


POOL_CLASSES: Final = {"http": _Pool, "https": _TLSPool}
"""By scheme, as urllib3's pool manager wants them."""
