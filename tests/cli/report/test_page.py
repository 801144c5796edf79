"""The page: one file that asks nothing of any server, with what the ledger knows."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from target_tocobagus.cli.report import texts
from target_tocobagus.cli.report.page import write_page
from target_tocobagus.ledger.inspection.overview import Moving, Overview, Refusals, SoldOut
from target_tocobagus.ledger.inspection.past import RunStatus
from tests.cli.report.test_health import DIED, FAILED, HOUR, NOW, WELL

TEMPLATE: Final = Path(texts.__file__).with_name("page.html")
ODD: Final = '<script>alert("x")</script>\x1b\u202e'
SUMMARY: Final[dict[str, Any]] = {
    "accepted": 1234567,
    "unchanged": 7,
    "rejected": 3,
    "unsettled": 0,
    "freshness": {"median": 60.0, "p95": 7200.0, "worst": 9000.0},
}
FULL: Final = msgspec.structs.replace(
    WELL,
    runs=[RunStatus(NOW - HOUR, NOW - HOUR + 9000, None, SUMMARY), FAILED, DIED],
    requests=[(NOW - HOUR, 250), (NOW - HOUR, 4000)],
    refusals=[Refusals("INV_001", ODD, 6, NOW, ODD)],
    moving=[Moving(("externalId", ODD), ODD, 12, None), Moving(("sku", "A"), None, 9, 4)],
    sold_out=[SoldOut(("sku", ODD), None, NOW), SoldOut(("id", "7"), "W", None)],
    sold_out_count=2222,
)


class Reading(HTMLParser):
    """Reads a page: its text, its elements and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.text = re.sub(r"\s+", " ", " ".join(self.texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)


def page(overview: Overview = FULL, days: int = 7) -> str:
    """Write the page."""
    store = ("https://api.example/v1", "store 1")
    return write_page(overview, store, NOW, days, texts.ENGLISH)


def test_the_page_tells_all_that_is_known() -> None:
    """Health, runs, what was sent, ages, refusals with what to do, changes, what is sold out."""
    text = Reading(page()).text
    for told in (
        "Stock of store store 1",
        "https://api.example/v1",
        "2 of 3 runs failed.",
        "1,234,567",
        "2.0 h",
        "Add it to the shop, leave it out with where",
        "never had a stock",
        "2 of 2,222, the last ones first.",
        "those of the last 7 days",
        "4.0 s",
        "did not end",
    ):
        assert told in text


def test_no_request_leaves_the_page() -> None:
    """No script, no link, no image, no import; and the browser is told to refuse any."""
    read = Reading(page())
    names = {name for name, _ in read.elements}
    assert names.isdisjoint({"script", "link", "img", "iframe", "a", "form", "object"})
    attributes = {name for _, given in read.elements for name in given}
    assert attributes.isdisjoint({"src", "href", "action", "style", "onclick", "onload"})
    policy = [given["content"] for _, given in read.elements if "http-equiv" in given]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert not re.search(r"url\(|@import", page())


def test_foreign_text_stays_text() -> None:
    """What a tap or the API wrote is neither markup nor a control character."""
    written = page()
    assert "<script" not in written
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert 'alert("x")' in Reading(written).text


def test_a_store_without_anything_has_a_page() -> None:
    """It says so, and draws nothing that is not known."""
    empty = msgspec.structs.replace(WELL, runs=[], last_success=None)
    text = Reading(page(empty)).text
    assert "Act now" in text
    assert text.count("Nothing in this time.") == 4
    assert "neither the tap nor the mapping says how old a row is" in text


@pytest.mark.parametrize("days", [1, 365])
def test_each_day_has_its_place(days: int) -> None:
    """Also those without a run."""
    rows = re.findall(r'<td class="when">\d{4}-\d\d-\d\d</td>', page(WELL, days))
    assert len(rows) == days


def test_each_text_is_used() -> None:
    """A text that no page shows would be translated for nothing."""
    sources = [TEMPLATE, *TEMPLATE.parent.glob("*.py")]
    used = "".join(
        path.read_text("utf-8") for path in sources if path.name not in {"texts.py", "__init__.py"}
    )
    assert [name for name in texts.ENGLISH if not re.search(rf"\b{name}\b", used)] == []
