"""The version of a row: read by `newer_by`, or the row is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.model import Part, RecordError, Stock
from target_tocobagus.mapping.compiler import compile_mapping

if TYPE_CHECKING:
    from target_tocobagus.mapping.mapping import CompiledMapping


def compiled(**mapping: Any) -> CompiledMapping:
    """Compile a mapping."""
    entry = {"stream": "s", "sku": "sku", "stock": "stock", "newer_by": "updated", **mapping}
    return compile_mapping(stream_mapping(entry), StockPolicy())


@pytest.mark.parametrize(
    ("mapping", "record"),
    [
        ({}, {"sku": "a", "stock": 1, "updated": 7}),
        ({"newer_by": "meta.at"}, {"sku": "a", "stock": 1, "meta": {"at": "7"}}),
        ({"items": "rows"}, {"rows": [{"sku": "a", "stock": 1, "updated": 7}]}),
        ({"items": "rows"}, {"updated": 7, "rows": [{"sku": "a", "stock": 1}]}),
        (
            {"levels": "levels", "warehouse": "code"},
            {"sku": "a", "updated": 7, "levels": [{"code": "W", "stock": 1}]},
        ),
        (
            {"stock": None, "warehouse_columns": [{"column": "w", "client_id": "W"}]},
            {"sku": "a", "w": 1, "updated": 7},
        ),
    ],
)
def test_a_row_has_the_version_of_its_item_or_else_of_its_record(
    mapping: dict[str, Any], record: dict[str, Any]
) -> None:
    """This holds in every shape of a mapping."""
    (outcome,) = compiled(**mapping).outcomes(record)
    assert isinstance(outcome, Stock)
    assert outcome.version == "n 7"


@pytest.mark.parametrize("value", [None, "", "soon", True, {"at": 1}])
def test_a_row_without_a_readable_version_is_rejected(value: Any) -> None:
    """It could overwrite a newer one."""
    (outcome,) = compiled().outcomes({"sku": "a", "stock": 1, "updated": value})
    assert isinstance(outcome, RecordError)
    assert (outcome.code, outcome.identifier) == ("BAD_VERSION", ("sku", "a"))


@pytest.mark.parametrize(
    ("mapping", "record"),
    [
        ({}, {"sku": "a"}),
        ({"combine": "sum", "part": "sku"}, {"sku": "a"}),
        ({"levels": "levels", "warehouse": "wh"}, {"sku": "a", "levels": [{"wh": "W"}]}),
    ],
)
def test_a_deleted_row_may_have_lost_its_version(
    mapping: dict[str, Any], record: dict[str, Any]
) -> None:
    """It counts by its key alone, as a log of a database has it."""
    entry = {"stream": "s", "sku": "sku", "stock": "stock", "newer_by": "updated", **mapping}
    deletes = compile_mapping(stream_mapping(entry), StockPolicy(on_delete="zero"))
    (outcome,) = deletes.outcomes({**record, "_sdc_deleted_at": "2026-01-14T00:00:00Z"})
    assert isinstance(outcome, (Stock, Part))
    assert outcome.version == ""


def test_the_column_of_the_version_is_relied_on_and_read() -> None:
    """A mistyped one is found as a mistyped quantity is."""
    mapping = compiled()
    assert frozenset({"updated"}) in mapping.needs
    assert "updated" in (mapping.columns or ())
    assert mapping.plain is None


def test_an_entrys_content_is_what_tells_it_from_another() -> None:
    """The same mapping is the same source, and a changed one is not."""
    assert compiled().entry == compiled().entry
    assert compiled().entry != compiled(newer_by="version").entry
