"""Blanks out secrets in foreign text, before it is shown or kept.

A server may echo a secret as it is or encoded: with escapes of JSON, JavaScript, Python or C,
percent-encoded, quoted-printable, as HTML entities, in base64, base32 or hexadecimal. So a secret
is searched character by character, each in any of these forms, in texts that are decoded already;
the forms in another base are searched as a whole.
"""

from __future__ import annotations

import base64
import re
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLANK: Final = "***"
_SHORTEST: Final = 4
"""A real secret is not shorter, and blanking out a shorter one would make texts unreadable."""

_MARKS: Final = ("\\", "%", "&", "=")
"""A body without any of these has no encoded character."""

_ENCODED: Final = re.compile(r"\\|%(?:u|[0-9A-Fa-f]{2})|&[#A-Za-z]|=[0-9A-Fa-f]{2}")
"""A text without any of these has no encoded character; most log lines have none."""


class Redactor:
    """Blanks out secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Prepare the secrets; those of fewer than four characters are ignored."""
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        # The longest first: one secret may be the beginning of another.
        self._known = sorted(known, key=len, reverse=True)
        self._plain = [*self._known, *(form for secret in known for form in _as_a_whole(secret))]
        signs = (*self._plain, *_MARKS, "\0")
        self._signs = [sign.encode("utf-8", "surrogatepass") for sign in signs]

    @cached_property
    def _disguised(self) -> re.Pattern[str]:
        """Matches a secret in any encoding; made when first needed, because it is slow to make."""
        return re.compile("|".join("".join(map(_any_writing, each)) for each in self._known))

    def may_be_in(self, content: bytes) -> bool:
        """Quickly check whether a body may contain a secret; NULs mean UTF-16."""
        return any(map(content.__contains__, self._signs))

    def text(self, text: str) -> str:
        """Blank out the secrets in a text."""
        if not self._known or len(text) < len(self._known[-1]):  # no encoded form is shorter
            return text
        if _ENCODED.search(text):
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
    """Encode a secret in hexadecimal, base64 and base32."""
    content = secret.encode("utf-8", "surrogatepass")
    return {content.hex(), content.hex().upper(), *_in_bases(content)}


_BASES: Final = (
    (base64.b64encode, 3, 6),
    (base64.urlsafe_b64encode, 3, 6),
    (base64.b32encode, 5, 5),
)
"""Each with the bytes of a group, and the bits of a digit."""


def _in_bases(content: bytes) -> Iterator[str]:
    """Encode a secret in base64 and base32, at every possible offset within a longer text.

    Without the digits at its ends that also depend on the neighbouring bytes.
    """
    for encode, size, bits in _BASES:
        for before in range(size):
            padded = bytes(before) + content
            digits = encode(padded + bytes(size)).decode()
            yield digits[-(-before * 8 // bits) : len(padded) * 8 // bits]


@cache
def _entities() -> dict[str, list[str]]:
    """Map each character to its names in HTML, the longest first."""
    from html.entities import html5  # two thousand names, which most runs do not need

    found: dict[str, list[str]] = {}
    for name in sorted({each.rstrip(";") for each in html5}, key=len, reverse=True):
        found.setdefault(html5.get(f"{name};", ""), []).append(name)
    return found


def _any_writing(character: str) -> str:
    """Make a pattern of all encoded forms of a character.

    Each begins with a literal, so that `re` is fast, and has bounded repeats, so that no text takes
    long; text that was encoded two or three times is found too.
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
    # The character itself comes last: another form may begin with it.
    writings += [rf"\\\\{{0,3}}{re.escape(character)}", re.escape(character)]
    return f"(?:{'|'.join(writings)})"
