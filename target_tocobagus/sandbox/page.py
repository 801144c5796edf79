"""The page at ``/``: one file, which fetches nothing from anywhere else.

A browser runs no script and uses no style but those of the file: their hashes stand in the
Content-Security-Policy, so text that comes from a client cannot become either.
"""

import base64
import hashlib
import re
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

_BLOCK = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


async def show_page(_: Request) -> Response:
    """Answer with the page."""
    html, policy = _page()
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(html, headers=headers, media_type="text/html")


@cache
def _page() -> tuple[str, str]:
    """Read the page, and make its Content-Security-Policy."""
    html = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    allowed = " ".join(f"{kind}-src '{_hash(text)}';" for kind, text in _BLOCK.findall(html))
    return html, (
        f"default-src 'none'; {allowed} connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
