"""Which columns a mapping needs, and which it reads.

A mistyped `stock` must not count as "no quantity", nor a mistyped `subtract` as zero. So each path
is a group of columns of which one must be seen in some record: paths that are tried in order are
one group, and a path that may be a column's name or an expression includes both readings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from target_tocobagus.mapping.lists import listed, read_entries
from target_tocobagus.mapping.paths import BOM, Path, Read
from target_tocobagus.mapping.record_errors import PathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_tocobagus.core.model import Kind
    from target_tocobagus.mapping.lists import Entry

DELETED: Final = "_sdc_deleted_at"
"""The column in which a tap marks a deleted row."""

_NATIVE_IDENTIFIERS: Final = frozenset({"sku", "id", "externalId"})
_NATIVE_STOCK: Final = frozenset({"stock", "warehouses"})


class MappingPaths(NamedTuple):
    """All compiled paths of a mapping, in the order in which they are tried."""

    where: tuple[Path, ...]
    identifiers: tuple[tuple[Kind, Path], ...]
    stock: tuple[Path, ...]
    subtract: tuple[Path, ...]
    warehouse: tuple[Path, ...]
    columns: tuple[Path, ...]
    items: tuple[Path, ...]
    levels: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class InnerNeed:
    """Names of which one must be in some entry of a list inside some record.

    Attributes:
        names: The names.
        lists: Read the lists from a record to the entries, one inside the other.
        around: The name may also be in the record itself.
    """

    names: frozenset[str]
    lists: tuple[Read, ...]
    around: bool = False

    def met_by(self, record: Entry) -> bool:
        """Whether one of the names is there, even with null."""
        if self.around and self._names_one(record):
            return True
        return any(map(self._names_one, _within(record, self.lists)))

    def asked_by(self, record: Entry) -> bool:
        """Whether the record has an entry that could have one."""
        return any(True for _ in _within(record, self.lists))

    def _names_one(self, entry: Entry) -> bool:
        return any(name in entry or BOM + name in entry for name in self.names)


def needs(found: MappingPaths) -> tuple[frozenset[str], ...]:
    """Group the columns of a record that are needed."""
    if found.items:
        return _groups([found.where, found.items])
    identifiers = [path for _, path in found.identifiers]
    if found.levels:
        return _groups([found.where, identifiers, found.levels])
    quantities = [[path] for path in (*found.columns, *found.subtract)]
    return _groups([found.where, identifiers, found.stock, found.warehouse, *quantities])


def inner_needs(found: MappingPaths) -> tuple[InnerNeed, ...]:
    """Group the names that are needed inside the lists of `items` and `levels`."""
    lists = tuple(path.read for path in (*found.items, *found.levels))
    if not lists:
        return ()
    around = not found.levels
    own = [found.stock, *([path] for path in found.columns)]
    shared = [found.warehouse, *([path] for path in found.subtract)]
    identifiers = [[path for _, path in found.identifiers]] if found.items else []
    return (
        *(InnerNeed(group, lists[:1]) for group in _groups(identifiers)),
        *(InnerNeed(group, lists) for group in _groups(own)),
        *(InnerNeed(group, lists, around) for group in _groups(shared)),
    )


def columns(found: MappingPaths) -> frozenset[str] | None:
    """Join the columns that are read of a record itself; None if it may be any."""
    around = () if found.levels else (*found.warehouse, *found.subtract)
    if found.items:
        return _joined([*found.where, *found.items, *around], {DELETED})
    own = [path for _, path in found.identifiers]
    quantities = found.levels or (*found.stock, *found.columns)
    return _joined([*found.where, *own, *quantities, *around], {DELETED})


def identity(found: MappingPaths) -> frozenset[str]:
    """Join the columns with item and location; empty if these are in a list."""
    if found.items:
        return frozenset()
    places = () if found.levels else found.warehouse
    paths = [*(path for _, path in found.identifiers), *places]
    return frozenset(path.column for path in paths if path.column)


def native_needs(found: MappingPaths) -> tuple[frozenset[str], ...]:
    """As `needs`, for the API's own items."""
    return (*_groups([found.where]), _NATIVE_IDENTIFIERS, _NATIVE_STOCK)


def native_columns(found: MappingPaths) -> frozenset[str] | None:
    """As `columns`, for the API's own items."""
    return _joined(found.where, {*_NATIVE_IDENTIFIERS, *_NATIVE_STOCK, DELETED})


def _groups(alternatives: Iterable[Iterable[Path]]) -> tuple[frozenset[str], ...]:
    """Join paths that are tried in order, unless one of them needs no column; each group once."""
    groups = (_group([path.relies_on for path in paths]) for paths in alternatives)
    return tuple(dict.fromkeys(group for group in groups if group))


def _group(relied_on: list[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*relied_on) if all(relied_on) else frozenset()


def _joined(paths: Iterable[Path], names: set[str]) -> frozenset[str] | None:
    for path in paths:
        if path.columns is None:
            return None
        names |= path.columns
    return frozenset(names)


def _within(record: Entry, lists: tuple[Read, ...]) -> list[Entry]:
    entries = [record]
    for read in lists:
        entries = [inner for entry in entries for inner in _entries(read, entry)]
    return entries


def _entries(read: Read, entry: Any) -> Iterator[Entry]:
    try:
        values = listed(read(entry), "")
    except PathError:
        return
    if isinstance(values, list):
        yield from (inner for inner in read_entries(values, "") if isinstance(inner, dict))
