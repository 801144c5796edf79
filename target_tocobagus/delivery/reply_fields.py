"""Reads the fields of a reply other than its rows: error, requestId, times."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.json_lines import value_at

if TYPE_CHECKING:
    from target_tocobagus.core.model import Reply

_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, in ms since the epoch; a later time is invalid."""


def failure_code(body: Any) -> str:
    """Find ``error.code``; empty if the body has none."""
    return _text(value_at(body, "error", "code"))


def failure_message(body: Any) -> str:
    """Find ``error.message``; empty if the body has none."""
    return _text(value_at(body, "error", "message"))


def refuses_request(body: Any) -> bool:
    """Whether the API itself refuses the request: ``success`` is false, and there is a code."""
    return value_at(body, "success") is False and failure_code(body) != ""


def request_id(body: Any) -> str:
    """Find ``requestId``, which the API's support asks for; empty if the reply has none."""
    return _text(value_at(body, "requestId"))


def describe(reply: Reply, meaning: str) -> str:
    """Describe a reply by status, code, message and requestId."""
    number = request_id(reply.body)
    facts = [f"HTTP {reply.status}", failure_code(reply.body), failure_message(reply.body)]
    facts.append(f"requestId {number}" if number else "")
    facts = [fact for fact in facts if fact]
    return f"{meaning} ({', '.join(facts)})"


def server_clock(reply: Reply) -> int | None:
    """Find the server's time, in ms since the epoch: in the error, else in ``Date``."""
    current = value_at(reply.body, "error", "details", "context", "currentTime")
    # Compared with bounds, because a lenient JSON reader also reads NaN and Infinity.
    if isinstance(current, (int, float)) and 0 < current <= _LAST_MS and current is not True:
        return int(current)
    seconds = _http_date(reply.headers.get("date", ""))
    return None if seconds is None else int(seconds * 1000)


def retry_after(reply: Reply, wall: float) -> float | None:
    """Read ``Retry-After`` in seconds from now (RFC 9110, 10.2.3: seconds or a date).

    A date is counted from the reply's own ``Date``, else from the server's clock as it is known.
    """
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = _http_date(text)
    date = _http_date(reply.headers.get("date", ""))
    return None if until is None else max(0.0, until - (wall if date is None else date))


def as_time(seconds: float) -> str:
    """Format a time, given in seconds since the epoch, for a person."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _http_date(text: str) -> float | None:
    """Read a date of RFC 9110, 5.6.7; without a zone (its oldest form) it is UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _text(value: Any) -> str:
    """Clean a text, because it is shown, logged and written to files."""
    return clean(value) if isinstance(value, str) else ""
