"""Compares updates with what is known: before they wait for a request, and before it leaves."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.foreign_text import clean, quoted
from target_tocobagus.ledger.levels.levels import GLOBAL, Known
from target_tocobagus.ledger.levels.rules import NOTHING, Memory, judge, newer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier, Level
    from target_tocobagus.ledger.levels.rejections import Key
    from target_tocobagus.ledger.levels.tables import Tables
    from target_tocobagus.window.buffer import RowBuffer, Unsent
    from target_tocobagus.window.pending import Item


_MANY: Final = 4
"""More levels of an item than this are not read to compare one of them."""


class Compared(msgspec.Struct, frozen=True):
    """Items beside what is known of them.

    Attributes:
        known: What is remembered, by item.
        unsent: What needs no request.
    """

    known: dict[Identifier, dict[str, Known]]
    unsent: Unsent


class Comparer:
    """Compares.

    Attributes:
        stale_example: Describes the first update that was found stale.
    """

    def __init__(self, tables: Tables, keep: int) -> None:
        """Use a ledger.

        Args:
            tables: Those of a store.
            keep: How long an accepted value needs no second request, in ms.
        """
        self._connections = tables.connections
        self._levels = tables.levels
        self._rejections = tables.rejections
        self._sources = tables.sources
        self._named_days = tables.named_days
        self._now_ms = tables.now_ms
        self._keep = keep
        self._reads_by_place = False
        self._has_piped_back = False
        self.stale_example = ""

    def screen(self, rows: RowBuffer) -> Unsent:
        """Find the updates that need no request, before they wait for one.

        An item that is named several times is left out: only the last of its values counts. But
        what is stale of it is dropped, so that it does not take the place of what is not.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        items, several = rows.items, []
        identifiers = [item.identifier for item in items]
        if len(set(identifiers)) < len(items):
            times = Counter(identifiers)
            several = [item for item in items if times[item.identifier] > 1]
            items = [item for item in items if times[item.identifier] == 1]
        if rows.is_plain:
            unsent = self._equal(items)
        else:
            self._has_piped_back |= any(map(_rejected_at, rows.items))
            compared = self.compare(items)
            _note_new(items, compared.known)
            self._name(items, compared.known)
            self.note_unsent(items, compared)
            unsent = compared.unsent
        self._named_days.name([], _levels_of(several))
        if several and not rows.is_plain:
            self._drop_stale(rows, several)
        return unsent

    def _drop_stale(self, rows: RowBuffer, several: Sequence[Item]) -> None:
        """Drop rows that are stale, each by itself."""
        known, closed = self._recall([item.identifier for item in several]), self._closed(several)
        now = self._now_ms()
        for item in several:
            memory: Memory = known.get(item.identifier, NOTHING)
            verdicts = self._verdicts(item, memory, closed, now)
            for place in [place for place, verdict in verdicts.items() if verdict == "stale"]:
                del item.levels[place]
                rows.rows -= 1
                rows.stale += 1
        rows.items[:] = [item for item in rows.items if item.levels]

    def _equal(self, items: Sequence[Item]) -> Unsent:
        """Find the levels that are not marked, and were accepted lately with the same quantity."""
        identifiers = [item.identifier for item in items]
        places = self._few_places(items)
        now = self._now_ms()
        with self._connections.reading() as reader:
            times = (now - self._keep * 3 // 4 + 1, now)
            certain, is_any_old = self._levels.certain(reader, identifiers, times, places)
            rejected = self._rejections.items(reader, identifiers)
        unsent: Unsent = {}
        for item in items if any(certain.values()) else ():
            kind, text = item.identifier
            same = {
                place: "unchanged"
                for place, level in item.levels.items()
                if (text, place or GLOBAL, level.quantity) in certain[kind]
                and item.identifier not in rejected
            }
            if same:
                unsent[item.identifier] = same
        found, asked = sum(map(len, certain.values())), sum(len(item.levels) for item in items)
        if is_any_old:
            known = {} if found == sum(map(len, unsent.values())) else certain
            self._name_known(items, known, places)
        self._reads_by_place = 2 * found > asked if places else found > _MANY * asked
        if len(unsent) < len(items) and not places:
            _note_new(items, {(kind, row[0]) for kind, rows in certain.items() for row in rows})
        return unsent

    def _name_known(
        self,
        items: Sequence[Item],
        known: Mapping[str, Collection[tuple[str, str, Any]]],
        places: Collection[str],
    ) -> None:
        """Note that items are named: mostly all of their levels, which is the quickest.

        Args:
            items: The items, each once.
            known: Identifier and location of their levels, by kind; none if all are named.
            places: Only levels at these locations are known.
        """
        named: dict[Any, Item] = {item.identifier: item for item in items}
        partly = {
            (kind, text)
            for kind, levels in known.items()
            for text, place, _ in levels
            if (place or None) not in named[kind, text].levels
        }
        whole = [each for each in named if each not in partly]
        self._named_days.name(whole, _levels_of([named[each] for each in partly]), places)

    def _name(self, items: Sequence[Item], known: Mapping[Identifier, Memory]) -> None:
        """Note that levels are named, if they were not named today."""
        today = self._named_days.today or 0
        self._named_days.name(
            [],
            {
                item.identifier: [
                    each.location
                    for each in known[item.identifier].values()
                    if (each.named_day or 0) < today and (each.location or None) in item.levels
                ]
                for item in items
                if item.identifier in known
            },
        )

    def _few_places(self, items: Sequence[Item]) -> set[str]:
        """Return the locations to ask about, if items have many more; empty to ask about all.

        A stream that goes from one warehouse to the next names each item once for each of them. To
        read all levels of an item each time would take a hundred times as long with a hundred.
        """
        if not self._reads_by_place:
            return set()
        places = {place or GLOBAL for item in items for place in item.levels}
        return places if len(places) <= _MANY else set()

    def compare(self, items: Sequence[Item]) -> Compared:
        """Compare items with what is known of them; of those that are new, nothing is."""
        asked = [item.identifier for item in items if not item.is_new]
        compared = Compared(self._recall(asked) if asked else {}, {})
        known, closed = compared.known, self._closed(items)
        now = self._now_ms()
        for item in items if known or closed else ():
            memory: Memory = known.get(item.identifier, NOTHING)
            if (memory or closed) and (found := self._verdicts(item, memory, closed, now)):
                compared.unsent.setdefault(item.identifier, {}).update(found)
        return compared

    def _verdicts(
        self, item: Item, memory: Memory, closed: Mapping[Key, int], now: int
    ) -> dict[str | None, str]:
        """Judge the levels of an item; those that are to be sent are left out."""
        found: dict[str | None, str] = {}
        for place, level in item.levels.items():
            where = place or GLOBAL
            key = (*item.identifier, where)
            source = self._sources.known(level.stream)
            verdict = judge(key, level, source, memory, now=now, keep=self._keep)
            if level.rejected_at and level.rejected_at < closed.get(key, 0):
                verdict = "stale"
            if verdict != "send":
                found[place] = verdict
            if verdict == "stale" and not self.stale_example:
                self.stale_example = _describe_stale(key, level, memory.get(where))
        return found

    def _closed(self, items: Sequence[Item]) -> dict[Key, int]:
        """Say since when rejected rows that are piped back are overtaken, by their levels."""
        pairs = [(item.identifier, _rejected_at(item)) for item in items if self._has_piped_back]
        said = {identifier: at for identifier, at in pairs if at}
        if not said:
            return {}
        with self._connections.reading() as reader:
            return self._rejections.closed(reader, said.keys(), min(said.values()))

    def _recall(self, identifiers: Sequence[Identifier]) -> dict[Identifier, dict[str, Known]]:
        with self._connections.reading() as reader:
            return self._levels.recall(reader, identifiers)

    def note_unsent(self, items: Sequence[Item], compared: Compared) -> None:
        """Record updates that need no request: newer versions of unchanged levels, and what closes.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        unsent = compared.unsent
        if self._connections.reads_only or not unsent:
            return
        versions = [
            (item.identifier, place or GLOBAL, level)
            for item in items
            for place, verdict in unsent.get(item.identifier, {}).items()
            if (level := item.levels[place]).version
            and verdict == "unchanged"
            and self._is_news(level, compared.known[item.identifier][place or GLOBAL])
        ]
        if versions or self._rejections.any:
            keys = {
                (*item.identifier, place or GLOBAL)
                for item in items
                for place, verdict in unsent.get(item.identifier, {}).items()
                # What is stale by its version is older than a refused row of its level.
                if verdict == "unchanged" or item.levels[place].rejected_at
            }

            def write(writer: Connection) -> None:
                self._move_versions(writer, versions)
                self._rejections.close(writer, keys, self._now_ms())

            self._connections.write(write)

    def _is_news(self, level: Level, known: Known) -> bool:
        """Whether a level has another version than the one that is known; mostly it has not."""
        return (level.version, self._sources.known(level.stream)) != (known.version, known.source)

    def _move_versions(
        self, writer: Connection, unchanged: Sequence[tuple[Identifier, str, Level]]
    ) -> None:
        """Move the versions of unchanged levels on; one may be newer than when it was compared."""
        known = self._levels.recall(writer, [identifier for identifier, _, _ in unchanged])
        rows = []
        for identifier, place, level in unchanged:
            at = known.get(identifier, NOTHING).get(place)
            if at is not None and at.quantity == level.quantity:
                sent = (level.version, self._sources.number(writer, level.stream))
                rows.append((*identifier, place, *newer(sent, at)))
        self._levels.set_versions(writer, rows)


def _rejected_at(item: Item) -> int:
    """Say when the first of an item's rows that are piped back was rejected; 0 if none is."""
    times = [level.rejected_at for level in item.levels.values()]
    return min(filter(None, times), default=0)


def _levels_of(items: Iterable[Item]) -> dict[Identifier, list[str]]:
    levels: dict[Identifier, list[str]] = {}
    for item in items:
        levels.setdefault(item.identifier, []).extend(place or GLOBAL for place in item.levels)
    return levels


def _note_new(items: Iterable[Item], known: Collection[tuple[str, str]]) -> None:
    """Note which items the ledger knows nothing of, so that it is not asked again."""
    for item in [item for item in items if item.identifier not in known] if known else items:
        item.is_new = True


def _describe_stale(key: tuple[str, str, str], level: Level, known: Known | None) -> str:
    kind, text, place = key
    where = f" at {quoted(place)}" if place else ""
    if known is None or not level.version:
        return f"{kind} {quoted(text)}{where}, which was rejected before its last acceptance"
    came, newest = level.version[2:], (known.version or "")[2:]
    return f"{kind} {quoted(text)}{where} came with {clean(came)}, and {clean(newest)} is known"
