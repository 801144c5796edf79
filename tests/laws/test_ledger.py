"""Whatever happened before, one good run makes the shop equal to the source.

With values that change and come back, runs that die at any step, are stopped, or cannot write the
ledger, answers that are lost, requests that are applied late, refusals of rows and of requests,
rejected rows that come again, levels that no row names any more, time that moves on, several stores
in one ledger, complete lists, and global and per-warehouse values of one item in any order; with
versions and without. Answers overtake each other, and come while the next rows are looked at.

`LEDGER_EXAMPLES` says how many histories to live through (60), on SQLite; PostgreSQL gets a part.
"""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from target_tocobagus.core.model import Complete, Stream
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.inspection.contents import look_for_absent
from tests.delivery.scripted_run import CREDENTIALS
from tests.ledger.world import (
    HOUR,
    KINDS,
    STREAM,
    UNKNOWN,
    WELL,
    Ending,
    Fault,
    Row,
    World,
    source_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Identifier
    from tests.ledger.world import Outcome

EXAMPLES: Final = int(os.environ.get("LEDGER_EXAMPLES", "60"))
PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
IDENTIFIERS: Final[tuple[Identifier, ...]] = (("sku", "a"), ("sku", "b"), ("id", "a"), ("sku", "c"))
STORES: Final = ("s", "t")
ANSWERED: Final = st.sampled_from([0, 0, 0, 0, 1, 4, 20, -1, -2, -3])
"""When an answer comes; see `Fault`."""
STREAMS: Final = (STREAM, STREAM, Stream("other", b'{"type":"SCHEMA"}', entry="f"))
QUANTITIES: Final = (0, 1, 2, 3, 2**31, 2**53 - 1)
_WORLDS: Final = count()


class Past(NamedTuple):
    """One run before the last.

    Attributes:
        hours: How much later than the run before it begins.
    """

    store: str
    rows: list[Row]
    faults: list[Fault]
    ending: Ending
    hours: int
    batch_rows: int
    resend_hours: int
    max_zeroed_percent: int


@st.composite
def places(draw: Any) -> tuple[tuple[tuple[str | None, int], ...], bool]:
    """Draw a global stock, that of some warehouses, or the same for a list of them."""
    quantity = st.sampled_from(QUANTITIES)
    names = draw(st.sampled_from([(None,), (None,), ("A",), ("B",), ("A", "B"), ("A", "B", "C")]))
    broadcast = len(names) > 1 and draw(st.booleans())
    if broadcast:
        return tuple([(name, 1) for name in names]), True
    return tuple([(name, draw(quantity)) for name in names]), False


ROW: Final = st.builds(
    lambda identifier, found, stream: Row(identifier, found[0], stream=stream, broadcast=found[1]),
    st.sampled_from(IDENTIFIERS),
    places(),
    st.sampled_from(STREAMS),
)
ROWS: Final = st.lists(ROW, min_size=1, max_size=8)
PLAIN: Final = st.lists(
    st.builds(
        lambda identifier, quantity: Row(identifier, ((None, quantity),)),
        st.sampled_from(IDENTIFIERS),
        st.sampled_from(QUANTITIES),
    ),
    min_size=1,
    max_size=6,
)


def faults(kinds: Iterable[str], effects: Iterable[str]) -> st.SearchStrategy[list[Fault]]:
    """Draw what happens to the requests of a run; a request is fine where the list has ended."""
    one = st.builds(
        Fault,
        kind=st.sampled_from(["", "", *kinds]),
        effect=st.sampled_from(list(effects)),
        rows=st.integers(0, 3),
        answered=ANSWERED,
    )
    refused = st.integers(3, 6).map(lambda number: [Fault("400")] * number)
    many = [st.lists(one, max_size=8)] * 4
    return st.one_of(*many, *([refused] if "400" in kinds else []))


FAULTS: Final = faults(KINDS, ["none", "now", "late"])


def runs(
    rows: st.SearchStrategy[list[Row]] = ROWS,
    faults: st.SearchStrategy[list[Fault]] = FAULTS,
    resend_hours: Iterable[int] = (180, 180, 0),
) -> st.SearchStrategy[list[Past]]:
    """Draw a history."""
    past = st.builds(
        Past,
        store=st.sampled_from(STORES),
        rows=rows,
        faults=faults,
        ending=st.one_of(
            st.just(WELL),
            st.integers(0, 16).map(lambda step: Ending(dies_at=step)),
            st.integers(0, 6).map(lambda step: Ending(full_at=step)),
            st.just(Ending(stops=True)),
        ),
        hours=st.sampled_from([1, 24, 150, 200, -30]),
        batch_rows=st.integers(1, 3),
        resend_hours=st.sampled_from(list(resend_hours)),
        max_zeroed_percent=st.sampled_from([30, 100]),  # these shops are too small for the guard
    )
    return st.lists(past, min_size=1, max_size=4)


def laws(examples: int = EXAMPLES) -> settings:
    """Set how a law is tried."""
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(
        max_examples=examples, deadline=None, phases=PHASES, suppress_health_check=checks
    )


@laws()
@given(pasts=runs(), last=ROWS)
def test_after_one_good_run_the_shop_is_as_the_source(
    file: str, pasts: list[Past], last: list[Row]
) -> None:
    """What an earlier run left is never mistaken for what the shop has."""
    end_well(file, pasts, last)


@laws(EXAMPLES // 4)
@given(pasts=runs(), last=ROWS)
def test_after_one_good_run_the_shop_is_as_the_source_with_postgresql(
    server: str, pasts: list[Past], last: list[Row]
) -> None:
    """The same holds where a server keeps the ledger."""
    end_well(server, pasts, last)


def end_well(ledger: str, pasts: list[Past], last: list[Row]) -> None:
    """Live through a history, and then run once more for each store."""
    world = World(ledger, f"{next(_WORLDS)}-")
    for past in pasts:
        live(world, past, past.rows)
    for store in STORES:
        check(world, store, last, world.run(last, store=store))


def live(world: World, past: Past, rows: list[Row]) -> Outcome:
    """Live through one run, which never ends by a mistake of the program."""
    world.now_ms += past.hours * HOUR
    ended = world.run(
        rows,
        store=past.store,
        faults=past.faults,
        ending=past.ending,
        batch_size_rows=past.batch_rows,
        resend_hours=past.resend_hours,
        max_zeroed_percent=past.max_zeroed_percent,
    )
    assert "internal error" not in str(ended.error)
    assert not (past.ending.stops and ended.error is None)
    return ended


@laws()
@given(pasts=runs(PLAIN), last=PLAIN, order=st.randoms())
def test_with_versions_the_newest_one_counts(
    file: str, pasts: list[Past], last: list[Row], order: Any
) -> None:
    """Whatever order the rows come in, and however often old ones come again."""
    world = World(file, f"{next(_WORLDS)}-")
    given_: dict[str, list[Row]] = {store: [] for store in STORES}
    final = [pasts[0]._replace(store=store, rows=last) for store in STORES]
    for number, past in enumerate([*pasts, *final]):
        rows = [
            row._replace(version=f"n {number * 100 + index}") for index, row in enumerate(past.rows)
        ]
        known = given_[past.store]
        fed = [*rows, *order.sample(known, min(3, len(known)))]
        order.shuffle(fed)
        live(world, past, fed)
        known += rows
    for store in STORES:
        newest = {row.identifier: row for row in given_[store]}
        fed = [row for row in given_[store] if row in newest.values()]
        check(world, store, fed, world.run(fed, store=store))


@laws()
@given(pasts=runs(faults=faults([*UNKNOWN, "unsent", "429"], ["none", "now"])), last=ROWS)
def test_from_its_bookmark_on_a_run_needs_no_earlier_row(
    file: str, pasts: list[Past], last: list[Row]
) -> None:
    """A STATE covers no row that the API has not accepted, or has already."""
    world = World(file, f"{next(_WORLDS)}-")
    rows: list[Row] = []
    covered = 0
    for past in pasts:
        rows += past.rows
        ended = live(world, past._replace(store="s"), rows[covered:])
        assert covered + ended.covered <= len(rows)
        covered += ended.covered
    rows += last
    ended = world.run(rows[covered:])
    assert ended.error is None
    assert seen(world, "s", rows) == source_of(rows)


@laws()
@given(pasts=runs(), last=ROWS)
def test_what_is_known_to_be_there_is_not_sent_again(
    file: str, pasts: list[Past], last: list[Row]
) -> None:
    """After a good run the same rows make no request, until `resend_hours` have passed."""
    world = World(file, f"{next(_WORLDS)}-")
    for past in pasts:
        live(world, past, past.rows)
    rows = one_for_each(last)
    assert world.run(rows, resend_hours=0).error is None
    world.now_ms += 120 * HOUR
    again = world.run(rows)
    totals = again.pipeline.totals
    assert (totals.unchanged, totals.requests) == (len(source_of(rows)), 0)
    assert again.covered == len(rows)
    world.now_ms += 61 * HOUR
    assert world.run(rows).pipeline.totals.accepted == len(source_of(rows))


def one_for_each(rows: list[Row]) -> list[Row]:
    """Keep the last row of each item: a source does not contradict itself from row to row."""
    return list({row.identifier: row for row in rows}.values())


@laws()
@given(pasts=runs(), last=ROWS, since=st.integers(0, 12))
def test_what_a_run_has_named_is_not_absent(
    file: str, pasts: list[Past], last: list[Row], since: int
) -> None:
    """No level is listed that a row named since: of any run, as far as a STATE covers its rows."""
    name_levels(file, pasts, last, since)


@laws(EXAMPLES // 4)
@given(pasts=runs(), last=ROWS, since=st.integers(0, 12))
def test_what_a_run_has_named_is_not_absent_with_postgresql(
    server: str, pasts: list[Past], last: list[Row], since: int
) -> None:
    """The same holds where a server keeps the ledger."""
    name_levels(server, pasts, last, since)


def name_levels(ledger: str, pasts: list[Past], last: list[Row], since: int) -> None:
    """Live through a history, and look for what no row has named in the last days."""
    prefix = f"{next(_WORLDS)}-"
    world = World(ledger, prefix)
    named: dict[Any, int] = {}
    for past in [*pasts, pasts[0]._replace(rows=last, ending=WELL, faults=[], store="s")]:
        ended = live(world, past, past.rows)
        for row in past.rows[: ended.covered]:
            for place, _ in row.levels:
                level = (past.store, row.identifier, place)
                named[level] = max(named.get(level, 0), world.now_ms // (24 * HOUR))
    first = world.now_ms // (24 * HOUR) - since
    for store in STORES:
        key = store_key(CREDENTIALS["api_url"], prefix + store)
        for stream in {each.name for each in STREAMS}:
            found = look_for_absent(ledger, key, stream, first)
            assert found is not None
            for absent in found.levels:
                assert named.get((store, absent.identifier, absent.location), 0) < first
                assert absent.named_day < first


LISTS: Final = st.lists(
    st.builds(
        lambda identifier, levels: Row(
            identifier, tuple(levels.items()), other=Complete(identifier, tuple(levels))
        ),
        st.sampled_from(IDENTIFIERS),
        st.dictionaries(st.sampled_from(["A", "B", "C", "D"]), st.sampled_from(QUANTITIES)),
    ),
    min_size=1,
    max_size=6,
)


@laws()
@given(pasts=runs(LISTS), last=LISTS)
def test_after_one_good_run_an_item_is_where_its_complete_list_says(
    file: str, pasts: list[Past], last: list[Row]
) -> None:
    """And nowhere else, whatever arrived of the lists before."""
    end_with_lists(file, pasts, last)


@laws(EXAMPLES // 4)
@given(pasts=runs(LISTS), last=LISTS)
def test_after_one_good_run_an_item_is_where_its_complete_list_says_with_postgresql(
    server: str, pasts: list[Past], last: list[Row]
) -> None:
    """The same holds where a server keeps the ledger."""
    end_with_lists(server, pasts, last)


def end_with_lists(ledger: str, pasts: list[Past], last: list[Row]) -> None:
    """Live through a history of complete lists, and then run once more for each store."""
    world = World(ledger, f"{next(_WORLDS)}-")
    for past in pasts:
        live(world, past, past.rows)
    for store in STORES:
        assert world.run(last, store=store).error is None
        for row in one_for_each(last):
            found = world.shop(store).stock.get(row.identifier, {})
            there = {place: quantity for place, quantity in found.items() if quantity}
            assert there == {place: quantity for place, quantity in row.levels if quantity}


def check(world: World, store: str, rows: list[Row], ended: Outcome) -> None:
    """The run was good, its totals add up, and the shop is as the rows say."""
    assert ended.error is None
    assert ended.covered == len(rows)
    totals = ended.pipeline.totals
    settled = totals.accepted + totals.unchanged + totals.stale + totals.superseded
    assert settled == totals.updates == sum(len(row.levels) for row in rows)
    assert seen(world, store, rows) == source_of(rows)


def seen(world: World, store: str, rows: list[Row]) -> dict[Any, int | None]:
    """Tell what the shop has where the source has something."""
    return {key: world.shop(store).holds(*key) for key in source_of(rows)}
