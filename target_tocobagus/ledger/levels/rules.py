"""What follows from memory: what needs no request, and what an attempt leaves in doubt; pure."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from target_tocobagus.core.versions import is_older
from target_tocobagus.ledger.levels.levels import GLOBAL, Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.core.model import Level

Memory: TypeAlias = "Mapping[str, Known]"
"""What is known of one item, by location."""

NOTHING: Memory = {}


def judge(
    key: tuple[str, str, str],
    level: Level,
    source: int,
    memory: Memory,
    *,
    now: int,
    keep: int,
) -> Literal["send", "unchanged", "stale"]:
    """Compare an update with what is known of its level.

    Args:
        key: Kind, identifier and location.
        level: The update.
        source: Its stream and entry.
        memory: What is remembered of the item.
        now: The API's time, in ms since the epoch.
        keep: How long an accepted value needs no second request, in ms.
    """
    if level.rejected_at and _accepted_after(level.rejected_at, key[2], memory):
        return "stale"
    known = memory.get(key[2])
    if known is None:
        return "send"
    same_source = known.source == source and known.version is not None
    if same_source and is_older(level.version, known.version or ""):
        return "stale"
    certain = known.doubt is None and known.quantity == level.quantity
    return "unchanged" if certain and is_recent(key, known.accepted_at, now, keep) else "send"


def _accepted_after(time: int, place: str, memory: Memory) -> bool:
    """Whether a level was accepted later; a global and the warehouses of an item are one."""
    return any(
        (known.accepted_at or 0) > time
        for known in memory.values()
        if place == GLOBAL or known.location in {place, GLOBAL}
    )


def is_recent(key: tuple[str, str, str], accepted_at: int | None, now: int, keep: int) -> bool:
    """Whether a level was accepted so lately that it need not be sent again.

    Levels of one day do not all fall due at once: each after its own time between three quarters of
    `keep` and the whole. A time in the future is a clock's mistake, and counts as long ago.
    """
    if accepted_at is None or accepted_at > now:
        return False
    share = zlib.crc32("\0".join(key).encode("utf-8", "replace")) / 0xFFFFFFFF
    return now - accepted_at < keep * (3 + share) / 4


def marked_in(run: int, memory: Memory) -> bool:
    """Whether an attempt of this run has had an unknown outcome for any level of the item."""
    return any(known.doubt == run for known in memory.values())


def doubted(
    identifier: str, sent: Mapping[str, tuple[str, int | None]], memory: Memory
) -> list[Known]:
    """Say what is known of an item's levels after an attempt with an unknown outcome.

    The API may have applied a global, and so have changed each warehouse; or a warehouse, and so
    have ended the global. All these levels are to be marked.

    Args:
        identifier: The item.
        sent: The version and source of each level that was sent.
        memory: What was known of the item.
    """
    others = [
        place for place in memory if place not in sent and (GLOBAL in sent or place == GLOBAL)
    ]
    levels = [memory[place] for place in others]
    for place, said in sent.items():
        known = memory.get(place) or Known(identifier, place)
        version, source = newer(said, known)
        levels.append(msgspec.structs.replace(known, version=version, source=source))
    return levels


def newer(sent: tuple[str, int | None], known: Known) -> tuple[str | None, int | None]:
    """Return the newer of a version that was sent and the one that is known, with its source."""
    version, source = sent
    if not version and known.version is None:
        return None, source
    if not version or (known.source == source and is_older(version, known.version or "")):
        return known.version, known.source
    return version, source
