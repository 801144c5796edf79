"""Of streams of real taps and sheets none is sent on a guess, and most drafts are right."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core.model import Stock
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.recognition.fields import path_of
from target_tocobagus.recognition.questions import Sample, block
from target_tocobagus.recognition.recognise import Question, Recognised, recognise
from target_tocobagus.recognition.yaml_lines import as_config

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "recognition.json").read_text("utf-8")
)
RIGHT_AT_LEAST = 20
"""So many drafts of the 21 streams of stock are right as they are: a change must not lose one."""

Row = tuple[str, str | None, int]


def sampled(case: dict[str, Any]) -> Sample:
    """Take in a stream with its records, as a run does."""
    sample = Sample(case["stream"], case["schema"], case["key_properties"])
    for record in case["records"]:
        sample.add(record)
    sample.judge()
    return sample


def pasted(sample: Sample, records: list[Any]) -> set[Row]:
    """Put the lines of a question into a configuration, and map the records by it."""
    settings = parse_settings({"dry_run": True, **yaml.safe_load(block([sample]))})
    (mapping,) = settings.streams or ()
    compiled = compile_mapping(mapping, settings.policy)
    outcomes = [outcome for record in records for outcome in compiled.outcomes(record)]
    return {
        (outcome.identifier[1], outcome.location, outcome.quantity)
        for outcome in outcomes
        if isinstance(outcome, Stock)
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_nothing_is_sent_on_a_guess(case: dict[str, Any]) -> None:
    """None of them is the API's shape or a known stream, so none is sent, whatever it is called."""
    found = recognise(case["stream"], case["schema"], case["key_properties"], case["records"])
    assert not isinstance(found, Recognised)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["kind"] == "S"], ids=lambda case: case["name"]
)
def test_a_stream_of_stock_is_a_question_with_lines_to_paste(case: dict[str, Any]) -> None:
    """Its draft is a configuration as it stands, and maps at least one of its records."""
    sample = sampled(case)
    assert isinstance(sample.found, Question)
    (written,) = yaml.safe_load(block([sample]))["streams"]
    assert written == as_config(sample.found.mapping)
    assert pasted(sample, case["records"])


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["kind"] == "N"], ids=lambda case: case["name"]
)
def test_a_stream_without_stock_is_not_asked_about(case: dict[str, Any]) -> None:
    """Invoices, plans and the like end no run."""
    assert not isinstance(sampled(case).found, Question)


def test_most_drafts_are_right_as_they_are() -> None:
    """Item, location and quantity of every record are what the stream truly holds."""
    right = [
        case["name"]
        for case in CASES
        if case["truth"]
        and pasted(sampled(case), case["records"]) == {tuple(row) for row in case["truth"]}
    ]
    assert len(right) >= RIGHT_AT_LEAST


@pytest.mark.parametrize(
    ("record", "sku", "stock"),
    [
        ({"stock_number": "A1", "qty": 5}, "stock_number", "qty"),
        ({"Stock No": "A1", "Stock Qty": 5}, "Stock No", "Stock Qty"),
        ({"sku": "A1", "stockNum": 5}, "sku", "stockNum"),
        ({"sku": "A1", "stock": "In stock", "quantity": 5}, "sku", "quantity"),
        ({"sku": "A1", "available": "yes", "qty_on_hand": "5"}, "sku", "qty_on_hand"),
        ({"Kd Barang": "A1", "Siap Jual": 5}, "Kd Barang", "Siap Jual"),
        ({"kode": "A1", "stok_siap_jual": 4, "stok": 5}, "kode", "stok_siap_jual"),
        ({"Número de artículo": "A1", "Existencias": 5}, "Número de artículo", "Existencias"),
        ({"Código de barras": "899", "Stock": 5}, "Código de barras", "Stock"),
        ({"Strichcode": "899", "Bestand": 5}, "Strichcode", "Bestand"),
        ({"Ref": "A1", "Avail": 5}, "Ref", "Avail"),
    ],
)
def test_a_person_s_columns_are_drafted(record: dict[str, Any], sku: str, stock: str) -> None:
    """By their names in the five languages, and by what they hold."""
    found = recognise("stock", {"properties": {key: {} for key in record}}, (), [record])
    assert isinstance(found, Question)
    assert (*found.mapping.sku, *found.mapping.external_id) == (path_of([sku]),)
    assert found.mapping.stock == (path_of([stock]),)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ({"jkt": [5, 6, "N/A"], "sby": [1, "", 2]}, ["jkt", "sby"]),
        ({"jkt": [5, None, ""], "sby": [1, 2, 3], "ket": ["a", 5, "b"]}, ["jkt", "sby"]),
        (
            {"In stock [Toko A]": [12], "Low stock [Toko A]": [2], "In stock [Toko B]": [7]},
            ["In stock [Toko A]", "In stock [Toko B]"],
        ),
        ({"Stok (Jakarta)": [1], "Stok (Bandung)": [2]}, ["Stok (Jakarta)", "Stok (Bandung)"]),
        ({"Stok (dus)": [1], "Stok (pcs)": [12]}, []),
        ({"On hand (current)": [1], "On hand (new)": [2]}, []),
    ],
)
def test_a_column_for_each_place_is_drafted(rows: dict[str, list[Any]], columns: list[str]) -> None:
    """Also where some cells are empty, or the place stands in brackets; a unit is no place."""
    records = [
        {"sku": "A", **dict(zip(rows, values, strict=True))}
        for values in zip(*rows.values(), strict=True)
    ]
    found = recognise("stock", {"properties": {name: {} for name in ("sku", *rows)}}, (), records)
    drafted = found.mapping.warehouse_columns if isinstance(found, Question) else ()
    assert [each.column for each in drafted] == columns


def test_what_is_reserved_is_asked_about() -> None:
    """Unless the quantity is the available one."""
    for quantity, asked in (("qty", True), ("available", False)):
        record = {"sku": "A", quantity: 5, "qty_reserved": 1}
        found = recognise("stock", {"properties": {name: {} for name in record}}, (), [record])
        assert isinstance(found, Question)
        said = [each for each in found.doubts if "may have to be taken off (subtract)" in each]
        assert said == ["'qty_reserved' may have to be taken off (subtract)"] * asked


def test_a_number_is_drafted_before_a_text() -> None:
    """Where the SCHEMA alone is known, and both may be the quantity by name."""
    columns = {"sku": "string", "stock": "string", "quantity": "integer"}
    schema = {"properties": {name: {"type": [kind, "null"]} for name, kind in columns.items()}}
    found = recognise("stock", schema)
    assert isinstance(found, Question)
    assert found.mapping.stock == ("quantity",)


def test_a_column_for_each_country_keeps_its_country() -> None:
    """``de`` is a country at the end of a name, and a preposition within one."""
    record = {"sku": "A", "stock_de": 1, "stock_fr": 2}
    found = recognise("stock", {"properties": {key: {} for key in record}}, (), [record])
    assert isinstance(found, Question)
    assert [each.column for each in found.mapping.warehouse_columns] == ["stock_de", "stock_fr"]


@pytest.mark.parametrize(
    ("quantities", "mark"),
    [
        (["12,5", "3"], ","),
        (["0,125"], ","),
        (["1.250,500"], ","),
        (["1000,125", "1.250"], ","),
        (["12,5", "7.5"], None),
        (["12,5", "1,250.00"], None),
        (["1,250"], None),
        (["1.250"], None),
        (["12.5"], None),
        (["12, 5", "a,5", ",5"], None),
        ([12.5, 3], None),
    ],
)
def test_a_comma_that_can_only_be_a_decimal_mark_is_drafted(
    quantities: list[Any], mark: str | None
) -> None:
    """A comma that may separate thousands is not, nor one beside a decimal point."""
    records = [{"sku": "A", "stok": each} for each in quantities]
    found = recognise("stok", {"properties": {"sku": {}, "stok": {}}}, (), records)
    wide = [{"sku": "A", "stok jkt": each, "stok sby": "1"} for each in quantities]
    columns: dict[str, Any] = {"sku": {}, "stok jkt": {}, "stok sby": {}}
    spread = recognise("stok", {"properties": columns}, (), wide)

    for each in (found, spread):
        assert isinstance(each, Question)
        assert each.mapping.decimal_mark == mark
        assert ("decimal_mark" in each.remarks) == bool(mark)
