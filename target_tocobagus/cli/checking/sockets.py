"""Names and connections, below HTTP: one attempt each, within so many seconds."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.cli.checking.observed import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

_SILENT: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
"""What the resolver says when no name server gave an answer, be it that there is none."""


def resolve(
    host: str, port: int, seconds: float, lookup: Callable[..., Any] = socket.getaddrinfo
) -> list[str] | Failed:
    """Find a host's addresses, each once.

    The system's resolver knows no time limit, so it is asked in a thread that is left alone when
    its time is over.
    """
    found: queue.SimpleQueue[list[str] | Failed] = queue.SimpleQueue()

    def ask() -> None:
        found.put(_addresses(host, port, lookup))

    threading.Thread(target=ask, daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except queue.Empty:
        return Failed("names silent", f"none within {seconds:g} s")


def _addresses(host: str, port: int, lookup: Callable[..., Any]) -> list[str] | Failed:
    try:
        entries = lookup(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        silent = error.errno in _SILENT
        return Failed("names silent" if silent else "name unknown", error.strerror or "")
    except (OSError, UnicodeError) as error:
        return Failed("name unknown", type(error).__name__)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def connect(host: str, port: int, seconds: float) -> int | Failed:
    """Open a connection and close it again.

    Returns:
        How long it took, in ms.
    """
    began = time.monotonic()
    try:
        socket.create_connection((host, port), seconds).close()
    except ConnectionRefusedError:
        return Failed("refused")
    except TimeoutError:
        return Failed("no connection")
    except OSError as error:
        return Failed("unreachable", error.strerror or type(error).__name__)
    return round((time.monotonic() - began) * 1000)
