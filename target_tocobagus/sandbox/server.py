"""The server: uvicorn's HTTP protocol on a loop and a socket of our own.

uvicorn's own ``Server`` looks ten times a second whether it should stop, takes the process's
signals, and waits for open connections to end. A stand-in for tests is started and stopped
hundreds of times and holds requests that never end, so it runs the same protocol itself: about
30 lines, and a stop takes as long as it takes to close the sockets.
"""

import asyncio
import functools
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from target_tocobagus.sandbox.connection import Connection

_BACKLOG = 4096  # thousands of clients may connect at the same instant
_KEEP_ALIVE_SECONDS = 3600  # longer than any test's or benchmark's silence


class SandboxProtocol(H11Protocol):
    """uvicorn's protocol, which also hands each request the connection that it came over.

    uvicorn copies ``app_state`` into each request's scope, and each connection has a protocol of
    its own. Head and body of an answer are two writes, so without TCP_NODELAY each answer would
    wait 40 ms for the client's delayed acknowledgement; asyncio sets it only on sockets that were
    opened with the protocol's number, which ``socket.create_server`` does not do.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Add the connection to what its requests will find."""
        super().connection_made(transport)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "connection": Connection(transport)}


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket, so that its port is known before anything runs.

    Args:
        host: A name or an address of either family.
        port: 0 lets the kernel choose.

    Raises:
        OSError: The address is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def url_of(listener: socket.socket, *, secure: bool = False) -> str:
    """Give the URL at which a listening socket is reached, without a path."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Server:
    """One application served on one listening socket, within a running loop."""

    def __init__(self, app: ASGIApp, tls: tuple[Path, Path] | None = None) -> None:
        """Prepare the server.

        Args:
            app: What it serves.
            tls: The files of a certificate chain and its key, to serve https.
        """
        certificate, key = tls or (None, None)
        self._config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            ssl_certfile=certificate and str(certificate),
            ssl_keyfile=key and str(key),
        )
        self._config.load()
        self._state = ServerState()

    async def run(
        self,
        listener: socket.socket,
        stop: asyncio.Event,
        started: Callable[[], object] = bool,
    ) -> None:
        """Serve until told to stop; then close everything at once, answered or not.

        Args:
            listener: From ``listen``; closed at the end.
            stop: Ends it when it is set.
            started: Called as soon as requests are accepted.
        """
        protocol = functools.partial(
            SandboxProtocol, config=self._config, server_state=self._state, app_state={}
        )
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            protocol, sock=listener, ssl=self._config.ssl, backlog=_BACKLOG
        )
        try:
            started()
            await stop.wait()
        finally:
            server.close()
            await self._close_connections()

    async def _close_connections(self) -> None:
        """Close them first and cancel their requests then, so that none tries to answer."""
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # transports close their sockets in a callback of the loop
        await asyncio.sleep(0)
