"""All that a ledger knows of one item: its levels, how they came about, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select

from target_tocobagus.core.model import KINDS
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.reading import find_store, reading
from target_tocobagus.ledger.inspection.left_open import flights
from target_tocobagus.ledger.inspection.past import Past, Rejected
from target_tocobagus.ledger.inspection.selection import Wanted, nearest
from target_tocobagus.ledger.levels.levels import GLOBAL
from target_tocobagus.ledger.parts.part_rows import GONE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

LAST_CHANGES: Final = 10


class ByBatch(msgspec.Struct, frozen=True):
    """The request that an answer came to, as far as it is still known."""

    batch_id: str | None
    request_id: str | None


class Change(msgspec.Struct, frozen=True):
    """A level that has got another quantity.

    Attributes:
        at: When it was accepted, in ms since the epoch.
        entry: A hash of the mapping that made it.
        columns: Of the record, those that the mapping read; ``None`` if there was none.
        time_extracted: When the tap read the record, as it said.
    """

    old: int
    new: int
    at: int
    by: ByBatch
    stream: str
    entry: str
    columns: dict[str, Any] | None
    time_extracted: str | None


class PartOfStock(msgspec.Struct, frozen=True):
    """A part that counts for a stock (`combine: sum`).

    Attributes:
        quantities: Those that its record gave, as texts; mostly one.
    """

    stream: str
    part: str
    quantities: str
    version: str | None


class LevelHistory(msgspec.Struct, frozen=True):
    """What is known of an item's stock at a location.

    Attributes:
        quantity: Last accepted; ``None`` if none is known.
        accepted_at: When, in ms since the epoch.
        in_doubt: A later attempt had no answer, or is under way: the shop may hold another value.
        version: The newest `newer_by`, as `core.versions` writes it.
        stream: Which sent it last.
        entry: A hash of its mapping.
        named_day: When a row named it last, in days since the epoch.
        changes: The last ones, the newest first.
        parts: That are added up here.
        rejection: Its row that is still refused.
    """

    kind: str
    identifier: str
    location: str | None
    quantity: int | None
    accepted_at: int | None
    by: ByBatch
    in_doubt: bool
    version: str | None
    stream: str | None
    entry: str | None
    named_day: int | None
    changes: list[Change]
    parts: list[PartOfStock]
    rejection: Rejected | None


class ItemHistory(msgspec.Struct, frozen=True):
    """What is known of an identifier.

    Attributes:
        levels: By kind and location.
        pairs: Stream and match of the pairs that stand for it.
        near: If nothing is known of it: identifiers, or warehouses, that may be meant.
    """

    levels: list[LevelHistory]
    pairs: list[tuple[str, str]]
    near: tuple[str, ...] = ()


def item_history(name: str, key: tuple[str, str], wanted: Wanted) -> ItemHistory | None:
    """Read all that is known of an identifier.

    Args:
        name: The setting `ledger`.
        key: The store, as `store_key` names it.
        wanted: Its levels; it has an identifier. The global stock is of each warehouse.

    Returns:
        ``None`` if there is no ledger yet.

    Raises:
        ConfigurationError: It cannot be opened, or is not a ledger.
        LedgerRefused: Its tables are of another version.
        LedgerError: It cannot be read.
    """
    with reading(name) as reader:
        if reader is None:
            return None
        store = find_store(reader, key)
        if store is None:
            return ItemHistory([], [])
        item = _Item(reader, store, wanted)
        levels, pairs = item.levels(), item.pairs()
        near = () if levels or pairs else tuple(nearest(reader, store, wanted))
        return ItemHistory(levels, pairs, near)


class _Item:
    """Reads what is known of the levels that somebody wants."""

    def __init__(self, reader: Connection, store: int, wanted: Wanted) -> None:
        self._reader = reader
        self._store = store
        self._wanted = wanted
        self._kinds = [wanted.kind] if wanted.kind else [*KINDS]

    def levels(self) -> list[LevelHistory]:
        """Read the levels, and locations of which there are parts or a refused row only."""
        known = {(row.kind, row.location): row for row in self._read(schema.level)}
        changes, parts, flying = self._changes(), self._parts(), self._flying()
        rejections: dict[tuple[str, str], Rejected] = {
            (each.identifier[0], each.location or GLOBAL): each
            for each in Past(self._reader, self._store).rejections(self._wanted.identifier)
            if self._wanted.location is None or each.location in {None, self._wanted.location}
        }
        return [
            LevelHistory(
                kind=at[0],
                identifier=str(self._wanted.identifier),
                location=at[1] or None,
                in_doubt=at in flying or getattr(known.get(at), "doubt", None) is not None,
                changes=changes.get(at, []),
                parts=parts.get(at, []),
                rejection=rejections.get(at),
                **_fields_of(known.get(at)),
            )
            for at in sorted(known.keys() | parts.keys() | rejections.keys())
        ]

    def _changes(self) -> dict[tuple[str, str], list[Change]]:
        found: dict[tuple[str, str], list[Change]] = {}
        for row in self._read(schema.change):
            of_level = found.setdefault((row.kind, row.location), [])
            if len(of_level) < LAST_CHANGES:
                columns = None if row.columns is None else msgspec.json.decode(row.columns)
                by = ByBatch(row.batch_id, row.request_id)
                said = (row.stream, row.entry, columns, row.time_extracted)
                of_level.append(Change(row.old, row.new, row.at, by, *said))
        return found

    def _parts(self) -> dict[tuple[str, str], list[PartOfStock]]:
        table, source = schema.part.c, schema.source.c
        found: dict[tuple[str, str], list[PartOfStock]] = {}
        statement = (
            select(schema.part, source.stream)
            .join(schema.source, source.id == table.source)
            .where(*self._conditions(schema.part), table.quantity != GONE)
            .order_by(table.part)
        )
        for row in self._reader.execute(statement).all():
            part = PartOfStock(row.stream, row.part, row.quantity, row.version)
            found.setdefault((row.kind, row.location), []).append(part)
        return found

    def pairs(self) -> list[tuple[str, str]]:
        """Read the pairs that stand for it."""
        table, source = schema.pair.c, schema.source.c
        found = (
            select(source.stream, table.match)
            .join(schema.source, source.id == table.source)
            .where(table.store == self._store, table.identifier == self._wanted.identifier)
            .where(table.kind.in_(self._kinds))
            .order_by(source.stream, table.match)
        )
        return [(stream, match) for stream, match in self._reader.execute(found).all()]

    def _flying(self) -> set[tuple[str, str]]:
        """Return kind and location of its levels that are in flight, or were when a run died."""
        return {
            (identifier[0], place)
            for _, sent in flights(self._reader, self._store)
            for identifier, places in (sent or {}).items()
            for place in places
            if identifier[1] == self._wanted.identifier
        }

    def _read(self, table: Any) -> list[Any]:
        """Read rows of levels or changes, the newest first, with their batch and stream."""
        batch, source = schema.batch.c, schema.source.c
        when = table.c.accepted_at if table is schema.level else table.c.id
        statement: Select[Any] = (
            select(table, batch.batch_id, batch.request_id, source.stream, source.entry)
            .outerjoin(schema.batch, batch.id == table.c.batch)
            .outerjoin(schema.source, source.id == table.c.source)
            .where(*self._conditions(table))
            .order_by(when.desc())
        )
        return [*self._reader.execute(statement).all()]

    def _conditions(self, table: Any) -> list[Any]:
        """Return the conditions for its rows; by kind, since the indexes begin with it.

        The global stock counts at each warehouse, so it is told, too.
        """
        place = self._wanted.location
        return [
            table.c.store == self._store,
            table.c.kind.in_(self._kinds),
            table.c.identifier == self._wanted.identifier,
            *([] if place is None else [table.c.location.in_([GLOBAL, place])]),
        ]


def _fields_of(row: Any) -> dict[str, Any]:
    """Return what the row of a level says; nothing is known without one."""
    names = ("quantity", "accepted_at", "version", "stream", "entry", "named_day")
    by = ByBatch(getattr(row, "batch_id", None), getattr(row, "request_id", None))
    return {"by": by, **{name: getattr(row, name, None) for name in names}}
