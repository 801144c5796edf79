"""What an answer means for the items of a request: settled, in doubt, or to be sent again."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest

from target_tocobagus.core.model import Level, NoReply, Reply, Stream
from target_tocobagus.delivery.request_part import RequestPart
from target_tocobagus.delivery.retry import Situation, answer
from target_tocobagus.delivery.verdict import Verdict, judge, may_be_applied
from target_tocobagus.window.pending import Item

STREAM: Final = Stream("stock")


def reply(status: int, code: Any = "", *, success: Any = False, **data: Any) -> Reply:
    """Make an answer of the API: an error with a code, or data."""
    body: dict[str, Any] = {"success": success, "requestId": "r"}
    if code:
        body["error"] = {"code": code, "message": "no"}
    if data:
        body["data"] = data
    return Reply(status, body)


KNOWN: Final[list[Any]] = [
    NoReply(timed_out=False, cause="refused connection", sent=False),
    NoReply(timed_out=True, cause="no connection in time", sent=False),
    *[Reply(status, None) for status in (400, 401, 403, 413, 422, 425, 429)],
    reply(401, "AUTH_003"),
    reply(503, "AUTH_010"),
    *[reply(status, "REQ_001") for status in (200, 202, 302, 400, 404, 409, 410, 418, 422, 499)],
]
UNKNOWN: Final[list[Any]] = [
    NoReply(timed_out=False, cause="connection lost"),
    NoReply(timed_out=True, cause="no answer in time"),
    *[Reply(status, None) for status in (200, 202, 204, 302, 404, 408, 409, 500, 502, 503, 504)],
    *[reply(status, "SYS_500") for status in (500, 502, 503, 504, 599)],
    reply(408, "REQ_408"),
    reply(200, success=True),
    Reply(200, "a page of a proxy"),
    Reply(200, None, unread="it is too large"),
]


@pytest.mark.parametrize("answered", KNOWN)
def test_a_request_that_was_surely_not_applied(answered: Any) -> None:
    """Nothing was sent, or the API refused the request itself."""
    assert not may_be_applied(answered)


@pytest.mark.parametrize("answered", UNKNOWN)
def test_a_request_that_may_be_applied(answered: Any) -> None:
    """No answer, or one that says nothing of what became of it."""
    assert may_be_applied(answered)


def item(name: str, *places: str) -> Item:
    """Make an item with a global stock, or at warehouses."""
    return Item(("sku", name), {place: Level(1, 1, STREAM) for place in places or (None,)}, 1)


def verdict(answered: Reply | NoReply, *items: Item, **marks: Any) -> Verdict:
    """Judge an answer to a part."""
    now = time.monotonic()
    part = RequestPart(items, now, **marks)
    situation = Situation(now, 0.0, 0.0, 0, None, 0, 300.0, 0.0)
    return judge(answer(answered, part, situation), answered, part)


def names(items: Any) -> list[str]:
    """Name items."""
    return [each.identifier[1] for each in items]


def row(index: int, code: str = "INV_009") -> dict[str, Any]:
    """Refuse a row."""
    return {"rowIndex": index, "code": code}


def test_each_row_of_an_answer_is_settled_by_itself() -> None:
    """What is named is known, what is left out is in doubt and sent again."""
    data = {"acceptedRows": [{"rowIndex": 0}], "errors": [row(1)]}
    found = verdict(reply(200, **data), item("a"), item("b"), item("c"))
    assert names(found.accepted) == ["a"]
    assert [each.item.identifier[1] for each in found.refused] == ["b"]
    assert found.unknown == [("sku", "c")]
    (again,) = found.again
    assert names(again.items) == ["c"]
    assert again.forgotten


def test_a_row_that_two_answers_left_out_is_refused_and_in_doubt() -> None:
    """It may have been applied, both times."""
    found = verdict(
        reply(200, acceptedRows=[{"rowIndex": 1}]), item("a"), item("b"), forgotten=True
    )
    (refused,) = found.refused
    assert (refused.item.identifier, refused.error.code) == (("sku", "a"), "UNACCOUNTED")
    assert found.unknown == [("sku", "a")]
    assert not found.again


@pytest.mark.parametrize(
    ("code", "places", "marks", "parts", "refused"),
    [
        ("INV_009", "AB", {}, 2, 0),
        ("INV_001", "AB", {}, 0, 1),
        ("INV_002", "AB", {}, 0, 1),
        ("INV_009", "A", {}, 0, 1),
        ("INV_009", "AB", {"single": True}, 0, 1),
        ("INV_009", "AB", {"retest": True}, 0, 1),
    ],
)
def test_an_item_of_several_warehouses_is_tried_one_by_one(
    code: str, places: str, marks: dict[str, Any], parts: int, refused: int
) -> None:
    """Unless the store does not list it, and never twice; it is known that nothing was applied."""
    found = verdict(reply(200, errors=[row(0, code)]), item("a", *places), **marks)
    assert (len(found.again), len(found.refused)) == (parts, refused)
    assert all(part.single for part in found.again)
    assert not found.unknown


@pytest.mark.parametrize(
    ("answered", "is_unknown"), [(KNOWN[0], False), (UNKNOWN[0], True), (Reply(408, None), True)]
)
def test_an_attempt_without_rows_leaves_all_items_in_doubt_or_none(
    answered: Any, *, is_unknown: bool
) -> None:
    """They are sent again in any case."""
    found = verdict(answered, item("a"), item("b"))
    assert found.unknown == ([("sku", "a"), ("sku", "b")] if is_unknown else [])
    assert (found.accepted, found.refused) == ([], [])


def test_a_single_item_refused_without_a_name_is_refused_blindly() -> None:
    """The request may be wrong, and not the item."""
    found = verdict(reply(422, "REQ_001"), item("a"))
    (refused,) = found.refused
    assert (found.blind, refused.error.code, found.unknown) == (True, "REQ_001", [])
