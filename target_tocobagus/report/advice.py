"""What to do about rows that the API has refused, by code; the docs have the same texts."""

from __future__ import annotations

from typing import Final

ADVICE: Final = {
    "INV_001": "Add it to the shop, leave it out with where, or set unlisted_items to skip.",
    "INV_002": "Add it to the shop, or let the mapping take another number for id.",
    "HTTP_…": "See the message; ask the API's support with the requestId.",
    "REFUSED": "See the message; ask the API's support with the requestId.",
    "SERVER_ERROR": "Ask the API's support; send it again later.",
    "TOO_LARGE": "Spread its warehouses over several records.",
    "UNACCOUNTED": "Send it again; tell the API's support.",
    "LOOKUP_MISSING": "Let the tap read all of that stream, or add the row there.",
    "any other": "See the message; ask the API's support.",
}


def advice_on(code: str) -> str:
    """Say what to do about a code."""
    known = "HTTP_…" if code.startswith("HTTP_") else code
    return ADVICE.get(known, ADVICE["any other"])
