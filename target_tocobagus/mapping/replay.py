"""When a rejected row is piped back, only the updates that were rejected may be sent.

A record may have several updates of which only some were rejected; the others were accepted and may
have newer values now. So the key that `rejects` adds to the record names the rejected ones. If a
record has only one update, it is that one, whatever the mapping makes of it now; the same holds for
a record of one item whose identifier could not be read, because often the mapping was corrected.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.json_lines import value_at
from target_tocobagus.core.model import KINDS, Complete, Part, RecordError, Skipped, Stock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_tocobagus.core.model import Identifier, Outcome

_SENT_ALREADY: Final = Skipped("this update of a rejected record was not rejected")


def rejected_updates(own: Any) -> list[dict[str, Any]] | None:
    """Find the updates in the value of our key of a RECORD; ``None`` if it is not ours."""
    updates = value_at(own, "updates")
    if not isinstance(updates, list) or not all(isinstance(update, dict) for update in updates):
        return None
    return updates


def rejected_at(own: Any) -> int:
    """Return when a rejected row was rejected, in ms since the epoch; 0 if it is not one."""
    if own is None or rejected_updates(own) is None:
        return 0
    try:
        moment = datetime.fromisoformat(own.get("at"))
    except (TypeError, ValueError):
        return 0
    return int(moment.timestamp() * 1000)


def only_rejected(
    outcomes: list[Outcome],
    own: Any,
    warehouse_map: Mapping[str, str] | None,
    names: Mapping[Identifier, Identifier] | None = None,
    *,
    sums: bool = False,
) -> list[Outcome]:
    """Keep a record's outcomes that were rejected before; skip the others.

    Args:
        outcomes: The record's outcomes by the mapping of now.
        own: The value of our key of its RECORD; if it is not ours, all outcomes are kept.
        warehouse_map: A rejected warehouse may be a code that is mapped by now.
        names: What the identifiers stand for that are looked up (`lookup`), as far as it is known.
        sums: The record is a part of stocks that are added up.
    """
    updates = rejected_updates(own)
    if updates is None:
        return outcomes
    if sums:
        return _sums_again(outcomes, updates, warehouse_map or {})
    listed = {pair for update in updates for pair in _pairs(update, warehouse_map or {})}
    outcomes = _with_zeros(outcomes, listed)
    named = {pair[0] for pair in map(_pair, outcomes) if pair is not None}
    codes = warehouse_map or {}
    rejected = [
        {(_stand_in(one, named, names or {}), place) for one, place in _pairs(update, codes)}
        for update in updates
    ]
    known = set().union(*rejected)
    if len(outcomes) == 1 or (known == {(None, None)} and len(named) == 1):
        return outcomes
    said = {_pair(outcome) for outcome in outcomes}
    # An outcome that is skipped now may be one that was rejected.
    lost = [] if None in said else [n for n, pairs in enumerate(rejected) if said.isdisjoint(pairs)]
    return [
        *(outcome if _pair(outcome) in known else _SENT_ALREADY for outcome in outcomes),
        *(_not_found(updates[number]) for number in lost),
    ]


def _with_zeros(
    outcomes: list[Outcome], known: set[tuple[Identifier | None, str | None]]
) -> list[Outcome]:
    """Put in place of complete lists what was rejected of the locations that they leave out."""
    lists = [each for each in outcomes if isinstance(each, Complete)]
    zeros = [
        Stock(each.identifier, place, 0, version=each.version)
        for each in lists
        for identifier, place in known
        if identifier == each.identifier and place is not None and place not in each.places
    ]
    return [*(each for each in outcomes if not isinstance(each, Complete)), *zeros]


def _stand_in(
    rejected: Identifier | None,
    named: set[Identifier | None],
    names: Mapping[Identifier, Identifier],
) -> Identifier | None:
    """Find what stands in for a rejected item in a record whose items are looked up.

    Args:
        rejected: The item.
        named: What the record names.
        names: What these stand for.
    """
    only = next(iter(named), None) if len(named) == 1 else None
    if rejected is None or rejected in named:
        return rejected
    if only is not None and only[0] not in KINDS:
        return only  # its pair may have changed since
    return next((each for each in named if each and names.get(each) == rejected), rejected)


def _sums_again(
    outcomes: list[Outcome], updates: list[dict[str, Any]], warehouse_map: Mapping[str, str]
) -> list[Outcome]:
    """Send the sums that were rejected, as they are now: the record is one part of them, if any."""
    pairs = {pair for update in updates for pair in _pairs(update, warehouse_map)}
    levels: Any = sorted((pair for pair in pairs if pair[0] is not None), key=str)
    parts = [each for each in outcomes if isinstance(each, Part)]
    is_bad = any(isinstance(each, RecordError) for each in outcomes)
    if not levels or (is_bad and any(part.key for part in parts)):
        return outcomes
    part = parts[0] if parts else Part("", ())
    return [msgspec.structs.replace(part, again=tuple(levels))]


def _pair(outcome: Outcome) -> tuple[Identifier | None, str | None] | None:
    """Return an outcome's identifier and location; a skip has none."""
    if isinstance(outcome, (Skipped, Part, Complete)):
        return None
    return outcome.identifier, outcome.location


def _not_found(update: Mapping[str, Any]) -> RecordError:
    """Reject a row again, because it is unclear which of several updates it was."""
    identifier, place = next(iter(_pairs(update, {})))
    message = "it is unclear which update of this record was rejected, so none was sent again"
    return RecordError("NOT_FOUND_AGAIN", message, identifier, place)


def _pairs(
    update: Mapping[str, Any], warehouse_map: Mapping[str, str]
) -> Iterable[tuple[Identifier | None, str | None]]:
    named = update.get("identifier")
    identifier: Any = next(iter(named.items())) if isinstance(named, dict) and named else None
    place = update.get("warehouse")
    yield identifier, place
    if isinstance(place, str) and place in warehouse_map:
        yield identifier, warehouse_map[place]
