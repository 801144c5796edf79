"""Which columns a mapping needs and reads, and whether those that it needs were ever seen.

A mistyped `stock` would skip every row ("no quantity"), a mistyped `subtract` would count as zero:
both look like success. So each column that a mapping for a named stream relies on must be seen
once, in the SCHEMA or in a record; until then no STATE may cover a record of the stream, and at the
end the run fails. A SCHEMA is not reliable for the entries of lists, so their names must be in a
record, as soon as one has entries.

Each path is a group of columns of which one must be seen: paths that are tried in order are one
group, and a path that may be a column's name or an expression includes both readings.

A column that was seen once counts as seen, whatever a later SCHEMA declares, and with a ledger also
in later runs of the same mapping. A stream whose SCHEMAs
declare no column (a document store's) only causes a warning: none of its documents may have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.mapping.paths import Path, columns_of, compared
from target_tocobagus.mapping.record_errors import PathError
from target_tocobagus.mapping.values import BOM, Entry, Read, listed, read_entries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from target_tocobagus.core.model import Kind
    from target_tocobagus.mapping.looking_up import PairReader


@dataclass(frozen=True, slots=True)
class InnerNeed:
    """Names of which one must be in some entry of a list inside some record.

    Attributes:
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


class RequiredColumns:
    """The columns of one mapping that have not been seen.

    Attributes:
        entry: A hash of the mapping.
        missing: Groups of a record's columns; of each group one must be seen.
        inner: Names that must be seen in the entries of lists, once there is an entry.
        low: The position of the first record that came while something was missing.
        declared: A SCHEMA of the stream has declared some column.
    """

    def __init__(
        self, needs: Iterable[frozenset[str]], inner: Iterable[InnerNeed] = (), entry: str = ""
    ) -> None:
        self.entry = entry
        self.missing = list(needs)
        self.inner = list(inner)
        self._needs: list[frozenset[str] | InnerNeed] = [*self.missing, *self.inner]
        self._lacking: list[InnerNeed] = []
        self.low: int | None = None
        self.declared = False

    @property
    def complete(self) -> bool:
        """Whether everything was seen."""
        return not self.missing and not self.inner

    @property
    def lacking(self) -> bool:
        """Whether something should have been seen by now, and was not."""
        return bool(self.missing or self._lacking)

    @property
    def met(self) -> set[str]:
        """Name the needs that were met; a ledger keeps the names for later runs."""
        unmet = [*self.missing, *self.inner]
        return {_name(number, need) for number, need in enumerate(self._needs) if need not in unmet}

    def recall(self, met: Collection[str]) -> None:
        """Take needs as met, because they were in an earlier run of the same mapping."""
        left = [need for number, need in enumerate(self._needs) if _name(number, need) not in met]
        self.missing = [need for need in self.missing if need in left]
        self.inner = [need for need in self.inner if need in left]

    def see_schema(self, columns: Collection[str]) -> None:
        """Look at the columns of a SCHEMA."""
        self.declared |= bool(columns)
        self._see_columns(columns)

    def _see_columns(self, columns: Iterable[str]) -> None:
        names = {column.removeprefix(BOM) for column in columns}
        self.missing = [group for group in self.missing if group.isdisjoint(names)]
        self._release()

    def see(self, record: dict[str, Any], position: int) -> None:
        """Look at the record at a position."""
        if self.complete:
            return
        self._see_columns(record)
        self.inner = [need for need in self.inner if not need.met_by(record)]
        asked = [need for need in self.inner if need in self._lacking or need.asked_by(record)]
        self._lacking = asked
        self._release()
        if self.lacking and self.low is None:
            self.low = position

    def describe(self) -> str:
        """Name what is missing: ``'stok'; 'sku' or 'kode'``."""
        groups = [*self.missing, *(need.names for need in self._lacking)]
        return "; ".join(" or ".join(map(quoted, sorted(group))) for group in groups)

    def _release(self) -> None:
        if not self.lacking:
            self.low = None


def _name(number: int, need: frozenset[str] | InnerNeed) -> str:
    names = need.names if isinstance(need, InnerNeed) else need
    return f"{number}: {', '.join(sorted(names))}"


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
    newer_by: tuple[Path, ...] = ()
    part: tuple[Path, ...] = ()
    pairs: PairReader | None = None


def needs(found: MappingPaths) -> tuple[frozenset[str], ...]:
    """Group the columns of a record that are needed."""
    return tuple(dict.fromkeys([*_groups(_alternatives(found)), *compared(found.where)]))


def _alternatives(found: MappingPaths) -> list[Sequence[Path]]:
    parts = [[path] for path in found.part]
    if found.items:
        return [found.where, found.items, *parts]
    identifiers = [path for _, path in found.identifiers]
    if found.levels:
        return [found.where, identifiers, found.levels, found.newer_by, *parts]
    quantities = [[path] for path in (*found.columns, *found.subtract, *found.part)]
    return [
        *(found.where, identifiers, found.stock, found.warehouse, found.newer_by),
        *quantities,
    ]


def inner_needs(found: MappingPaths) -> tuple[InnerNeed, ...]:
    """Group the names that are needed inside the lists of `items` and `levels`."""
    lists = tuple(path.read for path in (*found.items, *found.levels))
    if not lists:
        return ()
    around = not found.levels
    own = [found.stock, *([path] for path in found.columns)]
    shared = [found.warehouse, *([path] for path in found.subtract)]
    identifiers = [[path for _, path in found.identifiers]] if found.items else []
    versions = [found.newer_by] if found.items else []
    return (
        *(InnerNeed(group, lists[:1]) for group in _groups(identifiers)),
        *(InnerNeed(group, lists[:1], around=True) for group in _groups(versions)),
        *(InnerNeed(group, lists) for group in _groups(own)),
        *(InnerNeed(group, lists, around) for group in _groups(shared)),
    )


def columns(found: MappingPaths) -> frozenset[str] | None:
    """Join the columns that are read of a record itself; None if it may be any."""
    around = () if found.levels else (*found.warehouse, *found.subtract)
    around = (*around, *found.newer_by, *found.part)
    if found.items:
        return columns_of([*found.where, *found.items, *around])
    own = [path for _, path in found.identifiers]
    quantities = found.levels or (*found.stock, *found.columns)
    return columns_of([*found.where, *own, *quantities, *around])


def identity(found: MappingPaths) -> frozenset[str]:
    """Join the columns with item and location; empty if these are in a list."""
    if found.items:
        return frozenset()
    places = () if found.levels else found.warehouse
    paths = [*(path for _, path in found.identifiers), *places]
    return frozenset(path.column for path in paths if path.column)


def _groups(alternatives: Iterable[Iterable[Path]]) -> tuple[frozenset[str], ...]:
    """Join paths that are tried in order, unless one of them needs no column; each group once."""
    found = ([path.relies_on for path in paths] for paths in alternatives)
    groups = (frozenset[str]().union(*relied_on) for relied_on in found if all(relied_on))
    return tuple(dict.fromkeys(group for group in groups if group))


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
