"""Whether the columns that a mapping relies on were ever seen.

A mistyped `stock` would skip every row ("no quantity"), a mistyped `subtract` would count as zero:
both look like success. So each column that a mapping for a named stream relies on must be seen
once, in the SCHEMA or in a record; until then no STATE may cover a record of the stream, and at the
end the run fails. A SCHEMA is not reliable for the entries of lists, so their names must be in a
record, as soon as one has entries.

A column that was seen once counts as seen, whatever a later SCHEMA declares. A stream whose SCHEMAs
declare no column (a document store's) only causes a warning: none of its documents may have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_tocobagus.core.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from target_tocobagus.mapping import InnerNeed

_BOM = "\ufeff"


class RequiredColumns:
    """The columns of one mapping that have not been seen.

    Attributes:
        missing: Groups of a record's columns; of each group one must be seen.
        inner: Names that must be seen in the entries of lists, once there is an entry.
        hold: The position of the first record that came while something was missing.
        declared: A SCHEMA of the stream has declared some column.
    """

    def __init__(self, needs: Iterable[frozenset[str]], inner: Iterable[InnerNeed] = ()) -> None:
        self.missing = list(needs)
        self.inner = list(inner)
        self._lacking: list[InnerNeed] = []
        self.hold: int | None = None
        self.declared = False

    @property
    def complete(self) -> bool:
        """Whether everything was seen."""
        return not self.missing and not self.inner

    @property
    def lacking(self) -> bool:
        """Whether something should have been seen by now, and was not."""
        return bool(self.missing or self._lacking)

    def see_schema(self, columns: Collection[str]) -> None:
        """Look at the columns of a SCHEMA."""
        self.declared |= bool(columns)
        self._see_columns(columns)

    def _see_columns(self, columns: Iterable[str]) -> None:
        names = {column.removeprefix(_BOM) for column in columns}
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
        if self.lacking and self.hold is None:
            self.hold = position

    def describe(self) -> str:
        """Name what is missing: ``'stok'; 'sku' or 'kode'``."""
        groups = [*self.missing, *(need.names for need in self._lacking)]
        return "; ".join(" or ".join(map(quoted, sorted(group))) for group in groups)

    def _release(self) -> None:
        if not self.lacking:
            self.hold = None
