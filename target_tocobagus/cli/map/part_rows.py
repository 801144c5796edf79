"""Whether a stream's rows look like parts of a stock (lots, bins, days), of which the last wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.model import Identifier, Stock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_tocobagus.core.model import Outcome
    from target_tocobagus.mapping import CompiledMapping

_MOST: Final = 10_000


class PartRows:
    """Compares the rows of a stream that are of one item and location.

    Attributes:
        seen: What two rows with different keys say of one item; empty while none do.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Tell rows apart by these columns."""
        self._keys = keys
        self._first: dict[tuple[Identifier, str | None], tuple[list[Any], int]] = {}
        self.seen = ""

    def see(self, record: Any, outcomes: Iterable[Outcome]) -> None:
        """Compare a record with the first of the same item and location."""
        if not self._keys or self.seen or not isinstance(record, dict):
            return
        key = [record.get(name) for name in self._keys]
        for outcome in outcomes:
            if isinstance(outcome, Stock) and len(self._first) < _MOST:
                row = (outcome.identifier, outcome.location)
                before, quantity = self._first.setdefault(row, (key, outcome.quantity))
                if before != key and quantity != outcome.quantity:
                    self.seen = (
                        f"Its rows look like parts of a stock: item {outcome.identifier[1]!r} has"
                        f" {quantity} in the row with {_named(self._keys, before)}, and"
                        f" {outcome.quantity} in the row with {_named(self._keys, key)}; of several"
                        " rows of one item and location the last wins"
                    )
                    return

    def unread(self, compiled: CompiledMapping | None) -> str:
        """Say which columns of a key of several the mapping does not read."""
        read = compiled.columns if compiled else None
        names = [key for key in self._keys if read is not None and key not in read]
        if not names or len(self._keys) == 1:
            return ""
        return (
            f"Its key has {', '.join(map(repr, names))}, which the mapping does not read: if one"
            " item has several rows, the last wins"
        )


def _named(keys: Sequence[str], values: Sequence[Any]) -> str:
    return ", ".join(f"{key} {value!r}" for key, value in zip(keys, values, strict=True))
