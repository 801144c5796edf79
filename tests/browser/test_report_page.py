"""The page of `tocobagus report`, in a real browser, from a file: `make browser`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.browser import complaints
from tests.cli.report.test_page import page as written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenPage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("AXE" not in os.environ, reason="`make browser` runs these"),
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of a page with something in each of its parts."""
    file = tmp_path / "report.html"
    file.write_text(written(), "utf-8")
    return file.as_uri()


def colour(page: Any, name: str) -> str:
    """Return a colour of the page's body."""
    found: str = page.evaluate(f"getComputedStyle(document.body).{name}")
    return found


def test_it_is_readable_at_once(url: str, open_page: OpenPage) -> None:
    """The light and its reasons are at the top, and each chart has a name."""
    page = open_page(url)
    health = page.get_by_role("region", name="Look at this soon")
    assert health.get_by_role("listitem").count() >= 4
    assert health.bounding_box()["y"] < 300
    names = [each.get_attribute("aria-label") for each in page.get_by_role("img").all()]
    assert names == [
        "Runs",
        "What was sent",
        "How old the stock was when it arrived",
        "Requests",
    ]


def test_charts_are_tables_too(url: str, open_page: OpenPage) -> None:
    """By keyboard alone."""
    page = open_page(url)
    table = page.get_by_role("region", name="Runs").get_by_role("table")
    assert table.count() == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "As a table"
    page.keyboard.press("Enter")
    assert table.get_by_role("row").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_anyone_can_use_it(
    url: str, open_page: OpenPage, axe: str, scheme: str, width: int
) -> None:
    """axe-core finds nothing, in either colours, on a screen and on a phone, all tables open."""
    page = open_page(url, scheme=scheme, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert complaints(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_dark_where_the_reader_likes_it_so(url: str, open_page: OpenPage) -> None:
    """Back and text change places."""
    light, dark = open_page(url), open_page(url, scheme="dark")
    assert colour(light, "backgroundColor") == "rgb(246, 247, 249)"
    assert colour(dark, "backgroundColor") == "rgb(16, 20, 27)"
    assert colour(light, "color") != colour(dark, "color")


def test_it_can_be_printed(url: str, open_page: OpenPage) -> None:
    """On white, whatever the screen's colours are."""
    page = open_page(url, scheme="dark")
    page.emulate_media(media="print")
    assert colour(page, "backgroundColor") == "rgb(255, 255, 255)"
    assert colour(page, "color") == "rgb(0, 0, 0)"
