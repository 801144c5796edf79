"""What was recognised can be written down, and what was not can be started from."""

import pytest
import yaml

from target_tocobagus.config.settings import StreamMapping
from target_tocobagus.recognition.recognise import Question, Recognised, mixed_scopes, recognise
from target_tocobagus.recognition.yaml_lines import as_config
from tests.recognition.helpers import asked, schema_of, start


def recognised(stream: str, columns: str) -> Recognised:
    """Recognise a stream that is known to be recognised."""
    found = recognise(stream, schema_of(columns))
    assert isinstance(found, Recognised)
    return found


def test_global_stock_and_stock_per_warehouse_do_not_mix() -> None:
    """Both kinds recognised in one run is an error that shows the lines for either."""
    totals = recognised("items", "sku stock")
    levels = recognised("stock", "sku warehouses")
    message = mixed_scopes([levels, totals]) or ""
    _, first, second = message.split("streams:\n")
    assert yaml.safe_load(first.removesuffix("or\n"))[0]["stream"] == "items"
    assert yaml.safe_load(second)[0] == {
        "stream": "stock",
        "sku": "sku",
        "stock": "stock",
        "warehouse": "clientId",
        "levels": "warehouses",
    }


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("sku stock", {"sku": "sku", "stock": "stock"}),
        ("id externalId stock", {"id": "id", "external_id": "externalId", "stock": "stock"}),
        (
            "sku warehouses",
            {"sku": "sku", "stock": "stock", "warehouse": "clientId", "levels": "warehouses"},
        ),
    ],
)
def test_the_apis_own_items_are_shown_as_the_nearest_mapping(
    columns: str, expected: dict[str, str]
) -> None:
    """No setting says "the API's own items"; the lines that mean the same for them are shown."""
    mapping = start("items", schema_of(columns))
    assert as_config(mapping) == {"stream": "items", **expected}
    both = start("items", schema_of("sku stock warehouses"))
    assert as_config(both) is None


@pytest.mark.parametrize("columns", ["sku stock", "sku warehouses"])
def test_streams_of_one_kind_go_together(columns: str) -> None:
    """Several global streams, or several per warehouse, are not an error."""
    either = Recognised(StreamMapping(stream="items", native=True), "native")
    streams = [recognised(name, columns) for name in ("stock", "inventory")]
    assert mixed_scopes([]) is None
    assert mixed_scopes([*streams, either]) is None


def test_what_is_found_says_what_it_rests_on() -> None:
    """What is recognised by its source; what is asked about by what is in doubt."""
    assert recognised("stock", "sku stock").reason == "the API's own item shape"
    question = asked("stock", "sku qty on_hand bin")
    assert "'bin' may mean a part of the stock" in question.reason
    assert question.mapping.stock == ("on_hand",)
    assert question.remarks["stock"] == "or: qty"


@pytest.mark.parametrize("kind", ["object", "array", "boolean"])
def test_what_can_hold_no_quantity_is_not_the_stock_of_the_apis_items(kind: str) -> None:
    """Such a stream is asked about, or ignored, and not sent."""
    found = recognise("products", schema_of("sku", stock={"type": kind}))
    assert not isinstance(found, Recognised)


def test_the_apis_own_identifier_is_one_for_questions_too() -> None:
    """Its name is `externalId`, also as others write it."""
    for name in ("externalId", "external_id", "External ID"):
        found = recognise("stock", {"properties": {name: {}, "stock": {}, "gudang": {}}})
        assert isinstance(found, Question)
        assert found.mapping.external_id == (name,)
