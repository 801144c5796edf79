"""A batch that is marked, what a reply settles of it, and how its marks are read after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from target_tocobagus.core.model import Kind
from target_tocobagus.ledger.levels.levels import Known, Quantities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.guard.counting import Pending
    from target_tocobagus.ledger.levels.rejections import NotAccepted
    from target_tocobagus.window.buffer import Unsent
    from target_tocobagus.window.pending import Item

Sent: TypeAlias = "dict[Identifier, dict[str, tuple[str, int | None]]]"
"""The version and source of each level that was sent, by item and location."""

_decode_marks: Final = msgspec.json.Decoder(list[tuple[Kind, int, Quantities]]).decode


class Flight(msgspec.Struct, eq=False):
    """A batch that is marked.

    Attributes:
        number: Its row of the table of flights.
        known: What was known of its items.
        levels: How many levels they had.
        rows: The JSON of its levels, by kind and source.
        in_doubt: An attempt of this run has had an unknown outcome for one of its items before.
        held: Updates of the batch that the guard holds: they are neither marked nor to be sent.
        pending: What its stock-outs change in the count, until they are answered.
        unknown: Items of which an attempt of this batch had an unknown outcome.
    """

    number: int
    known: dict[Identifier, dict[str, Known]]
    levels: int
    rows: dict[tuple[str, int], str]
    in_doubt: bool
    held: Unsent
    pending: Pending
    unknown: set[Identifier] = msgspec.field(default_factory=set)


class Answered(msgspec.Struct, frozen=True):
    """What a reply settles.

    Attributes:
        accepted: Items that the API has accepted.
        refused: Items that it has refused.
        request_id: Of the reply.
        batch_id: Of the reply, if it has one.
        milliseconds: How long the request took.
    """

    accepted: Sequence[Item]
    refused: Sequence[NotAccepted]
    request_id: str
    batch_id: str | None
    milliseconds: int


def read_marks(marks: str) -> Sent:
    """Read the marks of a flight.

    Raises:
        msgspec.MsgspecError: They are damaged.
    """
    sent: Sent = {}
    for kind, source, places in _decode_marks(marks):
        for place, versions in places.items():
            for version, quantities in versions.items():
                for text in quantities:
                    sent.setdefault((kind, text), {})[place] = (version, source)
    return sent


def read_zeros(marks: str) -> list[tuple[Identifier, str]]:
    """Read the stock-outs of a flight: item and location of each.

    Raises:
        msgspec.MsgspecError: They are damaged.
    """
    return [
        ((kind, text), place)
        for kind, _, places in _decode_marks(marks)
        for place, versions in places.items()
        for quantities in versions.values()
        for text, quantity in quantities.items()
        if quantity == 0
    ]
