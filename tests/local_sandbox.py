"""The sandbox for tests: served by a thread of their process, which starts in milliseconds.

A benchmark uses ``handle.spawned`` instead, so that client and sandbox do not share an interpreter.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import convert
from msgspec.structs import replace

from target_tocobagus.sandbox.app import make_app
from target_tocobagus.sandbox.handle import Sandbox
from target_tocobagus.sandbox.server import listen, serve, url_of
from target_tocobagus.sandbox.state import Limits, Setup, State

__all__ = ["Limits", "Sandbox", "running"]

_WAIT_SECONDS = 30


@contextmanager
def running(
    scenario: Mapping[str, Any] | None = None,
    catalogue: Any = None,
    *,
    limits: Limits | None = None,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[Sandbox]:
    """Run a sandbox on a free port of 127.0.0.1.

    Args:
        scenario: As in a scenario file; a reset comes back to it.
        catalogue: As in a catalogue file; without one everything exists.
        limits: How much is remembered.
        tls: The files of a certificate chain and its key, to serve https.

    Yields:
        The handle; the sandbox and all its connections end with the block.

    Raises:
        msgspec.ValidationError: The scenario or the catalogue is invalid.
    """
    given = convert({"catalogue": catalogue or {}, "scenario": scenario or {}}, Setup)
    setup = replace(given, limits=limits or Limits())
    # It listens from here on: a client that connects before the loop runs is served later.
    listener = listen("127.0.0.1", 0)
    url = url_of(listener, secure=tls is not None)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    served = serve(make_app(State(setup)), listener, stop, tls=tls)
    thread = threading.Thread(target=loop.run_until_complete, args=(served,), daemon=True)
    thread.start()
    try:
        yield Sandbox(url, setup.credentials)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_WAIT_SECONDS)
        loop.close()
