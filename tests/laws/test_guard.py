"""Whatever happened, no source empties the shop: the guard's promises, over histories of runs.

With runs that die at any step or cannot write the ledger, answers that are lost, requests that are
applied late, refusals, batches in parallel, and stock by item and by warehouse.

`LEDGER_EXAMPLES` says how many histories to live through (half of 60), on SQLite; PostgreSQL gets a
part.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from target_tocobagus.core.errors import StockOutsHeld
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import open_engine, read_url
from tests.laws.test_ledger import ANSWERED, EXAMPLES, laws
from tests.ledger.world import HOUR, WELL, Ending, Fault, Row, Shop, World, source_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

    from target_tocobagus.core.model import Identifier
    from tests.ledger.world import Outcome

PERCENTS: Final = (0, 10, 30, 60)
_FEWEST: Final = 20
ITEMS: Final[tuple[Identifier, ...]] = tuple(("sku", f"i{number}") for number in range(24))
PLACES: Final[tuple[tuple[str | None, ...], ...]] = ((None,), ("A",), ("A", "B"))
KINDS: Final = ("lost", "unsent", "500", "408", "429", "refused", "omitted")
_WORLDS: Final = count()


class WatchedShop(Shop):
    """A shop that notices when too much of it falls to 0.

    Attributes:
        percent: How much may fall.
        known: Levels that the ledger knew to be in stock when the run began, without deleted ones.
        gone: How many levels in stock were deleted since; the guard may not have heard of it.
        faults: What broke the promise.
    """

    def __init__(self, world: World, percent: int) -> None:
        super().__init__()
        self._world = world
        self.percent = percent
        self.known: set[tuple[Identifier, str | None]] = set()
        self.gone = 0
        self._zeroed: dict[tuple[Identifier, str | None], int] = {}
        self.faults: list[str] = []

    def delete(self, identifier: Identifier, refused: Collection[str | None]) -> None:
        """Delete an item; what of it was in stock has not fallen to 0, and is known no longer."""
        self.known = {each for each in self.known if each[0] != identifier}
        self.gone += sum(quantity > 0 for quantity in self.stock.get(identifier, {}).values())
        for place in (None, "A", "B"):
            self._zeroed.pop((identifier, place), None)
        super().delete(identifier, refused)

    def apply(self, identifier: Identifier, levels: dict[str | None, int]) -> None:
        """Take rows on; note each level that was known to be in stock, and is not any more."""
        before = {place: self.holds(identifier, place) for place in (None, "A", "B")}
        super().apply(identifier, levels)
        if None not in levels and (identifier, None) in self._zeroed:  # the global ends with it
            at = self._zeroed.pop((identifier, None))
            self._zeroed |= {(identifier, place): at for place in levels if not levels[place]}
        has_fallen = False
        for place in (None, "A", "B"):
            key = (identifier, place)
            if self.holds(identifier, place):
                self._zeroed.pop(key, None)
            elif before[place] and self._is_level(identifier, place, levels):
                self._zeroed[key] = self._world.now_ms
                has_fallen = True
        if has_fallen:
            self._judge()

    def _is_level(
        self, identifier: Identifier, place: str | None, levels: dict[str | None, int]
    ) -> bool:
        """Whether a place that fell to 0 was known to have stock, by itself or as the global."""
        by_itself = (identifier, place) in self.known
        return by_itself or (place in levels and (identifier, None) in self.known)

    def _levels_of(self, identifier: Identifier) -> int:
        """Count the levels in stock of an item.

        If a global has replaced warehouses and its answer was lost, the ledger counts those.
        """
        in_stock = sum(quantity > 0 for quantity in self.stock[identifier].values())
        known = sum(each[0] == identifier for each in self.known)
        return max(in_stock, known) if in_stock else 0

    def _judge(self) -> None:
        since = self._world.now_ms - 20 * HOUR
        zeroed = sum(at > since for at in self._zeroed.values())
        stock = self.gone + sum(map(self._levels_of, self.stock))
        if len(self.known) < _FEWEST:
            return  # the shop may have more than the ledger knows, by answers that were lost
        if zeroed + stock >= _FEWEST and zeroed * 100 > self.percent * (zeroed + stock):
            self.faults.append(f"{zeroed} of {zeroed + stock} fell to 0")


class Past(NamedTuple):
    """One run.

    Attributes:
        share: How many of 10 levels the source says to be 0.
        part: How many of 10 items it names.
        hours: How much later than the run before it begins.
    """

    share: int
    part: int
    faults: list[Fault]
    ending: Ending
    hours: int
    batch_rows: int


@st.composite
def pasts(draw: Any, *, at_least: int = 1) -> list[Past]:
    """Draw a history."""
    fault = st.builds(
        Fault,
        kind=st.sampled_from(["", *KINDS]),
        effect=st.sampled_from(["none", "now", "late"]),
        rows=st.integers(0, 7),
        answered=ANSWERED,
    )
    ending = st.one_of(
        st.just(WELL),
        st.integers(0, 30).map(lambda step: Ending(dies_at=step)),
        st.integers(0, 10).map(lambda step: Ending(full_at=step)),
        st.just(Ending(stops=True)),
    )
    past = st.builds(
        Past,
        share=st.sampled_from([0, 1, 2, 3, 5, 10]),
        part=st.sampled_from([3, 10, 10]),
        faults=st.lists(fault, max_size=6),
        ending=ending,
        hours=st.sampled_from([1, 3, 9, 20, 25]),
        batch_rows=st.sampled_from([1, 4, 9, 30]),
    )
    drawn: list[Past] = draw(st.lists(past, min_size=at_least, max_size=5))
    return drawn


class Shelf(NamedTuple):
    """A shop that is watched, and its ledger."""

    world: World
    shop: WatchedShop
    store: str

    def run(self, rows: list[Row], **options: Any) -> Outcome:
        """Run once; nothing goes wrong by a mistake of the program, and not too much falls to 0."""
        self.shop.known, self.shop.gone = self._known(), 0
        percent = {"max_zeroed_percent": self.shop.percent}
        ended = self.world.run(rows, **{**percent, **options})
        assert "internal error" not in str(ended.error)
        return ended

    def live(self, past: Past, rows: list[Row]) -> Outcome:
        """Live through one run, and hold it to the promise."""
        self.world.now_ms += past.hours * HOUR
        ended = self.run(
            rows, faults=past.faults, ending=past.ending, batch_size_rows=past.batch_rows
        )
        assert not self.shop.faults
        return ended

    def _known(self) -> set[tuple[Identifier, str | None]]:
        """Return the levels that are known to be in stock."""
        of_name = schema.store.c.client_id == self.store
        number = select(schema.store.c.id).where(of_name).scalar_subquery()
        table = schema.level.c
        keys = select(table.kind, table.identifier, table.location)
        with open_engine(read_url(self.world.ledger)).connect() as connection:
            found = connection.execute(keys.where(table.store == number, table.quantity > 0))
            return {((kind, text), place or None) for kind, text, place in found}


def open_shelf(ledger: str, percent: int) -> Shelf:
    """Open a shop."""
    name = f"{next(_WORLDS)}-"
    world = World(ledger, name)
    shop = WatchedShop(world, percent)
    world.shops["s"] = shop
    return Shelf(world, shop, f"{name}s")


def source(share: int, part: int, random: Random, *, mixed: bool = True) -> list[Row]:
    """Say what some items have; now and then one by the item instead of by warehouse.

    Args:
        share: How many of 10 levels are 0.
        part: How many of 10 items are named.
        random: Draws them.
        mixed: Some items change between stock by item and by warehouse.
    """
    rows = []
    for number, identifier in enumerate(ITEMS):
        if random.randrange(10) >= part:
            continue
        other = mixed and not random.randrange(8)
        places = random.choice(PLACES) if other else PLACES[number % 3]
        stock = [(place, 0 if random.randrange(10) < share else 5) for place in places]
        rows.append(Row(identifier, tuple(stock)))
    random.shuffle(rows)
    return rows


def keep_the_share(ledger: str, history: list[Past], percent: int, random: Random) -> None:
    """Fill a shop, and live through a history."""
    shelf = open_shelf(ledger, percent)
    shelf.run(source(0, 10, random))
    for past in history:
        shelf.live(past, source(past.share, past.part, random))


@laws(EXAMPLES // 2)
@given(history=pasts(), percent=st.sampled_from(PERCENTS), random=st.randoms())
def test_no_more_than_the_share_falls_to_zero(
    file: str, history: list[Past], percent: int, random: Random
) -> None:
    """Within 20 hours, of what was known to be in stock, whatever happens to runs and answers."""
    keep_the_share(file, history, percent, random)


@laws(EXAMPLES // 6)
@given(history=pasts(), percent=st.sampled_from(PERCENTS), random=st.randoms())
def test_no_more_than_the_share_falls_to_zero_with_postgresql(
    server: str, history: list[Past], percent: int, random: Random
) -> None:
    """The same holds where a server keeps the ledger."""
    keep_the_share(server, history, percent, random)


@laws(EXAMPLES // 2)
@given(history=pasts(), percent=st.sampled_from(PERCENTS), random=st.randoms())
def test_all_but_what_is_held_arrives(
    file: str, history: list[Past], percent: int, random: Random
) -> None:
    """One good run makes the shop equal to the source in all but the stock-outs that are held.

    What is held is unsettled, and no STATE covers it.
    """
    shelf = open_shelf(file, percent)
    for past in history:
        shelf.live(past, source(past.share, past.part, random))
    rows = source(random.choice([0, 2, 10]), 10, random)
    ended = shelf.run(rows, batch_size_rows=random.choice([1, 7, 30]))
    totals = ended.pipeline.totals
    wanted = source_of(rows)
    missing = [key for key, stock in wanted.items() if shelf.shop.holds(*key) != stock]
    held = [row for row in rows for place, _ in row.levels if (row.identifier, place) in missing]

    assert isinstance(ended.error, StockOutsHeld) == bool(totals.held)
    assert ended.error is None or totals.held
    assert all(wanted[key] == 0 for key in missing)
    assert len(missing) <= totals.held == totals.unsettled
    assert ended.covered <= min([rows.index(row) for row in held], default=len(rows))
    assert ended.covered == len(rows) or held


@laws(EXAMPLES // 2)
@given(history=pasts(), percent=st.sampled_from(PERCENTS[:3]), random=st.randoms())
def test_a_guard_that_fired_does_not_open_by_itself(
    file: str, history: list[Past], percent: int, random: Random
) -> None:
    """The same zeros are held again, whatever time passes; until they are let through."""
    shelf = open_shelf(file, percent)
    full = source(0, 10, random, mixed=False)
    empty = source(10, 10, random, mixed=False)
    assert shelf.run(full).error is None
    assert isinstance(shelf.run(empty, batch_size_rows=3).error, StockOutsHeld)
    stock = deepcopy(shelf.shop.stock)
    for past in history:
        shelf.live(past, empty)
        assert shelf.shop.stock == stock
    shelf.world.now_ms += 100 * HOUR
    assert isinstance(shelf.run(empty).error, StockOutsHeld)
    assert shelf.shop.stock == stock
    assert shelf.run(empty, max_zeroed_percent=100).error is None
    assert not any(shelf.shop.holds(*key) for key in source_of(empty))
    assert shelf.run(full).error is None
    assert all(shelf.shop.holds(*key) for key in source_of(full))


@laws(EXAMPLES // 6)
@given(random=st.randoms(), batch_rows=st.sampled_from([1, 5, 30]))
def test_stock_that_comes_and_goes_never_meets_it(
    file: str, random: Random, batch_rows: int
) -> None:
    """All day items sell out and are filled again: what is in stock again counts no longer."""
    shelf = open_shelf(file, 30)
    rows = [Row(identifier, ((None, 5),)) for identifier in ITEMS]
    assert shelf.run(rows).error is None
    out: list[Row] = []
    for _ in range(5):
        shelf.world.now_ms += HOUR
        back = [row._replace(levels=((None, 5),)) for row in out]
        out = [row._replace(levels=((None, 0),)) for row in random.sample(rows, 7)]
        assert shelf.run(back, batch_size_rows=batch_rows).error is None
        assert shelf.run(out, batch_size_rows=batch_rows).error is None
