"""Pages in a real browser; each is watched for errors, and for requests to elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pytest

from tests.browser.browser import running_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator


class OpenPage(Protocol):
    """Opens an address in a page of its own; yields playwright's Page."""

    def __call__(self, url: str, *, scheme: str = "light", width: int = 1280) -> Any:
        """Open it, in a colour scheme (``light``, ``dark``) and so many pixels wide."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, at the place that `make browser` names."""
    return Path(os.environ["AXE"]).read_text("utf-8")


@pytest.fixture
def open_page(chromium: Any) -> Iterator[OpenPage]:
    """Open pages; in the end none of them has complained, or asked anyone but its own address."""
    complained: list[str] = []
    strangers: list[str] = []
    contexts: list[Any] = []

    def open_one(url: str, *, scheme: str = "light", width: int = 1280) -> Any:
        size = {"width": width, "height": 900}
        context = chromium.new_context(
            color_scheme=scheme, viewport=size, reduced_motion="reduce", locale="en-GB"
        )
        contexts.append(context)
        page = context.new_page()
        own = {urlsplit(url)[:2], ("data", "")}

        def heard(message: Any) -> None:
            if message.type in {"error", "warning"}:
                complained.append(message.text)

        def asked(request: Any) -> None:
            if urlsplit(request.url)[:2] not in own:
                strangers.append(request.url)

        page.on("console", heard)
        page.on("pageerror", lambda error: complained.append(str(error)))
        page.on("request", asked)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert (complained, strangers) == ([], [])
