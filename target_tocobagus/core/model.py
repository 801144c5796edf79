"""The values that travel through the pipeline, from a mapped record to a settled row.

They are frozen, so that each stage can rely on the checks of the one before. They are msgspec
structs because one is made for every row, and a struct costs a third of a dataclass.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["sku", "id", "externalId"]
"""Which of the API's three identifiers an item has; its key in the request."""

KINDS: Final[frozenset[str]] = frozenset({"sku", "id", "externalId"})

Identifier: TypeAlias = tuple[Kind, str]
"""An item's identifier. Two kinds are two identifiers, even for one product.

That of a row with `lookup` is a stand-in until its pair is known: the other stream and its `match`
(``inventory_items.id``), and what the row has there. No request ever holds one.
"""

Place: TypeAlias = tuple[Identifier, str | None]
"""An item at a location; ``None`` is its global stock."""

MAX_QUANTITY: Final = 2**53 - 1
"""The largest quantity that every JSON reader holds exactly (RFC 8259, section 6)."""


class Stock(msgspec.Struct, frozen=True, gc=False):
    """The stock of one item at one location in a record.

    Attributes:
        location: The client id of a warehouse; ``None`` is the item's global stock.
        quantity: Whole units, 0 to ``MAX_QUANTITY``.
        broadcast: It came for a list of warehouses, and is sent in that form if possible.
        version: Its `newer_by`, as `versions` writes it; empty if there is none.
    """

    identifier: Identifier
    location: str | None
    quantity: int
    broadcast: bool = False
    version: str = ""


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A record, or a part of one, with nothing to send.

    Attributes:
        reason: Why.
        ended: The levels of a deleted record: what was rejected of them before is not open any
            more.
        named: The levels that it is about; one without a location may be any of its item.
        gone: Items that are deleted, at places that are not known: of these all levels are ended.
    """

    reason: str
    ended: tuple[Place, ...] = ()
    named: tuple[Place, ...] = ()
    gone: tuple[Identifier, ...] = ()


class RecordError(msgspec.Struct, frozen=True, gc=False):
    """A part of a record that cannot be sent.

    Attributes:
        code: A stable name for the cause (``BAD_QUANTITY``).
        message: What is wrong, for a person, with the wrong value.
        identifier: The item, if it could be read.
        location: The warehouse, if it could be read.
        values: The mapped values, by the mapping's keys, if there is no identifier.
    """

    code: str
    message: str
    identifier: Identifier | None = None
    location: str | None = None
    values: tuple[tuple[str, str], ...] = ()


ROUGH: Final = "~"
"""What the text of a quantity begins with that may have an error of binary arithmetic."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a record says of one part of stocks that are added up (`combine: sum`).

    Attributes:
        key: Tells it from the other parts of its stream; empty if that cannot be read.
        rows: Item, location and exact quantity of each of its stocks; the text of a quantity begins
            with `ROUGH` if a JSON number with a fraction took part.
        is_whole: The rows are all that it has. Otherwise those that are missing could not be read,
            and stay as they are.
        version: Its `newer_by`, as `versions` writes it; empty if there is none.
        again: The record was rejected, and comes again: only these levels are to be sent.
        items: Of one that is not whole the items that it is of; none if they are not known.
    """

    key: str
    rows: tuple[tuple[Identifier, str | None, str], ...]
    is_whole: bool = True
    version: str = ""
    again: tuple[Place, ...] = ()
    items: tuple[Identifier, ...] = ()

    def keeps(self, identifier: Identifier) -> bool:
        """Whether stock of an item that it had before, and that it does not give, stays."""
        return not self.is_whole and (not self.items or identifier in self.items)


class Complete(msgspec.Struct, frozen=True, gc=False):
    """A list that names every location of an item (`levels_complete`): elsewhere its stock is 0.

    Attributes:
        places: The client ids that it names.
        version: Its `newer_by`, as `versions` writes it; empty if there is none.
    """

    identifier: Identifier
    places: tuple[str, ...]
    version: str = ""


Outcome: TypeAlias = Stock | Skipped | RecordError | Part | Complete
"""The result of mapping one part of a record."""


class Stream(msgspec.Struct, frozen=True, eq=False):
    """A stream under one SCHEMA message; every row read under it refers to it.

    Attributes:
        entry: A hash of its mapping, if there is a ledger.
        columns: The columns that its mapping reads, if they are known.
    """

    name: str
    schema_line: bytes = b""
    entry: str = ""
    columns: tuple[str, ...] = ()

    @property
    def source(self) -> tuple[str, str]:
        """The stream and its mapping; versions are only compared within one."""
        return self.name, self.entry


class Level(msgspec.Struct, frozen=True, gc=False):
    """The newest quantity of one item at one location, and its record.

    Attributes:
        quantity: Whole units, 0 to ``MAX_QUANTITY``.
        position: The record's number in the run, from 1.
        line: The RECORD message as it came; empty if it will not be needed.
        broadcast: See `Stock`.
        version: Its `newer_by`, as `versions` writes it; empty if there is none.
        rejected_at: When a row was rejected that comes again, in ms since the epoch; else 0.
    """

    quantity: int
    position: int
    stream: Stream
    line: bytes = b""
    broadcast: bool = False
    version: str = ""
    rejected_at: int = 0


class Rejection(msgspec.Struct, frozen=True):
    """Rows of one record that one reply, or the mapping, refused for one reason.

    Attributes:
        code: The API's code, or one of ours (`model.RecordError`).
        message: What is wrong, by the API or the mapping.
        reason: The API's ``details.context.reason``; empty if there is none.
        updates: The refused (identifier, location) pairs; the identifier is ``None`` if the record
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
    """The answer to one attempt.

    Attributes:
        status: The HTTP status.
        body: The body's decoded JSON; ``None`` if it is not JSON, or was not decoded.
        headers: Only ``retry-after`` and ``date``, by lower-case name.
        clock: The number of the clock offset that the attempt was signed with (`client.Clock`).
        signed_ms: The signed timestamp, in milliseconds since the epoch.
        seconds: How long the attempt took.
        unread: Why the body was not decoded; empty if it was.
        busy: For how many of its seconds the thread had work, and did not wait.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = {}
    clock: int = 0
    seconds: float = 0.0
    signed_ms: int = 0
    unread: str = ""
    busy: float = 0.0


class NoReply(msgspec.Struct, frozen=True):
    """An attempt whose outcome is unknown: the API may or may not have applied it.

    Attributes:
        timed_out: There was a connection, but no whole answer in time.
        cause: What happened, for a person.
        sent: A byte of the request may have left this machine.
    """

    timed_out: bool
    cause: str
    seconds: float = 0.0
    sent: bool = True
