"""What every log line is cleaned of."""

from __future__ import annotations

import logging
import sys

import pytest

from target_tocobagus.core.foreign_text import hide_secrets
from target_tocobagus.report.console import cleaned


@pytest.mark.parametrize("said", ["the-secret in a bug", "another bug"])
def test_a_traceback_shows_no_secret(said: str) -> None:
    """An error of any library may name it; a traceback without one stays as it is."""
    try:
        dict[str, int]()[said]
    except KeyError:
        record = logging.LogRecord("sdk", 40, "", 0, "A %s", ("bug",), sys.exc_info())
    hide_secrets(lambda text: text.replace("the-secret", "***"))
    try:
        assert cleaned(record)
    finally:
        hide_secrets(str)
    text = logging.Formatter().format(record)
    assert text.startswith("A bug\nTraceback (most recent call last):\n")
    assert text.endswith(f"KeyError: '{said.replace('the-secret', '***')}'")
    assert (record.exc_info is None) == ("secret" in said)
