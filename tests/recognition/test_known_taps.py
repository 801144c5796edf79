"""Known streams of known taps are mapped as their taps' own schema files say, or not at all.

The schemas and records in `data/known_streams` are ours, written after the files that each names.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from target_tocobagus.config.settings import StockPolicy, parse_settings
from target_tocobagus.core.model import Outcome, Skipped, Stock
from target_tocobagus.mapping import compile_mapping
from target_tocobagus.recognition.known_taps import Beside, KnownStream, known_streams
from target_tocobagus.recognition.recognise import (
    NotStock,
    Question,
    Recognised,
    Recognition,
    location_columns,
    recognise,
)
from target_tocobagus.recognition.vocabulary import DECIDING, never_asked, tokens
from target_tocobagus.recognition.yaml_lines import as_config
from tests.recognition.helpers import start

DATA = Path(__file__).parent.parent / "data" / "known_streams"
STREAMS: list[dict[str, Any]] = json.loads((DATA / "streams.json").read_text("utf-8"))
SCHEMA = json.loads((DATA / "table.schema.json").read_text("utf-8"))
TABLE = known_streams()


def called(row: dict[str, Any]) -> str:
    """Name a case after its tap and stream."""
    return f"{row['tap']}:{row['stream']}"


def schema_of(row: dict[str, Any]) -> dict[str, Any]:
    """Make the SCHEMA that the tap would send."""
    return {"type": "object", "properties": row["properties"]}


def row_of(case: dict[str, Any], rows: tuple[KnownStream, ...]) -> KnownStream:
    """Find the table's row for a case: exactly one fits, and it is that tap's."""
    (found,) = (row for row in rows if row.fits(case["stream"], schema_of(case)))
    assert found.tap == case["tap"]
    return found


def plainly(outcome: Outcome) -> dict[str, Any]:
    """Write an outcome as the data does."""
    if isinstance(outcome, Skipped):
        return {"skipped": True}
    assert isinstance(outcome, Stock), outcome
    kind, value = outcome.identifier
    return {kind: value, "location": outcome.location, "quantity": outcome.quantity}


KNOWN = [pytest.param(row, id=called(row)) for row in STREAMS if "cases" in row]
LEFT_OUT = [pytest.param(row, id=called(row)) for row in STREAMS if "cases" not in row]
BESIDE = [pytest.param(row, id=called(row)) for row in STREAMS if "beside" in row]
CASES = [
    pytest.param(row, case, id=f"{called(row)}-{number}")
    for row in STREAMS
    for number, case in enumerate(row.get("cases", ()))
]


def test_the_table_keeps_to_its_schema() -> None:
    """The table of known streams is what its JSON Schema asks for."""
    text = (
        resources.files("target_tocobagus.recognition")
        .joinpath("known_taps.json")
        .read_text("utf-8")
    )
    Draft202012Validator.check_schema(SCHEMA)
    assert list(Draft202012Validator(SCHEMA).iter_errors(json.loads(text))) == []


@pytest.mark.parametrize("row", [*TABLE.known, *TABLE.left_out], ids=lambda row: row.source)
def test_every_mapping_is_a_valid_configuration(row: KnownStream) -> None:
    """What a row maps can be written into the setting `streams`, and compiles."""
    mapping = row.mapping_for("a stream")
    if mapping is None:
        assert row.why
        return
    config = {"stream": "a stream", **row.mapping}
    settings = {"dry_run": True, "ledger": "l.db", "streams": [config]}
    assert parse_settings(settings).streams == (mapping,)
    assert as_config(mapping) == config
    compile_mapping(mapping, StockPolicy())


@pytest.mark.parametrize("row", TABLE.known, ids=lambda row: row.source)
def test_no_known_stream_is_one_that_is_never_recognised(row: KnownStream) -> None:
    """The table does not name a stream whose name says order, movement, delta or the like."""
    assert never_asked(row.stream) is None


def test_every_row_has_a_typed_record() -> None:
    """Each row of the table is tried on a schema written after the file that it links to."""
    tried = {(row["tap"], row["source"]) for row in STREAMS}
    rows = (*TABLE.known, *TABLE.left_out)
    assert {(row.tap, row.source) for row in rows} == tried
    assert len(rows) == len(STREAMS)


@pytest.mark.parametrize("row", [*KNOWN, *LEFT_OUT])
def test_a_source_is_the_one_that_the_table_links_to(row: dict[str, Any]) -> None:
    """A stream is one row's alone, and the typed record was written after that row's file."""
    assert row_of(row, (*TABLE.known, *TABLE.left_out)).source == row["source"]


@pytest.mark.parametrize(("row", "case"), CASES)
def test_a_known_stream_is_mapped_to_what_its_record_says(
    row: dict[str, Any], case: dict[str, Any]
) -> None:
    """A record of a known stream, typed as its tap declares it, comes out exactly as it should."""
    Draft202012Validator(schema_of(row)).validate(case["record"])
    found = recognise(row["stream"], schema_of(row))
    assert isinstance(found, Recognised)
    outcomes = compile_mapping(found.mapping, StockPolicy()).outcomes(case["record"])
    assert [plainly(outcome) for outcome in outcomes] == case["outcomes"]


@pytest.mark.parametrize("row", KNOWN)
def test_a_known_stream_is_recognised_by_its_row(row: dict[str, Any]) -> None:
    """What a known stream was recognised by names the tap and the file."""
    found = recognise(row["stream"], schema_of(row))
    assert isinstance(found, Recognised)
    assert row["tap"] in found.source
    assert row["source"] in found.source
    assert found.mapping.stream == row["stream"]
    assert found.is_global is not bool(found.mapping.warehouse)
    assert start(row["stream"], schema_of(row)) == found.mapping


@pytest.mark.parametrize("row", BESIDE)
def test_a_stream_that_looks_another_up_is_recognised_beside_it(row: dict[str, Any]) -> None:
    """That needs a ledger, and the other stream as its tap writes it; else a person is asked."""

    def beside(schemas: dict[str, Any], *, has_ledger: bool = True) -> Recognition:
        return recognise(row["stream"], schema_of(row), (), (), Beside(schemas, has_ledger))

    ((other, columns),) = row["beside"].items()
    whole = {other: {"properties": columns}}
    assert isinstance(beside(whole), Recognised)
    without = {name: each for name, each in columns.items() if name != "tracked"}
    for doubt, found in {
        "ledger": beside(whole, has_ledger=False),
        f"must write the stream {other!r}": beside({}),
        "has no column 'tracked'": beside({other: {"properties": without}}),
        "does not write 'archived'": beside({other: {"properties": columns | {"archived": {}}}}),
    }.items():
        assert isinstance(found, Question)
        assert doubt in found.reason
        assert found.mapping == row_of(row, TABLE.known).mapping_for(row["stream"])


@pytest.mark.parametrize("row", KNOWN)
def test_a_known_stream_without_its_columns_is_another_stream(row: dict[str, Any]) -> None:
    """A stream of the same name that lacks one of the row's columns is not taken for it."""
    for path in row_of(row, TABLE.known).columns:
        column = path.partition(".")[0]
        others = {name: value for name, value in row["properties"].items() if name != column}
        found = recognise(row["stream"], {"type": "object", "properties": others})
        assert not (isinstance(found, Recognised) and row["tap"] in found.source)


@pytest.mark.parametrize("row", KNOWN)
@pytest.mark.parametrize("column", ["lot_number", "gudang", "expiry_date", "archived", "condition"])
def test_a_known_stream_with_a_column_that_may_split_its_stock_is_asked_about(
    row: dict[str, Any], column: str
) -> None:
    """Beside the stock or in its list: what the tap does not write is not judged unasked."""
    schema = schema_of(row)
    inner = next((path for path in row_of(row, TABLE.known).columns if "." in path), "")
    places = {"": schema["properties"]}
    if inner:
        above = inner.partition(".")[0]
        holder = schema["properties"][above]
        places[f"{above}."] = holder.get("items", holder)["properties"]
    for above, columns in places.items():
        columns[column] = {}
        found = recognise(row["stream"], schema)
        del columns[column]
        assert isinstance(found, Question)
        assert found.mapping == row_of(row, TABLE.known).mapping_for(row["stream"])
        assert f"'{above}{column}'" in found.doubts[0]


@pytest.mark.parametrize("row", TABLE.known, ids=lambda row: row.source)
def test_other_columns_of_a_known_tap_are_no_reason_to_ask(row: KnownStream) -> None:
    """What the tap itself declares has been judged, and each that is listed needs to be."""
    assert row.others == tuple(sorted(row.others))
    for path in row.others:
        assert not DECIDING.isdisjoint(tokens(path.rpartition(".")[2]))


@pytest.mark.parametrize("row", KNOWN)
def test_a_known_stream_with_a_location_is_mapped_with_it(row: dict[str, Any]) -> None:
    """No known stream that has a column for the location is sent as global stock."""
    found = recognise(row["stream"], schema_of(row))
    assert isinstance(found, Recognised)
    assert bool(found.mapping.warehouse) or not location_columns(schema_of(row))


@pytest.mark.parametrize("row", LEFT_OUT)
def test_a_stream_that_is_left_out_says_why(row: dict[str, Any]) -> None:
    """If a stream's schema does not settle its mapping, a person decides."""
    left_out = row_of(row, TABLE.left_out)
    found = recognise(row["stream"], schema_of(row))
    assert not isinstance(found, Recognised)
    assert left_out.why in found.reason
    if isinstance(found, Question):
        assert (
            start(row["stream"], schema_of(row))
            == left_out.mapping_for(row["stream"])
            == found.mapping
        )


def test_only_in_stock_rows_of_square_are_ever_proposed() -> None:
    """Square's rows of other states (sold, in transit, waste) are kept out by a condition."""
    (row,) = (row for row in STREAMS if row["tap"] == "singer-io/tap-square")
    mapped = compile_mapping(start(row["stream"], schema_of(row)), StockPolicy())
    record = {"catalog_object_id": "W62U", "location_id": "L1", "quantity": "5"}
    assert mapped.outcomes({**record, "state": "IN_STOCK"}) == [
        Stock(("externalId", "W62U"), "L1", 5)
    ]
    assert isinstance(mapped.outcomes({**record, "state": "SOLD"})[0], Skipped)


@pytest.mark.parametrize("stream", ["stock_deltas", "stock_changes"])
def test_a_delta_of_tilroy_is_never_stock(stream: str) -> None:
    """Tilroy's deltas are not stock, and no column is proposed for one."""
    (row,) = (row for row in STREAMS if row["tap"] == "Optiply/tap-tilroy")
    columns = {"sku": {"type": "string"}, "shop_number": {}, "qty": {}, "qtyDelta": {}}
    for schema in (schema_of(row), {"properties": columns}):
        found = recognise(stream, schema)
        assert isinstance(found, NotStock)
        assert "qtyDelta" in found.reason
        assert start(stream, schema).stock == ()
