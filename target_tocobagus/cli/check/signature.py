"""Reads that are signed: in the configured form, then in others.

The partner guide and the endpoint's page differ in the prefix, and the rule for the signed path is
known from one example only; so a server may want any combination of the two. A refused timestamp is
replaced by the server's own time, as in a run.
"""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from target_tocobagus.api import signing
from target_tocobagus.api.network_errors import Failed
from target_tocobagus.api.redaction import BLANK
from target_tocobagus.cli.check import answers, http
from target_tocobagus.cli.check.catalogue import Answers
from target_tocobagus.cli.check.http import PRODUCTS
from target_tocobagus.cli.check.page import not_tried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.cli.check.http import Answer
    from target_tocobagus.cli.check.page import Finding
    from target_tocobagus.config.settings import Credentials, Settings

_DOCUMENTED_PREFIXES: Final = ("sha256=", "")
_DOCUMENTED_PATHS: Final = ("", "/api/v1")


class Form(NamedTuple):
    """How a request is signed; the fields are settings."""

    signature_prefix: str
    signed_path_prefix: str

    def __str__(self) -> str:
        """Describe it in a clause."""
        prefix = f"{self.signature_prefix} and hex" if self.signature_prefix else "bare hex"
        return f"{prefix}, for the path {self.signed_path_prefix}{PRODUCTS}"


def forms(settings: Settings) -> list[Form]:
    """List the forms to be tried: the configured one, then the documented ones, each once."""
    configured = Form(settings.signature_prefix, settings.signed_path_prefix)
    prefixes = [configured.signature_prefix, *_DOCUMENTED_PREFIXES]
    paths = [configured.signed_path_prefix, urlsplit(settings.api_url).path, *_DOCUMENTED_PATHS]
    return list(dict.fromkeys([configured, *(Form(*pair) for pair in product(prefixes, paths))]))


def signed(
    form: Form, credentials: Credentials, now_ms: int
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Sign a read as the target signs its requests; `now_ms` is the server's time.

    Returns:
        The five headers, and the lines that were signed, with the token blanked out.
    """
    path = form.signed_path_prefix + PRODUCTS
    headers = signing.signed_headers(credentials, now_ms)
    base = signing.base_string("GET", path, headers, b"")
    shown = signing.base_string("GET", path, {**headers, "x-store-token": BLANK}, b"")
    value = signing.signature(base, credentials.partner_secret, form.signature_prefix)
    return {**headers, "x-signature": value}, tuple(shown.split("\n"))


def as_settings(form: Form, configured: Form) -> str:
    """Name the settings to be changed for a form, and their values."""
    pairs = zip(Form._fields, form, configured, strict=True)
    return " and ".join(f'{name} to "{value}"' for name, value, old in pairs if value != old)


class SignedReads:
    """Makes signed reads, and checks clock and signature by the answers."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._credentials = settings.credentials
        self._url = settings.api_url + PRODUCTS
        self._seconds = seconds
        self._forms = forms(settings)
        self._ahead_ms = 0  # how far the server's clock is ahead
        self._shown: tuple[str, ...] = ()  # the lines that were signed last

    def ask(self, form: Form | None = None) -> Answer | Failed:
        """Make one read, in the configured form if none is given; unsigned without credentials."""
        if self._credentials is None:
            return http.read(self._url, {}, self._seconds)
        now_ms = int(time.time() * 1000) + self._ahead_ms
        headers, self._shown = signed(form or self._forms[0], self._credentials, now_ms)
        return http.read(self._url, headers, self._seconds)

    def findings(self, answer: Answer, now: str) -> Iterator[Finding]:
        """Make the findings of an answer; `now` is this machine's time, to be shown."""
        yield answers.clock(answer, now)
        if self._credentials is None:
            yield not_tried("signature", "the credentials are not complete")
        elif answers.verdict(answer) == "time":
            yield from self._by_server_time(answer)
        else:
            yield from self._signature(answer)

    def _by_server_time(self, refusal: Answer) -> Iterator[Finding]:
        found = answers.offset(refusal)
        self._ahead_ms = found.ms if found else 0
        again = self.ask()
        verdict = "none" if isinstance(again, Failed) else answers.verdict(again)
        if isinstance(again, Failed) or verdict == "none":
            yield not_tried("signature", "the second read, by the server's time, has failed")
        elif verdict == "time":
            yield Answers.CLOCK_STUBBORN.finding(said=answers.said(again))
        else:
            yield from self._signature(again)

    def _signature(self, answer: Answer) -> Iterator[Finding]:
        verdict = answers.verdict(answer)
        if verdict == "accepted":
            yield Answers.SIGNATURE_ACCEPTED.finding(quoted=self._shown)
        elif verdict == "signature":
            yield from self._other_forms(answer)
        else:
            yield answers.denied(answer, self._shown)

    def _other_forms(self, refusal: Answer) -> Iterator[Finding]:
        """Try the other forms until the server does not refuse the signature."""
        shown, count = self._shown, len(self._forms)
        tried = f"all {count} forms"
        for number, form in enumerate(self._forms[1:], start=1):
            answer = self.ask(form)
            if isinstance(answer, Failed) or answers.verdict(answer) == "none":
                tried = f"{number} of {count} forms, and then fails to answer"
                break
            if answers.verdict(answer) != "signature":
                changes = as_settings(form, self._forms[0])
                yield Answers.SIGNED_OTHERWISE.finding(
                    old=self._forms[0], new=form, settings=changes, quoted=self._shown
                )
                if answers.verdict(answer) != "accepted":
                    yield answers.denied(answer, ())
                return
        said = answers.said(refusal)
        yield Answers.SIGNATURE_REFUSED.finding(said=said, tried=tried, quoted=shown)
