"""The sandbox for tests and benchmarks: started and stopped from Python.

``running`` serves from a thread of this process: it starts in milliseconds. ``handle.spawned``
starts a process of its own, so that a benchmark's client and the sandbox do not share an
interpreter. Both serve real sockets on a free loopback port, and both give the same handle.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from target_tocobagus.sandbox.app import make_app
from target_tocobagus.sandbox.handle import Sandbox
from target_tocobagus.sandbox.inventory import Catalogue
from target_tocobagus.sandbox.scenario import read
from target_tocobagus.sandbox.server import Server, listen, url_of
from target_tocobagus.sandbox.state import Setup, State
from target_tocobagus.sandbox.world import Limits

__all__ = ["Limits", "Sandbox", "running"]

_WAIT_SECONDS = 30


@contextmanager
def running(
    scenario: Mapping[str, Any] | None = None,
    catalogue: Any = None,
    *,
    latency_ms: float = 0,
    limits: Limits | None = None,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[Sandbox]:
    """Run a sandbox in a thread of this process, on a free port of 127.0.0.1.

    Args:
        scenario: As in a scenario file; a reset comes back to it.
        catalogue: As in a catalogue file; without one everything exists.
        latency_ms: Before every answer, where the scenario does not say.
        limits: How much is remembered.
        tls: The files of a certificate chain and its key, to serve https.

    Yields:
        The handle; the sandbox is gone when the block ends, with every connection to it.

    Raises:
        msgspec.ValidationError: The scenario or the catalogue has not the form that it must have.
    """
    setup = Setup(
        catalogue=Catalogue.read(catalogue),
        scenario=read(scenario),
        latency_ms=latency_ms,
        limits=limits or Limits(),
    )
    background = _Background(setup, tls)
    try:
        yield Sandbox(background.url, setup.credentials)
    finally:
        background.stop()


class _Background:
    """A server in a thread, with a loop of its own."""

    def __init__(self, setup: Setup, tls: tuple[Path, Path] | None) -> None:
        self._server = Server(make_app(State(setup)), tls)
        # It listens from here on: a client that comes before the loop runs waits, and is served.
        self._listener = listen("127.0.0.1", 0)
        self.url = url_of(self._listener, secure=tls is not None)
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._server.run(self._listener, self._end))
        finally:
            self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_WAIT_SECONDS)
