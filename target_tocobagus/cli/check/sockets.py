"""Names and connections, below HTTP: one attempt each, made as the target's client makes them."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.api import addresses
from target_tocobagus.api.network_errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

_SILENT: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
"""What the resolver says when no name server gave an answer, be it that there is none."""


def resolve(
    host: str, port: int, seconds: float, lookup: Callable[..., Any] | None = None
) -> list[str] | Failed:
    """Find a host's addresses, each once."""
    try:
        entries = addresses.resolve(host, port, seconds, lookup)
    except socket.gaierror as error:
        silent = error.errno in _SILENT
        return Failed("names silent" if silent else "name unknown", error.strerror or "")
    except TimeoutError:
        return Failed("names silent", f"none within {seconds:g} s")
    except (OSError, UnicodeError):
        return Failed("name unknown", "it is not a valid name")
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def connect(host: str, port: int, seconds: float) -> int | Failed:
    """Open a connection to one of a host's addresses, and close it again.

    Returns:
        How long it took, in ms.
    """
    began = time.monotonic()
    try:
        addresses.connect(host, port, began + seconds).close()
    except ConnectionRefusedError:
        return Failed("refused")
    except TimeoutError:
        return Failed("no connection")
    except OSError as error:
        return Failed("unreachable", error.strerror or "the system does not say why")
    return round((time.monotonic() - began) * 1000)
