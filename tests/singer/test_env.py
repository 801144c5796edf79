"""The settings in the environment: read, or named where they are not read; their values never."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.config.settings import SCHEMA
from target_tocobagus.singer.env import read_variables, unknown_variables, unread_variables

PREFIX = "TARGET_TOCOBAGUS_"
OWN = SCHEMA["properties"]
MARKER = "MARKED"


def variables(**texts: str) -> dict[str, str]:
    """Make an environment of settings."""
    return {"PATH": "/bin", **{PREFIX + key.upper(): text for key, text in texts.items()}}


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("dry_run", "true", True),
        ("dry_run", "YES", True),
        ("dry_run", " off ", False),
        ("max_stock", "007", 7),
        ("streams", '[{"stream": "s"}]', [{"stream": "s"}]),
        ("rounding", "floor", "floor"),
        ("store_token", " 12 ", " 12 "),
    ],
)
def test_each_kind_of_setting_is_read(key: str, text: str, value: Any) -> None:
    """Booleans are read in any of their spellings, lists as JSON; a text stays as it is."""
    assert read_variables(PREFIX, OWN, variables(**{key: text})) == ({key: value}, {})


@pytest.mark.parametrize("key", OWN)
def test_an_empty_variable_counts_as_not_set(key: str) -> None:
    """Whatever the setting's kind, it is not read and not judged."""
    assert read_variables(PREFIX, OWN, variables(**{key: ""})) == ({}, {})


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        ("dry_run", "ture", "true or false"),
        ("dry_run", "2", "true or false"),
        ("max_stock", MARKER, "an integer"),
        ("max_stock", "1.0", "an integer"),
        ("streams", MARKER, "JSON"),
        ("streams", "[" * 100_000, "JSON"),
        ("warehouse_map", " ", "JSON"),
    ],
)
def test_what_cannot_be_read_is_named_without_its_value(key: str, text: str, wanted: str) -> None:
    """The message names the setting, the variable, and what it must be."""
    found = read_variables(PREFIX, OWN, variables(**{key: text}))

    message = f"{key}: the environment variable {PREFIX}{key.upper()} must be {wanted}"
    assert found == ({}, {key: message})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TARGET_TOCOBAGUS_DRYRUN", "; did you mean TARGET_TOCOBAGUS_DRY_RUN?"),
        ("TARGET_TOCOBAGUS_PARTNER_SECERT", "; did you mean TARGET_TOCOBAGUS_PARTNER_SECRET?"),
        ("target_tocobagus_store_token", "; did you mean TARGET_TOCOBAGUS_STORE_TOKEN?"),
        ("TARGET_TOCOBAGUS_Q", ""),
    ],
)
def test_a_variable_that_is_no_setting_is_named_with_the_nearest(name: str, hint: str) -> None:
    """Its value is not shown, and an empty one is not set."""
    (line,) = unknown_variables(PREFIX, OWN, {name: MARKER, "PATH": "/bin"})

    assert line == f"Environment variable '{name}' is not a setting and is ignored{hint}"
    assert list(unknown_variables(PREFIX, OWN, {name: ""})) == []


@pytest.mark.parametrize("name", ["LOGLEVEL", "_DIALECT", "DRY_RUN"])
def test_a_variable_that_somebody_reads_is_not_named(name: str) -> None:
    """A setting, what the SDK reads, and Meltano's own."""
    assert list(unknown_variables(PREFIX, OWN, {PREFIX + name: "x"})) == []


@pytest.mark.parametrize(
    ("given", "config", "named"),
    [
        ({"dry_run": "true"}, {}, ["DRY_RUN"]),
        ({"dry_run": "false"}, {}, []),
        ({"dry_run": "true"}, {"dry_run": True}, []),
        ({"dry_run": MARKER}, {}, ["DRY_RUN"]),
        ({"max_stock": "5"}, {"max_stock": 5}, []),
        ({"max_stock": "5"}, {"max_stock": None}, ["MAX_STOCK"]),
        ({"max_stock": ""}, {"max_stock": 5}, []),
        ({"batch_size_rows": "500"}, {}, []),
        ({"streams": '[{"stream": "s"}]'}, {"streams": [{"stream": "s"}]}, []),
        (
            {"store_token": MARKER, "rounding": "reject"},
            {"store_token": "t"},
            ["STORE_TOKEN", "ROUNDING"],
        ),
    ],
)
def test_a_variable_that_says_something_else_than_is_in_force_is_named(
    given: dict[str, str], config: dict[str, Any], named: list[str]
) -> None:
    """They are compared as values, defaults included, and named in one line without them."""
    found = list(unread_variables(PREFIX, OWN, variables(**given), config))

    assert [line.count(PREFIX) for line in found] == ([len(named)] if named else [])
    assert all(PREFIX + name in line for line in found for name in named)
    assert MARKER not in "".join(found)
