"""On which day each level was named: kept for every row, whatever becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from target_tocobagus.api.client import Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.core.model import NoReply, RecordError, Skipped, Stream
from target_tocobagus.ledger.database import schema
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from tests.ledger.desk import STREAM, A, accept, item, opened, rows, screen, settings_of
from tests.ledger.world import HOUR, Ending, Fault, Row, World

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier

DAY: Final = 24 * HOUR
B: Final[Identifier] = ("sku", "b")
BOTH: Final = Row(A, (("W1", 5), ("W2", 6)))
OTHER: Final = Stream("other", b'{"type":"SCHEMA"}', entry="f")


@pytest.fixture
def world(ledger: str) -> World:
    """A store that had two warehouses of A and one of B named five days ago."""
    world = World(ledger)
    world.run([BOTH, Row(B, (("W1", 7),))])
    world.now_ms += 5 * DAY
    return world


def days_ago(world: World) -> dict[tuple[str, str], int | None]:
    """Tell how many days ago each level was named, by identifier and location."""
    today = world.now_ms // DAY
    return {
        (row["identifier"], row["location"]): None
        if row["named_day"] is None
        else today - row["named_day"]
        for row in rows(world.ledger, schema.level)
    }


def row(*levels: tuple[str | None, int], **fields: Any) -> Row:
    """Make a row of A."""
    return Row(A, levels, **fields)


@pytest.mark.parametrize(
    ("given", "faults", "named"),
    [
        ([row(("W1", 8))], [], {"W1"}),
        ([row(("W1", 8), ("W2", 9))], [Fault("refused")] * 3, {"W1", "W2"}),
        ([row(("W1", 8)), row(("W1", 9))], [], {"W1"}),
        ([row(("W1", 5)), Row(("sku", "c"), ((None, 1),)), row(("W1", 5))], [], {"W1"}),
        ([row(("W1", 5), stream=OTHER)], [], {"W1"}),
        ([row(("W1", 8), version="n 1")], [Fault("refused")], {"W1"}),
        ([row(other=Skipped("no quantity", named=((A, "W1"),)))], [], {"W1"}),
        ([row(other=Skipped("no list", named=((A, None),)))], [], {"W1", "W2"}),
        ([row(other=Skipped("is deleted", ended=((A, "W1"),)))], [], set()),
        ([row(other=RecordError("BAD_QUANTITY", "bad", A, "W1"))], [], {"W1"}),
        ([row(other=RecordError("NO_WAREHOUSE", "none", A))], [], {"W1", "W2"}),
        ([row(other=RecordError("NO_IDENTIFIER", "none"))], [], set()),
    ],
)
def test_every_row_names_its_level(
    world: World, given: list[Row], faults: list[Fault], named: set[str]
) -> None:
    """One whose location is not known may be of any; a deleted record names none."""
    world.run(given, faults=faults)
    found = days_ago(world)
    assert {place for place in ("W1", "W2") if found["a", place] == 0} == named
    assert all(found["a", place] == 5 for place in {"W1", "W2"} - named)
    assert found["b", "W1"] == 5


def test_an_unchanged_row_names_its_level_too(world: World) -> None:
    """Also beside others of its item that do not come, and one warehouse after the other."""
    world.run([BOTH])
    assert days_ago(world) == {("a", "W1"): 0, ("a", "W2"): 0, ("b", "W1"): 5}
    world.now_ms += DAY
    ended = world.run([row(("W1", 5)), Row(B, (("W1", 7),))])
    assert ended.pipeline.totals.unchanged == 2
    assert days_ago(world) == {("a", "W1"): 0, ("a", "W2"): 1, ("b", "W1"): 0}


def test_where_one_warehouse_comes_after_the_other_each_names_its_own(ledger: str) -> None:
    """Then only levels at those places are read."""
    world = World(ledger)
    places = [f"W{number}" for number in range(12)]
    names: list[Identifier] = [("sku", f"i{number}") for number in range(6)]
    world.run([Row(each, tuple((place, 5) for place in places)) for each in names])
    world.now_ms += 5 * DAY
    missing = (names[0], "W3")
    for_each = [
        Row(each, ((place, 5),)) for place in places for each in names if (each, place) != missing
    ]
    assert world.run(for_each, batch_size_rows=1).pipeline.totals.unchanged == 71
    found = days_ago(world)
    assert found.pop(("i0", "W3")) == 5
    assert set(found.values()) == {0}


def test_a_stale_row_names_its_level(ledger: str) -> None:
    """An older version came today all the same."""
    world = World(ledger)
    world.run([row((None, 5), version="n 2")])
    world.now_ms += 3 * DAY
    assert world.run([row((None, 4), version="n 1")]).pipeline.totals.stale == 1
    assert days_ago(world) == {("a", ""): 0}


def test_a_second_run_of_a_day_writes_no_days(ledger: str) -> None:
    """They are read with what is read anyway."""
    named: list[Any] = []
    with opened(ledger) as found:
        accept(found, item(levels={"W1": 5, "W2": 6}))
        found.named_days.name = lambda *levels: named.append(levels)  # type: ignore[method-assign]
        for version in ("", "n 1"):
            screen(found, [item(levels={"W1": 5, "W2": 7}, version=version)])
    assert [each for each in named if any(each[:2])] == [([], {A: []})]


def test_a_row_that_was_rejected_before_names_nothing(world: World) -> None:
    """The tap has not given it now: it comes from the ledger."""
    refused = Row(B, (("W1", 8),))
    world.run([refused], faults=[Fault("refused")])
    world.now_ms += 2 * DAY
    assert world.run([]).pipeline.totals.again is not None
    assert days_ago(world)["b", "W1"] == 2
    assert world.shop().holds(B, "W1") == 8


def test_a_clock_that_goes_back_makes_no_day_older(world: World) -> None:
    """Neither of an unchanged level nor of one that is accepted."""
    world.run([BOTH])
    world.now_ms -= 3 * DAY
    world.run([row(("W1", 5), ("W2", 9))])
    assert (days_ago(world)["a", "W1"], days_ago(world)["a", "W2"]) == (-3, -3)


def test_no_state_covers_a_row_whose_day_is_not_written(world: World) -> None:
    """The process dies before the days are written, and the rows come again."""
    ended = world.run([BOTH], ending=Ending(dies_at=0))
    assert (ended.covered, days_ago(world)["a", "W1"]) == (0, 5)


def test_days_are_on_disk_before_a_state_goes_out(world: World) -> None:
    """What is committed only to the log of SQLite might be lost if the power fails."""
    done: list[str] = []
    settings = settings_of(world.ledger)
    stages = wire(settings, WakeUp(), emit=lambda _: done.append("state"), outside=outside())
    assert stages.ledger is not None
    stages.ledger.sync = lambda: done.append("sync")
    pipeline = Pipeline(stages)
    pipeline.maps_nothing = False
    pipeline.position = 1
    pipeline.take([Skipped("no quantity", named=((A, "W1"),))], STREAM, b"{}")
    pipeline.checkpoint({"bookmark": msgspec.Raw(b"1")})
    pipeline.finish()
    assert done == ["sync", "state"]


def outside() -> Dependencies:
    """Make an API that nobody asks."""
    return Dependencies(Clock(), lambda _: NoReply(timed_out=False, cause="none", sent=False))
