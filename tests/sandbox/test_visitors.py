"""The sandbox serves programs on this machine and its own page, and no other page."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.app import is_trusted
from target_tocobagus.sandbox.handle import Sandbox, connect
from tests.certificates import issue
from tests.local_sandbox import running
from tests.sandbox.client import INVENTORY, Client

JSON = {"Content-Type": "application/json"}
FORM = "application/x-www-form-urlencoded"


def status(sandbox: Sandbox, method: str, path: str, headers: dict[str, str]) -> int:
    """Ask as any HTTP client might, with these headers; a Host stands in place of the usual."""
    connection = connect(sandbox.url)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in {**headers, "Content-Length": "2"}.items():
            connection.putheader(name, value)
        connection.endheaders(b"{}")
        with connection.getresponse() as response:
            response.read()
            return response.status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("127.9.9.9:1", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("localhost:", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("192.168.0.9:8080", True),
        ("shop.test:8080", True),
        ("", True),
        ("evil.example", False),
        ("evil.example:8080", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8080", False),
        ("evil.example:127.0.0.1", False),
        ("127.0.0.1:80@evil.example", False),
        ("[::1].evil.example", False),
        ("[evil.example]:8080", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  # a Host, nothing is bound
        ("[::ffff:10.0.0.1]", False),
    ],
)
def test_only_names_of_this_machine_are_trusted(host: str, *, trusted: bool) -> None:
    """Loopback by any of its names, with any port, and the name and address it listens at."""
    assert is_trusted(host, {"192.168.0.9", "shop.test"}) is trusted


def test_under_another_host_nothing_is_served() -> None:
    """A name that was made to resolve here reaches neither the views nor the partner API."""
    with running() as sandbox:
        port = urlsplit(sandbox.url).port
        for path in ("/_sandbox/stock", f"{BASE_PATH}/partner/stores/products"):
            assert status(sandbox, "GET", path, {"Host": f"evil.example:{port}"}) == 421
        assert status(sandbox, "POST", "/_sandbox/reset", {"Host": "evil.example", **JSON}) == 421
        assert status(sandbox, "GET", "/_sandbox/stock", {"Host": "localhost"}) == 200
        assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (JSON, 200),
        ({"Content-Type": "Application/JSON; charset=utf-8"}, 200),
        ({}, 415),
        ({"Content-Type": FORM}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "text/plain; application/json"}, 415),
        ({"Origin": "https://evil.example", **JSON}, 403),
        ({"Origin": "null", **JSON}, 403),
    ],
)
def test_a_page_of_another_site_changes_nothing(headers: dict[str, str], expected: int) -> None:
    """A form across sites is not JSON, and a script says where it comes from."""
    with running() as sandbox, Client(sandbox) as client:
        client.update({"sku": "A", "stock": 1})
        assert status(sandbox, "POST", "/_sandbox/reset", headers) == expected
        assert bool(sandbox.stock()) is (expected != 200)
        body = b'{"items":[{"sku":"B","stock":1}]}'
        signed = {**client.signed("PATCH", INVENTORY, body), "origin": "https://evil.example"}
        assert client.send("PATCH", INVENTORY, body, signed).status == 403
        assert ("sku", "B") not in sandbox.stock()


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("http://127.0.0.1:{port}", "127.0.0.1:{port}", 200),
        ("http://localhost:{port}", "localhost:{port}", 200),
        ("HTTP://LocalHost:{port}", "localhost:{port}", 200),
        ("http://localhost:{port}", "127.0.0.1:{port}", 403),
        ("http://127.0.0.1:1", "127.0.0.1:{port}", 403),
        ("http://127.0.0.1", "127.0.0.1:{port}", 403),
        ("https://127.0.0.1:{port}", "127.0.0.1:{port}", 403),
        ("http://127.0.0.1:{port}.evil.example", "127.0.0.1:{port}", 403),
        ("http://evil.example:{port}", "127.0.0.1:{port}", 403),
        ("http://evil.example:{port}", "evil.example:{port}", 421),
        ("null", "127.0.0.1:{port}", 403),
        ("", "127.0.0.1:{port}", 403),
    ],
)
def test_its_own_page_changes_the_scenario_and_no_stock(
    origin: str, host: str, expected: int
) -> None:
    """The page's origin is the address that was asked; nothing else may be asked for by a page."""
    with running() as sandbox, Client(sandbox) as client:
        port = urlsplit(sandbox.url).port
        given = {"Origin": origin.format(port=port), "Host": host.format(port=port), **JSON}

        assert status(sandbox, "POST", "/_sandbox/scenario/slow", given) == expected
        for path in ("/_sandbox/reset", "/_sandbox/scenario"):
            assert status(sandbox, "POST", path, given) in {403, 421}
        of_a_form = {**given, "Content-Type": FORM}
        assert status(sandbox, "POST", "/_sandbox/scenario/slow", of_a_form) >= 400
        body = b'{"items":[{"sku":"B","stock":1}]}'
        signed = {**client.signed("PATCH", INVENTORY, body), **given}
        assert client.send("PATCH", INVENTORY, body, signed).status in {403, 421}
        assert sandbox.stock() == {}


def test_its_page_has_the_scheme_of_its_address(tmp_path: Path) -> None:
    """Over https the page's origin begins with https."""
    with running(tls=issue(tmp_path)) as sandbox:
        for origin, expected in ((sandbox.url, 200), (sandbox.url.replace("https", "http"), 403)):
            given = {"Origin": origin, **JSON}
            assert status(sandbox, "POST", "/_sandbox/scenario/slow", given) == expected
