"""What an operator sees of a ledger, finds wrong with it, makes it forget, and deletes of it."""

from __future__ import annotations

import sqlite3
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_tocobagus.config.settings import Credentials, StockPolicy, stream_mapping
from target_tocobagus.core.errors import LedgerError, LedgerRefused
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.database.run_lock import lock_path
from target_tocobagus.ledger.inspection.contents import OfStream, status
from target_tocobagus.ledger.inspection.integrity import problems
from target_tocobagus.ledger.inspection.selection import Wanted
from target_tocobagus.ledger.maintenance import Forgotten, forget, forget_parts, prune
from target_tocobagus.ledger.opening import open_ledger
from target_tocobagus.mapping import compile_mapping
from tests.delivery.scripted_run import CREDENTIALS, make_settings
from tests.ledger.world import BINS, HOUR, LOTS, Ending, Fault, PairRow, PartRow, Row, World

if TYPE_CHECKING:
    from pathlib import Path

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.mapping import CompiledMapping

A: Final[Identifier] = ("sku", "KOPI-1")
B: Final[Identifier] = ("sku", "KOPI-2")
ID: Final[Identifier] = ("id", "KOPI-1")
STORE: Final = {"credentials": Credentials("p", "secret", "s", "token")}
GLOBAL_BESIDE_WAREHOUSES: Final = (
    "INSERT INTO tocobagus_level SELECT store, kind, identifier, '', 1, 1, 1, NULL, NULL, 1, NULL,"
    " NULL FROM tocobagus_level WHERE location = 'W1'"
)
KEY: Final = store_key(CREDENTIALS["api_url"], "s")
ROWS: Final = [
    Row(A, (("W1", 1),)),
    Row(A, (("W2", 2),)),
    Row(B, ((None, 3),)),
    Row(ID, ((None, 4),)),
]
SUMMED: Final = {"stream": "lots", "sku": "sku", "stock": "qty", "combine": "sum", "part": "lot"}
SUMMING: Final[Any] = compile_mapping(stream_mapping(SUMMED), StockPolicy()).summing


def looking_up(sku: str) -> CompiledMapping:
    """Compile a mapping that looks its items up; each column makes another lookup."""
    lookup = {"stream": "items", "match": "id", "path": "item", "sku": sku}
    mapping = {"stream": "levels", "stock": "qty", "lookup": lookup}
    return compile_mapping(stream_mapping(mapping), StockPolicy())


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A ledger of two stores."""
    world = World(str(tmp_path / "ledger.db"))
    world.run(ROWS)
    world.run([Row(A, ((None, 9),))], store="t")
    return world


def execute(world: World, sql: str) -> list[Any]:
    """Run a statement on the file; returns the rows."""
    connection = sqlite3.connect(world.ledger)
    with connection:
        rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Read all files beside a ledger, with the time of their last change."""
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}


def say_parts_and_pairs(world: World) -> None:
    """Let runs read three lots, of which one is deleted, a bin, and pairs of two lookups."""
    rows = [
        PartRow("L1", ((A, "W1", "1"), (A, "W2", "2"), (B, "W1", "3"))),
        PartRow("L2", ((A, "W1", "4"),)),
        PartRow("L3", ((A, "W1", "4"),)),
        PartRow("L3", ()),
        PartRow("L1", ((B, "W1", "5"),), stream=BINS),
    ]
    world.run(rows, sums={LOTS: SUMMING, BINS: SUMMING})
    world.run([PairRow("1", A), PairRow("2", None)], lookups=[looking_up("sku")])
    world.run([PairRow("1", A)], lookups=[looking_up("code")])


def sent_again(world: World) -> list[tuple[Identifier, dict[str | None, int]]]:
    """Run with the same rows once more; returns what is sent."""
    before = len(world.shop().sent)
    world.run(ROWS)
    return sorted(world.shop().sent[before:])


def die_in_flight(world: World, rows: list[Row]) -> None:
    """Let a run die between its marks and its answer."""
    for step in range(9):
        world.run(rows, ending=Ending(dies_at=step))
        if execute(world, "SELECT * FROM tocobagus_flight"):
            return
    pytest.fail("no run died in flight")


class TestStatus:
    """What is remembered."""

    def test_each_store_has_its_levels_and_runs(self, world: World) -> None:
        """The newest run is the first; times are those of the API."""
        world.now_ms += HOUR
        world.run([])
        found = status(world.ledger)

        assert found is not None
        assert found.place == world.ledger
        assert found.size > 0
        first, second = found.stores
        assert (first.api_url, first.client_id) == KEY
        assert (first.levels, first.marked, first.open_rejections, first.holder) == (4, 0, 0, None)
        assert [run.started_at for run in first.runs] == [world.now_ms, world.now_ms - HOUR]
        assert [run.summary["accepted"] for run in first.runs] == [0, 4]
        assert (second.client_id, second.levels) == ("t", 1)

    def test_levels_in_doubt_and_in_flight_are_marked(self, world: World) -> None:
        """Each is counted once: those of a lost answer, and those of a run that died."""
        world.run([Row(A, (("W1", 5),))], faults=repeat(Fault("lost", "none")))
        assert marked(world) == 1
        die_in_flight(world, [Row(A, (("W1", 6),)), Row(B, ((None, 6),))])
        assert marked(world) == 2

    def test_parts_and_pairs_are_counted_by_stream(self, world: World) -> None:
        """A part counts once, at however many places it is; one that has no stock does not."""
        say_parts_and_pairs(world)
        found = status(world.ledger)

        assert found is not None
        first, second = found.stores
        assert first.parts == [OfStream("bins", 1, 1), OfStream("lots", 2, 1)]
        assert first.pairs == [OfStream("items", 3, 2)]
        assert (second.parts, second.pairs) == ([], [])

    def test_open_rejections_are_counted(self, world: World) -> None:
        """Until they are closed."""
        world.run([Row(A, (("W1", 5),))], faults=[Fault("refused")] * 9)
        assert opened(world) == 1
        world.run([Row(A, (("W1", 5),))])
        assert opened(world) == 0

    def test_a_run_that_died_has_no_end(self, world: World) -> None:
        """A run that failed has an error."""
        world.run([Row(A, (("W1", 5),))], faults=repeat(Fault("lost")))
        world.run([Row(A, (("W1", 6),))], ending=Ending(dies_at=1))
        found = status(world.ledger)

        assert found is not None
        died, failed, *_ = found.stores[0].runs
        assert (died.ended_at, died.error, died.summary) == (None, None, {})
        assert "max_retry_seconds" in str(failed.error)

    def test_a_run_that_is_under_way_is_named(self, world: World) -> None:
        """With its process, and since when; looking takes nothing away from it."""
        run = open_ledger(make_settings(ledger=world.ledger, **STORE), lambda: world.now_ms)
        assert run is not None
        try:
            found = status(world.ledger)
            assert found is not None
            assert "process " in str(found.stores[0].holder)
            assert found.stores[1].holder is None
            with pytest.raises(LedgerError, match="another run of this store"):
                forget(world.ledger, KEY, Wanted())
        finally:
            run.close()

    @pytest.mark.parametrize("look", [status, problems])
    def test_a_look_changes_nothing(self, world: World, look: Any, tmp_path: Path) -> None:
        """No byte of the file, and no file beside it."""
        before = files(tmp_path)
        look(world.ledger)

        assert files(tmp_path) == before

    def test_the_name_of_a_file_may_hold_anything(self, tmp_path: Path) -> None:
        """Signs that mean something in a URL are part of the name."""
        world = World(str(tmp_path / "100% #1? ü.db"))
        world.run(ROWS)
        found = status(world.ledger)

        assert found is not None
        assert found.stores[0].levels == 4

    @pytest.mark.parametrize("look", [status, problems])
    @pytest.mark.parametrize(("step", "told"), [("0000", "an earlier"), ("9999", "0.2.0 or later")])
    def test_another_version_is_refused(
        self, world: World, look: Any, step: str, told: str
    ) -> None:
        """By a message that says which program can read it."""
        execute(world, f"UPDATE tocobagus_alembic_version SET version_num = '{step}'")  # noqa: S608  # a test's own

        with pytest.raises(LedgerRefused, match=told):
            look(world.ledger)
        with pytest.raises(LedgerRefused, match=told):
            forget(world.ledger, KEY, Wanted())


def marked(world: World) -> int:
    """Count the marked levels of the first store."""
    found = status(world.ledger)
    assert found is not None
    return found.stores[0].marked


def opened(world: World) -> int:
    """Count the open rejections of the first store."""
    found = status(world.ledger)
    assert found is not None
    return found.stores[0].open_rejections


class TestForget:
    """What is forgotten is sent anew, and nothing else."""

    @pytest.mark.parametrize(
        ("wanted", "again"),
        [
            (Wanted("KOPI-1"), [(ID, {None: 4}), (A, {"W1": 1, "W2": 2})]),
            (Wanted("KOPI-1", kind="sku"), [(A, {"W1": 1, "W2": 2})]),
            (Wanted("KOPI-1", location="W2"), [(A, {"W2": 2})]),
            (Wanted(), [(ID, {None: 4}), (A, {"W1": 1, "W2": 2}), (B, {None: 3})]),
        ],
        ids=str,
    )
    def test_what_is_forgotten_is_sent_anew(
        self, world: World, wanted: Wanted, again: list[Any]
    ) -> None:
        """An item, one kind of it, one warehouse of it, or the whole store, but no other store."""
        done = forget(world.ledger, KEY, wanted)

        assert done == Forgotten(sum(len(levels) for _, levels in again))
        assert sent_again(world) == again
        found = status(world.ledger)
        assert found is not None
        assert found.stores[1].levels == 1

    @pytest.mark.parametrize(
        ("wanted", "near"),
        [
            (Wanted("KOPI1"), ("KOPI-1", "KOPI-2")),
            (Wanted("kopi-2"), ("KOPI-1", "KOPI-2")),
            (Wanted("KOPI-1", location="W3"), ("W1", "W2")),
            (Wanted("100%"), ()),
        ],
        ids=str,
    )
    def test_what_is_not_known_has_neighbours(
        self, world: World, wanted: Wanted, near: tuple[str, ...]
    ) -> None:
        """Identifiers that are similar, or the warehouses of the item; nothing is forgotten."""
        done = forget(world.ledger, KEY, wanted)

        assert done is not None
        assert (done.levels, tuple(sorted(done.near))) == (0, near)
        assert sent_again(world) == []

    def test_parts_are_forgotten_by_stream(self, world: World) -> None:
        """As many are forgotten as `status` has counted; those of other streams stay."""
        say_parts_and_pairs(world)

        assert [forget_parts(world.ledger, KEY, "lots") for _ in range(2)] == [2, 0]
        found = status(world.ledger)
        assert found is not None
        assert found.stores[0].parts == [OfStream("bins", 1, 1)]

    def test_open_rejections_stay(self, world: World) -> None:
        """They tell of rows that were refused, whatever is known of the level."""
        world.run([Row(A, (("W1", 5),))], faults=[Fault("refused")] * 9)
        forget(world.ledger, KEY, Wanted())

        assert opened(world) == 1

    def test_a_flight_of_a_run_that_died_stays_a_mark(self, world: World) -> None:
        """The levels are sent, also if the API has what the source has."""
        die_in_flight(world, [Row(B, ((None, 5),))])
        forget(world.ledger, KEY, Wanted("KOPI-2"))

        assert sent_again(world) == [(B, {None: 3})]
        assert world.shop().holds(B, None) == 3


class TestPrune:
    """History is deleted, and its space given back."""

    def test_what_is_old_is_deleted(self, world: World) -> None:
        """Levels, open rejections, and what came after the time stay; so does another store."""
        world.run([Row(A, (("W1", 5),))], faults=[Fault("refused")] * 9)
        world.now_ms += 15 * HOUR  # too early for what was rejected to come again
        world.run([Row(B, ((None, 7),))])
        done = prune(world.ledger, KEY, world.now_ms - HOUR)

        assert done is not None
        assert done.rows >= 4  # two runs of the store, with their batches
        assert done.size[1] <= done.size[0]
        assert execute(world, "SELECT count(*) FROM tocobagus_batch WHERE store = 1") == [(1,)]
        assert execute(world, "SELECT count(*) FROM tocobagus_change") == [(1,)]
        assert execute(world, "SELECT count(*) FROM tocobagus_batch WHERE store = 2") == [(1,)]
        assert opened(world) == 1
        assert sent_again(world) == [(B, {None: 3})]

    def test_a_deleted_part_is_known_for_a_time(self, world: World) -> None:
        """So long an older row does not bring it back; one that has moved is told by its stock."""
        lots = ("1", "n 5"), ("2", "")
        for levels in (((A, "W1", "5"),), ((A, "W2", "5"),), ()):
            world.run(
                [PartRow(key, levels, version) for key, version in lots], sums={LOTS: SUMMING}
            )
        gone = "SELECT part, version FROM tocobagus_part WHERE quantity = ''"
        assert execute(world, gone) == [("1", "n 5"), ("2", None)]
        world.now_ms += 31 * 24 * HOUR
        for row in (ROWS[0], ROWS[1]):  # the first ends after it has forgotten what is old
            world.run([row])
        assert execute(world, gone) == []

    def test_no_number_is_used_twice(self, world: World) -> None:
        """Also if all is old: the newest batch and the newest run stay."""
        newest = "SELECT max(b.id), max(r.id) FROM tocobagus_batch b, tocobagus_run r"
        before = execute(world, newest)
        prune(world.ledger, store_key(CREDENTIALS["api_url"], "t"), world.now_ms + HOUR)
        prune(world.ledger, KEY, world.now_ms + HOUR)

        assert execute(world, newest) == before

    def test_the_file_becomes_smaller(self, world: World) -> None:
        """Its empty pages are given back."""
        at, row = world.now_ms, "(1, 'sku', 'a', '', 1, 2, ?, 1, 1, ?)"
        names = "(store, kind, identifier, location, old, new, at, batch, source, columns)"
        connection = sqlite3.connect(world.ledger)
        with connection:
            insert = f"INSERT INTO tocobagus_change {names} VALUES {row}"  # noqa: S608  # a test's own
            connection.executemany(insert, [(at, "x" * 1000)] * 1000)
        connection.close()
        done = prune(world.ledger, KEY, world.now_ms + HOUR)

        assert done is not None
        assert done.rows >= 1000
        assert done.size[1] < done.size[0] - 900_000
        assert sent_again(world) == []


class TestIntegrity:
    """What no run leaves behind is found."""

    def test_a_ledger_is_sound_whatever_its_runs_went_through(self, world: World) -> None:
        """Marks, flights, open rejections, a global and warehouses one after the other."""
        world.run([Row(A, ((None, 5),))], faults=repeat(Fault("lost", "late")))
        assert problems(world.ledger) == []
        die_in_flight(world, [Row(A, (("W1", 6),)), Row(B, ((None, 6),))])
        assert problems(world.ledger) == []
        world.run([Row(A, ((None, 6),))], faults=[Fault("refused")] * 9)
        assert problems(world.ledger) == []

    @pytest.mark.parametrize(
        ("sql", "told"),
        [
            ("UPDATE tocobagus_level SET quantity = NULL WHERE location = 'W1'", "nor a mark"),
            (
                GLOBAL_BESIDE_WAREHOUSES,
                "beside a global level, and neither is marked, such as sku KOPI-1 W",
            ),
            (
                "INSERT INTO tocobagus_flight (store, run, marks) VALUES (1, 1, '[[1]]')",
                "cannot be read (flight 1)",
            ),
        ],
    )
    def test_what_cannot_be_is_told(self, world: World, sql: str, told: str) -> None:
        """With an example."""
        execute(world, sql)
        (problem, *_) = problems(world.ledger) or [""]

        assert told.replace("nor a mark", "neither a quantity nor a mark") in problem

    def test_two_open_rejections_of_a_level_are_told(self, world: World) -> None:
        """Where the index that forbids them is lost."""
        world.run([Row(A, (("W1", 5),))], faults=[Fault("refused")] * 9)
        execute(world, "DROP INDEX tocobagus_rejection_open")
        names = [row[1] for row in execute(world, "PRAGMA table_info(tocobagus_rejection)")][1:]
        listed = ", ".join(f'"{name}"' for name in names)
        copy = (
            f"INSERT INTO tocobagus_rejection ({listed}) SELECT {listed} FROM tocobagus_rejection"  # noqa: S608  # a test's own
        )
        execute(world, copy)

        assert problems(world.ledger) == [
            "1 levels have two open rejections, such as sku KOPI-1 W1"
        ]

    def test_a_damaged_file_is_told(self, world: World, tmp_path: Path) -> None:
        """By SQLite's own check."""
        path = tmp_path / "ledger.db"
        content = bytearray(path.read_bytes())
        (root,) = execute(world, "SELECT rootpage FROM sqlite_master WHERE name='tocobagus_level'")
        begin = (root[0] - 1) * 4096
        content[begin + 3 : begin + 40] = b"\xff" * 37
        path.write_bytes(content)

        try:
            found = problems(world.ledger)
        except LedgerError as error:
            assert "malformed" in str(error)  # noqa: PT017  # either is told
        else:
            assert found
            assert found[0].startswith("the file is damaged: ")


@pytest.mark.parametrize("act", [status, problems])
def test_without_a_ledger_there_is_nothing_to_see(act: Any, tmp_path: Path) -> None:
    """And none is made; an empty file is none either."""
    missing, empty = tmp_path / "missing.db", tmp_path / "empty.db"
    empty.touch()

    assert act(str(missing)) is None
    assert act(str(empty)) is None
    assert forget(str(missing), KEY, Wanted()) is None
    assert prune(str(missing), KEY, 0) is None
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty.db"]


def test_a_link_to_a_ledger_has_the_same_lock(tmp_path: Path) -> None:
    """Two runs that name one file differently exclude each other."""
    (tmp_path / "link.db").symlink_to(tmp_path / "ledger.db")

    assert lock_path(str(tmp_path / "link.db"), KEY) == lock_path(str(tmp_path / "ledger.db"), KEY)
