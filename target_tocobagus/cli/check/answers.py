"""The meaning of an answer: whether it is from the API, what it refuses, how the clocks differ."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from target_tocobagus.cli.check.catalogue import Answers
from target_tocobagus.cli.check.http import PRODUCTS
from target_tocobagus.cli.check.page import not_tried
from target_tocobagus.core.json_lines import value_at
from target_tocobagus.core.model import Reply
from target_tocobagus.delivery.reply_fields import (
    describe,
    failure_code,
    failure_message,
    server_clock,
)

if TYPE_CHECKING:
    from target_tocobagus.cli.check.http import Answer
    from target_tocobagus.cli.check.page import Finding

Verdict: TypeAlias = Literal["accepted", "time", "signature", "credentials", "access", "none"]
"""The part of a read that the API refuses; "none" if the answer does not tell."""

ENOUGH_MS: Final = 30_000
"""With a larger difference a clock is probably not synchronised; ten times as much is allowed."""

_REDIRECTS: Final = range(300, 400)
_SUCCESSES: Final = range(200, 300)
_DENYING: Final = frozenset({401, 403})
_THROTTLING: Final = 429
_SERVER_ERRORS: Final = 500
_BY_STATUS: Final = {404: Answers.NOT_FOUND, _THROTTLING: Answers.THROTTLED}
_SHOWN: Final = 90
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_ALL: Final = "partner_client_id, store_client_id, store_token and partner_secret"
_NAMED: Final = {"token": "store_token", "store": "store_client_id", "partner": "partner_client_id"}
"""The setting that a message is probably about, by a word in it; the first match counts."""


def verdict(answer: Answer) -> Verdict:
    """Find the part of a read that the API refuses."""
    reply = answer.reply
    code = failure_code(reply.body)
    if code == "AUTH_003":
        return "time"
    if code == "AUTH_010":
        return "signature"
    if code.startswith("AUTH_"):
        return "credentials"
    if reply.status in _DENYING and isinstance(reply.body, dict):
        return "access"
    says_so = value_at(reply.body, "success") is True
    return "accepted" if says_so and reply.status in _SUCCESSES else "none"


def answered(answer: Answer, proxy: str) -> Finding:
    """Say whether the answer is from the API; `proxy` is a proxy's host, or empty."""
    if verdict(answer) != "none":
        ms = max(answer.received_ms - answer.sent_ms, 1)
        return Answers.API_ANSWERS.finding(path=PRODUCTS, ms=ms)
    reply = answer.reply
    if reply.status in _REDIRECTS:
        place = without_query(reply.headers.get("location", "(nowhere)"))
        return Answers.REDIRECTED.finding(location=place, status=reply.status)
    # An API that is down may have its own gateway answer.
    down = reply.status >= _SERVER_ERRORS or reply.status == _THROTTLING
    if not isinstance(reply.body, dict) and (proxy or not down):
        return _page(answer, proxy)
    otherwise = Answers.SERVER_FAILS if down else Answers.REFUSED
    wait = reply.headers.get("retry-after", "")
    return _BY_STATUS.get(reply.status, otherwise).finding(
        said=said(answer), path=PRODUCTS, after=f" Retry-After: {_short(wait)}." if wait else ""
    )


def denied(answer: Answer, shown: tuple[str, ...]) -> Finding:
    """Say what is wrong with the credentials; `shown` are the lines that were signed."""
    told, names = said(answer), _to_check(answer)
    return Answers.CREDENTIALS_REFUSED.finding(said=told, names=names, quoted=shown)


def said(answer: Answer) -> str:
    """Describe an answer by its status, code, message, requestId and hint, to follow a clause."""
    hint = value_at(answer.reply.body, "error", "details", "hint")
    more = _short(hint) if isinstance(hint, str) else ""
    return describe(answer.reply, "") + (f'; it adds: "{more}"' if more else "")


def _to_check(answer: Answer) -> str:
    """Name the settings that a refusal is about, to follow the word "check"."""
    code = failure_code(answer.reply.body)
    if verdict(answer) == "time":
        return "this machine's clock."
    if verdict(answer) == "access":
        return f"{_ALL}, and whether the API allows this machine's address."
    words = failure_message(answer.reply.body).lower()
    named = next((name for word, name in _NAMED.items() if word in words), None)
    if named is None:
        return f"{_ALL}. What {code} means is not documented."
    return f"{named}, which the message seems to be about; what {code} means is not documented."


class Offset(NamedTuple):
    """How far the server's clock is ahead.

    Attributes:
        ms: Negative if it is behind.
        margin_ms: How far this may be from the truth, either way.
    """

    ms: int
    margin_ms: int

    def __str__(self) -> str:
        """Describe it in a clause."""
        margin = f"{max(self.margin_ms, 100) / 1000:.1f} s"
        if abs(self.ms) <= self.margin_ms:
            return f"this machine's, as far as can be told (within {margin})"
        way = "ahead of" if self.ms > 0 else "behind"
        return f"{abs(self.ms) / 1000:.1f} s {way} this machine's (within {margin})"


def offset(answer: Answer) -> Offset | None:
    """Compare the clocks: by the time in a refusal, else by the ``Date`` of the answer.

    The server read its clock between request and answer, so half of the time between them is
    uncertain; a ``Date`` has whole seconds only.
    """
    reply = answer.reply
    half = (answer.received_ms - answer.sent_ms) // 2
    here = answer.sent_ms + half
    exact = server_clock(Reply(reply.status, reply.body))
    if exact is not None:
        return Offset(exact - here, half + 1)
    date = server_clock(Reply(reply.status, None, reply.headers))
    return None if date is None else Offset(date + 500 - here, half + 500)


def clock(answer: Answer, now: str) -> Finding:
    """Compare the clocks; `now` is the time of this machine's, to be shown."""
    found, meaning = offset(answer), verdict(answer)
    if meaning == "time":
        row = Answers.CLOCK_REFUSED if found else Answers.CLOCK_UNKNOWN
        return row.finding(said=said(answer), offset=found, now=now)
    if found is None and meaning != "accepted":
        return not_tried("clock", "the answer has no time")
    if found is None:
        return Answers.CLOCK_RIGHT.finding(offset="close enough to this machine's")
    drifts = abs(found.ms) - found.margin_ms > ENOUGH_MS
    return (Answers.CLOCK_OFF if drifts else Answers.CLOCK_RIGHT).finding(offset=found)


def _page(answer: Answer, proxy: str) -> Finding:
    server = answer.reply.headers.get("via") or answer.reply.headers.get("server", "")
    return Answers.PAGE.finding(
        status=answer.reply.status,
        server=f", from {_short(server)}" if server else "",
        by_proxy=f", but most likely from the proxy {proxy}" if proxy else "",
        text=_beginning(answer.text),
    )


def _beginning(text: str) -> str:
    """Return a page's title, or the beginning of its text."""
    title = _TITLE.search(text)
    words = _short(html.unescape(title[1] if title else _TAG.sub(" ", text)))
    return f'"{words}"' if words else "(nothing)"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


def without_query(url: str) -> str:
    """Write a URL without user and query, either of which may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(invalid URL)"
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    return f"{place}{parts.path}"
