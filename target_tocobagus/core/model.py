"""The values that travel through the pipeline, from a mapped record to a settled row.

Each is frozen: what one stage has checked, the next may rely on. They are msgspec structs
because one is made for every row, and a struct costs a third of a dataclass.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["sku", "id", "externalId"]
"""Which of the API's three identifiers names an item; the key it has in the request."""

Identifier: TypeAlias = tuple[Kind, str]
"""What an item is known by. Two kinds are two identifiers, even for one product."""

MAX_QUANTITY: Final = 2**53 - 1
"""The largest quantity that every JSON reader holds exactly (RFC 8259, section 6)."""


class Stock(msgspec.Struct, frozen=True, gc=False):
    """What a record says of one item at one location.

    Attributes:
        identifier: The item.
        location: The client id of a warehouse; ``None`` is the item's global stock.
        quantity: Whole units, 0 to ``MAX_QUANTITY``.
        broadcast: Said of a list of warehouses at once, and so sent in that form if it can be.
    """

    identifier: Identifier
    location: str | None
    quantity: int
    broadcast: bool = False


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A record, or a part of one, that by its mapping has nothing to send."""

    reason: str


class RecordError(msgspec.Struct, frozen=True, gc=False):
    """A part of a record that cannot be sent.

    Attributes:
        code: A name for the cause, stable enough to count by (``BAD_QUANTITY``).
        message: What is wrong, for a person, with the value that is.
        identifier: The item, where it could be read.
        location: The warehouse, where it could be read.
        values: The mapped values, by the mapping's keys, where there is no identifier.
    """

    code: str
    message: str
    identifier: Identifier | None = None
    location: str | None = None
    values: tuple[tuple[str, str], ...] = ()


Outcome: TypeAlias = Stock | Skipped | RecordError
"""What mapping makes of one part of a record."""


class Stream(msgspec.Struct, frozen=True, eq=False):
    """A stream under one SCHEMA message, as every row read under it refers to it."""

    name: str
    schema_line: bytes = b""


class Level(msgspec.Struct, frozen=True, gc=False):
    """The newest quantity of one item at one location, and the record that said so.

    Attributes:
        quantity: Whole units, 0 to ``MAX_QUANTITY``.
        position: The record's number in the run, from 1.
        stream: The stream it came in.
        line: The RECORD message as it came; empty where nobody will ask for it.
        broadcast: See `Stock`.
    """

    quantity: int
    position: int
    stream: Stream
    line: bytes = b""
    broadcast: bool = False


class Rejection(msgspec.Struct, frozen=True):
    """Rows of one record that one reply, or the mapping, refused for one reason.

    Attributes:
        code: The API's code, or one of ours (`model.RecordError`).
        message: What is wrong, in the words of who says it.
        reason: The API's ``details.context.reason``; empty where there is none.
        updates: The refused (identifier, location) pairs; an identifier is ``None`` if the record
            has none.
        values: The mapped values of a row without identifier, for the log.
    """

    code: str
    message: str
    position: int
    stream: Stream
    line: bytes = b""
    reason: str = ""
    updates: tuple[tuple[Identifier | None, str | None], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    batch_id: str | None = None
    request_id: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """What came back from one attempt.

    Attributes:
        status: The HTTP status.
        body: The body's JSON, decoded; ``None`` where it is not JSON, or was not decoded.
        headers: Those that matter, by lower-case name: ``retry-after``, ``date``.
        clock: Which setting of the clock offset the attempt was signed under (`client.Clock`).
        signed_ms: The timestamp that it was signed with, in milliseconds since the epoch.
        seconds: How long the attempt took.
        unread: Why the body was not decoded; empty where it was.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = {}
    clock: int = 0
    seconds: float = 0.0
    signed_ms: int = 0
    unread: str = ""


class NoReply(msgspec.Struct, frozen=True):
    """An attempt whose outcome is unknown: the API may or may not have applied it.

    Attributes:
        timed_out: The connection stood, and no whole answer came in time.
        cause: What happened, for a person.
    """

    timed_out: bool
    cause: str
    seconds: float = 0.0
