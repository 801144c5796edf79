"""What an operator does with a ledger on PostgreSQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import StaticPool, create_engine

from target_tocobagus.config.settings import Credentials
from target_tocobagus.core.errors import ConfigurationError, LedgerError
from target_tocobagus.ledger.database.database import open_engine, read_url
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.database.run_lock import require_own_session
from target_tocobagus.ledger.inspection.contents import OfStream, status
from target_tocobagus.ledger.inspection.integrity import problems
from target_tocobagus.ledger.inspection.selection import Wanted
from target_tocobagus.ledger.inspection.trial import try_to_open
from target_tocobagus.ledger.maintenance import forget, forget_parts, prune
from target_tocobagus.ledger.opening import open_ledger
from tests.delivery.scripted_run import CREDENTIALS, make_settings
from tests.ledger.test_maintenance import say_parts_and_pairs
from tests.ledger.world import HOUR, Row, World
from tests.postgres import HOST, PASSWORD, USER, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = store_key(CREDENTIALS["api_url"], "s")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of an empty database."""
    pytest.importorskip("psycopg")
    try:
        with running_postgres() as database:
            yield f"postgresql://{USER}:{PASSWORD}@{HOST}:{database.port}/{USER}"
    except FileNotFoundError as error:
        pytest.skip(str(error))


def test_the_ledger_of_a_server_is_seen_checked_forgotten_and_pruned(url: str) -> None:
    """By the same functions as a file; a run that holds the lock is named."""
    assert (status(url), problems(url), forget(url, KEY, Wanted())) == (None, None, None)
    assert try_to_open(url, KEY).state == "is empty, and a run creates its tables"
    world = World(url)
    world.run([Row(("sku", "KOPI-1"), (("W1", 1),)), Row(("sku", "KOPI-2"), ((None, 2),))])
    found = status(url)

    assert found is not None
    assert re.fullmatch(rf"PostgreSQL at {HOST}:\d+, database {USER}", found.place)
    assert found.size > 0
    (store,) = found.stores
    assert (store.levels, store.marked, store.holder) == (2, 0, None)
    assert problems(url) == []
    assert try_to_open(url, KEY).holder is None
    run = open_ledger(
        make_settings(ledger=url, credentials=Credentials("p", "secret", "s", "token")),
        lambda: world.now_ms,
    )
    assert run is not None
    try:
        assert "process " in str(try_to_open(url, KEY).holder)
        with pytest.raises(LedgerError, match="another run of this store"):
            prune(url, KEY, 0)
    finally:
        run.close()
    near = forget(url, KEY, Wanted("kopi_1"))
    assert near is not None
    assert "KOPI-1" in near.near
    done = forget(url, KEY, Wanted("KOPI-1"))
    assert done is not None
    assert done.levels == 1
    world.run([Row(("sku", "KOPI-1"), (("W1", 2),))])
    pruned = prune(url, KEY, world.now_ms + HOUR)
    assert pruned is not None
    assert pruned.rows > 0
    say_parts_and_pairs(world)
    counted = status(url)
    assert counted is not None
    assert counted.stores[0].parts == [OfStream("bins", 1, 1), OfStream("lots", 2, 1)]
    assert counted.stores[0].pairs == [OfStream("items", 3, 2)]
    assert forget_parts(url, KEY, "lots") == 2


def test_a_pool_that_shares_a_session_is_refused(url: str) -> None:
    """Its lock would be another run's too, as in pgbouncer's transaction mode."""
    engine = create_engine(read_url(url), poolclass=StaticPool)
    with engine.connect() as writer, pytest.raises(ConfigurationError, match="session mode"):
        require_own_session(writer)
    engine.dispose()
    with open_engine(read_url(url)).connect() as writer:
        require_own_session(writer)
