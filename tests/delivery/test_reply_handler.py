"""What follows an attempt: each row's outcome, its place in the queue, and what was learnt."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_tocobagus.api.client import Clock
from target_tocobagus.api.item_json import encode_body
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core.errors import DeliveryError, OutputError, TocobagusError
from target_tocobagus.core.model import Level, NoReply, Reply, Stream
from target_tocobagus.delivery.reply_handler import ReplyHandler, Work
from target_tocobagus.delivery.reply_handler import logger as reply_log
from target_tocobagus.delivery.request_part import RequestPart
from target_tocobagus.delivery.shared import Shared
from target_tocobagus.delivery.throttle import Throttle
from target_tocobagus.window.buffer import RowBuffer
from target_tocobagus.window.ready import Limits
from target_tocobagus.window.window import Window
from tests.delivery.book import Book

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.window.buffer import Row
    from target_tocobagus.window.pending import Item

STREAM = Stream("stock")
ALL = Limits(500, 1_000_000, 5)
Said = tuple[str, "str | None", int]
LOST = NoReply(timed_out=False, cause="connection lost")
TIMEOUT = NoReply(timed_out=True, cause="timed out")


class Desk(Book):
    """One worker's batch and all that is shared; replies are handed in by the test."""

    def __init__(
        self,
        said: Sequence[Said],
        max_retry: float = 300,
        *,
        skip_unlisted: bool = False,
        **config: Any,
    ) -> None:
        super().__init__(skip_unlisted=skip_unlisted)
        self.window = Window()
        self.throttle = Throttle(parse_settings({"dry_run": True, **config}))
        self.clock = Clock()
        shared = Shared(
            self.window, self.throttle, self.outcomes, self.totals, notify_main=lambda: None
        )
        self.handler = ReplyHandler(shared, self.clock, max_retry, lambda: 0.5)
        self.put(said)
        self.began = 1e12  # far in the future, so that no time is ever over
        self.work = self.pick()

    def put(self, said: Sequence[Said]) -> None:
        """Put rows in, each from the next record."""
        start = self.totals.updates + 1
        rows: list[Row] = [
            (("sku", sku), place, Level(quantity, number, STREAM))
            for number, (sku, place, quantity) in enumerate(said, start)
        ]
        self.totals.superseded += self.window.put(RowBuffer(rows), 0.0)
        self.totals.updates += len(rows)

    def pick(self) -> Work:
        """Pick a batch."""
        lease = self.window.pick(ALL, 0.0)
        assert lease is not None
        return Work(lease, deque([RequestPart(tuple(lease.items), self.began)]))

    def conclude(self, reply: Reply | NoReply) -> float:
        """Answer the next part, and hold the sums to what is really left."""
        try:
            return handle(self.handler, reply, self.work)
        finally:
            reply_log.flush()
            self.check()

    def check(self) -> None:
        """The sums close."""
        self.totals.check(self.window.unsettled() + self.outcomes.undecided)

    @property
    def queue(self) -> list[list[tuple[str, list[str | None]]]]:
        """What is still to be sent: of each part its SKUs and their places."""
        return [
            [(item.identifier[1], list(item.levels)) for item in part.items]
            for part in self.work.parts
        ]

    @property
    def rejected(self) -> list[tuple[str, str, str | None]]:
        """Code, SKU and place of all that was written down."""
        return [
            (each.code, identifier[1], place)
            for each in self.written
            for identifier, place in each.updates
            if identifier
        ]


def reply(accepted: Sequence[int] = (), errors: dict[int, str] | None = None, **data: Any) -> Reply:
    """Make a reply that accepts some rows and refuses others under a code."""
    lists = {
        "acceptedRows": [{"rowIndex": index} for index in accepted],
        "errors": [
            {"rowIndex": index, "code": code, "message": "no"}
            for index, code in (errors or {}).items()
        ],
    }
    return Reply(200, {"requestId": "r", "data": {**lists, **data}})


REFUSED: dict[str, Any] = {"success": False, "error": {"code": "INV_050", "message": "bundle"}}
ABC: list[Said] = [("a", None, 1), ("b", None, 2), ("c", None, 3)]
WIDE: list[Said] = [("a", "W", 1), ("a", "V", 2), ("a", "U", 3)]


class TestSettled:
    """A reply that names rows gives each its outcome."""

    @pytest.mark.parametrize(
        ("answer", "accepted", "batches", "ids"),
        [
            (reply([0, 1, 2], batchId="b-1"), 3, 1, ["b-1"]),
            (reply([0, 1, 2]), 3, 1, []),
            (reply([], dict.fromkeys(range(3), "INV_001"), batchId="b-1"), 0, 0, []),
        ],
    )
    def test_a_batch_counts_if_a_row_of_it_was_accepted(
        self, answer: Reply, accepted: int, batches: int, ids: list[str]
    ) -> None:
        """It is listed by its id if it has one, and each row is counted and released."""
        desk = Desk(ABC)
        desk.conclude(answer)
        totals = desk.totals
        assert (totals.accepted, totals.batches, list(totals.batch_ids)) == (accepted, batches, ids)
        assert (len(desk.rejected), desk.queue, desk.window.idle) == (3 - accepted, [], True)

    def test_some_refused(self) -> None:
        """A refused row is written down under the API's code, and its place is free again."""
        desk = Desk(ABC)
        desk.conclude(reply([0, 2], {1: "INV_001"}, batchId="b-1"))
        assert desk.rejected == [("INV_001", "b", None)]
        assert (desk.written[0].batch_id, desk.written[0].request_id) == ("b-1", "r")
        assert desk.window.idle

    def test_the_newer_value_goes_after_the_older_is_settled(self) -> None:
        """What came meanwhile can be picked as soon as its own row is settled."""
        desk = Desk(ABC)
        desk.put([("b", None, 9)])
        assert desk.window.pick(ALL, 0.0) is None
        desk.conclude(reply([1]))
        lease = desk.window.pick(ALL, 0.0)
        assert lease is not None
        assert [item.identifier for item in lease.items] == [("sku", "b")]


class TestUnaccounted:
    """A row that the answer forgets is sent once more, and then rejected."""

    def test_once_more(self) -> None:
        """Forgotten rows go again, alone and next, and stay with their worker."""
        desk = Desk(ABC)
        desk.conclude(reply([1]))
        assert desk.queue == [[("a", [None]), ("c", [None])]]
        assert (desk.totals.accepted, desk.window.unsettled()) == (1, 2)

    def test_then_rejected(self) -> None:
        """Forgotten twice is rejected as `UNACCOUNTED`."""
        desk = Desk(ABC)
        desk.conclude(reply([1]))
        desk.conclude(reply([0]))
        assert desk.rejected == [("UNACCOUNTED", "c", None)]
        assert desk.window.idle


class TestOneByOne:
    """An item of several warehouses that is refused is tried one warehouse at a time."""

    def test_each_warehouse_alone_in_order(self) -> None:
        """After a code that is not about the item, each warehouse goes alone, in order."""
        desk = Desk([*WIDE, ("b", None, 1)])
        desk.conclude(reply([1], {0: "INV_009"}))
        assert desk.queue == [[("a", ["W"])], [("a", ["V"])], [("a", ["U"])]]
        body = encode_body(desk.work.parts[0].items)
        assert b'[{"sku":"a","warehouses":[{"clientId":"W","stock":1}]}]' in body

    def test_only_those_refused_again_are_rejected(self) -> None:
        """The others are accepted, each counted once."""
        desk = Desk(WIDE)
        desk.conclude(reply([], {0: "INV_009"}))
        desk.conclude(reply([0]))
        desk.conclude(reply([], {0: "WH_404"}))
        desk.conclude(reply([0]))
        assert desk.rejected == [("WH_404", "a", "V")]
        assert (desk.totals.accepted, desk.window.idle) == (2, True)

    def test_the_identifier_is_released_after_the_last(self) -> None:
        """A newer value waits until the last of its warehouses has its outcome."""
        desk = Desk(WIDE)
        desk.put([("a", "W", 9)])
        desk.conclude(reply([], {0: "INV_009"}))
        for _ in range(2):
            desk.conclude(reply([0]))
            assert desk.window.pick(ALL, 0.0) is None
        desk.conclude(reply([0]))
        assert desk.window.pick(ALL, 0.0) is not None

    def test_refused_without_being_named(self) -> None:
        """An item that a 422 refuses as a whole, or that is too large, is divided too."""
        for status in (422, 413):
            desk = Desk(WIDE)
            desk.conclude(Reply(status))
            assert desk.queue == [[("a", ["W"])], [("a", ["V"])], [("a", ["U"])]]

    def test_a_forgotten_warehouse_goes_once_more(self) -> None:
        """A warehouse alone that the answer forgets is sent again before the others."""
        desk = Desk(WIDE)
        desk.conclude(reply([], {0: "INV_009"}))
        desk.conclude(reply([]))
        assert desk.queue == [[("a", ["W"])], [("a", ["V"])], [("a", ["U"])]]
        desk.conclude(reply([]))
        assert desk.rejected == [("UNACCOUNTED", "a", "W")]
        assert desk.window.unsettled() == 2

    def test_a_lost_connection_in_between_keeps_the_order(self) -> None:
        """A warehouse whose outcome is unknown goes again before the next one."""
        desk = Desk(WIDE)
        desk.conclude(reply([], {0: "INV_009"}))
        desk.conclude(reply([0]))
        assert desk.conclude(LOST) == 0.25
        assert desk.queue == [[("a", ["V"])], [("a", ["U"])]]


class TestBlame:
    """Refusals that name no row."""

    def test_one_of_several_is_to_blame(self) -> None:
        """Bisection finds the row; it is rejected with the next acceptance or at the end."""
        desk = Desk(ABC)
        desk.conclude(Reply(422))
        desk.conclude(reply([0, 1]))
        desk.conclude(Reply(422))
        assert (desk.rejected, desk.outcomes.undecided) == ([], 1)
        desk.outcomes.decide()
        assert desk.rejected == [("HTTP_422", "c", None)]
        assert (desk.totals.accepted, desk.window.idle) == (2, True)

    def test_all_of_them_are_refused(self) -> None:
        """Three rows refused alone and nothing accepted: stop, and reject nothing."""
        desk = Desk(ABC)
        desk.conclude(Reply(422))
        desk.conclude(Reply(422))
        desk.conclude(Reply(422))
        desk.conclude(Reply(422))
        with pytest.raises(DeliveryError, match=r"refused \d+ rows"):
            desk.conclude(Reply(422))
        assert (desk.rejected, desk.totals.rejected) == ([], 0)
        assert desk.outcomes.lowest == 1

    def test_any_number_of_named_rejections_goes_on(self) -> None:
        """Rows that the reply names are to blame themselves, however many they are."""
        desk = Desk([(f"s{number}", None, 1) for number in range(150)])
        desk.conclude(reply([], dict.fromkeys(range(150), "INV_001")))
        assert (desk.totals.rejected, desk.window.idle) == (150, True)

    @pytest.mark.parametrize("body", [REFUSED, {**REFUSED, "data": {"errors": []}}])
    @pytest.mark.parametrize("status", [200, 404, 422])
    def test_unlisted_items_that_are_refused_as_a_whole_are_skipped(
        self, status: int, body: dict[str, Any]
    ) -> None:
        """Their code says that they are not listed: with `skip` the request is not in doubt."""
        desk = Desk(ABC, skip_unlisted=True)
        refused = {**body, "error": {"code": "INV_001"}}
        for _ in range(5):
            desk.conclude(Reply(status, refused))
        assert (desk.totals.skipped, desk.totals.unlisted, desk.rejected) == (3, 3, [])
        assert desk.window.idle

    def test_a_full_disk_leaves_the_sums_closed(self) -> None:
        """Rows that cannot be written down stay unsettled, and STATE stays behind them."""
        desk = Desk(ABC)
        desk.disk_is_full = True
        with pytest.raises(OutputError):
            desk.conclude(reply([0], {1: "INV_001", 2: "INV_002"}))
        assert (desk.totals.accepted, desk.totals.rejected, desk.outcomes.undecided) == (1, 0, 2)
        assert desk.outcomes.lowest == 2


class TestLearning:
    """What an answer teaches, and what it does not."""

    def test_back_off_and_pause(self) -> None:
        """Without `Retry-After` the worker waits; with it everyone does."""
        desk = Desk(ABC)
        assert desk.conclude(Reply(500)) == 0.25
        assert desk.throttle.not_before == 0.0
        assert desk.conclude(Reply(500, headers={"retry-after": "0"})) == 0.5
        assert desk.throttle.not_before == 0.0
        assert desk.conclude(Reply(500, headers={"retry-after": "9"})) == 9.0
        assert desk.throttle.not_before > 0.0
        assert desk.queue == [[("a", [None]), ("b", [None]), ("c", [None])]]

    def test_throttling(self) -> None:
        """429 halves the requests at once, and an acceptance adds one."""
        desk = Desk(ABC)
        desk.conclude(Reply(429))
        assert desk.throttle.most == 2
        desk.conclude(reply([0, 1, 2]))
        assert desk.throttle.most == 3

    def test_too_large(self) -> None:
        """413 halves the batch at once and bounds all later ones."""
        desk = Desk([(f"s{number}", None, 1) for number in range(100)])
        half = len(encode_body(desk.work.parts[0].items[50:]))
        desk.conclude(Reply(413))
        assert [len(part) for part in desk.queue] == [50, 50]
        assert desk.throttle.most_bytes == half

    def test_a_half_that_succeeds_after_a_timeout(self) -> None:
        """New batches are as large as the half that was answered."""
        desk = Desk([(f"s{number}", None, 1) for number in range(100)])
        desk.conclude(TIMEOUT)
        assert desk.throttle.limits.rows == 500
        desk.conclude(reply(range(50)))
        assert desk.throttle.limits.rows == 50

    def test_the_whole_that_succeeds_later_teaches_nothing(self) -> None:
        """A lost connection does not make batches smaller."""
        desk = Desk([(f"s{number}", None, 1) for number in range(100)])
        desk.conclude(LOST)
        desk.conclude(reply(range(100)))
        assert desk.throttle.limits.rows == 500

    @pytest.mark.parametrize("forgotten", [1, 20])
    def test_the_few_rows_that_were_forgotten_teach_nothing(self, forgotten: int) -> None:
        """How few rows an answer forgot says nothing of how many it can take in time."""
        desk = Desk([(f"s{number}", None, 1) for number in range(100)])
        desk.conclude(TIMEOUT)
        desk.conclude(reply(range(50 - forgotten)))
        desk.conclude(reply(range(forgotten)))
        assert desk.throttle.limits.rows == 50

    def test_warehouses_sent_one_by_one_teach_nothing(self) -> None:
        """The size of batches is not learnt from an item that is tried one warehouse at a time."""
        desk = Desk([*WIDE, *((f"s{number}", None, 1) for number in range(99))])
        desk.conclude(TIMEOUT)
        desk.conclude(reply(range(1, 50), {0: "INV_009"}))
        for _ in range(3):
            desk.conclude(reply([0]))
        assert desk.throttle.limits.rows == 50

    def test_the_first_failure_is_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        """The first failure of a batch is a warning with its cause and its wait; others are not."""
        desk = Desk(ABC)
        with caplog.at_level(logging.DEBUG, logger="target-tocobagus"):
            desk.conclude(LOST)
            desk.conclude(LOST)
        assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG"]
        assert "connection lost" in caplog.messages[0]
        assert "0.2 s" in caplog.messages[0]


def handle(handler: ReplyHandler, reply: Reply | NoReply, work: Work) -> float:
    """Answer the next part of a batch, as a worker does."""
    part = work.parts.popleft()
    return handler.conclude(handler.decide(reply, part), part, work, reply.seconds)


def accepted_before(desk: Desk, *said: Said) -> None:
    """Let rows be accepted that came before."""
    desk.put(said)
    work = desk.pick()
    rows = len(work.parts[0].items)
    handle(desk.handler, reply(range(rows), batchId="z"), work)


def refuse_all(desk: Desk, body: Any = REFUSED) -> None:
    """Refuse every request that holds a row, up to the one that holds none."""
    while desk.work.parts and not desk.work.parts[0].retest:
        desk.conclude(Reply(404, body))


MANY: list[Said] = [(f"s{number:02}", None, 1) for number in range(24)]


class TestRetest:
    """Twenty rows refused in a row: the item that was accepted last tells who is to blame."""

    def doubtful(self, *before: Said) -> Desk:
        """Bring a delivery to where it asks, with rows that were accepted before."""
        desk = Desk(MANY)
        accepted_before(desk, *before)
        refuse_all(desk)
        return desk

    def test_it_goes_by_itself_with_the_value_accepted_last(self) -> None:
        """Its identifier is locked meanwhile, and it does not count as an update."""
        desk = Desk(MANY)
        accepted_before(desk, ("x", None, 3), ("y", "W", 4))
        accepted_before(desk, ("x", None, 7))
        refuse_all(desk)
        (item,) = desk.work.parts[0].items
        assert encode_body([item]) == b'{"items":[{"sku":"x","stock":7}]}'
        assert (desk.window.unsettled(), desk.outcomes.undecided) == (4, 20)
        desk.put([("x", None, 8)])
        assert len(desk.window.ready) == 0

    def test_accepted_the_rows_are_to_blame(self) -> None:
        """Then they are rejected and the run goes on; the item counts as no update."""
        desk = self.doubtful(("x", None, 7))
        before = desk.totals.accepted
        desk.conclude(reply([0], batchId="retest"))
        assert (len(desk.rejected), desk.totals.accepted) == (20, before)
        assert list(desk.totals.batch_ids) == ["z", "retest"]
        refuse_all(desk)
        assert desk.window.idle
        desk.outcomes.decide()
        assert [sku for _, sku, _ in desk.rejected] == [sku for sku, _, _ in MANY]

    @pytest.mark.parametrize(
        "refusal",
        [
            Reply(404, REFUSED),
            Reply(422),
            Reply(413),
            reply([], {0: "INV_001"}),
        ],
    )
    def test_refused_it_is_the_request(self, refusal: Reply) -> None:
        """Then the run stops, and none of the rows is rejected."""
        desk = self.doubtful(("x", None, 7))
        with pytest.raises(DeliveryError, match=r"refused 2\d rows.*INV_050 bundle"):
            desk.conclude(refusal)
        assert (desk.rejected, desk.outcomes.undecided, desk.outcomes.lowest) == ([], 20, 1)

    def test_without_an_answer_it_is_asked_again(self) -> None:
        """A failure says nothing of whose fault it is; a row left out is sent once more."""
        desk = self.doubtful(("x", None, 7))
        for silence in (LOST, Reply(503), Reply(200), TIMEOUT, reply([])):
            desk.conclude(silence)
            assert desk.work.parts[0].retest
        desk.conclude(reply([0]))
        assert len(desk.rejected) == 20

    def test_another_is_taken_if_it_waits_or_is_in_flight(self) -> None:
        """A newer value must not be overtaken by an older one."""
        desk = Desk(MANY)
        accepted_before(desk, ("w", None, 1), ("x", None, 2))
        accepted_before(desk, ("y", None, 3))
        desk.put([("y", None, 4)])
        in_flight = desk.pick()
        desk.put([("x", None, 5)])
        refuse_all(desk)
        (item,) = desk.work.parts[0].items
        assert item.identifier == ("sku", "w")
        assert [item.identifier for item in in_flight.lease.items] == [("sku", "y")]

    def test_one_that_was_refused_since_is_not_taken(self) -> None:
        """What the API holds of it is not known."""
        desk = Desk(MANY)
        accepted_before(desk, ("x", None, 2), ("y", None, 3))
        desk.put([("y", None, 4)])
        work = desk.pick()
        refused = reply([], {0: "INV_009"})
        handle(desk.handler, refused, work)
        refuse_all(desk)
        (item,) = desk.work.parts[0].items
        assert item.identifier == ("sku", "x")

    def test_if_all_that_is_known_waits_its_own_answers_tell(self) -> None:
        """Nothing is decided before: the run neither stops nor rejects."""
        desk = Desk(MANY)
        accepted_before(desk, ("x", None, 2))
        desk.put([("x", None, 3)])
        refuse_all(desk)
        assert (desk.work.parts, desk.rejected, desk.outcomes.undecided) == (deque(), [], 24)
        desk.work = desk.pick()
        with pytest.raises(DeliveryError, match=r"refused \d+ rows"):
            desk.conclude(Reply(404, REFUSED))

    def test_what_others_have_accepted_meanwhile_counts(self) -> None:
        """A refusal of the item says little when other rows were accepted after it was sent."""
        desk = self.doubtful(("v", None, 6), ("x", None, 7))
        desk.put([("other", None, 1)])
        work = desk.pick()
        handle(desk.handler, reply([0]), work)
        assert len(desk.rejected) == 20
        desk.conclude(Reply(404, REFUSED))
        refuse_all(desk)
        assert (desk.window.idle, desk.outcomes.undecided) == (True, 4)


SAID = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from([None, "W", "V", "U"]), st.integers(0, 2)),
    min_size=1,
    max_size=10,
)
CODES = st.sampled_from(["INV_001", "INV_009"])
OUTCOMES = st.lists(st.sampled_from("aaare?"), min_size=5, max_size=5)


@st.composite
def replies(draw: st.DrawFn) -> Reply | NoReply:
    """Make replies of all kinds; those that name rows name up to five."""
    if draw(st.booleans()):
        outcomes = draw(OUTCOMES)
        refused = {index: draw(CODES) for index, outcome in enumerate(outcomes) if outcome in "re"}
        return reply([index for index, outcome in enumerate(outcomes) if outcome in "ae"], refused)
    silent: list[Reply | NoReply] = [LOST, TIMEOUT]
    refusals = [Reply(status, REFUSED) for status in (200, 404, 404, 404)]
    return draw(st.sampled_from([*silent, *map(Reply, (200, 413, 422, 429, 500)), *refusals]))


@settings(max_examples=200, deadline=None)
@given(SAID, st.lists(st.tuples(replies(), SAID | st.just([]), st.booleans()), max_size=30))
def test_whatever_the_replies_every_row_has_one_outcome(
    said: list[Said], steps: list[tuple[Reply | NoReply, list[Said], bool]]
) -> None:
    """After each reply the sums close, and what is in flight is exactly what is still queued."""
    desk = Desk(said)
    for answer, more, full in steps:
        desk.put(more)
        desk.disk_is_full = full and bool(more)
        try:
            desk.conclude(answer)
        except TocobagusError:
            return
        updates = [part for part in desk.work.parts if not part.retest]
        queued = _rows([item for part in updates for item in part.items])
        assert sorted(queued) == sorted(_rows(desk.work.lease.items))
        if not desk.work.parts:
            if not len(desk.window.ready):
                break
            desk.work = desk.pick()
    if desk.window.idle:
        desk.disk_is_full = False
        desk.outcomes.decide()
        assert desk.totals.unsettled == 0


def _rows(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.identifier[1], str(place)) for item in items for place in item.levels]
