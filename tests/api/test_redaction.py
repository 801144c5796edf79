"""Secrets are found in whatever writing a server echoes them."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from target_tocobagus.api.redaction import BLANK, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

ASCII: Final = st.characters(min_codepoint=33, max_codepoint=126)
SECRETS: Final = st.text(ASCII, min_size=4, max_size=40)
AROUND: Final = st.text(st.sampled_from("é咖\u202e \n"), max_size=8)

NAMES: Final = {"/": "&sol;", "+": "&plus;", "=": "&equals;", "&": "&amp;", "_": "&lowbar;"}

WRITINGS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with escaped solidus": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "escapes of JSON": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "percent": lambda text: quote(text, safe=""),
    "percent of everything": lambda text: "".join(f"%{ord(each):02X}" for each in text),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "HTML": html.escape,
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "decimal entities": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "entities without an end": lambda text: "".join(f"&#{ord(each)}" for each in text),
    "named entities": lambda text: "".join(NAMES.get(each, each) for each in text),
    "escapes of Python": lambda text: "".join(f"\\x{ord(each):02x}" for each in text),
    "long escapes": lambda text: "".join(f"\\U{ord(each):08x}" for each in text),
    "escapes in braces": lambda text: "".join(f"\\u{{{ord(each):x}}}" for each in text),
    "escapes of old JavaScript": lambda text: "".join(f"%u{ord(each):04X}" for each in text),
    "octal escapes": lambda text: "".join(f"\\{ord(each):03o}" for each in text),
    "quoted-printable": lambda text: "".join(f"={ord(each):02X}" for each in text),
    "hexadecimal digits": lambda text: text.encode().hex(),
    "capital hexadecimal digits": lambda text: text.encode().hex().upper(),
}


@pytest.mark.parametrize("writing", WRITINGS)
@settings(max_examples=60, deadline=None)
@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_a_secret_is_blanked_in_every_writing(
    writing: str, secret: str, before: str, after: str
) -> None:
    """It is gone, what stands around it is left, and a body that holds it is looked at."""
    text = before + WRITINGS[writing](secret) + after
    redactor = Redactor([secret])
    assert redactor.text(text).replace("\\", "") == before + BLANK + after
    for encoded in (json.dumps(text).encode(), json.dumps(text).encode("utf-16")):
        assert redactor.may_be_in(encoded)
    assert redactor.may_be_in(json.dumps(text, ensure_ascii=False).encode())


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.b32encode])
@pytest.mark.parametrize("before", ["", "x", "xy", "x-store-token: "])
@pytest.mark.parametrize("after", ["", "x", "\nx-timestamp: 1"])
def test_other_bases_are_found_too(
    encode: Callable[[bytes], bytes], before: str, after: str
) -> None:
    """In each alphabet, of the secret itself or of a longer text that holds it."""
    secret = "stkn_??>>~~MARKER"  # noqa: S105  # a marker
    shown = Redactor([secret]).text(encode(f"{before}{secret}{after}".encode()).decode())
    around = len(encode(f"{before}{after}".encode()))
    assert BLANK in shown
    assert len(shown) <= len(BLANK) + around + 8


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=8,
    )
)
def test_a_value_without_the_secret_is_left_as_it_is(value: Any) -> None:
    """Nothing else is changed, however odd the text."""
    text = json.dumps(value)
    assume("secret" not in text.lower())
    assert Redactor(["the-secret"]).value(value) == value


def test_names_and_values_are_searched_at_any_depth() -> None:
    """A server may put what it was sent anywhere."""
    redactor = Redactor(["the-secret", "other-secret"])
    value = {"a": [{"the-secret": ["x other-secret y", 1, None, True]}]}
    assert redactor.value(value) == {"a": [{BLANK: [f"x {BLANK} y", 1, None, True]}]}


def test_what_is_too_short_for_a_secret_is_not_looked_for() -> None:
    """A text of three letters is part of many others."""
    assert Redactor(["", "e", "ery"]).text("every word % e") == "every word % e"


def test_the_longer_of_two_secrets_goes_first() -> None:
    """One may be the beginning of the other, and its end is a secret too."""
    assert Redactor(["token", "token-and-more"]).text("token-and-more") == BLANK


@pytest.mark.parametrize("unit", ["\\", "%25", "&amp;", "t\\", "&#0", "to%6"])
def test_no_text_takes_long(unit: str) -> None:
    """Each writing is bounded: a megabyte of marks is done with before the test's time is over."""
    text = unit * ((1 << 20) // len(unit))
    assert Redactor(["token/with+signs"]).text(text) == text
