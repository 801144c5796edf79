"""Secrets taken out of text that somebody else wrote, before it is shown or kept.

A server may echo what it was sent, as it is or in the writing of some format: with the escapes of
JSON, percent-encoded, as an HTML entity, in base64. So a secret is looked for character by
character, each in any of these writings, in texts that are decoded already.
"""

from __future__ import annotations

import base64
import html
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

BLANK: Final = "***"
_SHORTEST: Final = 4
"""Nobody's secret is shorter, and blanking it out would make every text unreadable."""

_MARKS: Final = ("\\", "%", "&")
"""Without one of these, a text holds no character in another writing than its own."""


class Redactor:
    """Blanks out secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets; those of fewer than four characters are passed over."""
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        # The longest first: one secret may be the beginning of another.
        self._known = sorted(known, key=len, reverse=True)
        self._plain = [*self._known, *(form for secret in known for form in _in_base64(secret))]
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
        if self._known and any(mark in text for mark in _MARKS):
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


def _in_base64(secret: str) -> set[str]:
    """Write a secret in base64, both alphabets, but for its end: that depends on what follows."""
    content = secret.encode("utf-8", "surrogatepass")
    whole = len(content) // 3 * 3
    if whole < _SHORTEST:
        return set()
    return {
        base64.b64encode(content[:whole]).decode(),
        base64.urlsafe_b64encode(content[:whole]).decode(),
    }


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
        "".join(rf"%(?:25){{0,3}}(?i:{octet:02x})" for octet in octets),
        rf"&(?:amp;){{0,3}}#0{{0,5}}{code};",
        rf"&(?:amp;){{0,3}}#[xX]0{{0,5}}(?i:{code:x});",
    ]
    if (entity := html.escape(character)) != character:
        writings.append(rf"&(?:amp;){{0,3}}{re.escape(entity[1:])}")
    # The character itself comes last: it may be what another writing of it begins with.
    writings += [rf"\\\\{{0,3}}{re.escape(character)}", re.escape(character)]
    return f"(?:{'|'.join(writings)})"
