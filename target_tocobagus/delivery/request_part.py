"""What goes into one request: a batch, or what it was divided into."""

from __future__ import annotations

import msgspec

from target_tocobagus.window.pending import Item


class RequestPart(msgspec.Struct, frozen=True):
    """Items that go into one request: a batch, or a part of one.

    Attributes:
        items: At least one; of distinct identifiers.
        since: When the batch was first tried, by the monotonic clock.
        attempts: Failed attempts of this part as it is.
        timed_out: How many rows the whole had when its attempt timed out; 0 if none did.
        forgotten: A reply has left these rows unaccounted for once.
        single: One warehouse of an item that was refused as a whole.
        probing: When it was first divided to find a row that the server fails on; 0 if not.
        postponed: It failed in this search, and the others were tried before it.
        doubted: A clock that had worked was refused once, and is used for this attempt again.
        retest: An item that was accepted before, sent again to tell whether the request is wrong.
    """

    items: tuple[Item, ...]
    since: float
    attempts: int = 0
    timed_out: int = 0
    forgotten: bool = False
    single: bool = False
    probing: float = 0.0
    postponed: bool = False
    doubted: bool = False
    retest: bool = False


def halves(part: RequestPart) -> tuple[RequestPart, ...]:
    """Divide a part of several items into two."""
    middle = (len(part.items) + 1) // 2
    groups = (part.items[:middle], part.items[middle:])
    return tuple(msgspec.structs.replace(part, items=items) for items in groups if items)


def one_by_one(item: Item, part: RequestPart) -> list[RequestPart]:
    """Divide an item into one for each warehouse."""
    singles = [
        Item(item.identifier, {location: level}, item.low)
        for location, level in item.levels.items()
    ]
    return [answered(part, (each,), single=True, forgotten=False) for each in singles]


def answered(part: RequestPart, items: tuple[Item, ...], **marks: bool) -> RequestPart:
    """Make a part of rows that were answered; its size then says nothing about timeouts."""
    return msgspec.structs.replace(part, items=items, attempts=0, timed_out=0, **marks)
