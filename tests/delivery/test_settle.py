"""A reply, whatever it holds, gives each row of a request exactly one outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.api.response_body import read_reply
from target_tocobagus.delivery.settle import RowError, settle, unusable

# The example of the endpoint's page; the ids that it echoes are not those that were sent.
DOCUMENTED: dict[str, Any] = {
    "success": True,
    "message": "Bulk stock update completed successfully",
    "requestId": "6b1f8c1e-9a55-4a3b-8f1c-0d0f6d1f1a11",
    "meta": {"timestamp": "2026-02-04T18:38:05.283Z", "durationMs": 967, "dispatch": True},
    "data": {
        "summary": {"total": 5, "failed": 2, "pending": 3},
        "acceptedRows": [
            {"rowIndex": 0, "target": "variant", "id": "c1", "externalId": "e1", "sku": "S"},
            {"rowIndex": 1, "target": "product", "id": "015c28c3", "externalId": "e2"},
            {"rowIndex": 3, "target": "variant", "id": "c1", "externalId": "e1"},
        ],
        "errors": [
            {
                "code": "INV_001",
                "message": "Invalid SKU",
                "rowIndex": 2,
                "sku": "SKU-BLK-XL",
                "details": {"context": {"reason": "Product SKU not found"}},
            },
            {
                "code": "INV_002",
                "message": "Invalid Product ID",
                "rowIndex": 4,
                "id": "d4a8b8bc",
                "details": {"context": {"reason": "Product ID not found"}},
            },
        ],
        "batchId": "b-1",
    },
}


def row(index: Any, **more: Any) -> dict[str, Any]:
    """Make an entry of one of the two lists."""
    return {"rowIndex": index, **more}


def test_documented_reply() -> None:
    """The documented reply settles its five rows by `rowIndex`, with code, message and reason."""
    settlement = settle(DOCUMENTED, 5)
    assert settlement is not None
    assert settlement.accepted == (0, 1, 3)
    assert settlement.refused == (
        (2, RowError("INV_001", "Invalid SKU", "Product SKU not found")),
        (4, RowError("INV_002", "Invalid Product ID", "Product ID not found")),
    )
    assert settlement.unaccounted == ()
    assert settlement.batch_id == "b-1"
    assert settlement.remarks == ()


@pytest.mark.parametrize(
    ("accepted", "errors", "outcomes"),
    [
        ([row(0), row(1)], [row(2)], "aar"),
        ([row(2), row(0)], [row(1)], "ara"),
        ([row(0), row(1), row(2)], None, "aaa"),
        (None, [row(0), row(1), row(2)], "rrr"),
        ([], None, "???"),
        (None, [], "???"),
        ([row(0)], [], "a??"),
        ([row(0), row(0)], [], "???"),
        ([row(0)], [row(0)], "???"),
        ([row(1)], [row(0), row(0)], "?a?"),
        ([row(-1), row(0)], [], "a??"),
        ([row(3), row(0)], [row(99)], "a??"),
        ([row("0"), row(1.0), {"rowIndex": True}, row(None), row([2])], [], "???"),
        ([{"sku": "A"}, 0, "0", None, [0], row(1)], [], "?a?"),
        ([{"rowIndex": False}, {"rowIndex": True}, row(2)], [], "??a"),
        ([row(0), row(1), row(2)], "none", "aaa"),
        ([row(0), row(1), row(2)], {"rowIndex": 0}, "aaa"),
        ([row(10**30), row(0)], [], "a??"),
    ],
)
def test_each_row_by_its_index_alone(accepted: Any, errors: Any, outcomes: str) -> None:
    """A row is accepted or refused if exactly one entry names it, and else unaccounted for."""
    body = {"data": {"acceptedRows": accepted, "errors": errors}}
    for told in (body, read_reply(json.dumps(body).encode())):
        settlement = settle(told, 3)
        assert settlement is not None
        found = ["?"] * 3
        for index in settlement.accepted:
            found[index] = "a"
        for index, _ in settlement.refused:
            found[index] = "r"
        assert "".join(found) == outcomes
        assert settlement.unaccounted == tuple(
            i for i, outcome in enumerate(outcomes) if outcome == "?"
        )


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "data",
        0,
        True,
        {},
        {"data": None},
        {"data": []},
        {"data": "rows"},
        {"data": {}},
        {"data": {"batchId": "b"}},
        {"data": {"acceptedRows": None, "errors": None}},
        {"data": {"acceptedRows": {}, "errors": "none"}},
        {"success": False, "error": {"code": "X"}},
        {"acceptedRows": [], "errors": []},
    ],
)
def test_a_reply_without_either_list_says_nothing_of_rows(body: Any) -> None:
    """Without `acceptedRows` and `errors` a reply settles nothing, and it is said why."""
    assert settle(body, 2) is None
    assert unusable(body) == (
        "it is not JSON" if body is None else "it has neither acceptedRows nor errors"
    )


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (row(0), RowError("REFUSED", "", "")),
        (row(0, code="", message=None), RowError("REFUSED", "", "")),
        (row(0, code=17, message=["x"]), RowError("17", "['x']", "")),
        (row(0, code="C", details=None), RowError("C", "", "")),
        (row(0, code="C", details="because"), RowError("C", "", "")),
        (row(0, code="C", details={"context": "because"}), RowError("C", "", "")),
        (row(0, code="C", details={"context": {"reason": 5}}), RowError("C", "", "5")),
    ],
)
def test_what_an_entry_leaves_out_is_empty(entry: dict[str, Any], error: RowError) -> None:
    """An odd entry refuses its row all the same, under the code `REFUSED` if it has none."""
    settlement = settle({"data": {"errors": [entry]}}, 1)
    assert settlement is not None
    assert settlement.refused == ((0, error),)


@pytest.mark.parametrize(
    ("change", "remarks"),
    [
        ({}, 0),
        ({"meta": {"dispatch": False}}, 1),
        ({"meta": {"dispatch": None}}, 1),
        ({"meta": {}}, 0),
        ({"meta": "odd"}, 0),
        ({"success": False, "message": "failed"}, 0),
    ],
)
def test_dispatch_that_is_not_true_is_remarked(change: dict[str, Any], remarks: int) -> None:
    """`meta.dispatch` that is not true beside accepted rows is a remark, and `success` none."""
    settlement = settle({**DOCUMENTED, **change}, 5)
    assert settlement is not None
    assert len(settlement.remarks) == remarks
    assert settlement.accepted == (0, 1, 3)


@pytest.mark.parametrize(
    ("summary", "remarks"),
    [
        ({"total": 5, "failed": 2}, 0),
        ({"total": 5, "failed": 1}, 1),
        ({"total": 4, "failed": 2}, 1),
        ({}, 1),
        (None, 0),
        ("odd", 0),
    ],
)
def test_a_summary_that_disagrees_is_remarked(summary: Any, remarks: int) -> None:
    """A summary that disagrees with the lists is a remark, and decides nothing."""
    settlement = settle({"data": {**DOCUMENTED["data"], "summary": summary}}, 5)
    assert settlement is not None
    assert len(settlement.remarks) == remarks
    assert len(settlement.refused) == 2


@pytest.mark.parametrize(("batch_id", "found"), [("b", "b"), (None, None), ("", None), (7, "7")])
def test_a_batch_id_is_a_text_or_none(batch_id: Any, found: str | None) -> None:
    """A reply without `batchId` has none; it is never made up."""
    settlement = settle({"data": {"acceptedRows": [row(0)], "batchId": batch_id}}, 1)
    assert settlement is not None
    assert settlement.batch_id == found


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 6)
    | st.floats(allow_nan=True)
    | st.text(max_size=3)
    | st.sampled_from(["INV_001", "UNACCOUNTED"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rowIndex", "code", "message", "details", "context", "reason", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
ENTRIES = st.lists(
    st.builds(lambda index, more: {**more, "rowIndex": index}, st.integers(-1, 6), st.just({}))
    | st.fixed_dictionaries({"rowIndex": VALUES}, optional={"code": VALUES, "details": VALUES})
    | VALUES,
    max_size=8,
)
DATA = st.fixed_dictionaries(
    {},
    optional={
        "acceptedRows": ENTRIES | VALUES,
        "errors": ENTRIES | VALUES,
        "batchId": VALUES,
        "summary": VALUES | st.fixed_dictionaries({"total": VALUES, "failed": VALUES}),
    },
)
BODIES = (
    st.fixed_dictionaries(
        {"data": DATA | VALUES}, optional={"meta": VALUES, "success": VALUES, "error": VALUES}
    )
    | VALUES
)


@settings(deadline=None)
@given(BODIES, st.integers(1, 6))
def test_settling_covers_exactly_the_rows_sent(body: Any, rows: int) -> None:
    """For any JSON at all, every row has one outcome, no other index has one, and none raises."""
    settlement = settle(body, rows)
    if settlement is None:
        return
    refused = [index for index, _ in settlement.refused]
    outcomes = [*settlement.accepted, *refused, *settlement.unaccounted]
    assert sorted(outcomes) == list(range(rows))


@settings(deadline=None)
@given(BODIES, st.integers(1, 6))
def test_nothing_is_accepted_that_no_entry_names(body: Any, rows: int) -> None:
    """An accepted row has an entry of its own in `acceptedRows`, and none in `errors`."""
    settlement = settle(body, rows)
    for index in settlement.accepted if settlement else ():
        named = [
            key
            for key in ("acceptedRows", "errors")
            if isinstance(body["data"].get(key), list)
            for entry in body["data"][key]
            if isinstance(entry, dict) and type(entry.get("rowIndex")) is int
            if entry["rowIndex"] == index
        ]
        assert named == ["acceptedRows"]
