"""What records say of parts, put in place of what is known of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from target_tocobagus.core.model import Part
from target_tocobagus.core.versions import is_older
from target_tocobagus.ledger.levels.levels import GLOBAL
from target_tocobagus.ledger.parts.part_rows import GONE, by_part
from target_tocobagus.ledger.parts.part_statements import SETTLED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.parts.part_rows import PartRow, Rows, Stocks


class Change(NamedTuple):
    """The quantity of a part's stock, before and now; `GONE` if there is none."""

    place: Place
    old: str
    new: str


class PartChanges:
    """The changes by the records of one flush, but for parts that are new and have one stock.

    Attributes:
        touched: For each record the stocks that it may have changed; ``None`` if a newer version
            is known.
        new: What is to be written, by the part's key.
        same: Parts that have come, and are as they were.
        changes: The quantities that have changed.
        has_gone: A part has lost a stock, or had lost one.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        known: Iterable[PartRow],
        looked_up: Collection[str],
        *,
        names_all: bool,
    ) -> None:
        """Compare what records say with what is known of their parts.

        Args:
            parts: What they say, in their order.
            known: Some parts as they are known.
            looked_up: The keys of these; all others are as their records say.
            names_all: See `Parts.fold`.
        """
        self._known = by_part(known)
        self._names_all = names_all
        self.new: dict[str, Stocks] = {}
        self.same: list[str] = []
        self.changes: list[Change] = []
        self.has_gone = False
        self.touched = [
            self._fold(each) if each.key in looked_up else (each.rows[0][:2],) for each in parts
        ]

    def _fold(self, said: Part) -> Sequence[Place] | None:
        """Put what a record says in place of what is known of its part."""
        known = self._known.get(said.key, {})
        before = {place: stock for place, stock in known.items() if stock[0] != SETTLED}
        if said.version and any(is_older(said.version, version) for _, version in known.values()):
            self.same += [said.key] if before else []  # an older version names it, too
            self.has_gone |= _has_gone(before)
            return None
        now = _stocks_of(said)
        stocks = {**now, **_left(said, before, now)}
        changed = {
            place: stock
            for place, stock in stocks.items()
            if self._names_all or stock[0] == GONE or before.get(place) != stock
        }
        if changed:
            self._change(said.key, before, changed)
        self.has_gone |= _has_gone(stocks)
        return [place for place in stocks if place in now or not said.keeps(place[0])]

    def _change(self, key: str, before: Stocks, changed: Stocks) -> None:
        self.changes += [
            Change(place, before.get(place, (GONE, ""))[0], quantity)
            for place, (quantity, _) in changed.items()
        ]
        self._known[key] = {**self._known.get(key, {}), **changed}
        self.new[key] = {**self.new.get(key, {}), **changed}


def renamed(key: str, stocks: Stocks, names: Mapping[Identifier, Identifier]) -> Part:
    """Say of a part what its record would say, now that its items are others."""
    return Part(
        key,
        tuple(
            (names.get(identifier, identifier), place, quantity)
            for (identifier, place), (quantity, _) in stocks.items()
            if quantity not in {GONE, SETTLED}
        ),
        version=_newest([version for _, version in stocks.values()]),
    )


def alone(parts: Sequence[Part]) -> tuple[Rows, set[str]]:
    """Write the parts that come once, with one stock, as rows of the table.

    Returns:
        Their rows, and the keys of the others.
    """
    others: set[str] = set()
    if len({each.key for each in parts}) < len(parts):
        times = Counter(each.key for each in parts)
        others = {key for key, several in times.items() if several > 1}
    rows: Rows = defaultdict(dict)
    for each in parts:
        if len(each.rows) == 1 and each.is_whole and each.key not in others:
            ((kind, text), place, quantity) = each.rows[0]
            rows[kind, place or GLOBAL, each.version][each.key] = f"{quantity}|{text}"
        else:
            others.add(each.key)
    return rows, others


def first_changes(parts: Iterable[Part], new: Collection[str]) -> Iterator[Change]:
    """Yield the changes by parts that are new and have one stock."""
    for each in parts:
        if each.key in new:
            identifier, place, quantity = each.rows[0]
            yield Change((identifier, place), GONE, quantity)


def _stocks_of(said: Part) -> Stocks:
    """Join the quantities that a record gives for one item and location."""
    now: dict[Place, list[str]] = {}
    for identifier, place, quantity in said.rows:
        now.setdefault((identifier, place), []).append(quantity)
    return {place: (" ".join(quantities), said.version) for place, quantities in now.items()}


def _left(said: Part, before: Stocks, now: Stocks) -> Stocks:
    """Return the stocks that a record does not give: they are gone, unless it keeps them."""
    return {
        place: stock if said.keeps(place[0]) else (GONE, said.version or stock[1])
        for place, stock in before.items()
        if place not in now
    }


def _has_gone(stocks: Stocks) -> bool:
    return any(quantity == GONE for quantity, _ in stocks.values())


def _newest(versions: Iterable[str]) -> str:
    newest = ""
    for version in versions:
        newest = version if not newest or is_older(newest, version) else newest
    return newest
