"""Reads pairs (`lookup`): what a record of another stream says of the rows that look it up.

A pair is a match and an identifier. It has none if the record has none, does not meet `where`, or
is deleted: rows with this match are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from target_tocobagus.core.model import Identifier, Kind, RecordError, Stream
from target_tocobagus.mapping.identifiers import identify
from target_tocobagus.mapping.paths import Path, columns_of, compared
from target_tocobagus.mapping.record_errors import PathError
from target_tocobagus.mapping.values import DELETED, is_deleted, is_true

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.mapping.values import Entry


class Pair(NamedTuple):
    """What a record says.

    Attributes:
        match: What rows have.
        identifier: What they stand for; ``None`` if rows with this match are skipped.
    """

    match: str
    identifier: Identifier | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairReader:
    """Reads the records of the stream that a mapping looks up.

    Attributes:
        stream: Its name.
        kind: Of the identifiers that stand in until the pair is known: stream and match.
        match: The path of what rows have.
        found: The kind of what they stand for, and its path.
        where: The condition that a record must meet.
        entry: A hash of these; pairs of another lookup are not this one's.
    """

    stream: str
    kind: Any
    match: Path
    found: tuple[Kind, Path]
    where: Path | None
    entry: str

    @property
    def as_stream(self) -> Stream:
        """Where its pairs come from."""
        return Stream(self.stream, entry=self.entry)

    @property
    def needs(self) -> tuple[frozenset[str], ...]:
        """Groups of the columns that it relies on; of each group one must be seen."""
        groups = [path.relies_on for path in self._paths if path.relies_on]
        return (*groups, *compared(self._paths))

    @property
    def columns(self) -> frozenset[str] | None:
        """All columns of a record that are read; None if it may be any."""
        return columns_of(self._paths)

    @property
    def plain(self) -> tuple[str, ...] | None:
        """The columns of match, identifier and condition, if a record is just these."""
        columns = [path.column for path in self._paths]
        names = tuple(name for name in columns if name is not None)
        return names if len({DELETED, *names}) == len(columns) + 1 else None

    def plain_pair(self, match: Any, found: Any, condition: Any) -> Pair | None:
        """Make a pair of the values of these columns; None if one of them cannot be used."""
        key = identify(self.kind, match)
        if type(key) is not tuple:
            return None
        if self.where is not None and not is_true(condition):
            return Pair(key[1], None)
        identifier = identify(self.found[0], found)
        return Pair(key[1], identifier) if type(identifier) is tuple else None

    @property
    def _paths(self) -> Iterable[Path]:
        return (self.match, self.found[1], *([self.where] if self.where else []))

    def pair(self, record: Entry) -> Pair | RecordError | None:
        """Read a record; ``None`` if it has no match."""
        try:
            match = identify(self.kind, self.match.read(record))
            if not isinstance(match, tuple):
                return match
            identifier = None
            if not (DELETED in record and is_deleted(record)) and self._meets(record):
                identifier = identify(self.found[0], self.found[1].read(record))
        except PathError as error:
            return error.refused()
        if isinstance(identifier, RecordError):
            return identifier
        return Pair(match[1], identifier)

    def _meets(self, record: Entry) -> bool:
        return self.where is None or is_true(self.where.read(record))
