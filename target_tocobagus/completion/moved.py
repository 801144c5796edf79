"""The RECORD of a level that has followed its pair to another item (`lookup`).

It is kept if the level is refused: no record of the tap says this level, so it says so itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.model import Stock, Stream

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier

_KEY: Final = "moved"


def moved_line(stream: Stream, quantity: int, version: str) -> bytes:
    """Write the RECORD."""
    moved = {"quantity": quantity, "version": version, "entry": stream.entry}
    message = {"type": "RECORD", "stream": stream.name, "record": {}, _KEY: moved}
    return msgspec.json.encode(message)


def read_moved(
    message: dict[str, Any], schema: bytes, level: tuple[Identifier, str | None]
) -> tuple[Stock, Stream] | None:
    """Read one that the ledger has kept; ``None`` if a message is the tap's."""
    moved = message.get(_KEY)
    if not isinstance(moved, dict):
        return None
    stock = Stock(*level, moved["quantity"], version=moved["version"])
    return stock, Stream(message["stream"], schema, moved["entry"])
