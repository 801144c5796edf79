"""The sandbox keeps the stock it is sent, and answers row by row."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.local_sandbox import Limits, running
from tests.sandbox.client import INVENTORY, Client

OWN = [{"clientId": "wh_1", "stock": 8}, {"clientId": "wh_2", "stock": 0}]


@pytest.mark.parametrize("kind", ["sku", "id", "externalId"])
@pytest.mark.parametrize(
    ("form", "levels"),
    [
        ({"stock": 200}, {None: 200}),
        ({"stock": 55, "warehouses": ["wh_1", "wh_2"]}, {"wh_1": 55, "wh_2": 55}),
        ({"warehouses": OWN}, {"wh_1": 8, "wh_2": 0}),
    ],
)
def test_each_form_of_stock_is_applied_for_each_kind_of_identifier(
    kind: str, form: dict[str, Any], levels: dict[str | None, int]
) -> None:
    """Global, broadcast and per warehouse mean what the documentation shows."""
    with running() as sandbox, Client(sandbox) as client:
        assert client.update({kind: "X-赤", **form}).status == 200
        assert sandbox.stock() == {(kind, "X-赤"): levels}


@pytest.mark.parametrize(
    "row",
    [
        5,
        None,
        [],
        {},
        {"stock": 1},
        {"sku": "A"},
        {"sku": "", "stock": 1},
        {"sku": 7, "stock": 1},
        {"sku": None, "stock": 1},
        {"sku": "A", "id": "B", "stock": 1},
        {"sku": "A", "stock": True},
        {"sku": "A", "stock": -1},
        {"sku": "A", "stock": 1.5},
        {"sku": "A", "stock": "1"},
        {"sku": "A", "stock": None},
        {"sku": "A", "stock": 2**53},
        {"sku": "A", "stock": 1, "warehouses": []},
        {"sku": "A", "stock": 1, "warehouses": "wh_1"},
        {"sku": "A", "stock": 1, "warehouses": [""]},
        {"sku": "A", "stock": 1, "warehouses": ["wh_1", "wh_1"]},
        {"sku": "A", "stock": 1, "warehouses": OWN},
        {"sku": "A", "warehouses": []},
        {"sku": "A", "warehouses": ["wh_1"]},
        {"sku": "A", "warehouses": [{"clientId": "wh_1"}]},
        {"sku": "A", "warehouses": [{"clientId": "wh_1", "stock": -1}]},
        {"sku": "A", "warehouses": [*OWN, OWN[0]]},
        {"sku": "A", "stock": 1, "externalID": "B"},
    ],
    ids=json.dumps,
)
def test_a_bad_row_is_refused_and_the_others_go_on(row: Any) -> None:
    """A row that is not an item gets an error with its index; the others are applied."""
    with running() as sandbox, Client(sandbox) as client:
        data = client.update(
            {"sku": "before", "stock": 1}, row, {"sku": "after", "stock": 2}
        ).json()

        (error,) = data["data"]["errors"]
        assert (error["code"], error["rowIndex"]) == ("INV_010", 1)
        assert [accepted["rowIndex"] for accepted in data["data"]["acceptedRows"]] == [0, 2]
        assert set(sandbox.stock()) == {("sku", "before"), ("sku", "after")}


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"{}", b'{"items":{}}', b'{"items":[]}', b"\xff", b"[" * 99999]
)
def test_a_body_that_is_no_object_with_items_is_refused_as_a_whole(body: bytes) -> None:
    """It is answered by a 400 that has a failure's form and no rows."""
    with running() as sandbox, Client(sandbox) as client:
        answer = client.send("PATCH", INVENTORY, body, client.signed("PATCH", INVENTORY, body))

        assert (answer.status, answer.code) == (400, "REQ_001")
        assert sandbox.requests()[0]["items"] is None


def test_a_body_of_another_content_type_is_refused() -> None:
    """Only application/json is taken, with or without a charset."""
    body = b'{"items":[{"sku":"A","stock":1}]}'
    with running() as sandbox, Client(sandbox) as client:
        headers = client.signed("PATCH", INVENTORY, body)
        for media_type, status in [
            ("text/plain", 415),
            ("application/json; charset=utf-8", 200),
            ("Application/JSON", 200),
        ]:
            changed = {**headers, "content-type": media_type}
            assert client.send("PATCH", INVENTORY, body, changed).status == status


def test_stock_is_absolute_and_a_global_one_reaches_all_warehouses() -> None:
    """The last value of each warehouse stays, and a global stock leaves none beside it."""
    with running() as sandbox, Client(sandbox) as client:
        steps: list[tuple[dict[str, Any], dict[str | None, int]]] = [
            ({"warehouses": OWN}, {"wh_1": 8, "wh_2": 0}),
            ({"stock": 3, "warehouses": ["wh_2", "wh_3"]}, {"wh_1": 8, "wh_2": 3, "wh_3": 3}),
            ({"stock": 7}, {None: 7}),
            ({"stock": 0, "warehouses": ["wh_1"]}, {None: 7, "wh_1": 0}),
        ]
        for step, expected in steps:
            client.update({"sku": "A", **step})
            assert sandbox.stock() == {("sku", "A"): expected}


def test_the_answer_has_the_documented_form() -> None:
    """Every field of the documentation's example is there, and the sums close."""
    with running({}, {"sku": ["A"], "id": []}) as sandbox, Client(sandbox) as client:
        rows = [{"sku": "A", "stock": 1}, {"sku": "B", "stock": 1}, {"id": "c", "stock": 1}]

        answer = client.update(*rows).json()

        data = answer["data"]
        accepted = data["acceptedRows"][0]
        assert answer["success"] is True
        assert answer["meta"]["dispatch"] is True
        assert data["summary"] == {"total": 3, "failed": 2, "pending": 1}
        assert {key: accepted[key] for key in ("rowIndex", "target", "sku")} == {
            "rowIndex": 0,
            "target": "variant",
            "sku": "A",
        }
        for value in (answer["requestId"], data["batchId"], accepted["id"], accepted["externalId"]):
            UUID(value)
        assert data["errors"] == [
            {
                "code": "INV_001",
                "message": "Invalid SKU",
                "rowIndex": 1,
                "sku": "B",
                "details": {"context": {"reason": "Product SKU not found"}},
            },
            {
                "code": "INV_002",
                "message": "Invalid Product ID",
                "rowIndex": 2,
                "id": "c",
                "details": {"context": {"reason": "Product ID not found"}},
            },
        ]
        (batch,) = sandbox.batches()
        assert (batch["batchId"], batch["requestId"]) == (data["batchId"], answer["requestId"])
        assert (batch["total"], batch["failed"], batch["pending"]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("catalogue", "item", "code"),
    [
        (None, {"sku": "anything"}, None),
        ({"sku": ["A"]}, {"sku": "A"}, None),
        ({"sku": ["A"]}, {"sku": "B"}, "INV_001"),
        ({"sku": ["A"]}, {"id": "not checked"}, None),
        ({"externalId": ["A"]}, {"externalId": "B"}, "INV_003"),
        ({"warehouses": ["wh_1"]}, {"sku": "A", "warehouses": ["wh_1"]}, None),
        ({"warehouses": ["wh_1"]}, {"sku": "A", "warehouses": ["wh_2"]}, "INV_004"),
        ({"warehouses": []}, {"sku": "A", "warehouses": ["wh_1"]}, "INV_004"),
        ({"warehouses": []}, {"sku": "A"}, None),
    ],
)
def test_a_catalogue_says_what_exists(catalogue: Any, item: dict[str, Any], code: str) -> None:
    """What is not in it is refused with the code of its kind; without one everything exists."""
    with running(catalogue=catalogue) as sandbox, Client(sandbox) as client:
        errors = client.update({"stock": 1, **item}).json()["data"]["errors"]

        assert [error["code"] for error in errors] == ([code] if code else [])


def test_products_are_read() -> None:
    """The signed read answers with the products that have a stock."""
    with running() as sandbox, Client(sandbox) as client:
        client.update({"id": "1", "stock": 1})

        assert client.products().json() == {
            "success": True,
            "message": "Products found",
            "data": {"items": [{"id": "1"}], "total": 1},
        }


def test_other_paths_and_methods_are_refused() -> None:
    """They get a failure's body, and a wrong method hears which one is right."""
    with running() as sandbox, Client(sandbox) as client:
        assert client.send("GET", "/partner/nothing", b"", {}).status == 404
        answer = client.send("PUT", INVENTORY, b"{}", {})
        assert (answer.status, answer.headers["allow"]) == (405, "PATCH")


def test_updates_are_remembered_in_the_order_they_were_applied() -> None:
    """The history has each level with its request, and refuses to be read when it has gaps."""
    with running(limits=Limits(history=3)) as sandbox, Client(sandbox) as client:
        client.update({"sku": "A", "warehouses": OWN})
        client.update({"id": "B", "stock": 1})

        seen = [(*update[:1], *update[3:]) for update in sandbox.history()]
        assert seen == [
            (1, "sku", "A", "wh_1", 8),
            (1, "sku", "A", "wh_2", 0),
            (2, "id", "B", None, 1),
        ]
        client.update({"id": "B", "stock": 2})
        with pytest.raises(RuntimeError, match="1 updates are no longer remembered"):
            sandbox.history()
