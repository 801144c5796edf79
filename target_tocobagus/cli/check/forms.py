"""A signed read, and the forms that its signature may have.

The partner guide's form and the endpoint's page differ in the prefix, and the rule for the signed
path is known from one example only; so each combination of the two may be what a server wants.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from target_tocobagus.api import signing
from target_tocobagus.api.redaction import BLANK

if TYPE_CHECKING:
    from target_tocobagus.config.settings import Credentials, Settings

PRODUCTS: Final = "/partner/stores/products"
"""A read that is documented for this API, signed like the write: nothing changes by it."""

_METHOD: Final = "GET"
_DOCUMENTED_PREFIXES: Final = ("sha256=", "")
_DOCUMENTED_PATHS: Final = ("", "/api/v1")


class Form(NamedTuple):
    """How a request is signed."""

    signature_prefix: str
    signed_path_prefix: str

    def __str__(self) -> str:
        """Say it as a clause."""
        prefix = f"{self.signature_prefix} and hex" if self.signature_prefix else "bare hex"
        return f"{prefix}, for the path {self.signed_path_prefix}{PRODUCTS}"


class SignedRead(NamedTuple):
    """A read that is ready to be sent.

    Attributes:
        headers: The five that the API asks for.
        shown: The lines of what was signed, the token blanked out.
    """

    headers: dict[str, str]
    shown: tuple[str, ...]


def forms(settings: Settings) -> list[Form]:
    """List the forms to be tried: the configured one, then the documented ones, each once."""
    configured = Form(settings.signature_prefix, settings.signed_path_prefix)
    prefixes = [configured.signature_prefix, *_DOCUMENTED_PREFIXES]
    paths = [configured.signed_path_prefix, urlsplit(settings.api_url).path, *_DOCUMENTED_PATHS]
    return list(dict.fromkeys([configured, *(Form(*pair) for pair in product(prefixes, paths))]))


def signed(form: Form, credentials: Credentials, now_ms: int) -> SignedRead:
    """Sign a read as the target signs its requests.

    Args:
        form: How.
        credentials: By whom.
        now_ms: The server's time, as far as it is known, in ms since the epoch.
    """
    path = form.signed_path_prefix + PRODUCTS
    headers = signing.signed_headers(credentials, now_ms)
    base = signing.base_string(_METHOD, path, headers, b"")
    shown = signing.base_string(_METHOD, path, {**headers, "x-store-token": BLANK}, b"")
    value = signing.signature(base, credentials.partner_secret, form.signature_prefix)
    return SignedRead({**headers, "x-signature": value}, tuple(shown.split("\n")))


def as_settings(form: Form, configured: Form) -> str:
    """Write what has to be set for a form, leaving out what is set so already."""
    pairs = zip(Form._fields, form, configured, strict=True)
    return " and ".join(f'{name} to "{value}"' for name, value, old in pairs if value != old)
