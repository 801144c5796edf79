"""Stocks of which parts have come, each with the rows that name them."""

from __future__ import annotations

from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_tocobagus.completion.resolved import PartRecord, Resolved
    from target_tocobagus.completion.stream_sums import StreamSums
    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.parts.parts import Parts

_position = attrgetter("position")


class ChangedSums:
    """Those of one flush.

    Attributes:
        rows: By item and location.
    """

    def __init__(self, streams: Mapping[tuple[str, str], StreamSums], *, in_order: bool) -> None:
        """Begin without any; `in_order`: the rows come by their positions."""
        self._streams = streams
        self._in_order = in_order
        self.rows: defaultdict[Place, list[PartRecord]] = defaultdict(list)

    def add_up(self, parts: Parts, found: Resolved) -> None:
        """Add up the parts of each stock; its newest row stands for the others.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        sure = self._leave_out_sure(parts, found)
        left = {place: rows for place, rows in self.rows.items() if place not in sure}
        totals = parts.totals(left) if left else {}
        for place, rows in left.items():
            total = totals.get(place)
            if total is None:  # a rejected row of a stock that has no part any more
                found.skipped += len(rows)
                continue
            if not self._in_order:
                rows.sort(key=_position)
            newest = rows[-1]
            found.rows += len(rows)
            sums = self._streams[newest.stream.source]
            sums.put(place, total, newest, rows[0].position, found)
        for sums in self._streams.values():
            if sums.is_watching:
                sums.watch([*self._named()], parts)

    def _leave_out_sure(self, parts: Parts, found: Resolved) -> set[Place]:
        """Find stocks that are surely as they were accepted.

        Those with a part that is not a whole number are judged anew, and counted: see `Quantities`.
        """
        places = parts.sure.among(self.rows, self._streams)
        sure = {place for place in places if _are_plain(self.rows[place])}
        for identifier, place in sure:
            found.unsent.setdefault(identifier, {})[place] = "unchanged"
            found.superseded += len(self.rows[identifier, place]) - 1
        return sure

    def _named(self) -> Iterator[tuple[Identifier, PartRecord]]:
        """Yield items with their rows; a rejected row comes without the others of its item."""
        for (identifier, _), rows in self.rows.items():
            for row in rows:
                if not row.part.again:
                    yield identifier, row


def _are_plain(rows: Sequence[PartRecord]) -> bool:
    """Whether rows are the tap's, and their quantities are whole numbers."""
    quantities = [quantity for row in rows for _, _, quantity in row.part.rows]
    return "".join(quantities).isdigit() and not any(row.part.again for row in rows)
