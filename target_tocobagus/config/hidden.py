"""Which parts of a configuration must never be shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRETS: Final = ("partner_secret", "store_token")
_LOGIN: Final = re.compile(r"[^:/]+://[^:/@]*:(.*)@", re.DOTALL)
_PASSWORD: Final = re.compile(r"[?&]password=([^&]*)")


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """Find the secrets in a configuration, valid or not: as they are, and without white space.

    A ledger's URL is one as a whole, and so is its password; a path is not.
    """
    given = [text for name in _SECRETS if isinstance(text := config.get(name), str)]
    ledger = config.get("ledger")
    if isinstance(ledger, str) and "://" in ledger and not ledger.startswith("sqlite:"):
        given += [ledger, *_passwords(ledger)]
    return [form for text in given for form in (text, text.strip()) if form]


def _passwords(url: str) -> Iterator[str]:
    """Find passwords; a part too, because a mistyped one may be read as a host."""
    for password in (*_LOGIN.findall(url), *_PASSWORD.findall(url)):
        for form in (password, unquote(password)):
            yield form
            yield from form.split("@")
