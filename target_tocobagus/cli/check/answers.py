"""What an answer means: whether the API has spoken, and what it thinks of the caller."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from target_tocobagus.cli.check.advice_on_answers import Answers
from target_tocobagus.cli.check.forms import PRODUCTS
from target_tocobagus.cli.check.masking import without_query
from target_tocobagus.delivery.reply_fields import describe, failure_code, failure_message

if TYPE_CHECKING:
    from target_tocobagus.cli.check.finding import Finding
    from target_tocobagus.cli.check.observed import Answer, Route

Verdict: TypeAlias = Literal["accepted", "time", "signature", "credentials", "access", "none"]
"""What the API finds wrong with a read; "none" where what has answered says nothing of it."""

_REDIRECTS: Final = range(300, 400)
_SUCCESSES: Final = range(200, 300)
_DENYING: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404
_THROTTLING: Final = 429
_SERVER_ERRORS: Final = 500
_SHOWN: Final = 90
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_ALL: Final = "partner_client_id, store_client_id, store_token and partner_secret"
_NAMED: Final = {
    "token": "store_token",
    "store": "store_client_id",
    "partner": "partner_client_id",
}
"""What a message probably speaks of, by a word in it, the most telling word first."""


def verdict(answer: Answer) -> Verdict:
    """Tell what the API finds wrong."""
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
    says_so = isinstance(reply.body, dict) and reply.body.get("success") is True
    return "accepted" if says_so and reply.status in _SUCCESSES else "none"


def answered(answer: Answer, route: Route) -> Finding:
    """Say whether the API has answered, and if it has not, who has."""
    if verdict(answer) != "none":
        ms = max(answer.received_ms - answer.sent_ms, 1)
        return Answers.API_ANSWERS.finding(path=PRODUCTS, ms=ms)
    reply = answer.reply
    if reply.status in _REDIRECTS:
        place = without_query(reply.headers.get("location", "(nowhere)"))
        return Answers.REDIRECTED.finding(location=place, status=reply.status)
    if not isinstance(reply.body, dict) and not _is_gateways(answer, route):
        return _page(answer, route)
    return _refusal(answer)


def denied(answer: Answer, shown: tuple[str, ...]) -> Finding:
    """Say what is wrong with the credentials, where the signature is not what is refused.

    Args:
        answer: What says so.
        shown: What was signed.
    """
    if verdict(answer) == "access":
        return Answers.ACCESS_REFUSED.finding(
            described=described(answer, "The API lets nobody in"), quoted=shown
        )
    said = described(answer, "The API does not accept the credentials")
    return Answers.CREDENTIALS_REFUSED.finding(described=said, names=to_check(answer), quoted=shown)


def described(answer: Answer, meaning: str) -> str:
    """Say what an answer says: status, code, message, requestId, and its hint."""
    hint = _hint(answer.reply.body)
    return describe(answer.reply, meaning) + (f'; it adds: "{hint}"' if hint else "")


def to_check(answer: Answer) -> str:
    """Name the settings that a refusal speaks of, to stand behind "check"."""
    code = failure_code(answer.reply.body)
    if verdict(answer) == "time":
        return "this machine's clock."
    words = failure_message(answer.reply.body).lower()
    named = next((name for word, name in _NAMED.items() if word in words), None)
    if named is None:
        return f"{_ALL}. What {code} means is not documented."
    return f"{named}, of which the message seems to speak; what {code} means is not documented."


def _refusal(answer: Answer) -> Finding:
    """Say what the API, or the gateway before it, says of the read as such."""
    status = answer.reply.status
    facts: dict[str, Any] = {"path": PRODUCTS, "after": _after(answer)}
    if status == _NOT_FOUND:
        said = described(answer, "The API does not know the path of the read")
        return Answers.NOT_FOUND.finding(described=f"{said}.", **facts)
    if status == _THROTTLING:
        said = described(answer, "The API asks to come again later")
        return Answers.THROTTLED.finding(described=f"{said}.", **facts)
    if status >= _SERVER_ERRORS:
        said = described(answer, "The API fails")
        return Answers.SERVER_FAILS.finding(described=f"{said}.", **facts)
    if failure_code(answer.reply.body):
        said = described(answer, "The API refuses the read")
        return Answers.REFUSED.finding(described=f"{said}.", **facts)
    said = described(answer, "The answer has another form than is documented")
    return Answers.UNEXPECTED.finding(described=f"{said}.", **facts)


def _is_gateways(answer: Answer, route: Route) -> bool:
    """Tell a page that the API's own gateway may have written, saying that the API is not there."""
    status = answer.reply.status
    return route.proxy is None and (status >= _SERVER_ERRORS or status == _THROTTLING)


def _page(answer: Answer, route: Route) -> Finding:
    server = answer.reply.headers.get("via") or answer.reply.headers.get("server", "")
    facts: dict[str, Any] = {
        "status": answer.reply.status,
        "server": f", from {_short(server)}" if server else "",
        "text": _beginning(answer.text),
        "host": route.host,
    }
    if route.proxy is None:
        return Answers.PAGE.finding(**facts)
    return Answers.PAGE_BY_PROXY.finding(proxy=route.proxy.shown, **facts)


def _beginning(text: str) -> str:
    """Give a page's title, else how its text begins."""
    title = _TITLE.search(text)
    words = _short(html.unescape(title[1] if title else _TAG.sub(" ", text)))
    return f'"{words}"' if words else "(nothing)"


def _after(answer: Answer) -> str:
    wait = answer.reply.headers.get("retry-after", "")
    return f" Retry-After: {_short(wait)}." if wait else ""


def _hint(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    hint = details.get("hint") if isinstance(details, dict) else None
    return _short(hint) if isinstance(hint, str) else ""


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
