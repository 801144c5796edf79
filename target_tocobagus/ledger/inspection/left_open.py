"""What a store's runs have left open: values in doubt, and rows that are still refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select

from target_tocobagus.ledger.batches.flight import read_marks
from target_tocobagus.ledger.database import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, Table

    from target_tocobagus.ledger.batches.flight import Sent


def count(reader: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    """Count the rows of a table that meet all conditions."""
    counting = select(func.count()).select_from(table).where(*conditions)
    return int(reader.execute(counting).scalar() or 0)


def count_in_doubt(reader: Connection, store: int) -> int:
    """Count the levels whose value in the shop is not certain, those in flight included."""
    table = schema.level.c
    of_store = table.store == store, table.doubt.is_not(None)
    keys = {
        (*identifier, place)
        for _, sent in flights(reader, store)
        for identifier, places in (sent or {}).items()
        for place in places
    }
    if keys:
        doubted = select(table.kind, table.identifier, table.location).where(*of_store)
        keys -= {tuple(row) for row in reader.execute(doubted)}
    return count(reader, schema.level, *of_store) + len(keys)


def count_rejections(reader: Connection, store: int) -> int:
    """Count the rows that were refused, and not settled since."""
    table = schema.rejection.c
    return count(reader, schema.rejection, table.store == store, table.closed_at.is_(None))


def flights(reader: Connection, store: int | None = None) -> Iterator[tuple[int, Sent | None]]:
    """Yield the number of each flight and what was sent; ``None`` if its marks cannot be read."""
    table = schema.flight.c
    statement = select(table.id, table.marks)
    if store is not None:
        statement = statement.where(table.store == store)
    for number, marks in reader.execute(statement).all():
        yield number, _decoded(marks)


def _decoded(marks: str) -> Sent | None:
    try:
        return read_marks(marks)
    except msgspec.MsgspecError:
        return None
