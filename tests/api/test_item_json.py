"""Items and bodies: the documented bytes, the schema of an item, and exact sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from target_tocobagus.api.item_json import encode_body
from target_tocobagus.core.model import MAX_QUANTITY, Identifier, Kind, Level, Stream
from target_tocobagus.window.pending import Item

DATA = Path(__file__).parents[1] / "data"
SCHEMA = Draft202012Validator(json.loads((DATA / "item.json").read_text("utf-8")))
STREAM = Stream("stock")

KINDS: list[Kind] = ["sku", "id", "externalId"]
# Quotes, backslashes, control characters and all of Unicode; lone surrogates never come so far.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12
) | st.sampled_from(
    ['"', "\\", "\x00\x1f", "\x7f\u2028\u2029", "</script>", "赤", "\U0001f45f", "a\nb", "é"]
)
QUANTITIES = st.integers(0, MAX_QUANTITY) | st.sampled_from([0, 1, MAX_QUANTITY])
IDENTIFIERS: st.SearchStrategy[Identifier] = st.tuples(st.sampled_from(KINDS), TEXTS)
GLOBALS = st.builds(lambda stock: {None: stock}, QUANTITIES)
PLACES = st.dictionaries(TEXTS, QUANTITIES, min_size=1, max_size=4)


def item(identifier: Identifier, stocks: dict[Any, int], *, broadcast: bool = False) -> Item:
    """Make an item of quantities by location, said by one record."""
    levels = {
        place: Level(stock, 1, STREAM, broadcast=broadcast) for place, stock in stocks.items()
    }
    return Item(identifier, levels, 1, broadcast=broadcast)


def written(identifier: Identifier, stocks: dict[Any, int], *, broadcast: bool = False) -> Any:
    """Encode one item, and decode it again."""
    (found,) = json.loads(encode_body([item(identifier, stocks, broadcast=broadcast)]))["items"]
    return found


def test_documented_payload_byte_for_byte() -> None:
    """The documented items are the documented payload, but for the order of a level's keys."""
    store = "2026012714314318226016"
    items = [
        item(("sku", "SKU-MRON-L"), {store: 55}, broadcast=True),
        item(("id", "c16785c6-f55a-4b1d-943c-621db1296357"), {store: 99}, broadcast=True),
        item(
            ("sku", "SKU-BLK-XL"),
            {"wh_wh8-HpRcn3ZH": 8, "wh_Xv53JrfSpHh7": 12, "wh_Xv53JrfSp37s": 2},
        ),
        item(("sku", "SKU-GRY-XL"), {None: 200}),
        item(("id", "d4a8b8bc-de1d-40cb-98de-6783b3fdeab3"), {None: 18}),
    ]
    golden = (DATA / "signing-vectors" / "documented-payload" / "body").read_bytes()
    assert json.loads(encode_body(items)) == json.loads(golden)
    for stock, place in ((8, "wh_wh8-HpRcn3ZH"), (12, "wh_Xv53JrfSpHh7"), (2, "wh_Xv53JrfSp37s")):
        theirs = b'{"stock":%d,"clientId":"%b"}' % (stock, place.encode())
        assert theirs in golden
        golden = golden.replace(theirs, b'{"clientId":"%b","stock":%d}' % (place.encode(), stock))
    assert encode_body(items) == golden


@pytest.mark.parametrize(
    ("stocks", "broadcast", "expected"),
    [
        ({None: 7}, False, {"sku": "A", "stock": 7}),
        ({"W": 7}, False, {"sku": "A", "warehouses": [{"clientId": "W", "stock": 7}]}),
        ({"W": 7}, True, {"sku": "A", "stock": 7, "warehouses": ["W"]}),
        ({"W": 7, "V": 7}, True, {"sku": "A", "stock": 7, "warehouses": ["W", "V"]}),
    ],
)
def test_each_form_of_stock(
    stocks: dict[str | None, int], *, broadcast: bool, expected: dict[str, Any]
) -> None:
    """Global, per warehouse and broadcast are each written in the API's own form."""
    assert written(("sku", "A"), stocks, broadcast=broadcast) == expected


@settings(deadline=None)
@given(IDENTIFIERS, GLOBALS | PLACES)
def test_decoding_gives_back_what_was_encoded(
    identifier: Identifier, stocks: dict[str | None, int]
) -> None:
    """An item holds to item.json, and decodes to its identifier, places and quantities."""
    found = written(identifier, stocks)
    assert not list(SCHEMA.iter_errors(found))
    kind, value = identifier
    assert found[kind] == value
    if None in stocks:
        assert found == {kind: value, "stock": stocks[None]}
    else:
        read = [(each["clientId"], each["stock"]) for each in found["warehouses"]]
        assert read == list(stocks.items())


@settings(deadline=None)
@given(IDENTIFIERS, st.lists(TEXTS, min_size=1, max_size=4, unique=True), QUANTITIES)
def test_broadcast_gives_back_what_was_encoded(
    identifier: Identifier, places: list[str], stock: int
) -> None:
    """A broadcast names each of its warehouses once, and one stock."""
    found = written(identifier, dict.fromkeys(places, stock), broadcast=True)
    assert found == {
        identifier[0]: identifier[1],
        "stock": stock,
        "warehouses": places,
    }
    assert not list(SCHEMA.iter_errors(found))


@pytest.mark.parametrize(
    "item",
    [
        {"sku": "A"},
        {"stock": 1},
        {"sku": "A", "id": "B", "stock": 1},
        {"sku": "A", "stock": -1},
        {"sku": "A", "stock": 1.5},
        {"sku": "A", "stock": "1"},
        {"sku": 1, "stock": 1},
        {"sku": "A", "stock": MAX_QUANTITY + 1},
        {"sku": "A", "warehouses": []},
        {"sku": "A", "warehouses": ["W"]},
        {"sku": "A", "stock": 1, "warehouses": [{"clientId": "W", "stock": 1}]},
        {"sku": "A", "stock": 1, "warehouses": ["W", "W"]},
        {"sku": "A", "stock": 1, "delta": True},
    ],
)
def test_the_schema_refuses_what_the_api_does(item: dict[str, Any]) -> None:
    """The schema lets no item pass that has two identifiers, two forms or a bad stock."""
    assert list(SCHEMA.iter_errors(item))


@settings(deadline=None)
@given(IDENTIFIERS, GLOBALS | PLACES)
def test_json_is_compact_and_survives_being_written_again(
    identifier: Identifier, stocks: dict[str | None, int]
) -> None:
    """A server that hashes what it parsed and wrote again agrees with one that hashes the bytes."""
    body = encode_body([item(identifier, stocks)])
    again = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    # Python escapes DEL and writes \b, \f, \n as JSON.stringify does.
    assert again.encode() == body
