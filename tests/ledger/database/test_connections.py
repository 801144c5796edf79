"""What several threads want to write at once is one transaction."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from target_tocobagus.core.errors import LedgerError
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.connections import Connections
from target_tocobagus.ledger.database.database import open_engine, read_url
from tests.ledger.desk import create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[Connections]:
    """Those to a ledger without stores."""
    name = str(tmp_path / "ledger.db")
    create(name)
    engine = open_engine(read_url(name))
    with engine.connect() as writer, engine.connect() as reader:
        yield Connections(writer, reader, lambda: None)


def test_a_disk_that_has_failed_once_is_not_trusted(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may have dropped what it could not write, and then says that all is well."""

    def fail(_: Path) -> None:
        message = "full"
        raise LedgerError(message)

    connections.write(adding("a"), sync=False)
    with monkeypatch.context() as broken:
        broken.setattr("target_tocobagus.ledger.database.connections.sync_file", fail)
        with pytest.raises(LedgerError):
            connections.sync()
    with pytest.raises(LedgerError):
        connections.sync()


def adding(name: str) -> Callable[[Connection], int]:
    """Return what adds a store."""
    return lambda writer: schema.add(writer, schema.store, {"api_url": name, "client_id": name})


def write_together(
    connections: Connections, *writes: tuple[Callable[[Connection], object], bool]
) -> list[object]:
    """Write, each by a thread of its own, while another write keeps all of them waiting."""
    ended: list[object] = [None] * len(writes)
    begun, go_on = threading.Event(), threading.Event()

    def hold(_writer: Connection) -> None:
        begun.set()
        assert go_on.wait(10)

    def write(number: int) -> None:
        act, sync = writes[number]
        try:
            ended[number] = connections.write(act, sync=sync)
        except Exception as error:  # noqa: BLE001  # the test looks at it
            ended[number] = error

    threads = [threading.Thread(target=connections.write, args=(hold,))]
    threads[0].start()
    assert begun.wait(10)
    for number in range(len(writes)):
        threads.append(threading.Thread(target=write, args=(number,)))
        threads[-1].start()
        while len(connections._writes) <= number:  # noqa: SLF001  # it waits, and cannot say so
            pass
    go_on.set()
    for thread in threads:
        thread.join()
    return ended


def stores(connections: Connections) -> int:
    """Count the stores that were written."""
    count = select(func.count()).select_from(schema.store)
    return connections.write(lambda writer: writer.execute(count).scalar_one())


def test_each_thread_gets_what_its_own_part_returned(connections: Connections) -> None:
    """Whichever of them has written it."""
    numbers = write_together(connections, *[(adding(name), False) for name in "abc"])
    assert numbers == [1, 2, 3]
    assert stores(connections) == 3


def test_all_that_is_written_together_fails_together(connections: Connections) -> None:
    """Nothing of it is written, and each thread is told."""
    ended = write_together(
        connections, (adding("a"), False), (adding("b"), False), (adding("a"), False)
    )
    assert [type(each) for each in ended] == [LedgerError] * 3
    assert stores(connections) == 0


@pytest.mark.parametrize("syncs", [(True, False), (False, True), (False, False)])
def test_what_is_written_together_waits_for_the_disk_if_a_part_must(
    connections: Connections, syncs: tuple[bool, bool]
) -> None:
    """A mark must be on disk before its request leaves; an outcome need not be."""

    def synchronous(writer: Connection) -> bool:
        return writer.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL

    found = write_together(connections, *[(synchronous, sync) for sync in syncs])
    assert found == [any(syncs)] * 2
