"""The first rows of a stream are found, with the levels that they are about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_tocobagus.cli.demo.rows import About, Given, first_rows
from tests.e2e.command import encode, row, schema

if TYPE_CHECKING:
    from pathlib import Path

A: Final = ("sku", "A")
LONG: Final = {"stream": "stock", "sku": "sku", "stock": "qty", "warehouse": "place"}
SUMS: Final = {**LONG, "combine": "sum", "part": "lot"}
OTHER: Final = [
    schema("other", "sku"),
    row("other", sku="B"),
    schema("stock", "sku", "qty", "place"),
]


def given(tmp_path: Path, messages: list[Any], *mappings: dict[str, Any]) -> list[Given]:
    """Read a file of these messages."""
    path = tmp_path / "stream.singer"
    path.write_bytes(encode(messages))
    config: dict[str, Any] = {"streams": list(mappings)} if mappings else {}
    return first_rows(path, {**config, "ledger": "ledger.db"})


@pytest.mark.parametrize(
    ("record", "columns", "about"),
    [
        (
            {"note": "x", "sku": "A", "qty": "7.5", "place": "wh"},
            {"sku": "A", "qty": "7.5", "place": "wh"},
            About(A, "wh", 7),
        ),
        (
            {"sku": "A", "qty": None},
            {"sku": "A", "qty": "null"},
            About(None, None, None, "skipped"),
        ),
        (
            {"sku": "A", "qty": "N/A", "place": "wh"},
            {"sku": "A", "qty": "N/A", "place": "wh"},
            About(A, "wh", None, "BAD_QUANTITY"),
        ),
    ],
)
def test_a_row_has_the_columns_that_its_mapping_reads(
    tmp_path: Path, record: dict[str, Any], columns: dict[str, str], about: About
) -> None:
    """In the record's own order, beside what the mapping makes of them."""
    assert given(tmp_path, [*OTHER, row("stock", **record)], LONG) == [Given(columns, (about,))]


def test_a_part_is_about_the_level_that_it_is_added_to(tmp_path: Path) -> None:
    """Its own quantity is not that of the level."""
    record = {"sku": "A", "qty": 3, "place": "wh", "lot": 1}

    (only,) = given(tmp_path, [*OTHER, row("stock", **record)], SUMS)
    assert only.about == (About(A, "wh"),)


def test_a_list_that_is_complete_is_about_the_levels_that_it_names(tmp_path: Path) -> None:
    """What it leaves out has no row here."""
    record = {"sku": "A", "levels": [{"place": "wh", "qty": 3}]}
    mapping = {**LONG, "levels": "levels", "levels_complete": True}
    messages = [schema("stock", "sku", "levels"), row("stock", **record)]

    (only,) = given(tmp_path, messages, mapping)
    assert only.about == (About(A, "wh", 3),)


def test_the_first_five_rows_of_the_first_mapped_stream_are_taken(tmp_path: Path) -> None:
    """The mapping is the user's, or the one that is recognised; another SCHEMA changes nothing."""
    rows = [row("stock", sku=f"A{number}", stock=number) for number in range(4)]
    later = [schema("levels", "sku", "stock"), row("levels", sku="B", stock=1)]
    messages = [schema("stock", "sku", "stock"), *rows, *later, *rows]

    found = given(tmp_path, messages)
    assert [each.columns["sku"] for each in found] == ["A0", "A1", "A2", "A3", "A0"]


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("{", {}),
        ("[]", {}),
        ('{"type": "SCHEMA"}', {}),
        ('{"type": "RECORD", "stream": "stock"}', {}),
        (json.dumps(schema("stock", "id", "stock")), {"streams": [{"stream": "stock", "stok": 1}]}),
        (json.dumps(schema("stok", "kode", "jumlah")), {}),
    ],
)
def test_what_cannot_be_read_has_no_rows(tmp_path: Path, text: str, config: dict[str, Any]) -> None:
    """The target says what is wrong."""
    path = tmp_path / "stream.singer"
    path.write_text(f"{text}\n")

    assert first_rows(path, config) == []


def test_a_pipe_is_left_alone(tmp_path: Path) -> None:
    """It was the target's input, and can be read only once."""
    assert first_rows(tmp_path, {}) == []
