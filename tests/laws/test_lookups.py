"""What is sent of rows that look their item up is what the source says, whatever fails.

With both streams in any order, pairs that come in later runs or change, runs that die at any step,
are stopped or cannot write the ledger, answers that are lost, and refusals.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.config.settings import StockPolicy, stream_mapping
from target_tocobagus.core.model import Stream
from target_tocobagus.mapping import compile_mapping
from tests.laws.test_ledger import EXAMPLES, faults, laws
from tests.ledger.world import HOUR, UNKNOWN, WELL, Ending, PairRow, PartRow, Row, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.mapping.summing import Summing
    from tests.ledger.world import Fault

_WORLDS: Final = count()
_WRITTEN: Final[dict[str, Any]] = {
    "stream": "levels",
    "stock": "qty",
    "lookup": {"stream": "items", "match": "id", "path": "item", "sku": "sku"},
}
MAPPING: Final = compile_mapping(stream_mapping(_WRITTEN), StockPolicy())
SUMS: Final = compile_mapping(
    stream_mapping({**_WRITTEN, "stream": "lots", "combine": "sum", "part": "lot"}), StockPolicy()
)
LOTS: Final = Stream("lots", b'{"type":"SCHEMA"}', entry=SUMS.entry)
LEVELS: Final = Stream("levels", b'{"type":"SCHEMA"}', entry=MAPPING.entry)
NAMES: Final[dict[str, tuple[Identifier | None, ...]]] = {
    "1": (("sku", "a"), ("sku", "b"), ("id", "a")),
    "2": (("sku", "c"), ("sku", "d")),
    "3": (("sku", "e"),),
    "4": (None,),
}
"""What each match may stand for."""
PLACES: Final = {"1": ("A", "B"), "2": (None,), "3": ("A",), "4": ("A",)}


class Past(NamedTuple):
    """One run before the last."""

    rows: list[Any]
    faults: list[Fault]
    ending: Ending
    batch_rows: int


def stand_in(match: str) -> Identifier:
    """Make what stands for the item of a match."""
    assert MAPPING.pairs is not None
    return MAPPING.pairs.kind, match


@st.composite
def rows(draw: Any) -> Row | PairRow:
    """Draw a record of either stream."""
    match = draw(st.sampled_from(sorted(NAMES)))
    if draw(st.booleans()):
        return PairRow(match, draw(st.sampled_from(NAMES[match])))
    place = draw(st.sampled_from(PLACES[match]))
    return Row(stand_in(match), ((place, draw(st.integers(0, 3))),), stream=LEVELS)


@st.composite
def part_rows(draw: Any) -> PartRow | PairRow:
    """Draw a record of either stream, where the rows are parts."""
    row = draw(rows())
    if isinstance(row, PairRow):
        return row
    others = draw(st.lists(rows(), max_size=1))
    levels = [
        (each.identifier, place, str(quantity))
        for each in (row, *others)
        if isinstance(each, Row)
        for place, quantity in each.levels
    ]
    return PartRow(draw(st.sampled_from(["x", "y", "z"])), tuple(levels), stream=LOTS)


ROWS: Final = st.lists(rows(), min_size=1, max_size=8)
PART_ROWS: Final = st.lists(part_rows(), min_size=1, max_size=8)
TORN: Final = st.one_of(
    st.just(WELL),
    st.integers(0, 20).map(lambda step: Ending(dies_at=step)),
    st.integers(0, 6).map(lambda step: Ending(full_at=step)),
    st.just(Ending(stops=True)),
)
FAULTS: Final = faults([*UNKNOWN, "unsent", "429", "refused"], ["none", "now"])
PASTS: Final = st.lists(
    st.builds(Past, rows=ROWS, faults=FAULTS, ending=TORN, batch_rows=st.integers(1, 3)),
    min_size=1,
    max_size=4,
)
PART_PASTS: Final = st.lists(
    st.builds(Past, rows=PART_ROWS, faults=FAULTS, ending=TORN, batch_rows=st.integers(1, 3)),
    min_size=1,
    max_size=4,
)


@laws()
@given(past=PASTS, last=ROWS)
def test_from_its_bookmark_on_each_item_has_what_its_match_has(
    file: str, past: list[Past], last: list[Row | PairRow]
) -> None:
    """Rows that lacked their pair come again with it, and levels follow a pair that changes."""
    end_well(file, past, last)


@laws(EXAMPLES // 4)
@given(past=PASTS, last=ROWS)
def test_from_its_bookmark_on_each_item_has_what_its_match_has_with_postgresql(
    server: str, past: list[Past], last: list[Row | PairRow]
) -> None:
    """The same holds where a server keeps the ledger."""
    end_well(server, past, last)


def end_well(ledger: str, past: list[Past], last: list[Row | PairRow]) -> None:
    """Live through a history, and look at the shop."""
    world, log = live(ledger, past, last, [MAPPING], {})
    expected = levels_of(log)
    assert {key: world.shop().holds(*key) for key in expected} == expected


def live(
    ledger: str,
    past: list[Past],
    last: list[Any],
    lookups: list[CompiledMapping],
    sums: dict[Stream, Summing],
) -> tuple[World, list[Any]]:
    """Live through a history, each run from its bookmark on; rejections come again."""
    world = World(ledger, f"{next(_WORLDS)}-")
    log: list[Any] = []
    covered = 0
    for one in past:
        log += one.rows
        world.now_ms += HOUR
        ended = world.run(
            log[covered:],
            faults=one.faults,
            ending=one.ending,
            batch_size_rows=one.batch_rows,
            lookups=lookups,
            sums=sums,
            max_zeroed_percent=100,
        )
        assert "internal error" not in str(ended.error)
        covered += ended.covered
    log += last
    world.now_ms += 24 * HOUR
    ended = world.run(log[covered:], lookups=lookups, sums=sums)
    assert ended.error is None
    assert covered + ended.covered == len(log)
    return world, log


@laws()
@given(past=PART_PASTS, last=PART_ROWS)
def test_parts_count_for_the_item_that_their_match_stands_for(
    file: str, past: list[Past], last: list[PartRow | PairRow]
) -> None:
    """When a pair comes or changes, the sums of the items of before and of now go out."""
    summing = SUMS.summing
    assert summing is not None
    world, log = live(file, past, last, [SUMS], {LOTS: summing})
    expected = sums_of(log)
    assert {key: world.shop().holds(*key) or 0 for key in expected} == expected


def sums_of(log: Iterable[PartRow | PairRow]) -> dict[tuple[Identifier, str | None], int]:
    """Add up the newest of each part under the newest pairs; the rest is 0."""
    names: dict[Identifier, Identifier | None] = {}
    parts: dict[str, PartRow] = {}
    ever: dict[tuple[Identifier, str | None], int] = {}
    for row in log:
        if isinstance(row, PairRow):
            names[stand_in(row.match)] = row.identifier
        else:
            parts[row.key] = row
            for identifier, place, _ in row.levels:
                ever |= {(each, place): 0 for each in NAMES[identifier[1]] if each is not None}
    for row in parts.values():
        for identifier, place, quantity in row.levels:
            if (named := names.get(identifier)) is not None:
                ever[named, place] += int(quantity)
    return ever


def levels_of(log: Iterable[Row | PairRow]) -> dict[tuple[Identifier, str | None], int]:
    """Say what the items have by the newest pair and the newest rows of each match."""
    names: dict[Identifier, Identifier | None] = {}
    levels: dict[tuple[Identifier, str | None], int] = {}
    for row in log:
        if isinstance(row, PairRow):
            names[stand_in(row.match)] = row.identifier
        else:
            levels |= {(row.identifier, place): quantity for place, quantity in row.levels}
    return {
        (named, place): quantity
        for (identifier, place), quantity in levels.items()
        if (named := names.get(identifier)) is not None
    }
