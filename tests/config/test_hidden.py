"""Which texts of a configuration are blanked out wherever they are shown."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.config.hidden import secrets_of


def test_secrets_are_known_from_a_configuration_that_is_not_valid() -> None:
    """With white space and without; a value that is not a text is left out."""
    config = {"partner_secret": " abcdef\n", "store_token": 5}

    assert secrets_of(config) == [" abcdef\n", "abcdef"]


@pytest.mark.parametrize(
    ("ledger", "password"),
    [
        ("postgresql+psycopg://user:MARKER@host/db", "MARKER"),
        ("postgresql://user:MAR%2FKER@host/db", "MAR/KER"),
        ("postgresql://user:MAR@KER@host/db", "KER"),
        ("postgresql://host/db?sslmode=require&password=MARKER", "MARKER"),
        ("unknown://:MARKER@host", "MARKER"),
    ],
)
def test_the_url_of_a_ledger_is_a_secret_and_so_is_its_password(ledger: str, password: str) -> None:
    """However it is written, valid or not."""
    assert {ledger, password} <= set(secrets_of({"ledger": ledger}))


@pytest.mark.parametrize("ledger", ["stock/ledger.db", "sqlite:////srv/ledger.db", None, 5])
def test_the_path_of_a_ledger_is_not_a_secret(ledger: Any) -> None:
    """Messages name it."""
    assert secrets_of({"ledger": ledger}) == []
