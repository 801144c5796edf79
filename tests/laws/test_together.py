"""All that a ledger can do, in one store: after any history one good run makes the shop right.

Plain levels, levels that look their item up, parts, parts whose item is looked up, feeds of all
parts, complete lists, and the guard, over runs that die at any step, are stopped or torn, or cannot
write the ledger; with answers that are lost or overtake each other, refused rows that come again,
items that are deleted and made again, rows and parts that are older than what is known, and items
whose stock comes as a whole and by warehouse.

Left out is what the sources alone do not decide. A value that is refused is given up for an older
version, or for one of another scope, that is accepted later: where records have versions, or say an
item's stock now as a whole and now by warehouse, none is refused in the laws that go on from a
bookmark. A version of a part that was deleted, or of a level whose pair changes, and
`unlisted_items: skip`, which keeps an older row that was refused, are not drawn.

`LEDGER_EXAMPLES` says how many histories to live through (half of 60), on SQLite;
PostgreSQL gets a part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.errors import StockOutsHeld
from target_tocobagus.core.model import Complete, Stream
from target_tocobagus.mapping import compile_mapping
from tests.laws.sources import expected_of, expected_of_feed
from tests.laws.test_guard import open_shelf
from tests.laws.test_ledger import EXAMPLES, faults, laws
from tests.laws.test_lookups import LEVELS, MAPPING, stand_in
from tests.laws.test_parts import summing
from tests.ledger.world import (
    BINS,
    HOUR,
    LOTS,
    STREAM,
    UNKNOWN,
    WELL,
    Ending,
    Fault,
    PairRow,
    PartRow,
    Row,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.mapping.summing import Summing
    from tests.laws.sources import AnyRow, Place
    from tests.laws.test_guard import Shelf
    from tests.ledger.world import Outcome

_NAMED_SUMS: Final = compile_mapping(
    stream_mapping(
        {
            "stream": "cases",
            "stock": "qty",
            "lookup": {"stream": "items", "match": "id", "path": "item", "sku": "sku"},
            "combine": "sum",
            "part": "case",
        }
    ),
    StockPolicy(),
)
assert _NAMED_SUMS.summing is not None
CASES: Final = Stream("cases", b'{"type":"SCHEMA"}', entry=_NAMED_SUMS.entry)
LISTS: Final = Stream("lists", b'{"type":"SCHEMA"}', entry="lists")
DATED: Final = Stream("dated", b'{"type":"SCHEMA"}', entry="dated")
SUMS: Final[dict[Stream, Summing]] = {
    LOTS: summing(),
    CASES: _NAMED_SUMS.summing,
    BINS: summing(is_complete=True),
}
LOOKUPS: Final = (MAPPING, _NAMED_SUMS)

SHELF: Final[tuple[Identifier, ...]] = tuple(("sku", f"s{number}") for number in range(20))
"""So many are in stock from the beginning that the guard acts."""
PLAIN: Final[tuple[Place, ...]] = (
    (("sku", "p"), "A"),
    (("sku", "p"), "B"),
    (("id", "p"), None),
)
MIXED: Final = ("sku", "m")
"""An item whose stock comes as a whole and by warehouse."""
VERSIONED: Final = ("sku", "v")
TAKEN: Final[tuple[Identifier, ...]] = (MIXED, VERSIONED)
NAMES: Final[dict[str, tuple[Identifier | None, ...]]] = {
    "1": (("sku", "l1"), ("sku", "l2"), ("id", "l1")),
    "2": (("sku", "l3"), ("sku", "l4")),
    "3": (None,),
    "5": (("sku", "c1"), ("sku", "c2")),
    "6": (("sku", "c3"),),
}
"""What each match may stand for: levels up to 3, parts from 5 on."""
PLACES: Final = ("A", "B")
LEVEL_PLACES: Final = {"1": ("A", "B"), "2": (None,), "3": ("A",)}
PART_PLACES: Final[tuple[Place, ...]] = (
    (("sku", "t"), "A"),
    (("sku", "t"), "B"),
    (("id", "t"), "A"),
)
EXACT: Final = ("0", "1", "2", "0.5", "~0.25", "-1", "3")
FEEDS: Final = ("f1", "f2")


class Past(NamedTuple):
    """One run before the last.

    Attributes:
        rows: What is new in the source's log.
        feed: All parts of some items, as they are now.
        zeros: Of so many items of the shelf the source says 0.
        first: From which of them on.
        hours: How much later than the run before it begins.
    """

    rows: list[AnyRow]
    feed: list[PartRow]
    zeros: int
    first: int
    faults: list[Fault]
    ending: Ending
    hours: int
    batch_rows: int

    def news(self) -> list[AnyRow]:
        """What the log gets: the rows, and then the shelf, some of it in stock again."""
        numbers = range(self.first, self.first + self.zeros + 3 * bool(self.zeros))
        shelf = [SHELF[number % len(SHELF)] for number in numbers]
        of_shelf = [
            Row(identifier, ((None, 0 if number < self.zeros else 5),))
            for number, identifier in enumerate(shelf)
        ]
        return [*self.rows, *of_shelf]


def row(identifier: Identifier, place: str | None, quantity: int, stream: Stream) -> Row:
    """Make a row of one level."""
    return Row(identifier, ((place, quantity),), stream=stream)


_quantity: Final = st.integers(0, 3)
_plain: Final = st.builds(
    lambda place, quantity: row(place[0], place[1], quantity, STREAM),
    st.sampled_from(PLAIN),
    _quantity,
)
_level: Final = st.sampled_from(sorted(LEVEL_PLACES)).flatmap(
    lambda match: st.builds(
        lambda place, quantity: row(stand_in(match), place, quantity, LEVELS),
        st.sampled_from(LEVEL_PLACES[match]),
        _quantity,
    )
)
_pair: Final = st.sampled_from(sorted(NAMES)).flatmap(
    lambda match: st.builds(PairRow, st.just(match), st.sampled_from(NAMES[match]))
)
_mixed: Final = st.builds(
    lambda place, quantity: row(MIXED, place, quantity, STREAM),
    st.sampled_from([None, "A", "B"]),
    _quantity,
)
_version: Final = st.integers(1, 9).map("n {}".format)
_dated: Final = st.builds(
    lambda place, quantity, version: Row(
        VERSIONED, ((place, quantity),), version=version, stream=DATED
    ),
    st.sampled_from(["A", "B"]),
    _quantity,
    _version,
)
_dated_part: Final = st.builds(
    lambda quantity, version: PartRow("v", ((*PART_PLACES[0], quantity),), version),
    st.sampled_from(EXACT),
    _version,
)
_list: Final = st.builds(
    lambda text, levels: Row(
        ("sku", text),
        tuple(levels.items()),
        stream=LISTS,
        other=Complete(("sku", text), tuple(levels)),
    ),
    st.sampled_from(["k1", "k2"]),
    st.dictionaries(st.sampled_from(["A", "B"]), _quantity),
)


def _parts(places: Iterable[Place], stream: Stream) -> st.SearchStrategy[PartRow]:
    """Draw a part at one or two places, or one that is deleted."""
    level = st.builds(
        lambda place, quantity: (*place, quantity),
        st.sampled_from(list(places)),
        st.sampled_from(EXACT),
    )
    return st.builds(
        lambda key, levels: PartRow(key, tuple(levels), stream=stream),
        st.sampled_from(["x", "y", "z"]),
        st.lists(level, max_size=2),
    )


_cases: Final = _parts([(stand_in(match), "A") for match in ("5", "6")], CASES)
_lots: Final = _parts(PART_PLACES, LOTS)
ROWS: Final = st.lists(
    st.one_of(
        *(_plain, _level, _level, _pair, _pair, _list, _lots, _cases),
        *(_mixed, _dated, _dated_part),
    ),
    max_size=9,
)


def _feed(items: Iterable[str], at_least: int) -> st.SearchStrategy[list[PartRow]]:
    """Draw a feed that brings all parts of the items that it names."""
    parts = st.dictionaries(
        st.sampled_from(["1", "2", "3"]),
        st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(EXACT)),
        min_size=1,
    )
    drawn = st.dictionaries(st.sampled_from(list(items)), parts, min_size=at_least)
    return drawn.map(
        lambda feed: [
            PartRow(f"{text}-{key}", ((("sku", text), place, quantity),), stream=BINS)
            for text, brought in feed.items()
            for key, (place, quantity) in brought.items()
        ]
    )


ENDING: Final = st.one_of(
    st.just(WELL),
    st.just(WELL),
    st.integers(0, 60).map(lambda step: Ending(dies_at=step)),
    st.integers(0, 60).map(lambda step: Ending(dies_at=step)),
    st.integers(0, 12).map(lambda step: Ending(full_at=step)),
    st.just(Ending(stops=True)),
    st.just(Ending(torn=True)),
)


def pasts(effects: Iterable[str]) -> st.SearchStrategy[list[Past]]:
    """Draw a history."""
    past = st.builds(
        Past,
        rows=ROWS,
        feed=_feed(FEEDS, 0),
        zeros=st.sampled_from([0, 0, 4, 16]),
        first=st.integers(0, len(SHELF) - 1),
        faults=faults(
            [*UNKNOWN, "unsent", "429", "400", "refused", "unlisted", "omitted"], effects
        ),
        ending=ENDING,
        hours=st.sampled_from([1, 5, 21, 30]),
        batch_rows=st.sampled_from([1, 2, 5, 30]),
    )
    return st.lists(past, min_size=1, max_size=4)


LAST: Final = st.tuples(ROWS, _feed(FEEDS, len(FEEDS)))
PERCENT: Final = st.sampled_from([0, 10, 30, 60])


@laws(EXAMPLES // 2)
@given(past=pasts(["none", "now"]), last=LAST, percent=PERCENT)
def test_from_its_bookmark_on_the_shop_is_as_all_sources_say(
    file: str, past: list[Past], last: tuple[list[AnyRow], list[PartRow]], percent: int
) -> None:
    """Taps bring what has changed since the last STATE, and a full feed each time."""
    end_well(file, past, last, percent)


@laws(EXAMPLES // 6)
@given(past=pasts(["none", "now"]), last=LAST, percent=PERCENT)
def test_from_its_bookmark_on_the_shop_is_as_all_sources_say_with_postgresql(
    server: str, past: list[Past], last: tuple[list[AnyRow], list[PartRow]], percent: int
) -> None:
    """The same holds where a server keeps the ledger."""
    end_well(server, past, last, percent)


def end_well(
    ledger: str, past: list[Past], last: tuple[list[AnyRow], list[PartRow]], percent: int
) -> None:
    """Live through a history, each run from its bookmark on; and look at the shop."""
    shelf = open_shelf(ledger, percent)
    shelf.shop.takes_always = TAKEN
    log: list[AnyRow] = [row(identifier, None, 5, STREAM) for identifier in SHELF]
    covered = run(shelf, log).covered
    feeds = []
    for one in past:
        log += one.news()
        feeds += one.feed
        ended = live(shelf, one, [*log[covered:], *one.feed])
        covered = min(len(log), covered + ended.covered)
    log += last[0]
    run_well(shelf, [*log[covered:], *last[1]])
    expected = {**expected_of(log, PLACES), **expected_of_feed(last[1], feeds)}
    expected = {key: quantity for key, quantity in expected.items() if is_due(shelf, *key)}
    assert seen(shelf, expected) == expected


@laws(EXAMPLES // 3)
@given(past=pasts(["none", "now", "late"]), last=LAST, percent=PERCENT)
def test_after_all_was_read_again_the_shop_is_as_all_sources_say(
    file: str, past: list[Past], last: tuple[list[AnyRow], list[PartRow]], percent: int
) -> None:
    """Also what has overwritten a newer value by arriving late, where a row still names it."""
    shelf = open_shelf(file, percent)
    log: list[AnyRow] = [row(identifier, None, 5, STREAM) for identifier in SHELF]
    run(shelf, log)
    for one in past:
        log += one.news()
        live(shelf, one, [*log, *one.feed])
    log += last[0]
    run_well(shelf, [*log, *last[1]])
    expected = {**expected_of(log, PLACES, only_named=True), **expected_of_feed(last[1])}
    assert seen(shelf, expected) == expected


def run(shelf: Shelf, rows: list[AnyRow], **options: Any) -> Outcome:
    """Run once."""
    return shelf.run(rows, sums=SUMS, lookups=LOOKUPS, **options)  # type: ignore[arg-type]  # rows of all kinds


def live(shelf: Shelf, past: Past, rows: list[AnyRow]) -> Outcome:
    """Live through one run, and hold it to the guard's promise."""
    shelf.world.now_ms += past.hours * HOUR
    options = {"faults": past.faults, "ending": past.ending, "batch_size_rows": past.batch_rows}
    ended = run(shelf, rows, **options)
    assert not shelf.shop.faults
    return ended


def run_well(shelf: Shelf, rows: list[AnyRow]) -> None:
    """Run once more, when what was refused is due: all stock-outs may go out."""
    shelf.world.now_ms += 24 * HOUR
    ended = run(shelf, rows, max_zeroed_percent=100)
    assert ended.error is None
    assert ended.covered == len(rows)


def is_due(shelf: Shelf, identifier: Identifier, place: str | None) -> bool:
    """Whether a level must be there, though its item was deleted, which the ledger forgets.

    What was refused then comes again, and what is there later must be right. Levels that would
    have followed a pair are forgotten, too.
    """
    deleted = shelf.shop.deleted
    for match in LEVEL_PLACES:
        if identifier in NAMES[match]:
            return deleted.keys().isdisjoint(filter(None, NAMES[match]))
    is_known = identifier not in deleted or place in deleted[identifier]
    return is_known or shelf.shop.holds(identifier, place) is not None


def seen(shelf: Shelf, places: Iterable[Place]) -> dict[Any, int]:
    """Tell what the shop has; where nothing ever stayed for long there is nothing."""
    return {key: shelf.shop.holds(*key) or 0 for key in places}


def test_what_was_refused_follows_a_pair_that_changes_twice(file: str) -> None:
    """Also while the sums of another mapping, whose parts were never read as a whole, wait."""
    shelf = open_shelf(file, 100)
    stock = row(stand_in("1"), "B", 2, LEVELS)
    refused = stock._replace(levels=(("B", 3),))
    plain = [row(*PLAIN[0], 1, STREAM)] * 2
    case = PartRow("x", ((stand_in("5"), "A", "1"),), stream=CASES)
    first: list[AnyRow] = [PairRow("1", ("sku", "l1")), stock]
    for said, faults_ in ((first, []), ([refused], [Fault("refused")])):
        assert shelf.world.run(said, lookups=(MAPPING,), faults=faults_).error is None
    second, third = PairRow("1", ("sku", "l2")), PairRow("1", ("id", "l1"))
    rows: list[AnyRow] = [PairRow("5", ("sku", "c1")), case, second, *plain, third, *plain]
    assert run(shelf, rows, batch_wait_seconds=0).error is None
    expected: dict[Place, int] = {(("id", "l1"), "B"): 3, (("sku", "c1"), "A"): 1}
    assert seen(shelf, expected) == expected


def test_a_sum_that_the_guard_holds_goes_out_later(file: str) -> None:
    """Its parts have gone to another item with their pair, of which only the pair comes again."""
    shelf = open_shelf(file, 0)
    case = PartRow("x", ((stand_in("5"), "A", "1"),), stream=CASES)
    first: list[AnyRow] = [row(identifier, None, 5, STREAM) for identifier in SHELF]
    assert run(shelf, [*first, PairRow("5", ("sku", "c1")), case]).error is None
    for _ in range(2):
        held = run(shelf, [PairRow("5", ("sku", "c2"))])
        assert isinstance(held.error, StockOutsHeld)
        assert held.covered == 0
    run_well(shelf, [PairRow("5", ("sku", "c2"))])
    expected: dict[Place, int] = {(("sku", "c1"), "A"): 0, (("sku", "c2"), "A"): 1}
    assert seen(shelf, expected) == expected
