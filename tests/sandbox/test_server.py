"""The sandbox's server leaves nothing open when it stops."""

import gc
import socket
import threading
from urllib.parse import urlsplit

import pytest

from tests.local_sandbox import running


@pytest.mark.parametrize("_", range(8))
def test_a_client_that_comes_at_the_last_moment_is_closed(_: int) -> None:
    """Its connection may be accepted but not made yet; a socket that stays open is a warning."""
    with running() as sandbox:
        parts = urlsplit(sandbox.url)
        address = (parts.hostname or "", parts.port or 0)
        clients: list[socket.socket] = []
        coming = threading.Thread(target=keep_coming, args=(address, clients))
        coming.start()
        while len(clients) < 20:
            sandbox.health()
    coming.join()
    for client in clients:
        client.close()
    gc.collect()


def keep_coming(address: tuple[str, int], clients: list[socket.socket]) -> None:
    """Open one connection after the other until nobody listens."""
    while len(clients) < 300:
        client = socket.socket()
        clients.append(client)
        if client.connect_ex(address):
            return
