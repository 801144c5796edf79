"""Makes the pictures of the documents, from real runs: ``python -m tests.browser.pictures``.

The sandbox's page is that of ``tocobagus demo --keep``, with further requests of a client whose
signatures are not always right. The page of a report is about a week's runs, made at once. The
terminal's picture is what the demo writes.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from PIL import Image
from rich.console import Console
from rich.text import Text

from target_tocobagus.sandbox.handle import Sandbox
from target_tocobagus.sandbox.scenario import Credentials
from tests.browser.browser import running_chromium
from tests.browser.report_picture import make_report
from tests.sandbox.client import INVENTORY, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
DEMO: Final = (sys.executable, "-c", "from target_tocobagus.cli import main; main()", "demo")
_SIZE: Final = {"width": 1280, "height": 860}
_SECONDS: Final = 40
_FONT: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


@contextmanager
def kept_demo() -> Iterator[tuple[Sandbox, str]]:
    """Run the demo, and keep its sandbox; yield this and what was written."""
    env = {**os.environ, "COLUMNS": "80", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    command = [*DEMO, "--keep"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as process:
        written = ""
        while "Ctrl-C" not in written and process.stdout:
            written += process.stdout.readline()
        found = re.search(r"Open .*?(http://[\d.:]+)", written)
        try:
            yield Sandbox(found[1] if found else "", Credentials()), written
        finally:
            process.send_signal(signal.SIGINT)


def send_stock(client: Client) -> None:
    """Send changing stock for some seconds, and now and then what is not accepted."""
    items = ("00123", "BERAS-5KG", "GULA-1KG", "KOPI-ARB-250", "TEH-HIJAU-100")
    places = ("wh_bandung", "wh_jakarta", "wh_surabaya")
    for number in range(_SECONDS * 4):
        rows = [
            {"sku": item, "stock": len(item) * (number + 7) % 90, "warehouses": [places[at % 3]]}
            for at, item in enumerate(items[: 1 + number % 5], number)
        ]
        client.update(*rows * (1 + 3 * number % 7))
        if number % 16 == 9:
            client.update({"sku": "MADU-500", "stock": 5}, {"sku": items[0], "stock": -1})
        time.sleep(0.25)


def refuse_a_signature(client: Client) -> None:
    """Send a request whose path was signed with the API's base path before it."""
    body = b'{"items":[{"sku":"KOPI-ARB-250","warehouses":[{"clientId":"wh_jakarta","stock":12}]}]}'
    headers = client.signed("PATCH", f"/api/v1{INVENTORY}", body)
    client.send("PATCH", INVENTORY, body, headers)


def take(browser: Any, sandbox: Sandbox) -> None:
    """Take the pictures of the page: light, dark, and a refused signature."""
    pages = {}
    for scheme in ("light", "dark"):
        pages[scheme] = browser.new_page(
            viewport=_SIZE, color_scheme=scheme, reduced_motion="reduce", device_scale_factor=1.5
        )
        pages[scheme].goto(sandbox.url)
    with Client(sandbox) as client:
        send_stock(client)
        refuse_a_signature(client)
        client.update({"sku": "GULA-1KG", "stock": 7, "warehouses": ["wh_bandung"]})
    for scheme, page in pages.items():
        page.locator("#requests", has_text="AUTH_010").wait_for()
        shoot(page, f"sandbox-{scheme}.png")
    pages["light"].get_by_role("row", name="AUTH_010").click()
    pages["light"].get_by_role("dialog").wait_for()
    shoot(pages["light"], "sandbox-signature.png")


def take_report(browser: Any) -> None:
    """Take the pictures of a page about a store: light, and dark."""
    with TemporaryDirectory() as folder:
        url = make_report(Path(folder)).as_uri()
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": 1000, "height": 1180},
                color_scheme=scheme,
                device_scale_factor=1.5,
            )
            page.goto(url)
            shoot(page, f"report-{scheme}.png")


def shoot(page: Any, name: str) -> None:
    """Take a picture of a page, in the few colours that it has."""
    taken = Image.open(io.BytesIO(page.screenshot()))
    taken.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(
        PICTURES / name, optimize=True
    )


def draw_terminal(written: str) -> None:
    """Draw the demo's first stream as it stands on a terminal; its fonts are the reader's own."""
    until = written.index("A database, as")
    shown = written[: written.rindex("\n", 0, until)]
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=80, file=nowhere)
        console.print(Text.from_ansi(shown))
        drawn = console.export_svg(title="tocobagus demo", unique_id="demo")
    (PICTURES / "demo.svg").write_text(_FONT.sub("", drawn), "utf-8")


def main() -> None:
    """Make them all."""
    PICTURES.mkdir(exist_ok=True)
    with kept_demo() as (sandbox, written), running_chromium() as browser:
        draw_terminal(written)
        take(browser, sandbox)
        take_report(browser)


if __name__ == "__main__":
    main()
