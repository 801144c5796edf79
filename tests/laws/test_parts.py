"""What is sent of a stock whose rows are parts is the sum of the parts that are known last.

With runs that die at any step, are stopped, or cannot write the ledger, answers that are lost,
refusals, taps that bring only what has changed or die before the end, and two streams whose parts
are of the same stocks.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from target_tocobagus.cli.map.sums import Sums
from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.model import Part, Stock
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import open_engine, read_url
from target_tocobagus.mapping import compile_mapping
from tests.laws.test_ledger import EXAMPLES, faults, laws
from tests.ledger.world import BINS, HOUR, LOTS, UNKNOWN, WELL, Ending, Fault, PartRow, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.mapping.summing import Summing
    from tests.ledger.world import Outcome

    Place = tuple[Identifier, str | None]

_WORLDS: Final = count()
KEYS: Final = ("1", "2", "3", "4")
PLACES: Final[tuple[Place, ...]] = (
    (("sku", "a"), "A"),
    (("sku", "a"), "B"),
    (("sku", "b"), "A"),
    (("id", "a"), "A"),
)
QUANTITIES: Final = ("0", "1", "2", "0.5", "~0.25", "-1", "3")


def summing(*, is_complete: bool = False, buffer: int = 0) -> Summing:
    """Compile a mapping that adds up."""
    written = {"stream": "lots", "sku": "sku", "stock": "qty", "combine": "sum", "part": "lot"}
    mapping = stream_mapping({**written, "parts_complete": is_complete})
    found = compile_mapping(mapping, StockPolicy(stock_buffer=buffer)).summing
    assert found is not None
    return found


SUMS: Final = {LOTS: summing(), BINS: summing()}
BUFFERED: Final = {LOTS: summing(buffer=1), BINS: summing(buffer=1)}
COMPLETE: Final = {LOTS: summing(is_complete=True)}


class Past(NamedTuple):
    """One run before the last."""

    rows: list[PartRow]
    faults: list[Fault]
    ending: Ending
    batch_rows: int


def part_rows(
    streams: Iterable[Stream], quantities: Iterable[str] = QUANTITIES
) -> st.SearchStrategy[PartRow]:
    """Draw a record: a part at one or two places, or one that is deleted."""
    place = st.sampled_from(PLACES)
    level = st.builds(
        lambda place, quantity: (*place, quantity), place, st.sampled_from(list(quantities))
    )
    return st.builds(
        lambda key, levels, stream: PartRow(key, tuple(levels), stream=stream),
        st.sampled_from(KEYS),
        st.lists(level, max_size=2),
        st.sampled_from(list(streams)),
    )


def pasts(
    streams: Iterable[Stream], kinds: Iterable[str], quantities: Iterable[str] = QUANTITIES
) -> st.SearchStrategy[list[Past]]:
    """Draw a history."""
    past = st.builds(
        Past,
        rows=st.lists(part_rows(streams, quantities), min_size=1, max_size=8),
        faults=faults(kinds, ["none", "now"]),
        ending=st.one_of(
            st.just(WELL),
            st.integers(0, 20).map(lambda step: Ending(dies_at=step)),
            st.integers(0, 6).map(lambda step: Ending(full_at=step)),
            st.just(Ending(stops=True)),
        ),
        batch_rows=st.integers(1, 3),
    )
    return st.lists(past, min_size=1, max_size=4)


INCREMENTAL: Final = pasts((LOTS, LOTS, BINS), [*UNKNOWN, "unsent", "429", "refused"])
WHOLE: Final = pasts((LOTS, LOTS, LOTS, BINS), ["lost", "refused"], ("1", "2", "3"))
FIRST: Final = st.lists(part_rows((LOTS,), ("1", "2")), min_size=1, max_size=4)
"""What a run brings that ends well; whole numbers, whose sums may be sure then."""
POLICIES: Final = st.lists(st.sampled_from([False, False, False, True]), min_size=4, max_size=4)
LAST: Final = st.lists(part_rows((LOTS, BINS)), min_size=1, max_size=6)


@laws()
@given(past=INCREMENTAL, last=LAST)
def test_from_its_bookmark_on_the_sums_are_right(
    file: str, past: list[Past], last: list[PartRow]
) -> None:
    """A tap that brings only what has changed gives the same sums as one that brings everything."""
    end_well(file, past, last)


@laws(EXAMPLES // 4)
@given(past=INCREMENTAL, last=LAST)
def test_from_its_bookmark_on_the_sums_are_right_with_postgresql(
    server: str, past: list[Past], last: list[PartRow]
) -> None:
    """The same holds where a server keeps the ledger."""
    end_well(server, past, last)


@laws()
@given(rows=st.lists(part_rows((LOTS,)), min_size=1, max_size=8))
def test_map_shows_what_a_first_run_sends(file: str, rows: list[PartRow]) -> None:
    """`tocobagus map` adds up a file as the ledger does, at the same places."""
    world = World(file, f"{next(_WORLDS)}-")
    assert world.run(rows, sums=SUMS).error is None
    sums = Sums(SUMS[LOTS])
    for row in rows:
        sums.add(Part(row.key, row.levels))

    stocks = [each.stock for each in sums.added_up(lambda identifier: identifier)]
    shown = {(each.identifier, each.location): each for each in stocks if isinstance(each, Stock)}
    assert {place: each.quantity for place, each in shown.items()} == {
        (item, place): quantity
        for item, levels in world.shop().stock.items()
        for place, quantity in levels.items()
    }


def end_well(ledger: str, past: list[Past], last: list[PartRow]) -> None:
    """Live through a history of changes, each run from its bookmark on; rejections come again."""
    world = World(ledger, f"{next(_WORLDS)}-")
    log: list[PartRow] = []
    covered = 0
    for one in past:
        log += one.rows
        covered += live(world, one, log[covered:], SUMS).covered
    log += last
    world.now_ms += 24 * HOUR
    ended = world.run(log[covered:], sums=SUMS)
    assert ended.error is None
    assert covered + ended.covered == len(log)
    assert seen(world, sums_of(log)) == sums_of(log)


def live(world: World, past: Past, rows: list[PartRow], sums: Mapping[Stream, Summing]) -> Outcome:
    """Live through one run, which never ends by a mistake of the program."""
    world.now_ms += HOUR
    ended = world.run(
        rows, faults=past.faults, ending=past.ending, batch_size_rows=past.batch_rows, sums=sums
    )
    assert "internal error" not in str(ended.error)
    return ended


def sums_of(log: Iterable[PartRow]) -> dict[Place, int]:
    """Add up the newest of each part, at each place that a part was ever at."""
    newest = {(row.stream, row.key): row.levels for row in log}
    totals: dict[Place, Decimal] = {
        (item, place): Decimal(0) for row in log for item, place, _ in row.levels
    }
    for levels in newest.values():
        for item, place, quantity in levels:
            totals[item, place] += Decimal(quantity.removeprefix("~"))
    return {key: max(0, int(total)) for key, total in totals.items()}


def seen(world: World, sums: Iterable[Place]) -> dict[Any, int]:
    """Tell what the shop has; a place at which a part never stayed for long has nothing."""
    return {key: world.shop().holds(*key) or 0 for key in sums}


@laws()
@given(first=FIRST, past=WHOLE, policies=POLICIES)
def test_a_part_that_comes_again_brings_its_sum(
    file: str, first: list[PartRow], past: list[Past], policies: list[bool]
) -> None:
    """Whatever earlier runs have lost, and the tap did not bring again, by whatever policies."""
    bring_again(file, first, past, policies)


@laws(EXAMPLES // 4)
@given(first=FIRST, past=WHOLE, policies=POLICIES)
def test_a_part_that_comes_again_brings_its_sum_with_postgresql(
    server: str, first: list[PartRow], past: list[Past], policies: list[bool]
) -> None:
    """The same holds where a server keeps the ledger."""
    bring_again(server, first, past, policies)


def bring_again(ledger: str, first: list[PartRow], past: list[Past], policies: list[bool]) -> None:
    """Live through runs of which none brings what the others have lost; then all parts come."""
    world = World(ledger, f"{next(_WORLDS)}-")
    assert world.run(first, sums=SUMS).error is None
    for one, is_buffered in zip(past, policies, strict=False):
        live(world, one, one.rows, BUFFERED if is_buffered else SUMS)
    known = [PartRow(key, levels, stream=of) for (of, key), levels in remembered(world).items()]
    world.now_ms += HOUR
    assert world.run(known, sums=SUMS).error is None
    assert seen(world, sums_of(known)) == sums_of(known)


def remembered(world: World) -> dict[tuple[Stream, str], tuple[Any, ...]]:
    """Read what the ledger knows of each part of a store."""
    table, source, store = schema.part.c, schema.source.c, schema.store.c
    of_store = (
        select(source.stream, table.part, table.kind, table.identifier, table.location)
        .add_columns(table.quantity)
        .join(schema.source, source.id == table.source)
        .join(schema.store, store.id == table.store)
        .where(store.client_id == world.store_id(), table.quantity != "")
    )
    found: dict[tuple[Stream, str], tuple[Any, ...]] = {}
    with open_engine(read_url(world.ledger)).connect() as reader:
        for name, key, kind, text, place, quantity in reader.execute(of_store):
            part = (LOTS if name == LOTS.name else BINS, key)
            levels = [((kind, text), place, each) for each in quantity.split()]
            found[part] = (*found.get(part, ()), *levels)
    return found


FEED: Final = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.dictionaries(
        st.sampled_from(KEYS),
        st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["1", "2", "5"])),
        min_size=1,
    ),
    min_size=1,
)
"""By item the place and quantity of each of its parts."""


def feed_of(items: dict[str, dict[str, tuple[str, str]]]) -> list[PartRow]:
    """Make the rows of a feed that brings all parts of the items that it names."""
    return [
        PartRow(f"{item}-{key}", ((("sku", item), place, quantity),))
        for item, parts in items.items()
        for key, (place, quantity) in parts.items()
    ]


@laws()
@given(
    feeds=st.lists(
        st.tuples(
            FEED,
            faults([*UNKNOWN, "unsent", "429", "refused"], ["none", "now"]),
            st.one_of(
                st.just(WELL),
                st.just(Ending(torn=True)),
                st.integers(0, 20).map(lambda step: Ending(dies_at=step)),
                st.just(Ending(stops=True)),
            ),
            st.integers(0, 8),
        ),
        min_size=1,
        max_size=4,
    ),
    last=FEED,
)
def test_of_a_complete_feed_only_its_own_parts_count(
    file: str, feeds: list[Any], last: dict[str, dict[str, tuple[str, str]]]
) -> None:
    """Parts that the last whole feed does not bring of an item that it names are gone."""
    world = World(file, f"{next(_WORLDS)}-")
    known: list[PartRow] = []
    for feed, troubles, ending, read in feeds:
        rows = feed_of(feed)
        rows = rows[: read + 1] if ending.torn else rows
        before = dict(world.shop().stock)
        ended = live(world, Past(rows, troubles, ending, 2), rows, COMPLETE)
        if ending.torn:
            assert ended.error is not None
            assert (ended.covered, world.shop().stock) == (0, before)
        known += rows
    world.now_ms += 24 * HOUR
    rows = feed_of(last)
    assert world.run(rows, sums=COMPLETE).error is None
    expected = {key: 0 for key in sums_of(known) if key[0][1] in last} | sums_of(rows)
    assert seen(world, expected) == expected


@pytest.mark.parametrize("dies_at", range(12))
def test_what_a_feed_left_out_is_0_also_if_its_run_has_died(file: str, dies_at: int) -> None:
    """The API may not know of it yet, and the next feed does not name it either."""
    world = World(file, f"{next(_WORLDS)}-")
    two = feed_of({"a": {"1": ("A", "5"), "2": ("B", "5")}})
    assert world.run(two, sums=COMPLETE).error is None
    world.run(two[:1], ending=Ending(dies_at=dies_at), sums=COMPLETE)
    assert world.run(two[:1], sums=COMPLETE).error is None
    assert seen(world, sums_of(two)) == {(("sku", "a"), "A"): 5, (("sku", "a"), "B"): 0}


def test_a_sum_that_was_refused_is_sent_again_by_itself(file: str) -> None:
    """Also of an item that has no part any more, and whose row no run brings again."""
    world = World(file, f"{next(_WORLDS)}-")
    of = {sku: PartRow("1", ((("sku", sku), "A", "5"),)) for sku in ("a", "b")}
    assert world.run([of["a"]], sums=SUMS).error is None
    moved = world.run([of["b"]], faults=[Fault("refused", rows=0)], sums=SUMS)
    assert (moved.error, moved.pipeline.totals.rejected) == (None, 1)
    assert seen(world, [(("sku", "a"), "A")]) == {(("sku", "a"), "A"): 5}
    world.now_ms += 24 * HOUR
    assert world.run([], sums=SUMS).error is None
    assert seen(world, [(("sku", "a"), "A")]) == {(("sku", "a"), "A"): 0}


@pytest.mark.parametrize("names", [["lot"], ["lot", "sku"]])
def test_a_part_with_a_long_name_can_be_remembered(server: str, names: list[str]) -> None:
    """Also with an item and a location that are as long, and that cannot be compressed."""
    written = {"stream": "lots", "sku": "sku", "stock": "qty", "warehouse": "wh", "combine": "sum"}
    mapping = compile_mapping(stream_mapping({**written, "part": names}), StockPolicy())
    rows = []
    for number in (1, 2):
        draw = Random(number)  # noqa: S311  # no secret
        lot, sku, wh = ("".join(map(chr, draw.choices(range(48, 123), k=1000))) for _ in range(3))
        (said,) = mapping.outcomes({"lot": lot, "sku": sku, "wh": wh, "qty": number})
        assert isinstance(said, Part)
        rows.append(PartRow(said.key, said.rows))
    world = World(server, f"{next(_WORLDS)}-")
    assert world.run(rows, sums=SUMS).error is None
    assert sorted(seen(world, sums_of(rows)).values()) == [1, 2]
