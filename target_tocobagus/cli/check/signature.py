"""What is asked of the network and of the API, one thing after the other.

Each question needs the answer to the one before, so the first that fails ends the conversation, and
the others are said not to have been tried. Nothing is asked twice; but a signature that is refused
is tried in its other forms, and a time that is refused is set by the server's, as a run would.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.api.network_errors import Failed
from target_tocobagus.cli.check import answers, http, sockets, timing
from target_tocobagus.cli.check.advice_on_answers import Answers
from target_tocobagus.cli.check.catalogue import Network
from target_tocobagus.cli.check.finding import NETWORK, not_tried
from target_tocobagus.cli.check.forms import PRODUCTS, as_settings, forms, signed
from target_tocobagus.cli.check.masking import masked_url
from target_tocobagus.cli.check.network import Reach
from target_tocobagus.cli.check.routing import route, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_tocobagus.cli.check.finding import Finding
    from target_tocobagus.cli.check.forms import Form
    from target_tocobagus.cli.check.observed import Answer, Route
    from target_tocobagus.config.settings import Credentials, Settings

MOST_SECONDS: Final = 10
"""What each attempt gets at most: who waits at a terminal has less patience than a run."""

_PROXY_REFUSAL: Final = 407


def check_network(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Make the checks that need the network, as far as one leads to the next.

    Args:
        settings: With credentials, or without.
        environ: The environment, to name the variables that matter.
    """
    made = set()
    for finding in _Conversation(settings, environ).findings():
        yield finding
        made.add(finding.check)
        if finding.blocks:
            left = [check for check in NETWORK if check not in made]
            yield from (not_tried(check, finding.blocks) for check in left)
            return


def patience(settings: Settings) -> int:
    """Give the seconds that one attempt may take."""
    return min(settings.request_timeout_seconds, MOST_SECONDS)


class _Conversation:
    """One conversation.

    Attributes:
        ahead_ms: How far the server's clock is taken to be ahead.
        shown: What was signed last, the token blanked out; empty before.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._seconds = patience(settings)
        self._url = settings.api_url + PRODUCTS
        self._forms = forms(settings)
        self.ahead_ms = 0
        self.shown: tuple[str, ...] = ()

    def findings(self) -> Iterator[Finding]:
        """Go the way to the API, and speak to it."""
        proxy, bundle = http.surroundings(self._url)
        way = route(self._url, proxy, self._environ)
        if way is None:
            yield self._unusable(str(proxy))
        else:
            yield from self._along(way, Reach(way, bundle, self._seconds))

    def _along(self, way: Route, reach: Reach) -> Iterator[Finding]:
        if way.proxy:
            yield Network.PROXY_USED.finding(variable=way.proxy.variable, proxy=way.proxy.shown)
        yield reach.resolved(sockets.resolve(*way.first_hop, self._seconds))
        yield reach.connected(sockets.connect(*way.first_hop, self._seconds))
        if not way.secure:
            yield Network.PLAIN_HTTP.finding()
        answer = self._ask(self._forms[0])
        if isinstance(answer, Failed):
            yield reach.failed(answer, _now())
        elif answer.reply.status == _PROXY_REFUSAL:
            yield reach.wants_user()
        else:
            if way.secure:
                yield reach.certified(answer)
            yield answers.answered(answer, way)
            yield from self._judged(answer)

    def _unusable(self, proxy: str) -> Finding:
        scheme = self._url.partition(":")[0]
        variable = variable_of(proxy, scheme, self._environ)
        return Network.PROXY_UNUSABLE.finding(variable=variable, proxy=masked_url(proxy))

    def _judged(self, answer: Answer) -> Iterator[Finding]:
        """Say what an answer of the API says of the clock, and of the signature."""
        verdict = answers.verdict(answer)
        if self._settings.credentials is None:
            yield timing.timed(answer, accepted=False)
            yield not_tried("signature", "the credentials are not complete")
            return
        if verdict == "time":
            yield from self._timed_anew(answer)
            return
        yield timing.timed(answer, accepted=verdict == "accepted")
        yield self._signature(answer)

    def _timed_anew(self, answer: Answer) -> Iterator[Finding]:
        """Follow the server's clock, and ask once more."""
        yield timing.refused(answer, _now())
        found = timing.offset(answer)
        self.ahead_ms = found.ms if found else 0
        again = self._ask(self._forms[0])
        verdict = "none" if isinstance(again, Failed) else answers.verdict(again)
        if isinstance(again, Failed) or verdict == "none":
            yield not_tried("signature", "the second read, by the server's time, has failed")
        elif verdict == "time":
            yield timing.refused_again(again)
        else:
            yield self._signature(again)

    def _signature(self, answer: Answer) -> Finding:
        verdict = answers.verdict(answer)
        if verdict == "accepted":
            return Answers.SIGNATURE_ACCEPTED.finding(quoted=self.shown)
        if verdict == "signature":
            return self._other_form(answer)
        return answers.denied(answer, self.shown)

    def _other_form(self, refusal: Answer) -> Finding:
        """Try the other forms of a signature that is refused, until the server takes one."""
        shown = self.shown
        count = len(self._forms)
        for tried, form in enumerate(self._forms[1:], start=1):
            answer = self._ask(form)
            if isinstance(answer, Failed) or answers.verdict(answer) == "none":
                return self._refused(
                    refusal, shown, f"{tried} of {count} forms, and then fails to answer"
                )
            if answers.verdict(answer) != "signature":
                return self._signed_otherwise(form, answer)
        return self._refused(refusal, shown, f"all {count} forms")

    def _refused(self, refusal: Answer, shown: tuple[str, ...], tried: str) -> Finding:
        described = answers.described(refusal, "The server does not accept the signature")
        return Answers.SIGNATURE_REFUSED.finding(described=described, tried=tried, quoted=shown)

    def _signed_otherwise(self, form: Form, answer: Answer) -> Finding:
        facts: dict[str, Any] = {
            "old": self._forms[0],
            "new": form,
            "settings": as_settings(form, self._forms[0]),
            "quoted": self.shown,
        }
        if answers.verdict(answer) == "accepted":
            return Answers.SIGNED_OTHERWISE.finding(**facts)
        described = answers.described(answer, "it does not accept the credentials")
        return Answers.SIGNED_OTHERWISE_AND_REFUSED.finding(
            described=described, names=answers.to_check(answer), **facts
        )

    def _ask(self, form: Form) -> Answer | Failed:
        """Make one read, signed in a form; unsigned without credentials."""
        credentials: Credentials | None = self._settings.credentials
        if credentials is None:
            return http.read(self._url, {}, self._seconds)
        now_ms = int(time.time() * 1000) + self.ahead_ms
        headers, self.shown = signed(form, credentials, now_ms)
        return http.read(self._url, headers, self._seconds)


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
