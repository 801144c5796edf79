"""What has changed: the old and the new quantity of a level, and what its record said; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_tocobagus.ledger.levels.levels import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.core.model import Level, Stream
    from target_tocobagus.ledger.levels.rules import Memory
    from target_tocobagus.window.pending import Item


def changes_of(item: Item, memory: Memory) -> Iterator[tuple[Stream, dict[str, Any]]]:
    """Yield a change for each level whose last accepted quantity is known and another.

    Yields:
        The stream that it came in, and columns of the table of changes.
    """
    for place, level in item.levels.items():
        known = memory.get(place or GLOBAL)
        if known is None or known.quantity is None or known.quantity == level.quantity:
            continue
        message = _message_of(level)
        yield (
            level.stream,
            {
                "kind": item.identifier[0],
                "identifier": item.identifier[1],
                "location": place or GLOBAL,
                "old": known.quantity,
                "new": level.quantity,
                "columns": _columns_of(message, level.stream),
                "time_extracted": _text(message.get("time_extracted")),
            },
        )


def _message_of(level: Level) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(level.line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _columns_of(message: dict[str, Any], stream: Stream) -> str | None:
    """Encode the columns that the mapping read; all of them if it may read any."""
    record = message.get("record")
    if not isinstance(record, dict):
        return None
    columns = {name: record[name] for name in stream.columns if name in record}
    return msgspec.json.encode(columns or record).decode()


def _text(value: object) -> str | None:
    """Return what is a text, without what PostgreSQL cannot keep."""
    return value.replace("\0", "") if isinstance(value, str) else None
