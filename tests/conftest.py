"""What the tests of several rooms share: a sandbox, and empty ledgers."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local_sandbox import Sandbox
    from tests.postgres import Database

_NUMBERS = count()


@pytest.fixture(scope="session")
def sources() -> None:
    """Skip where the package is tested as it was installed, without its sources."""
    if not (Path(__file__).parents[1] / "target_tocobagus").is_dir():
        pytest.skip("the package's sources are not here")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The API's stand-in on a port of its own."""
    from tests.local_sandbox import running

    with running() as handle:
        yield handle


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    """A PostgreSQL with an empty ledger as the database `template`."""
    from tests.ledger.desk import create
    from tests.postgres import running_postgres

    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        server.execute("CREATE DATABASE template")
        create(server.url("template"))
        yield server


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite ledger without any store, to be copied: to make its tables takes longest."""
    from tests.ledger.desk import create

    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    create(str(path))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new ledger, in each kind of database: what the setting `ledger` says."""
    if request.param == "sqlite":
        return str(shutil.copy(request.getfixturevalue("empty_file"), tmp_path / "ledger.db"))
    server: Database = request.getfixturevalue("postgres")
    name = f"ledger_{next(_NUMBERS)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template")
    return server.url(name)
