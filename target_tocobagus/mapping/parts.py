"""Detects rows that may be parts of one stock: per lot, bin or day, of which only the last is sent.

If a stream's primary key has a column that the mapping does not read, beside those of item and
location, or if it has no key, one item and location may have several rows. If two rows with
different keys give one item and location different quantities at the same time, it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.model import Stock
from target_tocobagus.mapping.record_errors import shown
from target_tocobagus.mapping.values import BOM, is_deleted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from target_tocobagus.core.model import Identifier, Outcome, Place
    from target_tocobagus.mapping.mapping import CompiledMapping

MOST_KEPT: Final = 100_000
"""The most items and locations that are remembered; beyond it all are forgotten."""
_MOST_WITHOUT_KEY: Final = 10_000
"""Of a stream without a key the first are looked at: it takes time, and an example is enough."""

_LAST_WINS: Final = "of several rows of one item and location the last one wins"


def _advice(keys: Sequence[str] = ()) -> str:
    """Say what to do; `keys` tell one part from another."""
    names = clean(", ".join(keys))
    part = f", part: {names}" if len(keys) == 1 else f", part: [{names}]" if keys else ""
    return (
        f"{_LAST_WINS}. Check an item that has several rows at the source: if they are parts of one"
        f" stock (lots, bins), add them up with a ledger and combine: sum{part} in the mapping; if"
        " the last one is meant, set combine: last"
    )


def unread_keys(key_properties: Iterable[str], read_columns: Collection[str]) -> tuple[str, ...]:
    """Name the columns of a stream's key that a mapping does not read.

    Returns:
        Empty also for a key of one column that is not read: it is a surrogate key.
    """
    keys = [key.removeprefix(BOM) for key in key_properties]
    unread = tuple(key for key in keys if key not in read_columns)
    return () if len(keys) == 1 else unread


def doubt_at_schema(stream: str, mapping: CompiledMapping, keys: Sequence[str]) -> str:
    """Make the warning about a key with unread columns; empty if there is none."""
    if mapping.last_is_meant or mapping.columns is None:
        return ""
    names = ", ".join(map(shown, unread_keys(keys, mapping.columns)))
    text = f"Stream {stream!r} has {names} in its key, which its mapping does not read"
    return f"{text}: {_advice(keys)}" if names else ""


def watch_for(mapping: CompiledMapping, keys: Sequence[str]) -> PartsWatch | None:
    """Watch a stream's rows, if its key distinguishes them, unless `combine: last` is set.

    Without a key each row is one of its own, unless `newer_by` says which is the newest.
    """
    names = [key.removeprefix(BOM) for key in keys]
    columns = tuple(name for name in names if name not in mapping.identity)
    is_told = bool(columns) or (not keys and mapping.identity and mapping.newer_by is None)
    return PartsWatch(columns, keys) if is_told and not mapping.last_is_meant else None


def doubt_of_streams(
    streams: tuple[str, str],
    identifier: Identifier,
    location: str | None,
    quantities: tuple[int, int],
) -> str:
    """Make the warning about two streams that contradict each other."""
    names, told = (" and ".join(map(repr, streams)), " and ".join(map(str, quantities)))
    item = _item(identifier, location)
    return f"Streams {names} have rows of {item} that differ: {told}; {_advice()}"


def _item(identifier: Identifier, location: str | None) -> str:
    place = "" if location is None else f" at {shown(location)}"
    return f"{identifier[0]} {shown(identifier[1])}{place}"


class SeenRow(msgspec.Struct, frozen=True, gc=False):
    """A row of an item and location."""

    key: Any
    quantity: int
    position: int


Contradiction: TypeAlias = "tuple[Identifier, str | None, tuple[SeenRow, SeenRow]]"


class PartsWatch:
    """Looks for two rows of one item and location that differ in key and quantity.

    Attributes:
        columns: Those of the key that are neither item nor location; none if there is no key.
        is_over: It has looked at enough rows of a stream without a key.
    """

    __slots__ = ("_keys", "_known", "_most", "columns", "is_over")

    def __init__(
        self, columns: tuple[str, ...], keys: Sequence[str] = (), most: int = MOST_KEPT
    ) -> None:
        self.columns = columns
        self._keys = keys
        self._most = most
        self._known: dict[Place, SeenRow] = {}
        self.is_over = False

    def key_of(self, record: dict[str, Any]) -> Any:
        """Read a record's key: a value, or several; None if one is missing."""
        values = [record.get(column, record.get(BOM + column)) for column in self.columns]
        if any(value is None for value in values):
            return None
        return values[0] if len(values) == 1 else values

    def contradictions(
        self, record: dict[str, Any], outcomes: Iterable[Outcome], position: int
    ) -> Iterator[Contradiction]:
        """Find the updates of a record that contradict an earlier record."""
        key = self.key_of(record) if self.columns else position
        deleted = is_deleted(record)
        for outcome in outcomes:
            if not isinstance(outcome, Stock):
                continue
            identifier, location = outcome.identifier, outcome.location
            if deleted:
                self.forget(identifier, location)
                continue
            row = SeenRow(key, outcome.quantity, position)
            if before := self.see(identifier, location, row):
                yield identifier, location, (before, row)

    def see(self, identifier: Identifier, location: str | None, row: SeenRow) -> SeenRow | None:
        """Remember a row; returns an earlier one that it contradicts."""
        known, place = self._known, (identifier, location)
        before = known.get(place)
        if before is None and len(known) >= (self._most if self.columns else _MOST_WITHOUT_KEY):
            known.clear()
            self.is_over = not self.columns
        known[place] = row
        if before is None or before.quantity == row.quantity or before.key == row.key:
            return None
        return None if before.key is None or row.key is None else before

    def forget(self, identifier: Identifier, location: str | None) -> None:
        """Forget a row that is deleted now."""
        self._known.pop((identifier, location), None)

    def doubt(
        self,
        stream: str,
        identifier: Identifier,
        location: str | None,
        rows: tuple[SeenRow, SeenRow],
    ) -> str:
        """Make the warning about two rows that contradict each other."""
        names = clean(", ".join(self.columns)) or "record"
        told = " and ".join(f"{row.quantity} ({names} {shown(row.key)})" for row in rows)
        item = _item(identifier, location)
        text = f"Stream {stream!r} has two rows of {item} that differ: {told}"
        return f"{text}; {_advice(self._keys)}"
