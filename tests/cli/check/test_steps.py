"""The pure steps of `tocobagus check`: masking, clocks, forms, routes, and its table of advice."""

from __future__ import annotations

import contextlib
import io
import string
from email.utils import formatdate
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_tocobagus.api.redaction import Redactor
from target_tocobagus.cli.check import masking, timing
from target_tocobagus.cli.check.advice_on_answers import Answers
from target_tocobagus.cli.check.advice_on_setup import Setup
from target_tocobagus.cli.check.catalogue import Network
from target_tocobagus.cli.check.finding import Finding
from target_tocobagus.cli.check.forms import Form, as_settings, forms, signed
from target_tocobagus.cli.check.observed import Answer
from target_tocobagus.cli.check.page import Page
from target_tocobagus.cli.check.routing import route
from target_tocobagus.cli.check.signature import MOST_SECONDS, patience
from target_tocobagus.config.settings import Credentials, Settings, parse_settings
from target_tocobagus.core.model import Reply

TABLE: Final = [*Setup, *Network, *Answers]
CREDENTIALS: Final = {
    "partner_client_id": "partner",
    "partner_secret": "MARKER-secret",
    "store_client_id": "store",
    "store_token": "MARKER-token",
}
SECRETS: Final = st.text(string.ascii_letters + string.digits + "-_=/+.~", min_size=8, max_size=40)
NOW_MS: Final = 1_758_100_350_458


def configured(**settings: Any) -> Settings:
    """Check a configuration."""
    return parse_settings({**CREDENTIALS, **settings})


@pytest.mark.parametrize("diagnosis", TABLE, ids=lambda diagnosis: diagnosis.name)
def test_each_finding_that_is_not_good_says_what_to_do(diagnosis: Any) -> None:
    """And only those; each text ends as a sentence, and what blocks is a clause."""
    row = diagnosis.value

    assert bool(row.todo) == (row.standing != "ok")
    assert not row.blocks or row.standing == "wrong"
    assert row.found.endswith((".", ":", "}"))
    assert row.todo.endswith((".", ":", "}")) or not row.todo
    assert not row.blocks.endswith(".")


@settings(deadline=None)  # looking for all writings of a new secret begins with some work
@given(
    secrets=st.lists(SECRETS, min_size=1, max_size=3),
    around=st.lists(st.text(max_size=30), min_size=4, max_size=4),
    width=st.integers(30, 100),
)
@example(secrets=["aaaaaaaa", "aaaaaaaaaaaa"], around=["a", "", "", ""], width=80)
def test_no_secret_is_shown_wherever_it_stands(
    secrets: list[str], around: list[str], width: int
) -> None:
    """In no part of a finding, not even broken over two lines."""
    text = "".join(f"{some}{secret}" for some, secret in zip(around, secrets, strict=False))
    finding = Finding("answer", "wrong", text, text, text, (text,), (text,), text)
    written = io.StringIO()
    with contextlib.redirect_stdout(written), pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        Page(Redactor(secrets).text).show(finding)

    for secret in secrets:
        assert secret not in "".join(written.getvalue().split())


@given(
    user=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    password=SECRETS,
    scheme=st.sampled_from(["", "http://", "https://", "socks5h://"]),
)
@example(user="", password="://x@y:z@z", scheme="")  # noqa: S106  # an example
def test_a_proxys_password_is_not_in_its_url(user: str, password: str, scheme: str) -> None:
    """However it is written, also where it should have been percent-encoded."""
    shown = masking.masked_url(f"{scheme}{user}:{password}@proxy.example:3128")

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
    """As it stands in the URL, and as it is meant."""
    assert masking.secrets_of_proxy(url) == secrets


def test_secrets_are_known_from_a_configuration_that_is_not_valid() -> None:
    """With white space and without; what is no text is none."""
    config = {"partner_secret": " abcdef\n", "store_token": 5}

    assert masking.secrets_of(config) == [" abcdef\n", "abcdef"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@h.example:1/a/b?c=d#e", "https://h.example:1/a/b"),
        ("/login?x=1", "/login"),
        ("//[x", "(no URL)"),
        ("", ""),
    ],
)
def test_a_place_is_shown_without_what_it_asks_for(url: str, shown: str) -> None:
    """A query may hold a token, and so may a user."""
    assert masking.without_query(url) == shown


def answer(sent_ms: int, received_ms: int, **reply: Any) -> Answer:
    """Make an answer that came at some time."""
    return Answer(Reply(200, **reply), "", sent_ms, received_ms, None)


@given(
    ahead=st.integers(-(10**9), 10**9),
    took=st.integers(0, 20_000),
    share=st.floats(0, 1),
    exact=st.booleans(),
)
def test_the_offset_is_never_farther_off_than_its_margin(
    ahead: int, took: int, share: float, *, exact: bool
) -> None:
    """Whenever between question and answer the server looked at its clock."""
    there = NOW_MS + round(took * share) + ahead
    if exact:
        body = {"error": {"details": {"context": {"currentTime": there}}}}
        found = timing.offset(answer(NOW_MS, NOW_MS + took, body=body))
    else:
        headers = {"date": formatdate(there // 1000, usegmt=True)}
        found = timing.offset(answer(NOW_MS, NOW_MS + took, headers=headers))

    assert found is not None
    assert abs(found.ms - ahead) <= found.margin_ms + 1


@pytest.mark.parametrize(
    ("ms", "margin", "said"),
    [
        (0, 1, "this machine's, as far as can be told (within 0.1 s)"),
        (-500, 500, "this machine's, as far as can be told (within 0.5 s)"),
        (600_000, 20, "600.0 s ahead of this machine's (within 0.1 s)"),
        (-90_250, 500, "90.2 s behind this machine's (within 0.5 s)"),
    ],
)
def test_an_offset_is_said_in_words(ms: int, margin: int, said: str) -> None:
    """In seconds, with the way that it goes."""
    assert str(timing.Offset(ms, margin)) == said


@given(
    prefix=st.sampled_from(["sha256=", "", "hmac "]),
    path=st.sampled_from(["", "/api/v1", "/v2"]),
    base=st.sampled_from(["", "/api/v1", "/gate"]),
)
def test_every_documented_form_is_tried_once_and_the_configured_one_first(
    prefix: str, path: str, base: str
) -> None:
    """And what is advised for a form turns the configuration into it."""
    found = forms(
        configured(
            api_url=f"https://h.example{base}", signature_prefix=prefix, signed_path_prefix=path
        )
    )
    documented = {Form(*pair) for pair in (("sha256=", ""), ("", ""), ("", "/api/v1"))}

    assert found[0] == Form(prefix, path)
    assert len(set(found)) == len(found)
    assert documented <= set(found)
    for form in found:
        advised = as_settings(form, found[0])
        for name, value, old in zip(Form._fields, form, found[0], strict=True):
            assert (f'{name} to "{value}"' in advised) == (value != old)


def test_a_signed_read_shows_neither_token_nor_secret() -> None:
    """What is shown is what was signed, but for the token; what is sent has no secret."""
    read = signed(Form("", "/api/v1"), Credentials(**CREDENTIALS), NOW_MS)

    assert read.shown[1] == "/api/v1/partner/stores/products"
    assert "x-store-token:***" in read.shown
    assert "MARKER" not in "".join(read.shown)
    assert "MARKER-secret" not in str(read.headers)
    assert read.headers["x-timestamp"] == str(NOW_MS)


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
    """With the port that a scheme has by itself, and the variable that names the proxy."""
    environ = {
        "NO_PROXY": "http://p:3128",
        "HTTP_PROXY": "http://p:3128",
        "HTTPS_PROXY": "http://p:3128",
        "all_proxy": "https://p",
        "Https_Proxy": "me:pw@p",
    }
    found = route(url, proxy, environ)

    assert found is not None
    assert found.first_hop == hop
    assert (found.proxy.variable if found.proxy else "") == variable


@pytest.mark.parametrize(("configured_seconds", "seconds"), [(1, 1), (60, MOST_SECONDS)])
def test_an_attempt_takes_no_longer_than_who_waits_at_a_terminal(
    configured_seconds: int, seconds: int
) -> None:
    """`request_timeout_seconds` holds, and at most ten seconds."""
    assert patience(configured(request_timeout_seconds=configured_seconds)) == seconds
