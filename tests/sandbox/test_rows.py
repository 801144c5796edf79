"""The sandbox answers rows wrongly when its scenario says so."""

from typing import Any

import pytest

from tests.local_sandbox import running
from tests.sandbox.client import WHEN, Answer, Client, rule, warm

A = {"sku": "A", "stock": 1}
B = {"id": "B", "stock": 2, "warehouses": ["wh_1", "wh_2"]}


def rows(answer: Answer, which: str) -> list[int]:
    """Give the row indexes of one list of an answer."""
    return [row["rowIndex"] for row in answer.json()["data"][which]]


@pytest.mark.parametrize("when", WHEN, ids=str)
@pytest.mark.parametrize(
    ("fault", "accepted", "errors"),
    [
        ({"omit_rows": [0]}, [1], [2]),
        ({"omit_rows": ["B", 2]}, [0], []),
        ({"both_lists": [1]}, [0, 1], [2, 1]),
        ({"twice": [0, 2]}, [0, 1, 0], [2, 2]),
        ({"extra_rows": [99, -1]}, [0, 1, 99, -1], [2]),
        ({"reject": [{"identifiers": ["A"]}]}, [1], [0, 2]),
        ({"reject": [{"rows": [1], "code": "X"}]}, [0], [1, 2]),
        ({"reject": [{}]}, [], [0, 1, 2]),
        ({"reject_multi_warehouse": {"code": "X"}}, [0], [1, 2]),
    ],
    ids=str,
)
def test_rows_are_refused_forgotten_repeated_or_made_up(
    fault: dict[str, Any], accepted: list[int], errors: list[int], when: dict[str, Any]
) -> None:
    """The lists of the answer are those that the fault makes of [0, 1] and [2]."""
    with running(rule(fault, when)) as sandbox, Client(sandbox) as client:
        warm(client, when)
        answer = client.update(A, B, {"sku": "bad"})
        assert (rows(answer, "acceptedRows"), rows(answer, "errors")) == (accepted, errors)
        client.products()
        assert len({request["connection"] for request in sandbox.requests()}) == 1


def test_a_refused_row_says_what_the_scenario_wants_and_is_not_applied() -> None:
    """Code, message and reason are the scenario's own."""
    refusal = {"identifiers": ["A"], "code": "INV_777", "message": "No", "reason": "Because"}
    with running(rule({"reject": [refusal]})) as sandbox, Client(sandbox) as client:
        assert client.update(A, B).json()["data"]["errors"] == [
            {
                "code": "INV_777",
                "message": "No",
                "rowIndex": 0,
                "sku": "A",
                "details": {"context": {"reason": "Because"}},
            }
        ]
        assert set(sandbox.stock()) == {("id", "B")}


def test_an_answer_with_rows_may_contradict_itself() -> None:
    """BatchId, success and status can each be wrong over right rows."""
    fault = {"drop_batch_id": True, "success": False, "rows_status": 422}
    with running(rule(fault)) as sandbox, Client(sandbox) as client:
        answer = client.update(A)
        body = answer.json()
        assert (answer.status, body["success"]) == (422, False)
        assert "batchId" not in body["data"]
        assert rows(answer, "acceptedRows") == [0]
