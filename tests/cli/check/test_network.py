"""`tocobagus check` on the way to the API: names, connections, proxies, certificates."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target_tocobagus.api.network_errors import Failed
from target_tocobagus.cli.check import network
from target_tocobagus.cli.check.catalogue import Answers, Network
from target_tocobagus.cli.check.network import Proxy, Route
from tests.api.scripted_server import deaf, two_addresses
from tests.certificates import issue
from tests.cli.check.bench import (
    SECRETS,
    Checked,
    assert_found,
    check,
    closed,
    only_read,
    place_of,
    proxy,
    run,
    saying,
)
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_tocobagus.cli.check.page import Diagnosis
    from tests.local_sandbox import Sandbox

PASSWORD: Final = "pa55-word"  # noqa: S105  # a marker to be looked for in the output
NOBODY: Final = f"{'a' * 64}.invalid"
"""A name that no server need be asked for: no label may be so long."""

NOW: Final = datetime.now(timezone.utc)
PAGE: Final = (
    b"HTTP/1.1 403 Forbidden\r\nVia: 1.1 gate\r\nContent-Length: 15\r\n\r\n<h1>Denied</h1>"
)
FLOOD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n" + b" " * (10 << 20)
"""More than is looked at, of an answer that says that it is longer still."""

ALERT: Final = b"\x15\x03\x03\x00\x02\x02\x28"
"""TLS: a fatal alert, handshake failure."""


class Case(NamedTuple):
    """A situation, and what is found in it.

    Attributes:
        found: What is found.
        env: Beside the CA bundle; `<name>` stands for the place of that name.
        api_url: Another one than the sandbox's.
        tls: How the sandbox's certificate is issued; ``None`` serves plain http.
        fault: What the sandbox does wrong.
    """

    found: Diagnosis
    env: dict[str, str] = {}  # noqa: RUF012  # never changed
    api_url: str = ""
    tls: dict[str, Any] | None = None
    fault: dict[str, Any] | None = None


TLS: Final[dict[str, Any]] = {}
OLD: Final = {"not_before": NOW - timedelta(days=9), "not_after": NOW - timedelta(days=1)}
NEW: Final = {"not_before": NOW + timedelta(days=1), "not_after": NOW + timedelta(days=9)}
BY_PROXY: Final = {"HTTPS_PROXY": "http://<proxy>"}

CASES: Final = (
    Case(Network.NAME_RESOLVES, api_url="http://localhost:<port>/api/v1"),
    Case(Network.NAME_UNKNOWN, api_url=f"https://{NOBODY}/api/v1"),
    Case(Network.CONNECTS),
    Case(Network.REFUSED, api_url="https://<closed>/api/v1"),
    Case(Network.NO_CONNECTION, api_url="https://255.255.255.255/api/v1"),
    Case(Network.PLAIN_HTTP),
    Case(Network.CERTIFICATE_GOOD, tls=TLS),
    Case(Network.UNTRUSTED, {"REQUESTS_CA_BUNDLE": ""}, tls=TLS),
    Case(Network.WRONG_NAME, tls={"name": "other.example"}),
    Case(Network.OUT_OF_DATE, tls=OLD),
    Case(Network.OUT_OF_DATE, tls=NEW),
    Case(Network.BUNDLE_UNREADABLE, {"REQUESTS_CA_BUNDLE": "/nowhere.pem"}, tls=TLS),
    Case(Network.TLS_FAILED, api_url="https://<page>/api/v1"),
    Case(Network.TLS_FAILED, api_url="https://<alert>/api/v1"),
    Case(Network.PROXY_USED, BY_PROXY, tls=TLS),
    Case(Network.PROXY_USED, {"http_proxy": "http://<proxy>"}),
    Case(Network.PROXY_USED, {"HTTPS_PROXY": f"http://me:{PASSWORD}@<locked>"}, tls=TLS),
    Case(Network.PROXY_WANTS_USER, {"HTTP_PROXY": "http://<locked>"}),
    Case(Network.PROXY_WANTS_USER, fault={"status": 407, "html": True}),
    Case(Network.PROXY_REFUSES, {"HTTPS_PROXY": "http://<page>"}, tls=TLS),
    Case(Network.PROXY_REFUSES, BY_PROXY, api_url="https://<closed>/api/v1"),
    Case(Network.PROXY_LOST, {"HTTPS_PROXY": "http://<silence>"}, tls=TLS),
    Case(Network.PROXY_LOST, {"HTTPS_PROXY": "https://<alert>"}, tls=TLS),
    Case(Network.PROXY_LOST, {"HTTPS_PROXY": f"https://me:{PASSWORD}@<page>"}, tls=TLS),
    Case(Network.PROXY_UNREACHABLE, {"ALL_PROXY": f"http://me:{PASSWORD}@<closed>"}),
    Case(Network.PROXY_UNREACHABLE, {"HTTPS_PROXY": f"me:{PASSWORD}@{NOBODY}:3128"}, tls=TLS),
    Case(Network.PROXY_UNUSABLE, {"ALL_PROXY": f"socks5h://me:{PASSWORD}@<closed>"}),
    Case(Answers.PAGE, {"HTTP_PROXY": f"http://me:{PASSWORD}@<page>"}),
    Case(Answers.PAGE, api_url="http://<flood>/api/v1"),
    Case(Answers.CONNECTION_LOST, api_url="http://<silence>/api/v1"),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Servers of all kinds, each on a port of its own, by name."""
    folder = tmp_path_factory.mktemp("places")
    with (
        proxy(folder) as open_proxy,
        proxy(folder, "--basic-auth", f"me:{PASSWORD}") as locked,
        saying(PAGE) as page,
        saying(ALERT) as alert,
        saying(FLOOD) as flood,
        saying() as silence,
        closed() as nobody,
    ):
        yield {
            "proxy": open_proxy,
            "locked": locked,
            "page": page,
            "alert": alert,
            "flood": flood,
            "silence": silence,
            "closed": nobody,
        }


@contextlib.contextmanager
def serving(case: Case, folder: Path) -> Iterator[Sandbox]:
    """Serve as the case says; its certificate's authority is in the folder's ``ca.pem``."""
    scenario = {"rules": [{"fault": case.fault}]} if case.fault else {}
    certificate = issue(folder, **(case.tls or {}))
    with running(scenario, tls=None if case.tls is None else certificate) as sandbox:
        yield sandbox


def checked(case: Case, folder: Path, places: dict[str, str]) -> Checked:
    """Check in the situation of a case."""

    def placed(text: str) -> str:
        for name, place in known.items():
            text = text.replace(f"<{name}>", place)
        return text

    with serving(case, folder) as sandbox:
        server = sandbox.url.partition("://")[2]
        known = {**places, "sandbox": server, "port": server.partition(":")[2]}
        env = {name: placed(value) for name, value in case.env.items()}
        url = placed(case.api_url) or sandbox.api_url
        config = {**sandbox.credentials, "api_url": url, "request_timeout_seconds": 5}
        done = check(config, folder, {"REQUESTS_CA_BUNDLE": str(folder / "ca.pem"), **env})
        assert only_read(sandbox)
    return done


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.found.name)
def test_what_stands_on_the_way_is_found(
    case: Case, tmp_path: Path, places: dict[str, str]
) -> None:
    """Each situation has a finding of its own, the exit code follows, and no password is shown."""
    done = checked(case, tmp_path, places)

    assert_found(done, case.found)
    assert done.code == int(case.found.value.result != "ok" or "UNTRUSTED" in case.found.name)
    assert PASSWORD not in done.output


def test_all_that_can_be_found_on_the_way_has_a_situation() -> None:
    """No row of the table is without a test."""
    assert {case.found for case in CASES} - set(Answers) == set(Network)


@pytest.mark.parametrize(
    ("case", "left"),
    [
        (
            Case(Network.NAME_UNKNOWN, api_url=f"https://{NOBODY}"),
            ["connection", "certificate", "answer", "clock", "signature"],
        ),
        (
            Case(Network.REFUSED, api_url="https://<closed>"),
            ["certificate", "answer", "clock", "signature"],
        ),
        (
            Case(Network.UNTRUSTED, {"REQUESTS_CA_BUNDLE": ""}, tls=TLS),
            ["answer", "clock", "signature"],
        ),
        (
            Case(Network.PROXY_UNUSABLE, {"ALL_PROXY": "socks5://<closed>"}),
            ["name", "connection", "certificate", "answer", "clock", "signature"],
        ),
    ],
    ids=lambda value: value.found.name if isinstance(value, Case) else "",
)
def test_what_cannot_be_checked_is_named_with_the_reason(
    case: Case, left: list[str], tmp_path: Path, places: dict[str, str]
) -> None:
    """After the first thing that fails, each check that needs it was not tried, because of it."""
    done = checked(case, tmp_path, places)
    because = f"because {case.found.value.blocks}."

    assert [each.check for each in done.shown if each.result == "not tried"] == left
    assert {each.found for each in done.shown if each.result == "not tried"} == {because}


@pytest.mark.parametrize("user", ["", f"you:{PASSWORD}@"])
def test_a_wrong_password_is_told_from_none(
    user: str, tmp_path: Path, places: dict[str, str]
) -> None:
    """Where the proxy's URL holds a user, it is that which the proxy does not take."""
    case = Case(Network.PROXY_WANTS_USER, {"HTTPS_PROXY": f"http://{user}<locked>"}, tls=TLS)
    done = checked(case, tmp_path, places)

    assert done.code == 1
    assert done.finds(Network.PROXY_WANTS_USER)
    assert ("and does not accept those" in done.of("proxy").found) == bool(user)
    assert PASSWORD not in done.output


def test_no_proxy_passes_it_by(tmp_path: Path, places: dict[str, str]) -> None:
    """What `NO_PROXY` names is reached directly, and no proxy is spoken of."""
    env = {"HTTPS_PROXY": "http://<closed>", "NO_PROXY": "127.0.0.1"}
    done = checked(Case(Network.CERTIFICATE_GOOD, env, tls=TLS), tmp_path, places)

    assert done.code == 0
    assert "proxy" not in done.results


def test_who_has_issued_the_certificate_is_told(tmp_path: Path, places: dict[str, str]) -> None:
    """With the last day on which it is valid; and how to see one that does not verify."""
    good = checked(Case(Network.CERTIFICATE_GOOD, tls=TLS), tmp_path, places)
    unknown = Case(Network.UNTRUSTED, {**BY_PROXY, "REQUESTS_CA_BUNDLE": ""}, tls=TLS)
    bad = checked(unknown, tmp_path, places).of("certificate")

    assert "until 3000-01-01, issued by trustme" in good.of("certificate").found
    assert "openssl s_client -connect 127.0.0.1:" in bad.more
    assert f"-proxy {places['proxy']} </dev/null | openssl x509 -noout" in bad.more
    assert "certifi" in bad.found


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog refuses")
@pytest.mark.parametrize("variable", ["", "HTTP_PROXY"])
def test_a_connection_that_is_never_taken_ends_with_the_time(variable: str, tmp_path: Path) -> None:
    """The attempt gets what `request_timeout_seconds` says, and the finding tells so."""
    with running() as sandbox, deaf("127.0.0.1") as listener:
        place = place_of(listener)
        url = sandbox.api_url if variable else f"http://{place}/api/v1"
        env = {variable: f"http://{place}"} if variable else {}
        config = {**sandbox.credentials, "api_url": url, "request_timeout_seconds": 1}
        done = check(config, tmp_path, env)

    wanted: Diagnosis = Network.PROXY_UNREACHABLE if variable else Network.NO_CONNECTION
    assert done.finds(wanted), done.output
    assert "no connection within 1 s" in done.of("proxy" if variable else "connection").found


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog refuses")
def test_a_host_whose_first_address_is_silent_is_reached_by_the_second(tmp_path: Path) -> None:
    """As a run reaches it: connection and answer are there within the time."""
    with running() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        url = f"http://localhost:{port}/api/v1"
        config = {**sandbox.credentials, "api_url": url, "request_timeout_seconds": 2}
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config), "utf-8")
        with two_addresses(tmp_path, port, "127.0.0.3", "127.0.0.1") as resolver:
            done = run("--config", path, **resolver)
        assert only_read(sandbox)

    assert done.code == 0, done.output
    assert "localhost is 127.0.0.3, 127.0.0.1." in done.of("name").found
    assert done.results["signature"] == "ok"


def test_tls_that_does_not_come_about_in_time_is_told(tmp_path: Path) -> None:
    """A server that takes connections and says nothing is told from one that gives no answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/api/v1"
        done = check({"api_url": url, "request_timeout_seconds": 1}, tmp_path, {})

    assert done.finds(Network.TLS_FAILED), done.output
    assert "(no answer in time)" in done.of("certificate").found


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_a_page_that_echoes_the_token_does_not_show_it(encoding: str, tmp_path: Path) -> None:
    """It is found even with NULs between its characters."""
    token = "stkn_MARKER-of-the-token"  # noqa: S105  # a marker to be looked for in the output
    page = f"<h1>No entry with {token}</h1>".encode(encoding)
    head = b"HTTP/1.1 403 Forbidden\r\ntoken %b\r\n" % token.encode()
    with saying(head, b"\r\n", page) as place:
        config = {"partner_client_id": "p", "partner_secret": "a-secret", "store_client_id": "s"}
        given = {**config, "store_token": token, "api_url": f"http://{place}/api/v1"}
        done = check(given, tmp_path, {})

    assert done.finds(Answers.PAGE), done.output
    assert "No entry with ***" in done.output
    assert "MARKER" not in done.output


@pytest.mark.parametrize(("configured", "seconds"), [(1, 1), (60, network.MOST_SECONDS)])
def test_an_attempt_takes_no_longer_than_who_waits_at_a_terminal(
    configured: int, seconds: int
) -> None:
    """It takes `request_timeout_seconds`, but at most ten seconds."""
    assert Route.to("https://api.example", None, None, configured).seconds == seconds


ROUTE: Final = Route("api.example", 443, secure=True, proxy=None, seconds=5)
PROXIED: Final = ROUTE._replace(proxy=Proxy("p", 1, "HTTPS_PROXY", has_user=False))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Try later"), "no name server answers: Try later"),
        (socket.gaierror(socket.EAI_FAIL, "Failure"), "no name server answers: Failure"),
        (socket.gaierror(socket.EAI_NONAME, "Not known"), "Not known"),
        (UnicodeError("no label"), "it is not a valid name"),
        (OSError("odd"), "it is not a valid name"),
        (TimeoutError(), "no name server answers within 5 s"),
    ],
    ids=str,
)
def test_a_name_that_is_unknown_is_told_from_name_servers_that_are_silent(
    error: Exception, why: str
) -> None:
    """An unknown name must be corrected, and a silent name server needs a network."""

    def lookup(*_: Any, **__: Any) -> Any:
        raise error

    found = ROUTE.check_name(lookup).found

    assert found == f"The name api.example does not resolve ({why})."


def test_addresses_are_listed_each_once_and_not_too_many() -> None:
    """A name has many entries for one address, and some names have many addresses."""
    entries = [(0, 0, 0, "", (f"192.0.2.{n // 2}", 443)) for n in range(10)]
    finding = PROXIED.check_name(lambda *_, **__: entries)

    shown = "p is 192.0.2.0, 192.0.2.1, 192.0.2.2 and 2 more."
    assert finding.found == f"{shown} The proxy resolves api.example."


def test_an_ipv6_address_is_written_with_brackets() -> None:
    """Its port stands after the closing bracket, as in URLs."""
    place = Route("::1", 8443, secure=True, proxy=None, seconds=5)

    assert place.check_name().found == "::1 is an address."
    assert "[::1]:8443 refuses" in place.failed(Failed("refused")).found


@given(
    user=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    password=SECRETS,
    scheme=st.sampled_from(["", "http://", "https://", "socks5h://"]),
)
@example(user="", password="://x@y:z@z", scheme="")  # noqa: S106  # an example
def test_a_proxys_password_is_not_in_its_url(user: str, password: str, scheme: str) -> None:
    """The password is hidden even if it is not percent-encoded as it should be."""
    shown = network.masked_url(f"{scheme}{user}:{password}@proxy.example:3128")

    assert shown.removesuffix("proxy.example:3128").endswith("***@")
    assert password not in shown


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("http://me:pa%2Fss@p:1", ["me:pa%2Fss", "me:pa/ss", "pa%2Fss", "pa/ss"]),
        ("me:pa@ss@p:1", ["me:pa@ss", "me:pa@ss", "pa@ss", "pa@ss"]),
        ("http://p:1", []),
    ],
)
def test_a_proxys_password_is_known_in_both_its_forms(url: str, secrets: list[str]) -> None:
    """Both the percent-encoded and the decoded password are hidden."""
    assert network.secrets_of_proxy(url) == secrets


@pytest.mark.parametrize(
    ("url", "proxy", "hop", "variable"),
    [
        ("https://h.example/api/v1", None, ("h.example", 443), ""),
        ("http://[::1]:8080/x", None, ("::1", 8080), ""),
        ("http://127.0.0.1", None, ("127.0.0.1", 80), ""),
        ("https://h.example", "http://p:3128", ("p", 3128), "HTTPS_PROXY"),
        ("https://h.example", "https://p", ("p", 443), "all_proxy"),
        ("https://h.example", "me:pw@p", ("p", 80), "Https_Proxy"),
        ("https://h.example", "http://unnamed:1", ("unnamed", 1), "HTTPS_PROXY"),
    ],
)
def test_the_way_leads_to_the_proxy_or_to_the_api(
    url: str, proxy: str | None, hop: tuple[str, int], variable: str
) -> None:
    """The first hop has its scheme's default port, and the proxy's variable is known."""
    environ = {
        "NO_PROXY": "http://p:3128",
        "HTTP_PROXY": "http://p:3128",
        "HTTPS_PROXY": "http://p:3128",
        "all_proxy": "https://p",
        "Https_Proxy": "me:pw@p",
    }
    named = network.variable_of(proxy, url.partition(":")[0], environ) if proxy else ""
    through = Proxy.parse(proxy, named) if proxy else None

    assert Route.to(url, through, None, 5).first_hop == hop
    assert named == variable


@pytest.mark.parametrize(
    "url", ["socks5h://me:pw@h:1", "http://me:pw@host:port", "http://me:pw@", "http://[me:pw@h:1"]
)
def test_a_proxy_that_a_run_cannot_use_is_none(url: str) -> None:
    """Its scheme, port or host is not usable."""
    assert Proxy.parse(url, "HTTPS_PROXY") is None
    assert "pw" not in network.masked_url(url)
