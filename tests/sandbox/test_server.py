"""The sandbox's server leaves nothing open when it stops."""

import gc
import socket
from urllib.parse import urlsplit

import pytest

from tests.local_sandbox import running


@pytest.mark.parametrize("clients", range(0, 60, 3))
def test_a_client_that_comes_at_the_last_moment_is_closed(clients: int) -> None:
    """Its connection may be accepted but not made yet; a socket that stays open is a warning."""
    with running() as sandbox:
        sandbox.health()
        parts = urlsplit(sandbox.url)
        sockets = [socket.socket() for _ in range(clients)]
        for each in sockets:
            each.settimeout(0)
            each.connect_ex((parts.hostname, parts.port))
    for each in sockets:
        each.close()
    gc.collect()
