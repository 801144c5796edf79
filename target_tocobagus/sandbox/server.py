"""The server: uvicorn's HTTP protocol on a loop and a socket of our own.

uvicorn's own ``Server`` takes over the process's signals, and only stops after up to 0.1 s and when
its requests have ended. Tests start and stop a sandbox hundreds of times, with requests that never
end, so a stop here closes the sockets at once.
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

_BACKLOG = 4096  # thousands of clients may connect at the same time
_TURNS = 5  # of the loop; asyncio takes fewer to make a connection
_KEEP_ALIVE_SECONDS = 3600  # longer than any pause of a test or a benchmark


class SandboxProtocol(H11Protocol):
    """uvicorn's protocol, which also puts the connection's transport into each request's scope.

    Head and body of an answer are two writes, so without TCP_NODELAY each answer would wait 40 ms
    for the client's delayed acknowledgement. asyncio sets it only on sockets that were opened with
    the protocol's number, which ``socket.create_server`` does not do.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Add the transport to the state that uvicorn copies into each request's scope."""
        super().connection_made(transport)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket, so that its port is known before anything runs.

    Raises:
        OSError: The address is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def url_of(listener: socket.socket, *, secure: bool = False) -> str:
    """Return the URL of a listening socket, without a path."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    stop: asyncio.Event,
    started: Callable[[], object] = bool,
    tls: tuple[Path, Path] | None = None,
) -> None:
    """Serve until told to stop; then close everything at once, answered or not.

    Args:
        app: What it serves.
        listener: From ``listen``; closed at the end.
        stop: Ends it when it is set.
        started: Called as soon as requests are accepted.
        tls: The files of a certificate chain and its key, to serve https.
    """
    chain, key = map(str, tls) if tls else (None, None)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        ssl_certfile=chain,
        ssl_keyfile=key,
    )
    config.load()
    state = ServerState()
    protocol = functools.partial(SandboxProtocol, config, state, {})
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, sock=listener, ssl=config.ssl, backlog=_BACKLOG)
    try:
        started()
        await stop.wait()
    finally:
        # asyncio leaks a connection that it has accepted but not made when its server closes.
        loop.remove_reader(listener)
        await _pass_turns()
        server.close()
        await _close_connections(state)


async def _pass_turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _close_connections(state: ServerState) -> None:
    """Close them first and then cancel their requests, so that none tries to answer."""
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Transports close their sockets in a callback of the loop.
    await asyncio.sleep(0)
