"""HTTP as it really is: proxies, certificates, redirects, netrc, servers that drip or hang up."""

from __future__ import annotations

import http.client
import socket
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from target_tocobagus import __version__
from tests.api.scripted_server import two_addresses
from tests.certificates import issue
from tests.e2e.command import Command, record, schema, state, stock_of
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local_sandbox import Sandbox

CREDENTIALS = {
    "partner_client_id": "p",
    "partner_secret": "a-secret",
    "store_client_id": "s",
    "store_token": "a-token",
}
ROWS = [schema(), record("A", 1), state(1)]


class Proxy(ThreadingHTTPServer):
    """A forward proxy for plain http that remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Forwarder)

    @property
    def place(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Forwarder(BaseHTTPRequestHandler):
    def do_PATCH(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.asked.append((self.path, self.headers.get("Proxy-Authorization")))
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 80)
        connection.request("PATCH", parts.path, body, dict(self.headers.items()))
        with connection.getresponse() as answer:
            data = answer.read()
        connection.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_CONNECT(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.asked.append((self.path, self.headers.get("Proxy-Authorization")))
        self.send_error(407)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A real proxy on a port of its own."""
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def secured(directory: Path) -> Iterator[tuple[Sandbox, Command, dict[str, str]]]:
    """Serve https; give the environment that trusts the certificate."""
    with running(tls=issue(directory)) as sandbox:
        command = Command(directory, {"api_url": sandbox.api_url, **sandbox.credentials})
        yield sandbox, command, {"REQUESTS_CA_BUNDLE": str(directory / "ca.pem")}


def test_a_request_names_the_program_and_carries_nothing_of_netrc(
    command: Command, sandbox: Sandbox
) -> None:
    """User-Agent and Content-Type are set; `~/.netrc` yields no Authorization header."""
    netrc = command.directory / "home" / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    command.run(ROWS).without_traceback(0)
    (request,) = sandbox.requests()
    assert request["headers"]["user-agent"] == f"target-tocobagus/{__version__}"
    assert request["headers"]["content-type"] == "application/json"
    assert not {"authorization", "cookie"} & set(request["headers"])
    assert request["method"] == "PATCH"


def test_the_environments_proxy_is_used(command: Command, sandbox: Sandbox, proxy: Proxy) -> None:
    """`HTTP_PROXY` is asked, with its password, and `NO_PROXY` passes it by."""
    env = {"HTTP_PROXY": f"http://me:pa55word@{proxy.place}", "NO_PROXY": ""}
    ended = command.run(ROWS, env={**env, "LOGLEVEL": "DEBUG"}).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 1}}
    asked = (f"{sandbox.api_url}/partner/stores/inventory", "Basic bWU6cGE1NXdvcmQ=")
    assert proxy.asked == [asked]
    assert "pa55word" not in ended.stderr
    command.run(ROWS, env={**env, "NO_PROXY": "127.0.0.1"}).without_traceback(0)
    assert proxy.asked == [asked]


def test_a_proxy_that_is_not_there_is_told_without_its_password(command: Command) -> None:
    """The message says what failed, and never the proxy's user or password."""
    env = {"HTTP_PROXY": "http://me:pa55word@127.0.0.1:1", "LOGLEVEL": "DEBUG"}
    ended = command.run(ROWS, env=env, max_retry_seconds=1).without_traceback(1)
    assert "the connection failed" in ended.stderr
    assert "pa55word" not in ended.stderr


def test_a_proxy_that_wants_a_user_ends_the_run_at_once(proxy: Proxy, tmp_path: Path) -> None:
    """Its answer to CONNECT will be the same the next time, so nothing is tried again."""
    runner = Command(tmp_path, {"api_url": "https://api.example.com/api/v1", **CREDENTIALS})
    env = {"HTTPS_PROXY": f"http://{proxy.place}", "NO_PROXY": ""}
    ended = runner.run(ROWS, env=env, max_retry_seconds=60).without_traceback(2)
    assert "the proxy that the environment names refuses to connect (HTTP 407)" in ended.stderr
    assert "sent again" not in ended.stderr
    assert proxy.asked == [("api.example.com:443", None)]


def test_a_proxy_that_is_no_url_is_told(command: Command) -> None:
    """A proxy's URL without a host is a problem of the configuration."""
    ended = command.run(ROWS, env={"HTTP_PROXY": "http://me:pa55word@", "NO_PROXY": ""})
    assert "and the proxies that the environment names" in ended.without_traceback(2).stderr
    assert "internal error" not in ended.stderr
    assert "pa55word" not in ended.stderr


def test_a_certificate_is_trusted_as_the_environment_says(tmp_path: Path) -> None:
    """`REQUESTS_CA_BUNDLE` is used; an untrusted certificate stops the run at once."""
    with secured(tmp_path) as (sandbox, command, env):
        command.run(ROWS, env=env).without_traceback(0)
        assert stock_of(sandbox) == {"A": {None: 1}}
        sandbox.reset()

        began = time.monotonic()
        ended = command.run(ROWS, max_retry_seconds=60).without_traceback(2)
        assert time.monotonic() - began < 30
        assert "the API's certificate does not verify; nothing was sent" in ended.stderr
        assert "sent again" not in ended.stderr
        assert (ended.stdout, sandbox.requests()) == ([], [])

        ended = command.run(ROWS, env={"REQUESTS_CA_BUNDLE": "/nowhere.pem"}).without_traceback(2)
        assert "REQUESTS_CA_BUNDLE" in ended.stderr
        command.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int, command: Command, sandbox: Sandbox) -> None:
    """The run exits with 1, and the credentials are not sent elsewhere."""
    with running() as elsewhere:
        location = f"{elsewhere.api_url}/partner/stores/inventory"
        fault = {"status": status, "headers": {"location": location}}
        sandbox.set_scenario({"rules": [{"fault": fault}]})
        ended = command.run(ROWS).without_traceback(1)
        assert elsewhere.requests() == []
    told = "redirects are never followed, because they would send the credentials elsewhere"
    assert f"{told} (HTTP {status}" in ended.stderr
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize("headers", [True, False], ids=["headers", "body"])
@pytest.mark.parametrize(("secure", "drip_ms"), [(True, 200), (False, 20)], ids=["https", "http"])
def test_an_answer_that_drips_does_not_outlive_its_attempt(
    drip_ms: int, tmp_path: Path, *, secure: bool, headers: bool
) -> None:
    """`request_timeout_seconds` bounds the attempt as a whole, not the wait between two bytes."""
    drip = {"drip_ms": drip_ms, "drip_headers": headers}
    with secured(tmp_path) as (https, _, env), running() as plain:
        sandbox = https if secure else plain
        sandbox.set_scenario({"rules": [{"when": {"requests": 1}, "fault": drip}]})
        command = Command(tmp_path, {"api_url": sandbox.api_url, **sandbox.credentials})
        ended = command.run(ROWS, env=env, request_timeout_seconds=1).without_traceback(0)
        first, second = sandbox.requests()
        assert 900 < second["arrivedMs"] - first["arrivedMs"] < 5000
    assert "no answer in time" in ended.stderr
    assert ended.numbers == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog refuses")
@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "by a proxy"])
def test_a_host_whose_first_address_is_silent_is_reached_by_the_second(
    proxied: bool,  # noqa: FBT001  # a table
    command: Command,
    sandbox: Sandbox,
    proxy: Proxy,
) -> None:
    """The silent one leaves time for the request, which is made once and answered late."""
    rule = {"when": {"requests": 1}, "fault": {"latency_ms": 600}}
    sandbox.set_scenario({"rules": [rule]})
    port = proxy.server_address[1] if proxied else int(sandbox.url.rpartition(":")[2])
    url = sandbox.api_url if proxied else f"http://localhost:{port}/api/v1"
    command.api["api_url"] = url
    with two_addresses(command.directory, port, "127.0.0.3", "127.0.0.1") as env:
        if proxied:
            env |= {"HTTP_PROXY": f"http://localhost:{port}", "NO_PROXY": ""}
        ended = command.run(ROWS, env=env, request_timeout_seconds=2).without_traceback(0)
    assert len(sandbox.requests()) == 1
    assert len(proxy.asked) == proxied
    assert "sent again" not in ended.stderr
    assert stock_of(sandbox) == {"A": {None: 1}}


def test_tls_that_does_not_come_about_in_time_halves_nothing(tmp_path: Path) -> None:
    """A server that takes connections and says nothing does not make batches smaller."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/api/v1"
        runner = Command(tmp_path, {"api_url": url, **CREDENTIALS})
        rows = [schema(), *(record(f"S{number}", 1) for number in range(40))]
        ended = runner.run(rows, request_timeout_seconds=1, max_retry_seconds=1)
    assert "the connection failed (no answer in time)" in ended.without_traceback(1).stderr
    assert "in 2 parts" not in ended.stderr
