"""What a ledger keeps for a time only: batches, changes, closed rejections, runs, gone parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from target_tocobagus.ledger.database.schema import batch, change, flight, part, rejection, run
from target_tocobagus.ledger.levels.rejections import is_refused

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


def delete_before(writer: Connection, store: int, time: int) -> int:
    """Delete the history of a store before a time, in ms since the epoch.

    A run stays as long as a batch or a flight names it. What is gone of a part, and settled, goes
    with the run that has found it gone.

    Returns:
        How many rows were deleted.
    """
    named = [run.c.id.not_in(select(table.c.run)) for table in (batch, flight)]
    settled = [part.c.run < 0, (-part.c.run).not_in(select(run.c.id))]
    conditions = {
        change: [change.c.at < time],
        rejection: [rejection.c.closed_at < time],
        batch: [batch.c.at < time, _is_not_newest(batch)],
        run: [run.c.started_at < time, *named, _is_not_newest(run)],
        part: [*settled, ~is_refused(part)],
    }
    return sum(
        writer.execute(delete(table).where(table.c.store == store, *those)).rowcount
        for table, those in conditions.items()
    )


def _is_not_newest(table: Table) -> Any:
    """Keep the row with the highest number: SQLite would give the number to another row.

    Marks name runs by their numbers, and the numbers of batches tell which came later.
    """
    return table.c.id < select(func.max(table.c.id)).scalar_subquery()
