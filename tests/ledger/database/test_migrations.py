"""The tables of a ledger: made step by step, and as the program expects them."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect

from target_tocobagus import __version__
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import open_engine, read_url
from target_tocobagus.ledger.database.migrate import (
    HEAD,
    VERSION_TABLE,
    is_current,
    migrate,
    upgrade,
)
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.levels.rejections import OpenRejections
from tests.delivery.scripted_run import CREDENTIALS
from tests.ledger.desk import accept, item, opened, rows, verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.postgres import Database

STEPS: Final = sorted(
    path.name.removeprefix("step_").removesuffix(".py")
    for path in (
        resources.files("target_tocobagus.ledger.database") / "migrations/versions"
    ).iterdir()
    if path.name.startswith("step_")
)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; that of PostgreSQL has tables of another program."""
    if request.param == "sqlite":
        return str(tmp_path / "bare.db")
    server: Database = request.getfixturevalue("postgres")
    server.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
    server.execute("CREATE DATABASE bare")
    server.execute(
        "CREATE TABLE alembic_version (version_num TEXT); CREATE TABLE level (a INTEGER);"
        " INSERT INTO alembic_version VALUES ('theirs'); INSERT INTO level VALUES (1)",
        "bare",
    )
    return server.url("bare")


def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:  # noqa: FBT001  # Alembic calls it so
    """Whether a table is a ledger's."""
    return kind != "table" or str(name).startswith("tocobagus_")


def engine_of(ledger: str) -> Engine:
    """Connect to the database of a ledger."""
    return open_engine(read_url(ledger))


def test_the_last_step_is_the_one_that_a_ledger_must_have() -> None:
    """A step that is added is used."""
    assert STEPS[-1] == HEAD


@pytest.mark.parametrize("step", [None, *STEPS])
def test_after_all_steps_the_tables_are_as_the_program_expects(bare: str, step: str | None) -> None:
    """From each earlier step on, and from none; tables of other programs stay as they are."""
    with engine_of(bare).begin() as connection:
        theirs = set(inspect(connection).get_table_names())
        if step is not None:
            upgrade(connection, step)
        assert is_current(connection) == (step == HEAD)
        migrate(connection)
        assert is_current(connection)
        options = {"compare_type": True, "version_table": VERSION_TABLE, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []
        ours = set(inspect(connection).get_table_names()) - theirs
        assert ours == {*schema.metadata.tables, VERSION_TABLE}
        if theirs:
            texts = ("SELECT version_num FROM alembic_version", "SELECT a FROM level")
            assert [connection.exec_driver_sql(each).scalar() for each in texts] == ["theirs", 1]


@pytest.mark.parametrize("step", [None, *STEPS[:-1]])
@pytest.mark.parametrize("last", ["closed", "open"])
def test_open_rejections_are_found_by_their_items(
    tmp_path: Path, step: str | None, last: str
) -> None:
    """Not by a look at all that are open, whichever index SQLite has got last."""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        plan = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        plans.extend(row[3] for row in plan)

    with engine_of(str(tmp_path / "ledger.db")).connect() as connection:
        with connection.begin():
            if step is not None:
                upgrade(connection, step)
            migrate(connection)
            name = f"tocobagus_rejection_{last}"
            made = f"SELECT sql FROM sqlite_master WHERE name = '{name}'"  # noqa: S608  # see above
            sql = str(connection.exec_driver_sql(made).scalar())
            connection.exec_driver_sql(f"DROP INDEX {name}")
            connection.exec_driver_sql(sql)
        rejections = OpenRejections(1, "sqlite")
        rejections.any = True
        event.listen(connection, "before_cursor_execute", explain)
        rejections.items(connection, [("sku", "a")])
    by_item = "tocobagus_rejection_open (store=? AND kind=? AND identifier=?)"
    assert any(by_item in plan for plan in plans), plans


def test_what_was_in_flight_at_the_first_step_is_marked(bare: str) -> None:
    """Its marks were written as lists then."""
    url, client_id = store_key(CREDENTIALS["api_url"], "s")
    marks = '[["sku", 1, [["a", "", 5, null]]], ["id", 1, [["1", "W", 6, "n 2"]]]]'
    with engine_of(bare).begin() as connection:
        upgrade(connection, "0001")
        values = {"api_url": url, "client_id": client_id}
        store = schema.add(connection, schema.store, values)
        begun = {"store": store, "started_at": 1, "who": "w", "version": "v"}
        run = schema.add(connection, schema.run, begun)
        schema.add(connection, schema.flight, {"store": store, "run": run, "marks": marks})
    sent = [item(), item(("id", "1"), {"W": 6})]
    with opened(bare) as one:
        known = one.compare(sent).known
    found = {key: {each.location: each.doubt for each in known[key].values()} for key in known}
    assert found == {("sku", "a"): {"": run}, ("id", "1"): {"W": run}}


def test_a_run_makes_the_tables_and_says_who_made_them(bare: str) -> None:
    """The first run of a ledger needs no preparation."""
    with opened(bare) as one:
        accept(one, item())
    with opened(bare) as one:
        assert verdicts(one, item()) == {None: "unchanged"}
    assert rows(bare, schema.written_by) == [{"version": __version__}]


def test_a_step_that_fails_leaves_no_tables_behind(bare: str) -> None:
    """The next run begins anew."""
    with engine_of(bare).connect() as connection:
        transaction = connection.begin()
        migrate(connection)
        transaction.rollback()
    with engine_of(bare).connect() as connection:
        assert not inspect(connection).has_table("tocobagus_level")
    with opened(bare):
        pass
