"""Connections to a host by any of its addresses, all of them within one time budget.

The system's resolver has no time limit, and each address would get a whole timeout, so that one
without an answer would leave no time for the next and for the request.
"""

from __future__ import annotations

import errno
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_silent: Final[set[Any]] = set()
"""Addresses that did not accept a connection in time; they are tried after the others."""


def resolve(
    host: str, port: int, seconds: float, lookup: Callable[..., Any] | None = None
) -> list[Any]:
    """Find a host's addresses, as `socket.getaddrinfo` gives them.

    The system's resolver has no time limit, so it runs in a thread that is abandoned when the time
    is over.

    Raises:
        TimeoutError: It did not answer in time.
        OSError: The name does not exist, or no name server answered.
        UnicodeError: It is not a name.
    """
    found: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put((lookup or socket.getaddrinfo)(host, port, 0, socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001  # raised again below
            found.put(error)

    try:
        threading.Thread(target=ask, daemon=True).start()
    except RuntimeError:  # the machine allows no more threads: ask without a time limit
        ask()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def connect(
    host: str, port: int, deadline: float, lookup: Callable[..., Any] | None = None
) -> socket.socket:
    """Connect to the first of a host's addresses that accepts a connection.

    The time left is divided among the addresses and the request after them; the last address may
    use all of it.

    Raises:
        TimeoutError: None accepted one before the deadline.
        OSError: None accepted one; the error of the last.
        UnicodeError: The host is not a name.
    """
    entries = resolve(host.strip("[]"), port, time_left(deadline), lookup)
    entries.sort(key=lambda entry: entry[4] in _silent)
    failure = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    for others, entry in zip(reversed(range(len(entries))), entries, strict=True):
        left = time_left(deadline)
        try:
            sock = _open(entry, left / (others + 2) if others else left)
        except OSError as error:
            failure = error
        else:
            sock.settimeout(time_left(deadline))
            return sock
    try:
        raise failure
    finally:
        del failure  # it refers to this frame: a cycle that may never be collected


def _open(entry: Any, seconds: float) -> socket.socket:
    family, kind, protocol, _, address = entry
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(seconds)
        sock.connect(address)
    except OSError as error:
        sock.close()
        if isinstance(error, TimeoutError):
            _silent.add(address)
        raise
    _silent.discard(address)
    return sock


def time_left(deadline: float) -> float:
    """Return the seconds that are left, more than 0.

    Raises:
        TimeoutError: No time is left.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        # The socket's own timeout may never come: each byte restarts it.
        raise TimeoutError
    return left
