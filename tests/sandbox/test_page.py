"""The page is one file that fetches nothing from elsewhere; what it does, a browser tests."""

import base64
import hashlib
import re
from http.client import HTTPResponse

import pytest

from target_tocobagus.sandbox import BASE_PATH, VIEWS_PATH
from target_tocobagus.sandbox.handle import connect
from tests.local_sandbox import Sandbox


@pytest.fixture
def page(sandbox: Sandbox) -> tuple[HTTPResponse, str]:
    """The page's response, and its text."""
    connection = connect(sandbox.url)
    connection.request("GET", "/")
    with connection.getresponse() as response:
        text = response.read().decode()
    connection.close()
    return response, text


def test_it_is_never_stored(page: tuple[HTTPResponse, str]) -> None:
    """A browser asks for it again each time, and takes it for nothing but HTML."""
    response, text = page

    assert response.status == 200
    assert response.getheader("Content-Type") == "text/html; charset=utf-8"
    assert response.getheader("Cache-Control") == "no-store"
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    assert response.getheader("Referrer-Policy") == "no-referrer"
    assert text.startswith("<!DOCTYPE html>")


def test_only_its_own_script_and_style_are_allowed(page: tuple[HTTPResponse, str]) -> None:
    """The policy has the hash of each, and allows nothing else but its own address."""
    response, text = page
    parts = (response.getheader("Content-Security-Policy") or "").split("; ")
    policy = dict(part.split(" ", 1) for part in parts)

    assert len(parts) == len(policy)
    for kind in ("script", "style"):
        (inside,) = re.findall(f"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert policy == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_it_names_no_other_address_and_reads_no_text_as_html(
    page: tuple[HTTPResponse, str],
) -> None:
    """The one URL is the name of SVG; paths are those of the sandbox."""
    _, text = page

    assert set(re.findall(r"\w+://[\w.:/]*", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert set(re.findall(r'"(/_[^"/]*|/api[^"]*)"', text)) == {VIEWS_PATH, BASE_PATH}
