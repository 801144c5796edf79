"""Whether a ledger is sound; read without its lock, and without a change to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.reading import reading
from target_tocobagus.ledger.inspection.left_open import flights
from target_tocobagus.ledger.levels.levels import GLOBAL

if TYPE_CHECKING:
    from sqlalchemy import Select


def problems(name: str) -> list[str] | None:
    """Look for what a sound ledger never has.

    Args:
        name: The setting `ledger`.

    Returns:
        A sentence for each problem, without a full stop; ``None`` if there is no ledger yet.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    with reading(name) as reader:
        if reader is None:
            return None
        if reader.dialect.name == "sqlite":
            lines = reader.exec_driver_sql("PRAGMA integrity_check(10)").scalars()
            if damage := [f"the file is damaged: {each}" for each in lines if each != "ok"]:
                return damage  # what is damaged may not even be readable
        unreadable = [number for number, marks in flights(reader) if marks is None]
        found = [f"the marks of a batch cannot be read (flight {each})" for each in unreadable]
        return found + [
            f"{len(rows)} {what}, such as {' '.join(map(str, rows[0]))}"
            for what, query in _impossible().items()
            if (rows := reader.execute(query).all())
        ]


def _impossible() -> dict[str, Select[Any]]:
    """Return queries for what no run leaves behind."""
    level, other, refused = schema.level, schema.level.alias(), schema.rejection.c
    key = (level.c.kind, level.c.identifier, level.c.location)
    refused_key = (refused.kind, refused.identifier, refused.location)
    same_item = and_(
        *(level.c[name] == other.c[name] for name in ("store", "kind", "identifier")),
        level.c.location != GLOBAL,
        other.c.location == GLOBAL,
    )
    return {
        "levels have neither a quantity nor a mark": select(*key).where(
            level.c.quantity.is_(None), level.c.doubt.is_(None), level.c.zeroed_at.is_(None)
        ),
        "levels have two open rejections": (
            select(*refused_key)
            .where(refused.closed_at.is_(None))
            .group_by(refused.store, *refused_key)
            .having(func.count() > 1)
        ),
        "warehouse levels are beside a global level, and neither is marked": (
            select(*key)
            .join(other, same_item)
            .where(level.c.quantity.is_not(None), level.c.doubt.is_(None), other.c.doubt.is_(None))
        ),
    }
