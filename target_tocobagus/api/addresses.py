"""Connections to a host by any of its addresses, all of them within one time budget.

A resolver knows no time limit, and each address would get the whole of a timeout, so that one that
does not answer would leave nothing for the next and for the request.
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
"""Addresses that did not take a connection in time; they are tried after the others."""


def resolve(
    host: str, port: int, seconds: float, lookup: Callable[..., Any] | None = None
) -> list[Any]:
    """Find a host's addresses, as `socket.getaddrinfo` gives them.

    The system's resolver knows no time limit, so it is asked in a thread that is left alone when
    its time is over.

    Raises:
        TimeoutError: It did not answer in time.
        OSError: There is no such name, or no name server answered.
        UnicodeError: It is not a name.
    """
    found: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put((lookup or socket.getaddrinfo)(host, port, 0, socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001  # it is raised where the answer is awaited
            found.put(error)

    try:
        threading.Thread(target=ask, daemon=True).start()
    except RuntimeError:  # the machine allows no more threads: then without a limit
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
    """Connect to the first of a host's addresses that takes a connection.

    What is left of the time is divided among the addresses and the request that is to follow; the
    last address may use all of it.

    Raises:
        TimeoutError: None did before the deadline.
        OSError: None did; the last one's error.
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
        del failure  # it refers to this frame, and nobody may collect such circles


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
    """Tell how many seconds are left, more than none.

    Raises:
        TimeoutError: None are.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        # A timeout of the socket's own may never come: each byte begins it anew.
        raise TimeoutError
    return left
