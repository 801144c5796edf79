"""What a shop should have, by all that its sources have said; for laws over several runs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from target_tocobagus.core.model import KINDS, Complete
from tests.ledger.world import PairRow, PartRow, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_tocobagus.core.model import Identifier

    Place: TypeAlias = tuple[Identifier, str | None]
    AnyRow: TypeAlias = Row | PartRow | PairRow
    Names: TypeAlias = Mapping[str, set[Identifier]]

_Versioned = TypeVar("_Versioned", Row, PartRow)


def expected_of(
    log: Iterable[AnyRow], places: Iterable[str], *, only_named: bool = False
) -> dict[Place, int]:
    """Say what the newest rows of a log make of the shop, under the newest pairs.

    Args:
        log: What sources have said that bring what has changed.
        places: The locations; where a complete list does not name one, there is nothing.
        only_named: Leave out where parts were before, and are not any more.
    """
    log = list(log)
    pairs = {each.match: each.identifier for each in log if isinstance(each, PairRow)}
    levels: dict[Place, int] = {}
    for each in _newest([row for row in log if isinstance(row, Row)]):
        if isinstance(each.other, Complete):
            levels |= dict.fromkeys([(each.identifier, place) for place in places], 0)
        for place, quantity in each.levels:
            if place is None:  # what its warehouses had counts no longer
                levels = {key: old for key, old in levels.items() if key[0] != each.identifier}
            levels[each.identifier, place] = quantity
    parts = [each for each in log if isinstance(each, PartRow)]
    newest = {(each.stream, each.key): each for each in _newest(parts)}
    named = {
        place: quantity
        for found in (levels, totals_of(newest.values(), pairs))
        for place, quantity in _named(found, pairs)
    }
    return named if only_named else {**_nothing(parts, names_of(log)), **named}


def _newest(rows: Iterable[_Versioned]) -> Iterator[_Versioned]:
    """Leave out what has an older version than a row of the same part, or level, before it."""
    newest: dict[object, int] = {}
    for row in rows:
        of = (
            row.key
            if isinstance(row, PartRow)
            else (row.identifier, row.levels[:1] and row.levels[0][0])
        )
        version = int(row.version.removeprefix("n ") or 0)
        if version >= newest.get((row.stream, of), 0):
            newest[row.stream, of] = version
            yield row


def expected_of_feed(feed: Iterable[PartRow], before: Iterable[PartRow] = ()) -> dict[Place, int]:
    """Add up the parts of a feed of all; where others were before, there is nothing."""
    return {**_nothing(before, {}), **totals_of(feed, {})}


def names_of(log: Iterable[AnyRow]) -> dict[str, set[Identifier]]:
    """Tell what the matches of a log have stood for at any time."""
    names: dict[str, set[Identifier]] = {}
    for each in log:
        if isinstance(each, PairRow) and each.identifier is not None:
            names.setdefault(each.match, set()).add(each.identifier)
    return names


def totals_of(parts: Iterable[PartRow], pairs: Mapping[str, Identifier | None]) -> dict[Place, int]:
    """Add up parts, under what their items stand for."""
    totals: dict[Place, Decimal] = {}
    for each in parts:
        for identifier, place, quantity in each.levels:
            named = identifier[0] not in KINDS and pairs.get(identifier[1])
            key = (named or identifier, place)
            totals[key] = totals.get(key, Decimal(0)) + Decimal(quantity.removeprefix("~"))
    return {key: max(0, int(total)) for key, total in totals.items()}


def _named(
    levels: Mapping[Place, int], pairs: Mapping[str, Identifier | None]
) -> Iterator[tuple[Place, int]]:
    """Go through levels under what their items stand for; without a pair, or a value, for none."""
    for (identifier, place), quantity in levels.items():
        named = identifier if identifier[0] in KINDS else pairs.get(identifier[1])
        if named is not None:
            yield (named, place), quantity


def _nothing(parts: Iterable[PartRow], names: Names) -> dict[Place, int]:
    """Return 0 for each place at which one of these parts may ever have counted."""
    return {
        (named, place): 0
        for part in parts
        for identifier, place, _ in part.levels
        for named in ({identifier} if identifier[0] in KINDS else names.get(identifier[1], ()))
    }
