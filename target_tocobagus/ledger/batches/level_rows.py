"""Items as rows of the ledger's levels: encoded by kind and source, and written.

Rows that have the same kind, source and batch are written by one statement, from one JSON text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from target_tocobagus.ledger.database.by_items import as_json
from target_tocobagus.ledger.levels.levels import GLOBAL, Common, Known, Quantities
from target_tocobagus.ledger.levels.rules import NOTHING, doubted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.ledger.batches.flight import Sent
    from target_tocobagus.ledger.levels.tables import Tables
    from target_tocobagus.window.pending import Item

Encoded: TypeAlias = dict[tuple[str, int], str]
"""The levels of a batch as JSON, by kind and source."""


class LevelRows:
    """Encodes and writes them."""

    def __init__(self, tables: Tables) -> None:
        self._levels = tables.levels
        self._sources = tables.sources

    def encoded(self, writer: Connection, items: Iterable[Item]) -> Encoded:
        """Encode the levels of items."""
        alike: dict[tuple[str, int], Quantities] = {}
        rows: dict[tuple[str, Stream, str | None, str], dict[str, int | None]] = {}
        for item in items:
            kind, text = item.identifier
            for place, level in item.levels.items():
                common = (kind, level.stream, place, level.version)
                found = rows.get(common)
                if found is None:
                    source = self._sources.number(writer, level.stream)
                    places = alike.setdefault((kind, source), {})
                    versions = places.setdefault(place or GLOBAL, {})
                    found = rows[common] = versions.setdefault(level.version, {})
                found[text] = level.quantity
        return {key: as_json(places) for key, places in alike.items()}

    def accept(
        self,
        writer: Connection,
        rows: Encoded,
        *,
        at: int,
        batch: int,
        doubt: int | None,
        zeroed_at: int | None,
    ) -> None:
        """Write levels that the API has accepted; `doubt` is the run that may still change them."""
        for (kind, source), text in rows.items():
            self._levels.write(writer, Common(kind, at, batch, doubt, source, zeroed_at), text)

    def mark(
        self, writer: Connection, sent: Sent, run: int, known: dict[Identifier, dict[str, Known]]
    ) -> None:
        """Mark the levels of items: an attempt of a run had an unknown outcome."""
        for identifier, places in sent.items():
            for each in doubted(identifier[1], places, known.get(identifier, NOTHING)):
                common = Common(identifier[0], each.accepted_at, each.batch, run, each.source)
                row: Quantities = {
                    each.location: {each.version or "": {each.identifier: each.quantity}}
                }
                self._levels.write(writer, common, as_json(row))
