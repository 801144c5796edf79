"""A store at a glance, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.inspection.overview import Overview, SoldOut, look
from tests.delivery.scripted_run import CREDENTIALS
from tests.ledger.test_maintenance import die_in_flight
from tests.ledger.world import HOUR, Fault, Row, World
from tests.postgres import HOST, PASSWORD, USER, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY: Final = store_key(CREDENTIALS["api_url"], "s")
KOPI: Final = ("sku", "KOPI")
GULA: Final = ("externalId", "GULA")


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world with an empty ledger."""
    if request.param == "sqlite":
        yield World(str(tmp_path / "ledger.db"))
        return
    pytest.importorskip("psycopg")
    try:
        with running_postgres() as database:
            yield World(f"postgresql://{USER}:{PASSWORD}@{HOST}:{database.port}/{USER}")
    except FileNotFoundError as error:
        pytest.skip(str(error))


def seen(world: World, since: int = 0) -> Overview:
    """Look at the store."""
    found = look(world.ledger, KEY, since)
    assert found is not None
    return found


def test_a_store_is_seen_at_a_glance(world: World) -> None:
    """Its runs, what changes, what is sold out and since when, what is refused and in doubt."""
    assert look(world.ledger, KEY, 0) is None
    began = world.now_ms
    for quantities in ((5, 1), (4, 1), (0, 1)):
        world.run([Row(KOPI, (("W1", quantities[0]), ("W2", quantities[1])))])
        world.now_ms += HOUR
    sold_out_at = world.now_ms - HOUR
    world.run([Row(GULA, ((None, 0),))])
    world.run([Row(("sku", "BERAS"), ((None, 3),))], faults=[Fault("refused")] * 9)
    found = seen(world)

    assert (found.is_running, found.guard_fired, found.levels, found.in_doubt) == (0, 0, 3, 0)
    assert [run.summary["accepted"] for run in found.runs] == [0, 1, 1, 1, 2]
    assert found.last_success == world.now_ms
    assert [at for at, _ in found.requests][:1] == [began]
    assert [(each.identifier, each.location, *each[2:]) for each in found.moving] == [
        (KOPI, "W1", 2, 0)
    ]
    assert found.sold_out == [SoldOut(KOPI, "W1", sold_out_at), SoldOut(GULA, None, None)]
    assert found.sold_out_count == 2
    (refused,) = found.refusals
    assert (refused.rows, refused.oldest, refused.example) == (1, world.now_ms, "BERAS")


def test_only_what_is_asked_for_is_told(world: World) -> None:
    """Runs, requests and changes of before are left out; the last success is told all the same."""
    for quantity in (5, 4):
        world.run([Row(KOPI, (("W1", quantity),))])
    ended = world.now_ms
    world.now_ms += 48 * HOUR
    found = seen(world, world.now_ms - HOUR)

    assert (found.runs, found.requests, found.moving) == ([], [], [])
    assert (found.last_success, found.levels) == (ended, 1)


def test_a_run_that_died_leaves_doubt_and_no_success(tmp_path: Path) -> None:
    """It has not ended."""
    world = World(str(tmp_path / "ledger.db"))
    die_in_flight(world, [Row(KOPI, (("W1", 7),))])
    found = seen(world)
    assert (found.in_doubt, found.last_success) == (1, None)
    assert found.runs[0].ended_at is None
