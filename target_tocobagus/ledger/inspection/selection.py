"""Which levels a person means, and what may have been meant where there are none."""

from __future__ import annotations

import difflib
import itertools
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import or_, select

from target_tocobagus.core.model import KINDS
from target_tocobagus.ledger.database.schema import level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection

_NEAR: Final = 3
_NEIGHBOURS: Final = 100
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
    neighbours = _neighbours(reader, store, text)
    return _closest(text, neighbours) or _closest(text, _alike(reader, store, text))


def _closest(text: str, found: Iterable[str]) -> list[str]:
    folded = {each.casefold(): each for each in found}
    near = difflib.get_close_matches(text.casefold(), list(folded), n=_NEAR)
    return [folded[each] for each in near]


def _neighbours(reader: Connection, store: int, text: str) -> set[str]:
    """Find identifiers that are next to a text in order: they begin as it does.

    Of a million they are found at once, as all others would have to be compared one by one.
    """
    column = level.c.identifier
    found: set[str] = set()
    for kind, said in itertools.product(KINDS, {text, text.upper(), text.lower()}):
        of_kind = select(column).where(level.c.store == store, level.c.kind == kind)
        for side in (
            of_kind.where(column <= said).order_by(column.desc()),
            of_kind.where(column >= said).order_by(column),
        ):
            found.update(reader.execute(side.limit(_NEIGHBOURS)).scalars())
    return found


def _alike(reader: Connection, store: int, text: str) -> list[str]:
    """Find identifiers that begin or end as a text does; this goes through all of them."""
    alike = or_(
        level.c.identifier.istartswith(text[:3], autoescape=True),
        level.c.identifier.iendswith(text[-3:], autoescape=True),
    )
    known = select(level.c.identifier).where(level.c.store == store, alike).distinct()
    return list(reader.execute(known.limit(_MOST_CANDIDATES)).scalars())
