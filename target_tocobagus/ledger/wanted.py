"""Which levels a person means, and what may have been meant where there are none."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import or_, select

from target_tocobagus.ledger.schema import level

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

_NEAR: Final = 3
_MOST_CANDIDATES: Final = 20_000


class Wanted(msgspec.Struct, frozen=True):
    """Levels of a store; without an identifier those of the whole store.

    Attributes:
        kind: ``sku``, ``id`` or ``externalId``; ``None`` for any of them.
        location: The client id of a warehouse; ``None`` for all levels of the item.
    """

    identifier: str | None = None
    kind: str | None = None
    location: str | None = None

    def conditions(self, store: int) -> list[ColumnElement[bool]]:
        """Return the conditions for these levels."""
        named = {"identifier": self.identifier, "kind": self.kind, "location": self.location}
        given = [level.c[name] == value for name, value in named.items() if value is not None]
        return [level.c.store == store, *given]


def nearest(reader: Connection, store: int, wanted: Wanted) -> list[str]:
    """Find what may have been meant, where nothing was found."""
    if wanted.identifier is None:
        return []
    if wanted.location is not None:
        item = msgspec.structs.replace(wanted, location=None)
        places = select(level.c.location).where(*item.conditions(store)).distinct()
        if found := [place for (place,) in reader.execute(places) if place]:
            return difflib.get_close_matches(wanted.location, found, n=_NEAR, cutoff=0)
    text = wanted.identifier
    alike = or_(
        level.c.identifier.istartswith(text[:3], autoescape=True),
        level.c.identifier.iendswith(text[-3:], autoescape=True),
    )
    known = select(level.c.identifier).where(level.c.store == store, alike).distinct()
    found = list(reader.execute(known.limit(_MOST_CANDIDATES)).scalars())
    folded = {each.casefold(): each for each in found}
    near = difflib.get_close_matches(text.casefold(), list(folded), n=_NEAR)
    return [folded[each] for each in near]
