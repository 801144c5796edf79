"""The page of `tocobagus check`: no secret, and advice with each finding that is not good."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_tocobagus.api.redaction import Redactor
from target_tocobagus.cli.check.catalogue import Answers, Network, Setup
from target_tocobagus.cli.check.page import Finding, Page
from target_tocobagus.core.foreign_text import hide_secrets
from tests.cli.check.bench import SECRETS

TABLE: Final = [*Setup, *Network, *Answers]


@pytest.mark.parametrize("diagnosis", TABLE, ids=lambda diagnosis: diagnosis.name)
def test_each_finding_that_is_not_good_says_what_to_do(diagnosis: Any) -> None:
    """Only those have advice; each text ends as a sentence, and what blocks is a clause."""
    row = diagnosis.value

    assert bool(row.todo) == (row.result != "ok")
    assert not row.blocks or row.result == "wrong"
    assert row.found.endswith((".", ":", "}"))
    assert row.todo.endswith((".", ":", "}")) or not row.todo
    assert not row.blocks.endswith(".")


@settings(deadline=None)  # looking for all writings of a new secret begins with some work
@given(
    secrets=st.lists(SECRETS, min_size=1, max_size=3),
    around=st.lists(st.text(max_size=30), min_size=4, max_size=4),
    width=st.integers(30, 100),
)
@example(secrets=["aaaaaaaa", "aaaaaaaaaaaa"], around=["a", "", "", ""], width=80)
def test_no_secret_is_shown_wherever_it_stands(
    secrets: list[str], around: list[str], width: int
) -> None:
    """No part of a finding holds one, not even broken over two lines."""
    text = "".join(f"{some}{secret}" for some, secret in zip(around, secrets, strict=False))
    finding = Finding("answer", "wrong", text, text, text, text, (text,), (text,))
    written = io.StringIO()
    with contextlib.redirect_stdout(written), pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        hide_secrets(Redactor(secrets).text)
        Page().show(finding)
        hide_secrets(str)

    for secret in secrets:
        assert secret not in "".join(written.getvalue().split())
