"""Secrets taken out of whatever is about to be shown.

No text here is built from a secret. This is the last door all the same: a server may echo what it
was sent, and a token may stand in a setting where nobody looks for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from target_tocobagus.api.redaction import BLANK

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET_SETTINGS: Final = ("partner_secret", "store_token")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """Find the secrets in a configuration, be it valid or not."""
    given = [config.get(name) for name in _SECRET_SETTINGS]
    return [form for text in given if isinstance(text, str) for form in (text, text.strip())]


def secrets_of_proxy(url: str) -> list[str]:
    """Find user and password in a proxy's URL, as they stand there and as they are meant."""
    _, _, rest = with_scheme(url).partition("://")
    user, at, _ = rest.rpartition("@")
    password = user.partition(":")[2]
    return [user, unquote(user), password, unquote(password)] if at else []


def masked_url(url: str) -> str:
    """Write a proxy's URL without user and password, also if it is malformed."""
    scheme, _, rest = with_scheme(url).partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{BLANK + at if user or at else ''}{place}"


def with_scheme(url: str) -> str:
    """Write a proxy's URL with the scheme that `requests` assumes where there is none."""
    return url if _SCHEME.match(url) else f"http://{url}"


def without_query(url: str) -> str:
    """Write a URL by its place and path alone; what it asks for may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no URL)"
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    return f"{place}{parts.path}"
