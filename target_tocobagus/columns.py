"""Whether the columns that a mapping relies on were ever there.

A mistyped `stock` would make every row "skipped: no quantity", a mistyped `subtract` would count as
zero: both look like success. So each column that a mapping for a named stream relies on must be
seen once, in the SCHEMA or in a record; until then no STATE may cover a record of the stream, and
at the end the run fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_BOM = "\ufeff"


class ColumnWatch:
    """The columns of one mapping that have not been seen.

    Attributes:
        missing: Groups of names; of each group one must be seen.
        hold: The position of the first record that came while one was missing.
    """

    def __init__(self, needs: Iterable[frozenset[str]]) -> None:
        """Wait for a column of each group."""
        self.missing = list(needs)
        self.hold: int | None = None

    def see(self, columns: Collection[str], position: int | None = None) -> None:
        """Look at the columns of a SCHEMA, or of the record at a position."""
        if not self.missing:
            return
        names = {column.removeprefix(_BOM) for column in columns}
        self.missing = [group for group in self.missing if group.isdisjoint(names)]
        if not self.missing:
            self.hold = None
        elif self.hold is None:
            self.hold = position

    def describe(self) -> str:
        """Name what is missing: ``'stok'; 'sku' or 'kode'``."""
        return "; ".join(" or ".join(map(repr, sorted(group))) for group in self.missing)
