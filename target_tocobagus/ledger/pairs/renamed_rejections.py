"""Open rejections of rows whose item is looked up, once their pair is known or has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from target_tocobagus.ledger.database.schema import rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import Connection

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.levels.rejections import Key, OpenRejections


class RenamedRejections:
    """Gives them other identifiers."""

    def __init__(self, rejections: OpenRejections) -> None:
        self._rejections = rejections

    def rename(
        self, writer: Connection, names: Mapping[Identifier, Identifier | None], now: int
    ) -> None:
        """Give those of rows that lacked a pair its identifier, and let them be tried at once.

        Args:
            writer: Where to.
            names: By the identifiers that stood in; ``None`` if the pair has none.
            now: The time.
        """
        if self._rejections.any:
            found: Any = self._rejections.found(writer, names).items()
            new = {key: names[key[:2]] for _, key in found}
            self._give_names(writer, dict(found), new, now)

    def move(
        self,
        writer: Connection,
        names: Mapping[Identifier, tuple[Identifier, Callable[[str | None], bool]]],
        streams: Collection[str],
        now: int,
    ) -> None:
        """Give those of items another identifier, and let them be tried at once.

        They are newer than the levels that have gone there before them, so they are opened anew.
        Those that do not follow are closed: newer rows of the new item have come.

        Args:
            writer: Where to.
            names: Items, each with its new identifier, and whether the level at a location follows.
            streams: Whose rows they are.
            now: The time.
        """
        if not self._rejections.any:
            return
        found: Any = self._rejections.found(writer, names)
        of_streams = select(rejection.c.id).where(rejection.c.stream.in_(list(streams)))
        kept = set(writer.execute(of_streams.where(rejection.c.id.in_(list(found)))).scalars())
        theirs = {number: key for number, key in found.items() if number in kept}
        moved = {n: key for n, key in theirs.items() if names[key[:2]][1](key[2] or None)}
        self._rejections.close_rows(writer, [*(theirs.keys() - moved.keys())], now)
        new = {key: names[key[:2]][0] for key in moved.values()}
        self._give_names(writer, moved, new, now, opened_at=now)

    def _give_names(
        self,
        writer: Connection,
        found: Mapping[int, Key],
        names: Mapping[Any, Identifier | None],
        now: int,
        **also: int,
    ) -> None:
        """Rename open rows; of two of one level the newer one stays."""
        named = {each for each in names.values() if each}
        others = self._rejections.found(writer, named).items()
        taken = {key: number for number, key in others if number not in found}
        for number, key in sorted(found.items()):
            kind, text = names[key] or key[:2]
            new = (kind, text, key[2])
            other = taken.get(new)
            if other is not None:
                self._rejections.close_rows(writer, [min(number, other)], now)
            taken[new] = max(number, other or 0)
            if taken[new] == number:
                values = {"kind": kind, "identifier": text, "tried_at": 0, **also}
                writer.execute(update(rejection).where(rejection.c.id == number), values)
