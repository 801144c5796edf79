"""Text that somebody else wrote is safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.core.foreign_text import LONGEST, blanked, clean, hide_secrets, reason


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Kopi Arabika 250 g, ünïcødé 咖啡", "Kopi Arabika 250 g, ünïcødé 咖啡"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    """Letters of any script stay; control, bidirectional and zero-width characters do not."""
    assert clean(text) == shown


@given(st.text(), st.integers(1, 400))
def test_any_text_becomes_one_printable_line_of_bounded_length(text: str, longest: int) -> None:
    """Whatever it holds, and however long it is."""
    shown = clean(text, longest)

    assert shown.isprintable()
    assert len(shown) <= longest


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (KeyError("zz"), "'zz' is missing"),
        (OSError(28, "No space left"), "No space left"),
        (OSError("odd"), "odd"),
        (ValueError("not a\nnumber"), "not a\\nnumber"),
        (ValueError(), "no reason is given"),
        (KeyError(), "a key is missing"),
    ],
)
def test_a_reason_is_not_a_class_of_python(error: Exception, shown: str) -> None:
    """A user knows neither `KeyError` nor what its text leaves out."""
    assert reason(error) == shown


def test_a_secret_is_blanked_before_the_cut() -> None:
    """No part of it is left, as it would be if it were looked for in what the cut leaves."""
    hide_secrets(lambda text: text.replace("the-secret", "***"))
    try:
        assert clean("x" * (LONGEST - 5) + "the-secret") == "x" * (LONGEST - 5) + "***"
        assert blanked("of the-secret") == "of ***"
    finally:
        hide_secrets(str)


def test_a_cut_is_shown() -> None:
    """A text that was cut ends in an ellipsis, and one that just fits does not."""
    assert clean("x" * LONGEST) == "x" * LONGEST
    assert clean("x" * (LONGEST + 1)) == "x" * (LONGEST - 1) + "…"
