"""Each row gets one outcome, and a refusal that may be the request's fault waits for certainty."""

from __future__ import annotations

import pytest

from target_tocobagus.core.errors import AccountingError, DeliveryError, OutputError
from target_tocobagus.core.model import Identifier, Level, Rejection, Stream
from target_tocobagus.delivery.settle import FailedItem, RowError
from target_tocobagus.report.totals import Totals
from target_tocobagus.window.pending import Item
from tests.delivery.book import Book

STREAM = Stream("stock")
BAD = RowError("INV_001", "Invalid SKU", "")


def said(book: Book) -> list[tuple[str, tuple[tuple[Identifier | None, str | None], ...]]]:
    """List what was written down."""
    return [(each.code, each.updates) for each in book.written]


def item(sku: str, position: int = 1, *places: str, low: int | None = None) -> Item:
    """Make an item that one record said."""
    levels: dict[str | None, Level] = {
        place: Level(1, position, STREAM) for place in places or (None,)
    }
    return Item(("sku", sku), levels, position if low is None else low)


def refusal(sku: str, position: int = 1, *places: str, error: RowError = BAD) -> FailedItem:
    """Make a refusal of an item."""
    return FailedItem(item(sku, position, *places), error, "r")


def mapping_rejection(position: int) -> Rejection:
    """Make a rejection as mapping gives it."""
    identifier: Identifier = ("sku", "m")
    return Rejection("BAD_QUANTITY", "…", position, STREAM, updates=((identifier, None),))


class TestCounting:
    """Every update is counted once."""

    def test_accepted_and_rejected_updates(self) -> None:
        """An item counts as many updates as it has places, by code where it was refused."""
        book = Book()
        refusals = [refusal("b", 2, "W"), refusal("c", 3, "W", "V", error=RowError("X", "", ""))]
        book.outcomes.settle(2, refusals)
        assert (book.totals.accepted, book.totals.rejected) == (2, 3)
        assert dict(book.totals.codes) == {"INV_001": 1, "X": 2}

    def test_rows_of_one_record_and_cause_are_one_line(self) -> None:
        """What one record said and one reply refused for one reason is one rejection."""
        book = Book()
        book.outcomes.settle(1, [refusal("a", 5, "W", "V"), refusal("b", 5), refusal("c", 6)])
        assert [(each.position, len(each.updates)) for each in book.written] == [(5, 3), (6, 1)]

    def test_two_causes_are_two_lines(self) -> None:
        """Rows of one record that were refused for two reasons are two rejections."""
        book = Book()
        other = RowError("INV_001", "Invalid SKU", "another reason")
        book.outcomes.settle(1, [refusal("a", 5), refusal("b", 5, error=other)])
        assert [each.reason for each in book.written] == ["", "another reason"]

    def test_levels_of_two_records_are_two_lines(self) -> None:
        """An item that two records filled is written down once for each of them."""
        book = Book()
        levels: dict[str | None, Level] = {"W": Level(1, 4, STREAM), "V": Level(2, 7, STREAM)}
        both = Item(("sku", "a"), levels, 4)
        book.outcomes.settle(1, [FailedItem(both, BAD, "r", "b")])
        assert [(each.position, each.updates) for each in book.written] == [
            (4, ((("sku", "a"), "W"),)),
            (7, ((("sku", "a"), "V"),)),
        ]
        assert [(each.request_id, each.batch_id) for each in book.written] == [("r", "b")] * 2


class TestSuspects:
    """A row refused only by standing alone is rejected when the request is known to be good."""

    @pytest.mark.parametrize("count", [1, 2])
    def test_one_or_two_are_rejected_at_the_end(self, count: int) -> None:
        """A run of one or two such rows rejects them when its input is over, not before."""
        book = Book()
        for number in range(count):
            book.outcomes.suspects.add(refusal(f"s{number}", number + 1), 0)
        assert (book.totals.rejected, book.outcomes.undecided, book.written) == (0, count, [])
        book.outcomes.end_suspicion()
        assert (book.totals.rejected, book.outcomes.undecided, len(book.written)) == (
            count,
            0,
            count,
        )

    def test_three_different_ones_are_doubtful(self) -> None:
        """Three rows, nothing accepted: it may be the request, and nothing is rejected."""
        book = Book()
        doubts = []
        for number in range(3):
            book.outcomes.suspects.add(refusal(f"s{number}", number + 1), 0)
            doubts.append(book.outcomes.doubtful)
        assert doubts == [False, False, True]
        assert (book.written, book.totals.rejected, book.outcomes.undecided) == ([], 0, 3)
        assert book.outcomes.lowest == 1
        text = str(book.outcomes.suspects.error())
        assert "refused 3 rows" in text
        assert "INV_001 Invalid SKU, requestId r" in text
        assert "sku 's0', sku 's1', sku 's2'" in text

    def test_rows_of_several_workers_are_not_one_after_the_other(self) -> None:
        """Two in a row of each of four are not doubtful; a third in a row of one is."""
        book = Book()
        for number in range(8):
            book.outcomes.suspects.add(refusal(f"s{number}", number + 1), number % 4)
        assert not book.outcomes.doubtful
        book.outcomes.suspects.add(refusal("s8", 9), 3)
        assert book.outcomes.doubtful

    def test_three_at_the_end_of_input_are_the_request_too(self) -> None:
        """Nothing is rejected, however the requests ran beside each other."""
        book = Book()
        for number in range(3):
            book.outcomes.suspects.add(refusal(f"s{number}", number + 1), number)
        with pytest.raises(DeliveryError, match="refused 3 rows"):
            book.outcomes.end_suspicion()
        assert (book.written, book.outcomes.undecided) == ([], 3)

    def test_after_an_acceptance_twenty_are_doubtful(self) -> None:
        """Once something was accepted, fewer than twenty rows in a row are not doubtful."""
        book = Book()
        book.outcomes.settle(1, [])
        for number in range(19):
            book.outcomes.suspects.add(refusal(f"s{number}", number + 1), 0)
            book.outcomes.suspects.add(refusal(f"s{number}", number + 1), 0)
        doubts = [book.outcomes.doubtful]
        book.outcomes.suspects.add(refusal("s19", 20), 0)
        assert [*doubts, book.outcomes.doubtful] == [False, True]
        assert (book.totals.rejected, book.outcomes.undecided, book.outcomes.lowest) == (0, 39, 1)

    def test_an_acceptance_in_between_begins_the_count_anew(self) -> None:
        """Only rows that were refused one after the other are counted."""
        book = Book()
        book.outcomes.settle(1, [])
        for number in range(100):
            book.outcomes.suspects.add(refusal(f"s{number}", number + 1), 0)
            if number % 19 == 18:
                book.outcomes.settle(1, [])
            assert not book.outcomes.doubtful
        assert book.totals.rejected == 95

    def test_three_warehouses_of_one_row_are_one_row(self) -> None:
        """Three places of one identifier are not three different rows."""
        book = Book()
        for place in "WVU":
            book.outcomes.suspects.add(refusal("a", 1, place), 0)
        assert (book.outcomes.doubtful, book.outcomes.undecided) == (False, 3)

    def test_an_acceptance_rejects_them(self) -> None:
        """The first accepted row proves the request good, so the suspects are rejected."""
        book = Book()
        book.outcomes.suspects.add(refusal("a", 1), 0)
        book.outcomes.suspects.add(refusal("b", 2), 0)
        book.outcomes.settle(1, [])
        assert (book.totals.accepted, book.totals.rejected, book.outcomes.undecided) == (1, 2, 0)
        assert book.outcomes.lowest is None

    def test_refusals_alone_prove_nothing(self) -> None:
        """A refused row beside them does not decide."""
        book = Book()
        book.outcomes.suspects.add(refusal("a", 1), 0)
        book.outcomes.settle(0, [refusal("b", 2)])
        assert (book.totals.rejected, book.outcomes.undecided) == (1, 1)


class TestUnlisted:
    """With `unlisted_items: skip` a row whose item the store does not list is skipped."""

    @pytest.mark.parametrize("code", ["INV_001", "INV_002"])
    def test_skipped(self, code: str) -> None:
        """It is not written down, counts as skipped, and holds no STATE back."""
        book = Book(skip_unlisted=True)
        book.outcomes.settle(0, [refusal("a", 1, "W", "V", error=RowError(code, "", ""))])
        totals = book.totals
        assert (totals.skipped, totals.unlisted, totals.rejected, book.written) == (2, 2, 0, [])
        assert (book.outcomes.lowest, totals.listed) == (None, False)

    def test_other_codes_are_rejections(self) -> None:
        """An item that is refused for another reason is listed."""
        book = Book(skip_unlisted=True)
        other = RowError("INV_003", "", "")
        book.outcomes.settle(0, [refusal("a"), refusal("b", 2, error=other)])
        assert (book.totals.skipped, book.totals.rejected, book.totals.listed) == (1, 1, True)

    def test_an_accepted_item_is_listed(self) -> None:
        """One accepted row is enough."""
        book = Book(skip_unlisted=True)
        book.outcomes.settle(1, [refusal("a")])
        assert (book.totals.accepted, book.totals.skipped, book.totals.listed) == (1, 1, True)

    def test_without_the_setting_they_are_rejected(self) -> None:
        """By default such a row is a rejection."""
        book = Book()
        book.outcomes.settle(0, [refusal("a")])
        assert (book.totals.skipped, book.totals.unlisted, book.totals.rejected) == (0, 0, 1)


class TestVerdict:
    """What the sums say of a run as a whole."""

    @pytest.mark.parametrize(
        ("accepted", "rejected", "fruitless"),
        [(0, 99, False), (0, 100, True), (0, 5000, True), (1, 5000, False), (0, 0, False)],
    )
    def test_a_hundred_rejections_and_no_acceptance(
        self, accepted: int, rejected: int, *, fruitless: bool
    ) -> None:
        """From a hundred rejections on, with nothing accepted, the set-up is to blame."""
        totals = Totals()
        totals.accepted, totals.rejected = accepted, rejected
        assert totals.fruitless is fruitless


class TestState:
    """What a STATE must not cover yet."""

    def test_a_rejection_holds_state_back_until_the_first_acceptance(self) -> None:
        """Until something was accepted, STATE waits for the lowest rejected row."""
        book = Book()
        book.outcomes.reject(mapping_rejection(7))
        book.outcomes.settle(0, [refusal("a", 5)])
        book.outcomes.reject(mapping_rejection(9))
        lows = [book.outcomes.lowest]
        book.outcomes.settle(1, [])
        lows.append(book.outcomes.lowest)
        book.outcomes.reject(mapping_rejection(11))
        assert [*lows, book.outcomes.lowest] == [5, None, None]

    def test_after_a_quarter_of_an_hour_nothing_is_held_back(self) -> None:
        """A run that goes on for long, and has nothing accepted, still moves its bookmark."""
        book = Book()
        book.outcomes.reject(mapping_rejection(7))
        book.now += 899
        book.outcomes.reject(mapping_rejection(9))
        lows = [book.outcomes.lowest]
        book.now += 2
        lows.append(book.outcomes.lowest)
        book.outcomes.reject(mapping_rejection(11))
        lows.append(book.outcomes.lowest)
        book.outcomes.suspects.add(refusal("a", 12), 0)
        assert [*lows, book.outcomes.lowest] == [7, None, None, 12]

    def test_at_the_end_of_input_nothing_is_held_back(self) -> None:
        """The end of input lets STATE pass the rejected rows."""
        book = Book()
        book.outcomes.reject(mapping_rejection(7))
        book.outcomes.decide()
        assert book.outcomes.lowest is None

    def test_a_suspect_holds_state_back(self) -> None:
        """STATE waits for a suspect, from the lowest position that shares its outcome."""
        book = Book()
        book.outcomes.suspects.add(FailedItem(item("a", 9, low=4), BAD), 0)
        assert book.outcomes.lowest == 4

    def test_a_superseded_row_waits_with_its_successor(self) -> None:
        """A row whose successor was rejected is held back like it, from its own position."""
        book = Book()
        book.outcomes.settle(0, [FailedItem(item("a", 9, low=4), BAD)])
        assert book.outcomes.lowest == 4


class TestWriting:
    """What cannot be written down has no outcome, and the sums still close."""

    def test_a_row_that_cannot_be_written_is_unsettled(self) -> None:
        """An OutputError leaves every row of the reply counted exactly once."""
        book = Book()
        book.totals.updates = 6
        book.disk_is_full = True
        with pytest.raises(OutputError):
            book.outcomes.settle(
                2,
                [FailedItem(item("a", 8, low=3), BAD), refusal("b", 6, "W", "V", "U")],
            )
        assert (book.totals.accepted, book.totals.rejected, book.outcomes.undecided) == (2, 0, 4)
        assert book.outcomes.lowest == 3
        book.totals.check(book.outcomes.undecided)

    def test_suspects_that_cannot_be_written_are_unsettled(self) -> None:
        """Suspects that an acceptance would reject stay unsettled too."""
        book = Book()
        book.totals.updates = 3
        book.outcomes.suspects.add(refusal("a", 2), 0)
        book.outcomes.suspects.add(refusal("b", 5), 0)
        book.disk_is_full = True
        with pytest.raises(OutputError):
            book.outcomes.settle(1, [])
        assert (book.totals.accepted, book.totals.rejected, book.outcomes.undecided) == (1, 0, 2)
        assert book.outcomes.lowest == 2
        book.totals.check(book.outcomes.undecided)

    def test_a_rejection_by_the_mapping_is_unsettled_too(self) -> None:
        """A row that the mapping refuses and the disk does not take has no outcome."""
        book = Book()
        book.totals.updates = 1
        book.disk_is_full = True
        with pytest.raises(OutputError):
            book.outcomes.reject(mapping_rejection(4))
        assert (book.outcomes.undecided, book.outcomes.lowest) == (1, 4)
        book.totals.check(1)


class TestTally:
    """The totals are checked."""

    @pytest.mark.parametrize("unsettled", [0, 2])
    def test_sums_that_do_not_close(self, unsettled: int) -> None:
        """A row that was lost, or that has two outcomes, is an error of its own."""
        totals = Totals()
        totals.updates, totals.accepted, totals.superseded, totals.skipped = 10, 4, 3, 2
        totals.check(1)
        with pytest.raises(AccountingError, match="1 updates without an outcome, but"):
            totals.check(unsettled)

    def test_what_goes_into_a_state(self) -> None:
        """A STATE names the last hundred batches, in their order, and the count of all."""
        totals = Totals()
        totals.batch_ids.extend(f"b{number}" for number in range(150))
        totals.batches, totals.accepted, totals.rejected = 150, 7, 2
        own = totals.for_state()
        assert own == {
            "batchIds": [f"b{number}" for number in range(50, 150)],
            "batches": 150,
            "accepted": 7,
            "rejected": 2,
        }
