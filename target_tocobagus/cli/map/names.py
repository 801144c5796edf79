"""What looked up identifiers stand for (`lookup`), as far as the records of a file say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.mapping.looking_up import Pair

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.mapping.looking_up import PairReader


class Names:
    """The pairs of a file."""

    def __init__(self) -> None:
        self._readers: Final[dict[str, PairReader]] = {}
        self._found: Final[dict[Any, Identifier | None]] = {}

    def look_for(self, reader: PairReader | None) -> None:
        """Read the pairs of a lookup from now on."""
        if reader is not None:
            self._readers[reader.kind] = reader

    def see(self, stream: str, record: Any) -> None:
        """Take what a record of any stream says."""
        for reader in self._readers.values():
            if reader.stream == stream and isinstance(record, dict):
                pair = reader.pair(record)
                if isinstance(pair, Pair):
                    self._found[reader.kind, pair.match] = pair.identifier

    def of(self, identifier: Identifier) -> Identifier | None:
        """Name an item; ``None`` if its rows are skipped, and itself if it is not known."""
        return self._found.get(identifier, identifier)
