"""What can be read from a reply beside its rows: its failure, its number, times."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from target_tocobagus.model import Reply


def failure_code(body: Any) -> str:
    """Find ``error.code``; empty where the body has none."""
    return _text(_failure(body).get("code"))


def failure_message(body: Any) -> str:
    """Find ``error.message``; empty where the body has none."""
    return _text(_failure(body).get("message"))


def request_id(body: Any) -> str:
    """Find what the API's support would ask for; empty where the reply has none."""
    return _text(body.get("requestId")) if isinstance(body, dict) else ""


def describe(reply: Reply, meaning: str) -> str:
    """Name a reply by all that helps to find out more: status, code, message, requestId."""
    number = request_id(reply.body)
    facts = [f"HTTP {reply.status}", failure_code(reply.body), failure_message(reply.body)]
    facts.append(f"requestId {number}" if number else "")
    facts = [fact for fact in facts if fact]
    return f"{meaning} ({', '.join(facts)})"


def server_clock(reply: Reply) -> int | None:
    """Find the server's clock, in ms since the epoch: in the failure, else in its ``Date``."""
    details = _failure(reply.body).get("details")
    context = details.get("context") if isinstance(details, dict) else None
    current = context.get("currentTime") if isinstance(context, dict) else None
    if isinstance(current, (int, float)) and not isinstance(current, bool):
        return int(current)
    seconds = _http_date(reply.headers.get("date", ""))
    return None if seconds is None else int(seconds * 1000)


def retry_after(reply: Reply, wall: float) -> float | None:
    """Read ``Retry-After`` in seconds from now (RFC 9110, 10.2.3: seconds or a date)."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    date = _http_date(text)
    return None if date is None else max(0.0, date - wall)


def _http_date(text: str) -> float | None:
    try:
        moment: float = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment


def _failure(body: Any) -> dict[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
