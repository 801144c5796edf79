"""The ledger of a store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_tocobagus.core.errors import LedgerError
from target_tocobagus.ledger.batches.flight import Answered
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.levels.rejections import NotAccepted
from target_tocobagus.window.buffer import RowBuffer
from tests.ledger.desk import NOW, A, accept, item, opened, refuse, rows, screen, verdicts


def test_two_stores_may_meet_the_same_new_stream_at_the_same_time(ledger: str) -> None:
    """Stores of one chain have one mapping, and their first runs begin together."""
    with opened(ledger, "s") as one, opened(ledger, "t") as other:
        accept(one, item())
        accept(other, item())
        assert verdicts(other, item()) == {None: "unchanged"}
    assert len(rows(ledger, schema.source)) == 1


def test_an_unchanged_row_does_not_take_a_version_back(ledger: str) -> None:
    """While it was compared, a newer version of its item may have been accepted."""
    with opened(ledger) as one:
        accept(one, item(version="n 1"))
        compared = one.compare([item(version="n 4")])
        accept(one, item(levels={None: 7}, version="n 6"))
        one.note_unsent([item(version="n 4")], compared)
        assert verdicts(one, item(levels={None: 8}, version="n 5")) == {None: "stale"}


def test_a_row_that_is_older_than_a_refused_one_is_stale(ledger: str) -> None:
    """It does not close what was refused either, which is sent again."""
    with opened(ledger) as one:
        accept(one, item(version="n 3"))
        refuse(one, item(levels={None: 6}, version="n 5"))
        older = [item(levels={None: 7}, version="n 4")]
        compared = one.compare(older)
        assert compared.unsent == {A: {None: "stale"}}
        one.note_unsent(older, compared)
        assert [row["closed_at"] for row in rows(ledger, schema.rejection)] == [None]
        assert verdicts(one, item(levels={None: 6}, version="n 5", rejected_at=NOW)) == {}


def test_a_zero_without_a_version_leaves_that_of_before(ledger: str) -> None:
    """A deleted record may have lost it, and an older row does not bring its stock back."""
    with opened(ledger) as one:
        accept(one, item(version="n 5"))
        accept(one, item(levels={None: 0}))
        assert verdicts(one, item(version="n 4")) == {None: "stale"}
        assert verdicts(one, item(version="n 6")) == {}


@pytest.mark.parametrize("extracted", [5, {"a": 1}, None, "a\0b", "2026-01-01T00:00:00Z", ["\0"]])
def test_any_time_extracted_can_be_kept(ledger: str, extracted: object) -> None:
    """A change is recorded, whatever stands where its time of extraction should be."""
    line = json.dumps({"type": "RECORD", "record": {"a": 1}, "time_extracted": extracted}).encode()
    with opened(ledger) as one:
        accept(one, item())
        accept(one, item(levels={None: 6}, line=line))
    (change,) = rows(ledger, schema.change)
    assert (change["old"], change["new"]) == (5, 6)


LINES = [
    b"",
    b"no JSON",
    b'{"record": 5}',
    b'{"record": {"a": 1e400}}',
    b'{"record": {"a": "\\ud800"}}',
    b'{"record": {"a": "\\u0000"}}',
    b'{"record": {"a": "\xff\xfe"}}',
    b'{"record": {"a": ' + b"9" * 400 + b"}}",
    b'{"record": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
    b'{"record": {"a": "' + b"x" * 1_000_000 + b'"}}',
    b'{"record": {"a": "\0"}}',
]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_any_record_can_be_kept(ledger: str, line: bytes) -> None:
    """Nothing that a record holds makes the ledger unwritable, changed or rejected."""
    with opened(ledger) as one:
        accept(one, item())
        accept(one, item(levels={None: 6}, line=line))
        refuse(one, item(levels={None: 7}, line=line))
    assert [row["new"] for row in rows(ledger, schema.change)] == [6]
    assert len(rows(ledger, schema.rejection)) == 1


NAMES: list[Any] = [
    "x" * 1000,
    "\u00e9" * 500,
    "\U0001f980" * 250,
    'it\'s "quoted" \\ and % ? :name; --',
    "\x01\x1f\x7f\u202e",
    "\ufeffa",
    "NULL",
    "",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_identifier_and_location_can_be_kept(ledger: str, name: str) -> None:
    """Of 1,000 bytes and more, of any characters but NUL, with any quantity."""
    most = 2**53 - 1
    kinds: Any = ("sku", "id", "externalId")
    items = [item((kind, name), {name or "w": most, "other": 2**31}) for kind in kinds]
    with opened(ledger) as one:
        accept(one, *items)
        refuse(one, items[0])
    with opened(ledger) as one:
        for each in items[1:]:
            assert set(verdicts(one, each).values()) == {"unchanged"}
            assert screen(one, [each])[each.identifier]
        assert {level[2] for level in one.last_accepted(9)} == {most, 2**31}


def test_a_refusal_is_kept_until_a_later_outcome_of_its_level(ledger: str) -> None:
    """It is open from its answer on, so that no later outcome can come before it."""
    with opened(ledger) as one:
        accept(one, item())
        refuse(one, item(levels={None: 7}))
        same = item()
        assert screen(one, [same]) == {}
        one.note_unsent([same], one.compare([same]))
        assert screen(one, [same]) != {}
    (row,) = rows(ledger, schema.rejection)
    assert (row["code"], row["closed_at"], row["record"]) == ("INV_009", NOW, "")


CLOSING: list[Any] = [
    ("the same level accepted", {"A": 3}, {"A": 4}, True),
    ("the same level unchanged", {"A": 3}, {"A": 5}, True),
    ("a global accepted", {"A": 3}, {None: 3}, True),
    ("a warehouse accepted after a global", {None: 3}, {"A": 4}, True),
    ("a warehouse unchanged after a global", {None: 3}, {"A": 5}, True),
    ("another warehouse", {"A": 3}, {"B": 4}, False),
]


@pytest.mark.parametrize(
    ("refused", "later", "is_closed"), [row[1:] for row in CLOSING], ids=[row[0] for row in CLOSING]
)
def test_what_closes_an_open_rejection(
    ledger: str, refused: Any, later: Any, *, is_closed: bool
) -> None:
    """A later outcome of its level, or of the global or warehouse that it belongs to."""
    with opened(ledger) as one:
        accept(one, item(levels={"A": 5}))
        refuse(one, item(levels=refused))
        update = item(levels=later)
        assert screen(one, [update]) == {}
        compared = one.compare([update])
        if compared.unsent:
            one.note_unsent([update], compared)
        else:
            accept(one, update)
    (row,) = rows(ledger, schema.rejection)
    assert (row["closed_at"] is not None) == is_closed


def test_a_record_that_cannot_be_used_closes_the_rejection_of_its_level_alone(ledger: str) -> None:
    """The API has learnt nothing of the item's other levels."""
    with opened(ledger) as one:
        refuse(one, item(levels={"A": 1, "B": 2}), item(("sku", "b"), {None: 1}))
        one.close_rejections([(A, "A"), (A, None)])
    still = [row for row in rows(ledger, schema.rejection) if row["closed_at"] is None]
    assert sorted((row["identifier"], row["location"]) for row in still) == [("a", "B"), ("b", "")]


def test_a_level_has_one_open_rejection_and_it_is_the_newest(ledger: str) -> None:
    """A refusal replaces the older one, and not those of other levels."""
    with opened(ledger) as one:
        refuse(one, item(levels={None: 1}), item(("sku", "b"), {"A": 1}))
        refuse(one, item(levels={"A": 2}, line=b"older"))
        refuse(one, item(levels={"A": 3}, line=b"newer"))
    still = [row for row in rows(ledger, schema.rejection) if row["closed_at"] is None]
    assert sorted((row["identifier"], row["location"], row["record"]) for row in still) == [
        ("a", "", "{}"),
        ("a", "A", "newer"),
        ("b", "A", "{}"),
    ]


def test_what_is_not_rejected_after_all_leaves_open_what_was_rejected_before(ledger: str) -> None:
    """A STATE may have covered that row, so that nothing would bring it again."""
    with opened(ledger) as one:
        refuse(one, item(levels={"A": 1}))
        refuse(one, item(("sku", "b"), {"A": 1}))
        accept(one, item(("sku", "b"), {"A": 1}))
    with opened(ledger, now=NOW + 3_600_000) as one:
        refuse(one, item(levels={"A": 2, "B": 2}, line=b"newer"), item(("sku", "b"), {"A": 2}))
        one.close_rejections([(A, "A"), (A, "B"), (("sku", "b"), "A")], undecided=True)
    still = [row for row in rows(ledger, schema.rejection) if row["closed_at"] is None]
    assert [(row["location"], row["record"]) for row in still] == [("A", "newer")]


def test_only_what_was_accepted_is_remembered(ledger: str) -> None:
    """A refusal puts back what was there before, and a value that was refused is not compared."""
    with opened(ledger) as one:
        accept(one, item())
        refuse(one, item(levels={None: 7}))
        assert verdicts(one, item(levels={None: 7})) == {}
        assert verdicts(one, item()) == {None: "unchanged"}


@pytest.mark.parametrize("code", ["INV_001", "INV_002"])
def test_an_item_that_is_not_listed_is_forgotten(ledger: str, code: str) -> None:
    """It may be deleted and made again, so all its levels are sent anew."""
    with opened(ledger) as one:
        accept(one, item(levels={"A": 5, "B": 5}))
        refuse(one, item(levels={"A": 7}), code=code)
        assert verdicts(one, item(levels={"A": 5, "B": 5})) == {}


def test_stores_do_not_know_each_others_stock(ledger: str) -> None:
    """Each has a memory of its own, of the same items."""
    with opened(ledger, "s") as one:
        accept(one, item())
    with opened(ledger, "t") as other:
        assert screen(other, [item()]) == {}
        assert verdicts(other, item()) == {}
        accept(other, item(levels={None: 6}))
        refuse(other, item(), code="INV_001")
    with opened(ledger, "s") as one:
        assert verdicts(one, item()) == {None: "unchanged"}


@pytest.mark.parametrize(
    ("first", "second"),
    [({None: 5}, {"A": 6}), ({"A": 5}, {None: 6}), ({"A": 5, "B": 5}, {None: 6})],
)
def test_a_global_and_the_warehouses_of_an_item_end_each_other(
    ledger: str, first: Any, second: Any
) -> None:
    """What was there before is not there any more, and is sent if it comes back."""
    with opened(ledger) as one:
        accept(one, item(levels=first))
        accept(one, item(levels=second))
        assert screen(one, [item(levels=first)]) == {}
        assert verdicts(one, item(levels=first)) == {}
        assert set(verdicts(one, item(levels=second)).values()) == {"unchanged"}


def test_what_was_in_flight_when_a_run_died_is_sent_again(ledger: str) -> None:
    """Its value is not known, that of the run before is, and the next acceptance ends the doubt."""
    with opened(ledger) as one:
        accept(one, item())
        one.mark([item(levels={None: 7})], {})
    with opened(ledger) as one:
        assert screen(one, [item()]) == {}
        assert verdicts(one, item()) == verdicts(one, item(levels={None: 7})) == {}
        assert rows(ledger, schema.flight) == []
        accept(one, item())
        assert verdicts(one, item()) == {None: "unchanged"}


def test_a_mark_of_this_run_outlasts_its_acceptances(ledger: str) -> None:
    """The request whose answer was lost may arrive after them; it cannot outlast the run."""
    with opened(ledger) as one:
        flight = one.mark([item(levels={"A": 7})], {})
        assert flight is not None
        flight.unknown.add(A)
        one.leave(flight, [NotAccepted(item(levels={"A": 7}))])
        accept(one, item(levels={"A": 5}))
        accept(one, item(levels={"B": 5}))
        accept(one, item(levels={"A": 5}))
        assert verdicts(one, item(levels={"A": 5, "B": 5})) == {}
    with opened(ledger) as one:
        assert verdicts(one, item(levels={"A": 5, "B": 5})) == {}
        accept(one, item(levels={"A": 5}))
        assert verdicts(one, item(levels={"A": 5, "B": 5})) == {"A": "unchanged"}


def test_an_outcome_that_cannot_be_recorded_stays_in_flight(ledger: str) -> None:
    """The outcome and the end of its flight are one transaction."""
    with opened(ledger) as one:
        flight = one.mark([item()], {})
        assert flight is not None
        bad: Any = None
        with pytest.raises(LedgerError):
            one.record(flight, Answered([item()], [], bad, "b", 7), last=True)
    assert len(rows(ledger, schema.flight)) == 1
    assert rows(ledger, schema.level) == []


def test_an_unchanged_row_moves_its_version_on(ledger: str) -> None:
    """A row of a version between is stale then."""
    with opened(ledger) as one:
        accept(one, item(version="n 1"))
        assert screen(one, [item(version="n 4")]) == {A: {None: "unchanged"}}
        assert verdicts(one, item(levels={None: 8}, version="n 3")) == {None: "stale"}
        assert verdicts(one, item(levels={None: 8}, version="n 5")) == {}


def test_an_item_that_is_named_twice_is_not_judged_by_its_first_value(ledger: str) -> None:
    """Only the last one counts, and both must reach the window."""
    other = item(("sku", "b"))
    with opened(ledger) as one:
        accept(one, item(), other)
        assert screen(one, [item(), other, item(levels={None: 7})]) == {
            other.identifier: {None: "unchanged"}
        }


@pytest.mark.parametrize("version", ["", "n 2"])
def test_a_changed_item_is_not_new(ledger: str, version: str) -> None:
    """The ledger must be asked again before it is sent; not about what it knows nothing of."""
    with opened(ledger) as one:
        accept(one, item())
        rows = RowBuffer()
        for each in (item(levels={None: 7}, version=version), item(("sku", "b"), version=version)):
            rows.add(each.identifier, None, each.levels[None])
        assert one.screen(rows) == {}
        assert [each.is_new for each in rows.items] == [False, True]


def test_of_items_with_many_warehouses_those_that_are_named_are_compared(ledger: str) -> None:
    """Warehouse by warehouse: what changed is sent, and what is new is not taken for known."""
    many: dict[str | None, int] = {f"w{number}": number for number in range(20)}
    names: list[Any] = [("sku", text) for text in "abcd"]
    with opened(ledger) as one:
        accept(one, *[item(name, many) for name in names])
        for place in ("w0", "w1", "w2"):
            same: dict[str | None, int] = {place: many[place]}
            changed = item(names[0], {place: 99})
            found = screen(one, [changed, *[item(name, same) for name in names[1:]]])
            assert found == {name: {place: "unchanged"} for name in names[1:]}
            assert not changed.is_new
            accept(one, changed)
        for is_new in (False, True):  # asked about by warehouse, it may be known at another
            other = item(("sku", "e"), {"w2": 1})
            assert screen(one, [other]) == {}
            assert other.is_new == is_new


@pytest.mark.parametrize(("hours", "is_sent"), [(-1, True), (0, False), (134, False), (181, True)])
def test_what_was_accepted_long_ago_or_in_the_future_is_sent(
    ledger: str, hours: int, *, is_sent: bool
) -> None:
    """A clock that was wrong must not keep a value from the API for years."""
    with opened(ledger) as one:
        accept(one, item())
    with opened(ledger, now=NOW + hours * 3_600_000) as one:
        assert (screen(one, [item()]) == {}) == is_sent
        assert (verdicts(one, item()) == {}) == is_sent


def test_a_run_ends_with_its_summary_and_forgets_old_history(ledger: str) -> None:
    """What is closed goes after `history_days`; the stock and what is open stay."""
    with opened(ledger) as one:
        accept(one, item())
        refuse(one, item(levels={None: 7}))
        accept(one, item(levels={None: 6}))
        refuse(one, item(("sku", "b")))
    later = NOW + 31 * 24 * 3_600_000
    with opened(ledger, now=later) as one:
        one.end({"updates": 3}, LedgerError("no"), {})
    assert rows(ledger, schema.change) == []
    assert len(rows(ledger, schema.batch)) == 1  # the newest, whose number must not come again
    assert [row["identifier"] for row in rows(ledger, schema.rejection)] == ["b"]
    assert [row["quantity"] for row in rows(ledger, schema.level)] == [6]
    last = rows(ledger, schema.run)[-1]
    assert (last["summary"], last["error"], last["ended_at"]) == ('{"updates":3}', "no", later)
