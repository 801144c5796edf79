"""What a rejected row may send when it is piped back: the updates that were rejected, no others.

A record may say several updates, and only some of them were rejected; the others were accepted then
and may have newer values by now. So the key that `rejects` put beside the record names the rejected
ones. A record that says one thing alone is that update, whatever the mapping now makes of it, and
so is a record of one item whose identifier could not be read: often the mapping is what was mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.model import RecordError, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_tocobagus.core.model import Identifier, Outcome

_SENT_ALREADY: Final = Skipped("this update of a rejected record was not rejected")


def rejected_updates(own: Any) -> list[dict[str, Any]] | None:
    """Find the updates in what stands under our key of a RECORD; ``None`` if it is not ours."""
    updates = own.get("updates") if isinstance(own, dict) else None
    if not isinstance(updates, list) or not all(isinstance(update, dict) for update in updates):
        return None
    return updates


def only_rejected(
    outcomes: list[Outcome],
    updates: Sequence[Mapping[str, Any]],
    warehouse_map: Mapping[str, str] | None,
) -> list[Outcome]:
    """Keep of a record's outcomes those that were rejected before; skip the others.

    Args:
        outcomes: What the mapping makes of the record now.
        updates: What `rejected_updates` found.
        warehouse_map: A rejected warehouse may have been written as a code that is mapped by now.
    """
    known = {pair for update in updates for pair in _pairs(update, warehouse_map or {})}
    named = {outcome.identifier for outcome in outcomes if not isinstance(outcome, Skipped)}
    if len(outcomes) == 1 or (known == {(None, None)} and len(named) == 1):
        return outcomes
    said = {_pair(outcome) for outcome in outcomes}
    # What is skipped now may be what was rejected then.
    lost = (
        []
        if None in said
        else [update for update in updates if said.isdisjoint(_pairs(update, warehouse_map or {}))]
    )
    return [
        *(outcome if _pair(outcome) in known else _SENT_ALREADY for outcome in outcomes),
        *(_not_found(update) for update in lost),
    ]


def _pair(outcome: Outcome) -> tuple[Identifier | None, str | None] | None:
    """Tell what an outcome speaks of; a skip speaks of nothing."""
    return None if isinstance(outcome, Skipped) else (outcome.identifier, outcome.location)


def _not_found(update: Mapping[str, Any]) -> RecordError:
    """Keep on saying that a row was rejected, where it cannot be told which of several it is."""
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
