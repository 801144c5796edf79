"""A ledger without a run around it: opened, told what happened, and asked what it knows."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import delete, select

from target_tocobagus.core.model import Level, Stream
from target_tocobagus.ledger.batches.flight import Answered
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import open_engine, read_url
from target_tocobagus.ledger.levels.rejections import NotAccepted
from target_tocobagus.ledger.opening import open_ledger
from target_tocobagus.window.buffer import RowBuffer
from target_tocobagus.window.pending import Item
from tests.delivery.scripted_run import CREDENTIALS, make_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Table

    from target_tocobagus.config.settings import Settings
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.window.buffer import Unsent

NOW: Final = 1_800_000_000_000
A: Final[Identifier] = ("sku", "a")
STREAM: Final = Stream("stock", b'{"type":"SCHEMA"}', entry="e")


def settings_of(ledger: str, store: str = "s", **changes: Any) -> Settings:
    """Make the settings of a store."""
    credentials = make_settings().credentials
    assert credentials is not None
    return make_settings(
        ledger=ledger,
        credentials=msgspec.structs.replace(credentials, store_client_id=store),
        api_url=CREDENTIALS["api_url"],
        **changes,
    )


@contextmanager
def opened(ledger: str, store: str = "s", now: int = NOW, **changes: Any) -> Iterator[Ledger]:
    """Open a ledger for a run of a store, whose clock stands."""
    found = open_ledger(settings_of(ledger, store, **changes), lambda: now)
    assert found is not None
    try:
        yield found
    finally:
        found.close()


def create(ledger: str) -> None:
    """Make the tables of a ledger; it has no store then."""
    with opened(ledger):
        pass
    with open_engine(read_url(ledger)).begin() as connection:
        for table in (schema.run, schema.store):
            connection.execute(delete(table))


def item(
    identifier: Identifier = A,
    levels: dict[str | None, int] | None = None,
    version: str = "",
    *,
    line: bytes = b"{}",
    stream: Stream = STREAM,
    rejected_at: int = 0,
) -> Item:
    """Make an item with some levels, by default a global stock of 5."""
    return Item(
        identifier,
        {
            place: Level(quantity, 1, stream, line, version=version, rejected_at=rejected_at)
            for place, quantity in ({None: 5} if levels is None else levels).items()
        },
        1,
    )


def accept(ledger: Ledger, *items: Item) -> None:
    """Let the API accept a batch."""
    flight = ledger.mark(items, ledger.compare(items).known)
    assert flight is not None
    ledger.record(flight, answered(items), last=True)


def refuse(ledger: Ledger, *items: Item, code: str = "INV_009") -> None:
    """Let the API refuse a batch."""
    flight = ledger.mark(items, ledger.compare(items).known)
    assert flight is not None
    unlisted = code in {"INV_001", "INV_002"}
    refused = [NotAccepted(each, code, "no", "why", is_unlisted=unlisted) for each in items]
    ledger.record(flight, answered(refused=refused), last=True)


def answered(accepted: Sequence[Item] = (), refused: Sequence[NotAccepted] = ()) -> Answered:
    """Make an answer."""
    return Answered(accepted, refused, "r", "b", 7)


def verdicts(ledger: Ledger, one: Item) -> dict[str | None, str]:
    """Return what needs no request, of one item."""
    return ledger.compare([one]).unsent.get(one.identifier, {})


def rows(ledger: str, table: Table) -> list[dict[str, Any]]:
    """Read a table."""
    with open_engine(read_url(ledger)).connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def screen(ledger: Ledger, items: list[Item]) -> Unsent:
    """Ask a ledger which of these rows need no request."""
    rows = RowBuffer()
    rows.items[:] = items
    levels = [level for each in items for level in each.levels.values()]
    rows.is_plain = not any(level.version or level.rejected_at for level in levels)
    return ledger.screen(rows)
