"""The sandbox's page, in a real browser: `make browser`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.browser.browser import complaints
from tests.local_sandbox import running
from tests.sandbox.client import INVENTORY, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import OpenPage
    from tests.local_sandbox import Sandbox

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("AXE" not in os.environ, reason="`make browser` runs these"),
]

SUGAR: Final = {"sku": "GULA-1KG", "warehouses": [{"clientId": "wh_bandung", "stock": 4}]}
COFFEE: Final = {"sku": "KOPI-ARB-250", "stock": 12}
WRONG: Final = {"sku": "TEH-HIJAU-100", "stock": -1, "warehouses": ["wh_jakarta"]}
EVIL: Final = "<img src=x onerror=alert(1)>\u202eEVIL\x1b[2J"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the sandbox."""
    with Client(sandbox) as client:
        yield client


def expect(found: Any) -> Any:
    """Wait for what is expected of an element; see playwright's `expect`."""
    from playwright.sync_api import expect as expected

    return expected(found)


def row(page: Any, section: str, text: str) -> Any:
    """Find the row of a section's table that has a text."""
    return page.locator(f"#{section} tbody tr", has_text=text)


def refuse_a_signature(client: Client) -> None:
    """Send a request whose path was signed with the API's base path before it."""
    body = b'{"items":[{"sku":"KOPI-ARB-250","stock":12}]}'
    headers = client.signed("PATCH", f"/api/v1{INVENTORY}", body)
    assert client.send("PATCH", INVENTORY, body, headers).code == "AUTH_010"


def test_it_shows_stock_requests_and_rejected_rows(
    sandbox: Sandbox, client: Client, open_page: OpenPage
) -> None:
    """Each level, each request with its verdict, each rejected row with its reason."""
    client.update(SUGAR, COFFEE, WRONG)
    page = open_page(sandbox.url)

    expect(row(page, "stock", "GULA-1KG")).to_have_text("GULA-1KGwh_bandung4")
    expect(row(page, "stock", "KOPI-ARB-250")).to_have_text("KOPI-ARB-250all warehouses12")
    expect(row(page, "requests", "PATCH inventory")).to_contain_text("2002 accepted, 1 rejected")
    expect(row(page, "rejected", "TEH-HIJAU-100")).to_contain_text("wh_jakartaINV_010")
    expect(page.locator("#total-accepted")).to_have_text("2")
    expect(page.locator("#total-refused")).to_have_text("1")
    expect(page.locator("#api")).to_have_text(sandbox.api_url)


def test_what_arrives_is_shown_at_once(
    sandbox: Sandbox, client: Client, open_page: OpenPage
) -> None:
    """Nothing is loaded anew, and a reset empties the page."""
    page = open_page(sandbox.url)
    expect(page.get_by_text("Nothing has arrived yet.")).to_be_visible()
    expect(page.locator("#link")).to_have_text("Live")

    client.update(COFFEE)
    expect(row(page, "stock", "KOPI-ARB-250")).to_contain_text("12")
    client.update({**COFFEE, "stock": 11})
    expect(row(page, "stock", "KOPI-ARB-250")).to_contain_text("11")
    expect(row(page, "requests", "PATCH inventory")).to_have_count(2)
    expect(page.locator("#rate")).not_to_have_text("0")
    expect(page.locator("#said")).to_have_text("2 requests, 2 rows accepted, 0 rejected")

    sandbox.reset()
    expect(page.get_by_text("Nothing has arrived yet.")).to_be_visible()
    expect(row(page, "requests", "PATCH inventory")).to_have_count(0)


def test_stock_is_searched_by_item_and_warehouse(
    sandbox: Sandbox, client: Client, open_page: OpenPage
) -> None:
    """A slash begins a search; the first 200 of many are shown, and more when asked for."""
    client.update(SUGAR, *({"sku": f"SKU-{number}", "stock": 1} for number in range(300)))
    page = open_page(sandbox.url)
    levels = page.locator("#stock tbody tr")
    expect(levels).to_have_count(200)
    expect(page.locator("#stock-count")).to_have_text("the first 200 of 301")
    page.get_by_role("button", name="Show more").click()
    expect(levels).to_have_count(301)

    page.keyboard.press("/")
    page.keyboard.type("gula")
    expect(levels).to_have_count(1)
    expect(page.locator("#stock-count")).to_have_text("1 of 301")
    page.get_by_label("Search items and warehouses").fill("BANDUNG")
    expect(levels).to_have_text(["GULA-1KGwh_bandung4"])
    page.get_by_label("Search items and warehouses").fill("nothing of the kind")
    expect(page.get_by_text("Nothing has this text.")).to_be_visible()


def test_a_refused_signature_is_explained_by_keyboard(
    sandbox: Sandbox, client: Client, open_page: OpenPage
) -> None:
    """Enter opens a request with its body, what is signed and both signatures; Esc closes it."""
    refuse_a_signature(client)
    page = open_page(sandbox.url)
    button = page.get_by_role("button", name="Request 1", exact=True)
    button.focus()
    page.keyboard.press("Enter")

    detail = page.get_by_role("dialog", name="Request 1")
    expect(detail).to_contain_text(f"the path was signed as /api/v1{INVENTORY}")
    expect(detail.get_by_role("row", name="path")).to_have_text(f"path{INVENTORY}")
    expect(detail.get_by_role("row", name="sent", exact=False).first).to_contain_text("sha256=")
    expect(detail.get_by_role("row", name="expected")).to_contain_text("sha256=")
    expect(detail.get_by_label("Body")).to_contain_text('{"sku": "KOPI-ARB-250", "stock": 12}')
    expect(detail).to_contain_text("x-store-token:***")
    for secret in ("partner_secret", "store_token"):
        assert sandbox.credentials[secret] not in page.content()

    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(button).to_be_focused()


def test_a_scenario_is_switched_on_and_shown(
    sandbox: Sandbox, client: Client, open_page: OpenPage
) -> None:
    """The page plays a scenario, and shows one that was set elsewhere."""
    page = open_page(sandbox.url)
    well = page.get_by_role("button", name="All is well")
    expect(well).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="Refused signatures").click()
    expect(page.get_by_role("button", pressed=True)).to_contain_text("Refused signatures")
    assert client.update(COFFEE).code == "AUTH_010"
    expect(row(page, "requests", "AUTH_010")).to_be_visible()

    sandbox.set_scenario({"rules": [{"fault": {"status": 503, "retry_after": 1}}]})
    expect(page.locator("#other")).to_contain_text("it sets status, retry_after")
    expect(page.get_by_role("button", pressed=True)).to_have_count(0)
    assert client.update(COFFEE).status == 503
    expect(row(page, "requests", "503")).to_contain_text("SBX_503 (status, retry_after)")

    well.click()
    expect(well).to_have_attribute("aria-pressed", "true")
    assert client.update(COFFEE).status == 200


def test_a_request_without_an_answer_says_so(
    sandbox: Sandbox, client: Client, open_page: OpenPage
) -> None:
    """It was applied or not, and the scenario's fault is named."""
    sandbox.set_scenario({"rules": [{"fault": {"drop_after": "rst"}}]})
    with pytest.raises(OSError, match="reset"):
        client.update(COFFEE)
    page = open_page(sandbox.url)

    expect(row(page, "requests", "no answer")).to_contain_text("but 1 accepted (drop_after)")


def test_foreign_text_stays_text(sandbox: Sandbox, client: Client, open_page: OpenPage) -> None:
    """Markup is not read, and what cannot be seen is written out, wherever it is shown."""
    item = {"sku": EVIL, "stock": 1, "warehouses": [EVIL]}
    client.update(item)
    client.update({**item, "stock": -1})
    page = open_page(sandbox.url)
    shown = "<img src=x onerror=alert(1)>\\u202eEVIL\\u001b[2J"

    expect(row(page, "stock", "EVIL")).to_have_text(f"{shown}{shown}1")
    expect(row(page, "rejected", "EVIL")).to_contain_text(shown)
    page.get_by_role("button", name="Request 1", exact=True).click()
    expect(page.get_by_label("Body")).to_contain_text("<img src=x onerror=alert(1)>\\u202e")
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_it_is_accessible(
    sandbox: Sandbox, client: Client, open_page: OpenPage, axe: str, scheme: str, width: int
) -> None:
    """Axe has no complaint, in either colour scheme, on a phone too, with a request open or not."""
    client.update(SUGAR, COFFEE, WRONG)
    refuse_a_signature(client)
    sandbox.set_scenario({"latency_ms": 1})
    page = open_page(sandbox.url, scheme=scheme, width=width)
    expect(row(page, "requests", "AUTH_010")).to_be_visible()
    expect(row(page, "stock", "GULA-1KG")).to_be_visible()
    assert complaints(page, axe) == []

    row(page, "requests", "AUTH_010").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert complaints(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_is_dark_where_the_system_is(sandbox: Sandbox, open_page: OpenPage) -> None:
    """The background is nearly black, or nearly white."""
    colour = "getComputedStyle(document.body).backgroundColor"
    dark, light = (
        open_page(sandbox.url, scheme=each).evaluate(colour) for each in ("dark", "light")
    )

    assert (dark, light) == ("rgb(16, 22, 26)", "rgb(244, 246, 247)")


def test_it_says_when_the_sandbox_has_stopped(chromium: Any) -> None:
    """What it shows then is what it saw last."""
    page = chromium.new_page()
    with running() as sandbox, Client(sandbox) as client:
        client.update(COFFEE)
        page.goto(sandbox.url)
        expect(row(page, "stock", "KOPI-ARB-250")).to_be_visible()

    expect(page.locator("#link")).to_have_text("Not connected")
    expect(row(page, "stock", "KOPI-ARB-250")).to_be_visible()
    page.close()
