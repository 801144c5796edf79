"""Secrets taken out of text that somebody else wrote, before it is shown or kept.

A server may echo what it was sent, as it is or in the writing of some format: with the escapes of
JSON, JavaScript, Python or C, percent-encoded, quoted-printable, as an HTML entity, in base64,
base32 or hexadecimal. So a secret is looked for character by character, each in any of these, in
texts that are decoded already; what has digits of another base is looked for as a whole.
"""

from __future__ import annotations

import base64
import re
from functools import cache, cached_property
from html.entities import html5
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLANK: Final = "***"
_SHORTEST: Final = 4
"""Nobody's secret is shorter, and blanking it out would make every text unreadable."""

_MARKS: Final = ("\\", "%", "&", "=")
"""Without one of these, a text holds no character in another writing than its own."""


class Redactor:
    """Blanks out secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets; those of fewer than four characters are passed over."""
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        # The longest first: one secret may be the beginning of another.
        self._known = sorted(known, key=len, reverse=True)
        self._plain = [*self._known, *(form for secret in known for form in _as_a_whole(secret))]
        signs = (*self._plain, *_MARKS, "\0")
        self._signs = [sign.encode("utf-8", "surrogatepass") for sign in signs]

    @cached_property
    def _disguised(self) -> re.Pattern[str]:
        """Find a secret in any writing; made when first needed, for it takes a while."""
        return re.compile("|".join("".join(map(_any_writing, each)) for each in self._known))

    def may_be_in(self, content: bytes) -> bool:
        """Tell quickly whether a body of JSON needs a closer look; NULs are those of UTF-16."""
        return any(sign in content for sign in self._signs)

    def text(self, text: str) -> str:
        """Blank out the secrets in a text."""
        if not self._known or len(text) < len(self._known[-1]):  # no writing is shorter
            return text
        if any(mark in text for mark in _MARKS):
            text = self._disguised.sub(BLANK, text)
        for secret in self._plain:
            text = text.replace(secret, BLANK)
        return text

    def value(self, value: Any) -> Any:
        """Blank out the secrets in all texts of a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            return {self.text(name): self.value(each) for name, each in value.items()}
        return value


def _as_a_whole(secret: str) -> set[str]:
    """Write a secret in hexadecimal digits, in base64 and in base32."""
    content = secret.encode("utf-8", "surrogatepass")
    return {content.hex(), content.hex().upper(), *_in_bases(content)}


_BASES: Final = (
    (base64.b64encode, 3, 6),
    (base64.urlsafe_b64encode, 3, 6),
    (base64.b32encode, 5, 5),
)
"""Each with the bytes that are written as a group, and the bits of a digit."""


def _in_bases(content: bytes) -> Iterator[str]:
    """Write a secret in base64 and base32, wherever in a longer text it may begin.

    Without the digits at its ends that hold something of what stands beside it, too.
    """
    for encode, size, bits in _BASES:
        for before in range(size):
            padded = bytes(before) + content
            digits = encode(padded + bytes(size)).decode()
            yield digits[-(-before * 8 // bits) : len(padded) * 8 // bits]


@cache
def _entities() -> dict[str, list[str]]:
    """List the names that HTML has for each character, the longest first."""
    found: dict[str, list[str]] = {}
    for name in sorted({each.rstrip(";") for each in html5}, key=len, reverse=True):
        found.setdefault(html5.get(f"{name};", ""), []).append(name)
    return found


def _any_writing(character: str) -> str:
    """Make a pattern of all writings of a character.

    Each begins with a literal, by which `re` finds its place quickly, and repeats a bounded number
    of times, so that no text takes long; what is encoded twice or thrice is found too.
    """
    units = character.encode("utf-16-be", "surrogatepass")
    pairs = [units[start : start + 2].hex() for start in range(0, len(units), 2)]
    octets = character.encode("utf-8", "surrogatepass")
    code = ord(character)
    writings = [
        "".join(rf"\\\\{{0,3}}u(?i:{pair})" for pair in pairs),
        rf"\\\\{{0,3}}u\{{0{{0,5}}(?i:{code:x})\}}",
        rf"\\\\{{0,3}}U(?i:{code:08x})",
        "".join(rf"\\\\{{0,3}}x(?i:{octet:02x})" for octet in octets),
        "".join(rf"%(?:25){{0,3}}u(?i:{pair})" for pair in pairs),
        "".join(rf"\\\\{{0,3}}{octet:03o}" for octet in octets),
        "".join(rf"%(?:25){{0,3}}(?i:{octet:02x})" for octet in octets),
        "".join(rf"=(?i:{octet:02x})" for octet in octets),
        rf"&(?:amp;){{0,3}}#0{{0,5}}{code}(?![0-9]);?",
        rf"&(?:amp;){{0,3}}#[xX]0{{0,5}}(?i:{code:x})(?![0-9a-fA-F]);?",
    ]
    if names := _entities().get(character):
        writings.append(rf"&(?:amp;){{0,3}}(?:{'|'.join(names)});?")
    # The character itself comes last: it may be what another writing of it begins with.
    writings += [rf"\\\\{{0,3}}{re.escape(character)}", re.escape(character)]
    return f"(?:{'|'.join(writings)})"
