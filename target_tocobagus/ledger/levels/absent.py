"""Levels that a stream has sent, and that no row has named since; read without a change."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import BigInteger, exists, func, literal, or_, select

from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.levels.levels import GLOBAL
from target_tocobagus.ledger.levels.named_days import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from target_tocobagus.core.model import Identifier

_NEAR: Final = 3


class AbsentLevel(msgspec.Struct, frozen=True):
    """One of them.

    Attributes:
        location: The client id of a warehouse; ``None`` is the item's global stock.
        quantity: The API's; ``None`` if it is not known.
        in_doubt: The level is marked.
        named_day: When a row named it last, in days since the epoch.
        accepted_at: When it was accepted last, in ms since the epoch; ``None`` if it never was.
        batch: The batch id of that acceptance, or else its request id; ``None`` if it is forgotten.
        entry: A hash of the mapping that has sent it.
    """

    identifier: Identifier
    location: str | None
    quantity: int | None
    in_doubt: bool
    named_day: int
    accepted_at: int | None
    batch: str | None
    entry: str


class Absent(msgspec.Struct, frozen=True):
    """What a stream has not named.

    Attributes:
        levels: Those not named, by their day; levels at 0 are among them.
        named: How many others were named since.
        near: If it has sent nothing: streams that have, and may be meant.
    """

    levels: Sequence[AbsentLevel]
    named: int = 0
    near: tuple[str, ...] = ()

    @property
    def in_stock(self) -> list[AbsentLevel]:
        """Those that are not known to be at 0."""
        return [each for each in self.levels if each.quantity != 0 or each.in_doubt]


def find(reader: Connection, store: int, stream: str, since: int) -> Absent:
    """Find levels of a stream that were not named on a day or later.

    Args:
        reader: Where.
        store: The number of the store.
        stream: The stream's name.
        since: The day, in days since the epoch.
    """
    level, source, batch = schema.level, schema.source, schema.batch
    day = _day_of(level)
    of_stream = (level.c.store == store, source.c.stream == stream)
    columns = [level.c[name] for name in ("kind", "identifier", "location", "quantity", "doubt")]
    said = [day, level.c.accepted_at, func.coalesce(batch.c.batch_id, batch.c.request_id)]
    absent = (
        select(*columns, *said, source.c.entry)
        .join(source, source.c.id == level.c.source)
        .outerjoin(batch, batch.c.id == level.c.batch)
        .where(*of_stream, day < since, ~_is_named_otherwise(since))
        .order_by(day, *columns[:3])
    )
    rows: Any = reader.execute(absent)
    levels = [
        AbsentLevel((kind, text), place or None, quantity, doubt is not None, *others)
        for kind, text, place, quantity, doubt, *others in rows
    ]
    sent = select(func.count()).select_from(level).join(source, source.c.id == level.c.source)
    total: int = reader.execute(sent.where(*of_stream)).scalar_one()
    near = () if total else _near(reader, store, stream)
    return Absent(levels, total - len(levels), near)


def _day_of(level: Any) -> ColumnElement[int]:
    """Return the day on which a level was named, or else accepted."""
    accepted: Any = level.c.accepted_at / literal(DAY_MS, BigInteger)
    return func.coalesce(level.c.named_day, accepted)


def _is_named_otherwise(since: int) -> ColumnElement[bool]:
    """Whether the global of a warehouse's item is named, or a warehouse of the global's."""
    level, other = schema.level, schema.level.alias()
    same_item = [level.c[name] == other.c[name] for name in ("store", "kind", "identifier")]
    is_one = or_(level.c.location == GLOBAL, other.c.location == GLOBAL)
    return exists().where(*same_item, is_one, _day_of(other) >= since)


def _near(reader: Connection, store: int, stream: str) -> tuple[str, ...]:
    """Find the streams that have sent something, and may be meant."""
    source, level = schema.source, schema.level
    numbers = select(level.c.source).where(level.c.store == store).distinct()
    found = select(source.c.stream).where(source.c.id.in_(numbers)).distinct()
    names = list(reader.execute(found).scalars())
    return tuple(difflib.get_close_matches(stream, names, n=_NEAR, cutoff=0))
