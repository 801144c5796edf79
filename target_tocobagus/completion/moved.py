"""The levels that follow their pair to another item (`lookup`), and the RECORD of each.

The RECORD is kept if the level is refused: no record of the tap says it, so it says so itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_tocobagus.core.model import Level, Stock, Stream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from target_tocobagus.completion.lookups import Change, Lookup
    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.pairs.pairs import Pairs, SentLevel

_KEY: Final = "moved"


def moved_line(stream: Stream, quantity: int, version: str) -> bytes:
    """Write the RECORD."""
    moved = {"quantity": quantity, "version": version, "entry": stream.entry}
    message = {"type": "RECORD", "stream": stream.name, "record": {}, _KEY: moved}
    return msgspec.json.encode(message)


def read_moved(message: dict[str, Any], schema: bytes, level: Place) -> tuple[Stock, Stream] | None:
    """Read one that the ledger has kept; ``None`` if a message is the tap's."""
    moved = message.get(_KEY)
    if not isinstance(moved, dict):
        return None
    stock = Stock(*level, moved["quantity"], version=moved["version"])
    return stock, Stream(message["stream"], schema, moved["entry"])


class Moved(NamedTuple):
    """A level that follows its pair to another item."""

    identifier: Identifier
    location: str | None
    level: Level


def moved_levels(
    pairs: Pairs,
    lookup: Lookup,
    single: Mapping[Identifier, Change],
    changes: Collection[str],
    streams: Mapping[tuple[str, str], Stream],
) -> Iterator[Moved]:
    """Find the levels that follow changed pairs to other items.

    Args:
        pairs: Those that are remembered.
        lookup: Whose pairs have changed.
        single: The changes of items for which no other match stands, by the items.
        changes: All matches whose pairs have changed.
        streams: Those that are read in this run.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    setting = lookup.entries - lookup.summing
    if not (setting and single):
        return
    kept = _kept(pairs, lookup, single, changes)
    for sent in pairs.sent(single):
        change = single[sent.identifier]
        if (
            sent.stream[1] in setting
            and change.new is not None
            and change.follows(sent.location)
            and not any(_goes_before(each, sent) for each in kept.get(change.new, ()))
        ):
            stream = streams.get(sent.stream) or _unread(*sent.stream)
            yield Moved(change.new, sent.location, _level(sent, stream, change))


def _kept(
    pairs: Pairs,
    lookup: Lookup,
    single: Mapping[Identifier, Change],
    changes: Collection[str],
) -> dict[Identifier, list[SentLevel]]:
    """Find the levels of new items that were not left there by a match that has gone.

    They are another stream's, or those of another match that stands for the item, too.
    """
    setting = lookup.entries - lookup.summing
    new = {change.new for change in single.values() if change.new is not None} - single.keys()
    shared = pairs.claimed(lookup.reader.as_stream, new, changes) if new else set()
    kept: dict[Identifier, list[SentLevel]] = {}
    for each in pairs.sent(new) if new else ():
        is_others = each.stream[1] not in setting and not each.is_left
        if is_others or each.identifier in shared:
            kept.setdefault(each.identifier, []).append(each)
    return kept


def _goes_before(there: SentLevel, sent: SentLevel) -> bool:
    """Whether a level of the new item is newer than one that would go over it."""
    is_same = there.location == sent.location or None in {there.location, sent.location}
    return is_same and there.accepted_at > sent.accepted_at


def _unread(name: str, entry: str) -> Stream:
    """Make a stream that this run has not read."""
    schema: dict[str, Any] = {"properties": {}}
    message = {"type": "SCHEMA", "stream": name, "schema": schema, "key_properties": []}
    return Stream(name, msgspec.json.encode(message), entry)


def _level(sent: SentLevel, stream: Stream, change: Change) -> Level:
    """Make the level that follows a pair; no record of its stream says it, so its line does."""
    line = moved_line(stream, sent.quantity, sent.version)
    return Level(sent.quantity, change.position, stream, line, version=sent.version)
