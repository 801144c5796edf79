"""What a person wants to know of a store at a glance; read without its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from sqlalchemy import func, select

from target_tocobagus.ledger.database.reading import holder_of, reading_store
from target_tocobagus.ledger.database.schema import batch, change, level, rejection, run, store
from target_tocobagus.ledger.inspection import left_open, past

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier

_MOST_RUNS: Final = 1000
_MOST_NAMED: Final = 20


class Refusals(NamedTuple):
    """Rows that are still refused, for one reason.

    Attributes:
        oldest: When the oldest was refused first, in ms since the epoch.
        example: One of the items.
    """

    code: str
    message: str
    rows: int
    oldest: int
    example: str


class Moving(NamedTuple):
    """A level that has changed often.

    Attributes:
        changes: How often.
        quantity: The last accepted; ``None`` if none is known any more.
    """

    identifier: Identifier
    location: str | None
    changes: int
    quantity: int | None


class SoldOut(NamedTuple):
    """A level at 0.

    Attributes:
        since: In ms since the epoch; ``None`` if it never had a stock.
    """

    identifier: Identifier
    location: str | None
    since: int | None


class Overview(msgspec.Struct, frozen=True):
    """A store, its last runs, and what is left to do.

    Attributes:
        is_running: A run is under way.
        guard_fired: The guard has held stock-outs, and no run has ended without since.
        last_success: When the last good run ended, in ms since the epoch, however long ago.
        runs: Those of the time that was asked for, the newest first; a thousand at most.
        requests: When each was answered, in ms since the epoch, and after how many ms.
        in_doubt: Levels whose value in the shop is not certain.
        refusals: The most frequent first.
        moving: The levels that have changed most.
        sold_out: The last levels that fell to 0, the newest first; some of `sold_out_count`.
    """

    is_running: bool
    guard_fired: bool
    last_success: int | None
    runs: list[past.RunStatus]
    requests: list[tuple[int, int]]
    levels: int
    in_doubt: int
    refusals: list[Refusals]
    moving: list[Moving]
    sold_out_count: int
    sold_out: list[SoldOut]


def look(name: str, key: tuple[str, str], since: int) -> Overview | None:
    """Look at a store.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.
        since: Runs, requests and changes from this time on, in ms since the epoch.

    Returns:
        ``None`` if there is no ledger yet, or nothing of the store.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    with reading_store(name, key) as opened:
        if opened is None:
            return None
        reader, number = opened
        of_store, at_zero = level.c.store == number, level.c.quantity == 0
        fired = select(store.c.guard_fired).where(store.c.id == number)
        return Overview(
            is_running=holder_of(reader, key) is not None,
            guard_fired=bool(reader.execute(fired).scalar()),
            last_success=_last_success(reader, number),
            runs=past.last_runs(reader, number, _MOST_RUNS, since),
            requests=_requests(reader, number, since),
            levels=left_open.count(reader, level, of_store, level.c.quantity.is_not(None)),
            in_doubt=left_open.count_in_doubt(reader, number),
            refusals=_refusals(reader, number),
            moving=_moving(reader, number, since),
            sold_out_count=left_open.count(reader, level, of_store, at_zero),
            sold_out=_sold_out(reader, number),
        )


def _last_success(reader: Connection, number: int) -> int | None:
    good = run.c.store == number, run.c.error.is_(None), run.c.ended_at.is_not(None)
    found: int | None = reader.execute(select(func.max(run.c.ended_at)).where(*good)).scalar()
    return found


def _requests(reader: Connection, number: int, since: int) -> list[tuple[int, int]]:
    asked = batch.c.store == number, batch.c.at >= since
    rows = reader.execute(select(batch.c.at, batch.c.milliseconds).where(*asked))
    return [(at, milliseconds) for at, milliseconds in rows]


def _refusals(reader: Connection, number: int) -> list[Refusals]:
    table = rejection.c
    count = func.count()
    rows = reader.execute(
        select(table.code, table.message, count, func.min(table.opened_at), _example())
        .where(table.store == number, table.closed_at.is_(None))
        .group_by(table.code, table.message)
        .order_by(count.desc(), table.code)
        .limit(_MOST_NAMED)
    )
    return [Refusals(*row) for row in rows]


def _example() -> Any:
    return func.min(rejection.c.identifier)


def _moving(reader: Connection, number: int, since: int) -> list[Moving]:
    names = ("kind", "identifier", "location")
    count = func.count().label("changes")
    most = (
        select(*(change.c[name] for name in names), count)
        .where(change.c.store == number, change.c.at >= since)
        .group_by(*(change.c[name] for name in names))
        .order_by(count.desc(), func.max(change.c.at).desc())
        .limit(_MOST_NAMED)
        .subquery()
    )
    is_same = level.c.store == number
    for name in names:
        is_same &= level.c[name] == most.c[name]
    rows: Any = reader.execute(
        select(*most.c, level.c.quantity)
        .outerjoin_from(most, level, is_same)
        .order_by(most.c.changes.desc())
    ).all()
    return [
        Moving((kind, text), place or None, changes, quantity)
        for kind, text, place, changes, quantity in rows
    ]


def _sold_out(reader: Connection, number: int) -> list[SoldOut]:
    table = level.c
    rows = reader.execute(
        select(table.kind, table.identifier, table.location, table.zeroed_at)
        .where(table.store == number, table.quantity == 0)
        .order_by(table.zeroed_at.is_(None), table.zeroed_at.desc(), table.identifier)
        .limit(_MOST_NAMED)
    )
    return [SoldOut((kind, text), place or None, at) for kind, text, place, at in rows]
