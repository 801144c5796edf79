"""Whatever happened before, one good run makes the shop equal to the source.

With values that change and come back, runs that die at any step, answers that are lost, requests
that are applied late, refusals, several stores in one ledger, and global and per-warehouse values
of one item in any order; with versions and without.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.ledger.world import KINDS, Fault, Row, World, by_item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.core.model import Identifier

EXAMPLES: Final = int(os.environ.get("LEDGER_EXAMPLES", "150"))
PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
IDENTIFIERS: Final[tuple[Identifier, ...]] = (("sku", "a"), ("sku", "b"), ("id", "a"))
STORES: Final = ("s", "t")


class Past(NamedTuple):
    """One run before the last.

    Attributes:
        dies_at: The step before which it dies; `None` if it does not.
    """

    store: str
    rows: list[tuple[Identifier, str | None, int]]
    faults: list[Fault]
    dies_at: int | None


ROWS: Final = st.lists(
    st.tuples(
        st.sampled_from(IDENTIFIERS),
        st.sampled_from([None, None, "A", "B"]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=7,
)
FAULTS: Final = st.lists(
    st.builds(
        Fault,
        kind=st.sampled_from(["", "", *KINDS]),
        effect=st.sampled_from(["none", "now", "late"]),
        rows=st.integers(0, 3),
    ),
    max_size=6,
)
PASTS: Final = st.lists(
    st.builds(
        Past,
        store=st.sampled_from(STORES),
        rows=ROWS,
        faults=FAULTS,
        dies_at=st.one_of(st.none(), st.integers(0, 14)),
    ),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """A ledger without any store, to be copied: to make its tables takes longest."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        path = Path(folder) / "empty.db"
        World(str(path)).run([])
        yield path


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # faster than a disk


laws: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@laws
@given(pasts=PASTS, last=ROWS)
def test_after_one_good_run_the_shop_is_as_the_source(
    empty: Path, pasts: list[Past], last: list[tuple[Identifier, str | None, int]]
) -> None:
    """What an earlier run left is never mistaken for what the shop has."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        world = World(str(shutil.copy(empty, folder)))
        for past in pasts:
            rows = [Row(*row) for row in past.rows]
            world.run(rows, store=past.store, faults=past.faults, dies_at=past.dies_at)
        for store in STORES:
            ended = world.run([Row(*row) for row in last], store=store)
            check(world, store, last, ended)


@laws
@given(pasts=PASTS, last=ROWS, order=st.randoms())
def test_with_versions_the_newest_one_counts(
    empty: Path,
    pasts: list[Past],
    last: list[tuple[Identifier, str | None, int]],
    order: Any,
) -> None:
    """Whatever order the rows come in, and however often old ones come again."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        world = World(str(shutil.copy(empty, folder)))
        given_: dict[str, list[Row]] = {store: [] for store in STORES}
        number = 0
        for past in [*pasts, *[Past(store, last, [], None) for store in STORES]]:
            rows = []
            for identifier, _, quantity in past.rows:
                number += 1
                rows.append(Row(identifier, None, quantity, f"n {number}"))
            again = order.sample(given_[past.store], min(3, len(given_[past.store])))
            fed = [*rows, *again]
            order.shuffle(fed)
            ended = world.run(fed, store=past.store, faults=past.faults, dies_at=past.dies_at)
            given_[past.store] += rows
        for store in STORES:
            newest: dict[Identifier, Row] = {}
            for row in given_[store]:
                newest[row.identifier] = row
            fed = [row for row in given_[store] if row in newest.values()]
            ended = world.run(fed, store=store)
            check(world, store, [row[:3] for row in fed], ended)


def check(world: World, store: str, rows: list[Any], ended: Any) -> None:
    """The run was good, its totals add up, and the shop is as the rows say."""
    assert ended.error is None
    assert ended.covered == len(rows)
    totals = ended.pipeline.totals
    settled = totals.accepted + totals.unchanged + totals.stale + totals.superseded
    assert settled == totals.updates == len(rows)
    seen = {
        (identifier, place): world.shop(store).holds(identifier, place)
        for identifier, place, _ in by_item([Row(*row) for row in rows])
    }
    assert seen == {
        (one, place): quantity for one, place, quantity in by_item([Row(*row) for row in rows])
    }
