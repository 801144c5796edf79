"""A server whose answers are written out, byte by byte, for the client to be tried on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.api.client import Client, Clock
from target_tocobagus.config.settings import parse_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

PATIENCE: Final = 30.0
TOKEN: Final = "token/with+signs=and&more"  # noqa: S105  # a marker to be looked for
SECRET: Final = "partner-secret-0123456789"  # noqa: S105  # a marker to be looked for
CREDENTIALS: Final = {
    "partner_client_id": "partner",
    "partner_secret": SECRET,
    "store_client_id": "store",
    "store_token": TOKEN,
}
BODY: Final = b'{"items":[]}'


class Server:
    """Answers one request after the other, each from the script, the last one for ever.

    Attributes:
        bodies: Those of the requests that were read whole.
        connections: How many there were.
    """

    def __init__(self, listener: socket.socket, script: Sequence[Callable[[Any], None]]) -> None:
        self._listener = listener
        self._script = script
        self.bodies: list[bytes] = []
        self.connections = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Serve until the listener is shut down."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            connection.settimeout(PATIENCE)
            while (body := _read_request(connection)) is not None:
                self.bodies.append(body)
                answer = self._script[min(len(self.bodies), len(self._script)) - 1]
                answer(connection)


def _read_request(connection: socket.socket) -> bytes | None:
    content = b""
    while b"\r\n\r\n" not in content:
        if not (more := connection.recv(1 << 16)):
            return None
        content += more
    head, _, body = content.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(1 << 16)
    return body


def says(*parts: bytes, pause: float = 0.0) -> Callable[[Any], None]:
    """Write these parts, and leave the connection open."""

    def answer(connection: Any) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return answer


def ends(*parts: bytes) -> Callable[[Any], None]:
    """Write these parts, and close the connection."""

    def answer(connection: Any) -> None:
        says(*parts)(connection)
        connection.shutdown(socket.SHUT_RDWR)

    return answer


def answer(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """Write an answer with the length of its body, and further lines of headers."""
    head = [b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body), b"", b""]
    return b"\r\n".join(head) + body


@contextlib.contextmanager
def serving(*script: Callable[[Any], None], host: str = "127.0.0.1") -> Iterator[Server]:
    """Serve a script on a free port."""
    with socket.create_server((host, 0)) as listener:
        server = Server(listener, script)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


@contextlib.contextmanager
def deaf(host: str, port: int = 0) -> Iterator[socket.socket]:
    """Hold a port that lets no more connections wait, so that Linux leaves them unanswered."""
    with socket.create_server((host, port), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(listener.getsockname())
        yield listener
        for each in waiting:
            each.close()


def client_of(port: int, **changes: Any) -> Client:
    """Make a client for a port of this machine; an attempt gets five seconds if nothing is said."""
    settings = parse_settings({**CREDENTIALS, "api_url": f"http://127.0.0.1:{port}/api/v1"})
    assert settings.credentials
    changes = {"request_timeout_seconds": 5, **changes}
    return Client(msgspec.structs.replace(settings, **changes), settings.credentials, Clock())


RESOLVER: Final = """
import socket
system = socket.getaddrinfo

def getaddrinfo(host, port, *more, **named):
    # A name that this machine does not have, with an address that is silent and one that answers.
    if host != "localhost":
        return system(host, port, *more, **named)
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, int(port))) for at in ADDRESSES]

socket.getaddrinfo = getaddrinfo
"""
"""What Python reads at its start, in place of a name server of the test's own."""


@contextlib.contextmanager
def two_addresses(directory: Path, port: int, *addresses: str) -> Iterator[dict[str, str]]:
    """Give the environment in which `localhost` has these addresses; 127.0.0.3 is silent there."""
    folder = directory / "resolver"
    folder.mkdir()
    text = f"ADDRESSES = {addresses}\n{RESOLVER}"
    (folder / "sitecustomize.py").write_text(text, "utf-8")
    with deaf("127.0.0.3", port):
        yield {"PYTHONPATH": str(folder)}
