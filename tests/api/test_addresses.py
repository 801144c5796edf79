"""Connections to a host with several addresses, on real sockets of this machine."""

from __future__ import annotations

import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.api.addresses import connect, resolve
from tests.api.scripted_server import deaf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def resolver(port: int, *hosts: str) -> Callable[..., Any]:
    """Give what stands in for the system's resolver: a name with these addresses."""
    return lambda *_: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in hosts]


@pytest.fixture
def port() -> Iterator[int]:
    """A port that 127.0.0.2 takes connections on, 127.0.0.3 never answers on; others refuse."""
    with (
        socket.create_server(("127.0.0.2", 0)) as listener,
        deaf("127.0.0.3", listener.getsockname()[1]),
    ):
        yield listener.getsockname()[1]


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog refuses")


@on_linux
@pytest.mark.parametrize(
    "hosts",
    [
        ["127.0.0.3", "127.0.0.2"],
        ["127.0.0.4", "127.0.0.2"],
        ["127.0.0.4", "127.0.0.3", "127.0.0.3", "127.0.0.2", "127.0.0.3"],
    ],
)
def test_the_first_address_that_answers_is_taken(hosts: list[str], port: int) -> None:
    """One that is silent or refuses leaves time for the next, and for the request after it."""
    deadline = time.monotonic() + 3
    with connect("stock.example", port, deadline, resolver(port, *hosts)) as sock:
        assert sock.getpeername()[0] == "127.0.0.2"
        left = deadline - time.monotonic()
        assert left > 0
        assert (sock.gettimeout() or 0) <= left + 0.5
        assert left > 0.3


@on_linux
def test_an_address_that_was_silent_is_tried_last(port: int) -> None:
    """Its time is lost with the first connection, and not with each."""
    lookup = resolver(port, "127.0.0.3", "127.0.0.2")
    connect("stock.example", port, time.monotonic() + 2, lookup).close()
    # What the silent one would get is longer than this test may take.
    connect("stock.example", port, time.monotonic() + 3600, lookup).close()


@on_linux
def test_all_addresses_silent_end_with_the_deadline(port: int) -> None:
    """The last one may use what is left, and not before that is it over."""
    for hosts in (["127.0.0.3"], ["127.0.0.3", "127.0.0.3"]):
        deadline = time.monotonic() + 0.5
        with pytest.raises(TimeoutError):
            connect("x", port, deadline, resolver(port, *hosts))
        assert time.monotonic() > deadline - 0.05


def test_the_last_refusal_is_told(port: int) -> None:
    """If no address takes the connection, the error is the system's own."""
    with pytest.raises(ConnectionRefusedError):
        connect("x", port, time.monotonic() + 5, resolver(port, "127.0.0.4", "127.0.0.5"))


def test_a_name_without_addresses_is_an_error(port: int) -> None:
    """An empty list from the resolver is an error."""
    with pytest.raises(OSError, match="the name has no address"):
        connect("x", port, time.monotonic() + 5, resolver(port))


def test_a_resolver_that_hangs_is_left_alone() -> None:
    """The system's resolver has no time limit, so the lookup has one."""
    never = threading.Event()

    def lookup(*_: Any) -> Any:
        never.wait()

    with pytest.raises(TimeoutError):
        resolve("x", 1, 0.05, lookup)
    never.set()


def test_what_the_resolver_says_is_raised_where_it_is_asked() -> None:
    """An error of the resolver's thread reaches the caller."""
    with pytest.raises(OSError, match="known"):
        resolve("nowhere.invalid", 1, 30, lambda *_: (_ for _ in ()).throw(OSError("not known")))
    with pytest.raises(UnicodeError):
        resolve("a" * 64 + ".invalid", 1, 30)
