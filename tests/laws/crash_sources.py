"""What the taps of chains of deaths read: the kinds of chains.

- `OneStream` is one stream whose quantities say which record they come from, without a ledger.
- `Table` is a table that each life reads as a whole, and in which values come back.
- `Everything` is all that a ledger can do, in one store: the tap brings what has changed since the
  last STATE, and then a full feed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from target_tocobagus.core.model import Complete
from tests.laws.sources import expected_of, expected_of_feed
from tests.laws.test_lookups import LEVELS, stand_in
from tests.ledger.world import BINS, LOTS, STREAM, PairRow, PartRow, Row

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Iterator, Mapping

    from target_tocobagus.core.model import Identifier
    from target_tocobagus.sandbox.state import Update
    from tests.laws.sources import AnyRow, Place
    from tests.local_sandbox import Sandbox

RECORDS: Final = 400
SKUS: Final = tuple(f"sku-{number}" for number in range(10))
WAREHOUSES: Final = ("A", "B")
GHOST: Final = "ghost"
"""A SKU that the sandbox does not know."""
QUANTITIES: Final = (0, 2**31)
_QTY: Final = {"warehouse": "wh", "stock": "qty"}


class Rejects(NamedTuple):
    """What the file of rejected rows says.

    Attributes:
        newest: The newest rejected record by SKU and warehouse.
        named: The numbers of all rejected records.
    """

    newest: Mapping[tuple[str, str | None], int]
    named: Collection[int]


class Source:
    """What a tap reads.

    Attributes:
        mappings: Of the target.
        last: The number in the STATE that covers all of it.
    """

    mappings: ClassVar[list[dict[str, Any]]]
    last: int = RECORDS

    def change(self, bookmark: int) -> int:
        """Let time pass between two lives; returns where the next one begins to read."""
        return bookmark

    def lines(self, bookmark: int) -> Iterator[bytes]:
        """Read from a bookmark on, its record included."""
        raise NotImplementedError

    def lost(self, bookmark: int, sandbox: Sandbox, rejects: Rejects) -> Iterator[str]:
        """Say what a STATE covers that was neither accepted nor written down as rejected."""
        del bookmark, sandbox, rejects
        return iter(())  # where values come back, a quantity does not say which record it is of

    def watch(self, known: Collection[Place], updates: list[Update]) -> Iterator[str]:
        """Say what a life did that it must not do.

        Args:
            known: The levels that the ledger knew to be in stock when it began.
            updates: All levels that were ever set.
        """
        del known, updates
        return iter(())

    def differences(self, stock: Mapping[Any, Any], rejects: Rejects) -> Iterator[str]:
        """Say in what a shop differs from the source."""
        raise NotImplementedError


class Record(NamedTuple):
    """A record of the one stream.

    Attributes:
        qty: The quantity, if it is readable.
    """

    n: int
    sku: str
    wh: str
    readable: bool
    qty: int

    def line(self) -> dict[str, Any]:
        """Write it as a RECORD message."""
        qty = self.qty if self.readable else "many"
        values = {"n": self.n, "sku": self.sku, "wh": self.wh, "qty": qty}
        return {"type": "RECORD", "stream": "stock", "record": values}


class OneStream(Source):
    """A stream that can be read again from any bookmark."""

    mappings: ClassVar = [{**_QTY, "stream": "stock", "sku": "sku"}]

    def __init__(self, rng: random.Random) -> None:
        """Invent the stream."""
        self._rng = rng
        self._invent(lambda n, _: n * 10)

    def _invent(self, quantity: Callable[[int, tuple[str, str]], int]) -> None:
        rng = self._rng
        self.records = [
            Record(n, sku, wh, rng.random() > 0.08, quantity(n, (sku, wh)))
            for n in range(1, RECORDS + 1)
            for sku in [GHOST if rng.random() < 0.08 else rng.choice(SKUS)]
            for wh in [rng.choice(WAREHOUSES)]
        ]
        self._states = {n for n in range(1, RECORDS + 1) if rng.random() < 0.4} | {RECORDS}

    def lines(self, bookmark: int) -> Iterator[bytes]:
        """Read from a bookmark on, its record included."""
        yield _schema("stock", "n", "sku", "wh", "qty")
        for record in self.records:
            if record.n >= bookmark:
                yield _line(record.line())
                if record.n in self._states:
                    yield _state(record.n)

    def lost(self, bookmark: int, sandbox: Sandbox, rejects: Rejects) -> Iterator[str]:
        """Compare the newest record that was accepted or rejected of each SKU and warehouse."""
        accepted = _accepted(sandbox)
        for record in self.records[:bookmark]:
            key = (record.sku, record.wh)
            settled = max(accepted.get(key, 0), rejects.newest.get(key, 0)) >= record.n
            if not (settled if record.readable else record.n in rejects.named):
                yield f"STATE {bookmark} covers {record}, not settled"

    def differences(self, stock: Mapping[Any, Any], rejects: Rejects) -> Iterator[str]:
        """The remote is the source, or the newest value is a named reject."""
        newest = {(each.sku, each.wh): each for each in self.records if each.readable}
        for (sku, wh), record in newest.items():
            remote = stock.get(("sku", sku), {}).get(wh)
            if remote != record.qty and record.n not in rejects.named:
                yield f"{sku} at {wh} is {remote} and not {record.qty}"


class Table(OneStream):
    """A table that is read as a whole each time; it changes, and values come back."""

    def __init__(self, rng: random.Random) -> None:
        """Invent the table."""
        self._rng = rng
        self.change(0)

    def change(self, bookmark: int) -> int:
        """Invent it anew."""
        del bookmark
        skus = (*SKUS, GHOST)
        stock = {(sku, wh): self._rng.choice(QUANTITIES) for sku in skus for wh in WAREHOUSES}
        self._invent(lambda _, key: stock[key])
        return 0

    def lost(self, bookmark: int, sandbox: Sandbox, rejects: Rejects) -> Iterator[str]:
        """A quantity does not say which record it came from."""
        return Source.lost(self, bookmark, sandbox, rejects)


_SUM: Final = {"combine": "sum", "part": "lot"}
_LOOKUP: Final = {"stream": "items", "match": "id", "path": "item", "sku": "sku"}
_PAIRS: Final = {
    **{f"l{number}": (f"l{number}-x", f"l{number}-y") for number in range(4)},
    **{f"c{number}": (f"c{number}-x", f"c{number}-y") for number in range(4)},
}
"""What each match may stand for: those of levels, and those of cases, which are parts."""
_PLAIN: Final = tuple(f"s{number}" for number in range(12))
_LISTED: Final = ("k0", "k1", "k2")
_FED: Final = ("f0", "f1", "f2")
_CASES: Final = tuple(f"case-{number}" for number in range(10))
_MORE: Final = 40
_PERCENT: Final = 30
_FEWEST: Final = 20
"""The guard acts from so many levels on."""


class Everything(Source):
    """A log of all that has changed in several streams, and a feed of all parts of some items."""

    mappings: ClassVar = [
        {**_QTY, "stream": "stock", "sku": "sku"},
        {**_QTY, "stream": "levels", "lookup": _LOOKUP},
        {**_QTY, "stream": "lots", "lookup": _LOOKUP, **_SUM, "parts_complete": False},
        {**_QTY, "stream": "bins", "sku": "sku", **_SUM, "parts_complete": True},
        {**_QTY, "stream": "lists", "sku": "sku", "levels": "levels", "levels_complete": True},
    ]
    zeros: ClassVar = 0.1
    """The share of quantities that are 0."""

    def __init__(self, rng: random.Random) -> None:
        """Invent what there is at first, all of it in stock."""
        self._rng = rng
        self._zeros = 0.0
        self._log: list[AnyRow] = self._all()
        self._feeds: list[list[PartRow]] = [self._feed()]
        self._zeros = self.zeros
        self._states: set[int] = set()
        self._watched = _Watched(_PERCENT)

    @property
    def last(self) -> int:  # type: ignore[override]  # it grows
        """The number in the STATE that covers all of it."""
        return len(self._log)

    def change(self, bookmark: int) -> int:
        """Let the log grow, and bring another feed."""
        self._log += self._news()
        self._feeds.append(self._feed())
        numbers = range(1, len(self._log))
        self._states = {number for number in numbers if self._rng.random() < 0.3}
        return bookmark

    def _news(self) -> list[AnyRow]:
        return [self._row() for _ in range(_MORE)]

    def _qty(self) -> int:
        return 0 if self._rng.random() < self._zeros else self._rng.randint(1, 9)

    def _all(self) -> list[AnyRow]:
        pairs = [self._pair(match) for match in _PAIRS]
        plain = [self._plain(sku, wh) for sku in _PLAIN for wh in WAREHOUSES]
        levels = [self._level(match, wh) for match in _PAIRS for wh in WAREHOUSES]
        cases = [self._case(case) for case in _CASES]
        rows: list[AnyRow] = [*pairs, *plain, *levels[:8], *cases, *map(self._list, _LISTED)]
        self._rng.shuffle(rows)
        return rows

    def _row(self) -> AnyRow:
        rng = self._rng
        draws: list[Callable[[], AnyRow]] = [
            lambda: self._pair(rng.choice(list(_PAIRS))),
            lambda: self._case(rng.choice(_CASES)),
            lambda: self._level(f"l{rng.randrange(4)}", rng.choice(WAREHOUSES)),
            lambda: self._list(rng.choice(_LISTED)),
            *[lambda: self._plain(rng.choice(_PLAIN), rng.choice(WAREHOUSES))] * 3,
        ]
        return rng.choice(draws)()

    def _pair(self, match: str) -> PairRow:
        return PairRow(match, ("sku", self._rng.choice(_PAIRS[match])))

    def _plain(self, sku: str, wh: str) -> Row:
        return Row(("sku", sku), ((wh, self._qty()),), stream=STREAM)

    def _level(self, match: str, wh: str) -> Row:
        return Row(stand_in(match), ((wh, self._qty()),), stream=LEVELS)

    def _case(self, case: str) -> PartRow:
        match, wh = f"c{self._rng.randrange(4)}", self._rng.choice(WAREHOUSES)
        is_gone = self._zeros and self._rng.random() < self._zeros
        levels = () if is_gone else ((stand_in(match), wh, str(self._qty())),)
        return PartRow(case, levels, stream=LOTS)

    def _list(self, sku: str) -> Row:
        identifier: Identifier = ("sku", sku)
        places = [wh for wh in WAREHOUSES if not self._zeros or self._rng.random() < 0.7]
        levels = tuple((wh, self._qty()) for wh in places)
        return Row(identifier, levels, other=Complete(identifier, tuple(places)))

    def _feed(self) -> list[PartRow]:
        brought = [
            (sku, wh, number)
            for sku in _FED
            for wh in WAREHOUSES
            for number in range(3)
            if not number or self._rng.random() < 0.6
        ]
        return [
            PartRow(f"{sku}-{wh}-{number}", ((("sku", sku), wh, str(self._qty())),), stream=BINS)
            for sku, wh, number in brought
        ]

    def lines(self, bookmark: int) -> Iterator[bytes]:
        """Read the log from a bookmark on, and then the whole feed."""
        yield _schema("items", "id", "sku")
        yield _schema("stock", "sku", "wh", "qty")
        yield _schema("levels", "item", "wh", "qty")
        yield _schema("lots", "lot", "item", "wh", "qty", "_sdc_deleted_at")
        yield _schema("bins", "lot", "sku", "wh", "qty")
        yield _schema("lists", "sku", "levels")
        for number, row in enumerate(self._log, start=1):
            if number >= bookmark:
                yield _record(row)
                if number in self._states:
                    yield _state(number)
        yield from map(_record, self._feeds[-1])
        yield _state(self.last)

    def watch(self, known: Collection[Place], updates: list[Update]) -> Iterator[str]:
        """Of what was known to be in stock no more than the percentage may fall to 0."""
        self._watched.known = known
        return self._watched.see(updates)

    def differences(self, stock: Mapping[Any, Any], rejects: Rejects) -> Iterator[str]:
        """The remote is the source; what was refused has come again."""
        del rejects
        before = [part for feed in self._feeds[:-1] for part in feed]
        fed = expected_of_feed(self._feeds[-1], before)
        for (identifier, wh), quantity in {**expected_of(self._log, WAREHOUSES), **fed}.items():
            remote = stock.get(identifier, {}).get(wh, 0)
            if remote != quantity:
                yield f"{identifier[1]} at {wh} is {remote} and not {quantity}"


class SoldOut(Everything):
    """So much of it is 0 that the guard has to hold some."""

    zeros = 0.7

    def _news(self) -> list[AnyRow]:
        levels = [(sku, wh) for sku in _PLAIN for wh in WAREHOUSES]
        gone = self._rng.sample(levels, 2 * len(_PLAIN) // 3)
        rows = [Row(("sku", sku), ((wh, 0),), stream=STREAM) for sku, wh in gone]
        return [*rows, *super()._news()]


class _Watched:
    """Counts what of a shop falls to 0 within a few minutes.

    Attributes:
        known: The levels that the ledger knows to be in stock.
    """

    def __init__(self, percent: int) -> None:
        self._percent = percent
        self.known: Collection[Place] = ()
        self._seen = 0
        self._stock: dict[tuple[str, str, str | None], int] = {}
        self._zeroed: set[tuple[str, str, str | None]] = set()

    def see(self, updates: list[Update]) -> Iterator[str]:
        """Go on to count; says where it was too much."""
        for update in updates[self._seen :]:
            key = (update.kind, update.identifier, update.warehouse)
            before, self._stock[key] = self._stock.get(key, 0), update.stock
            if update.stock:
                self._zeroed.discard(key)
            elif before and (key[:2], key[2]) in self.known:
                self._zeroed.add(key)
                yield from self._judge()
        self._seen = len(updates)

    def _judge(self) -> Iterator[str]:
        zeroed = len(self._zeroed)
        base = zeroed + sum(quantity > 0 for quantity in self._stock.values())
        is_on = min(base, len(self.known)) >= _FEWEST
        if is_on and zeroed * 100 > self._percent * base:
            yield f"{zeroed} of {base} levels fell to 0"


class Kind(NamedTuple):
    """A kind of chain.

    Attributes:
        source: What its tap reads.
        catalogue: What the sandbox knows; ``None`` for everything.
        remembers: Its lives have a ledger.
        begins_well: Before the first death one lives.
        lives_between: After each death one lives, so that a value that was there can come back.
        ends_input: The tap comes to its end while the target is about to die.
        settings: Further ones of the target.
        at_last: Those that are different for the last life.
        codes: How else a life may end that was not killed.
    """

    source: Callable[[random.Random], Source]
    catalogue: Any = None
    remembers: bool = False
    begins_well: bool = False
    lives_between: bool = False
    ends_input: bool = False
    settings: Mapping[str, Any] = {}
    at_last: Mapping[str, Any] = {}
    codes: Collection[int] = ()


_LISTED_SKUS: Final = {"sku": SKUS}
_GUARD: Final = {"max_zeroed_percent": _PERCENT}
_OFF: Final = {"max_zeroed_percent": 100}
KINDS: Final = {
    "a stream": Kind(OneStream, _LISTED_SKUS),
    "a table": Kind(Table, _LISTED_SKUS, remembers=True, lives_between=True),
    "everything": Kind(Everything, remembers=True, ends_input=True, settings=_OFF, at_last=_OFF),
    "sold out": Kind(
        SoldOut,
        remembers=True,
        begins_well=True,
        ends_input=True,
        settings=_GUARD,
        at_last=_OFF,
        codes=(2,),
    ),
}


def _accepted(sandbox: Sandbox) -> dict[tuple[str, str | None], int]:
    """Tell the newest record that the API has answered for, by SKU and warehouse."""
    answered = {visit["number"] for visit in sandbox.requests() if visit["status"] == 200}
    accepted: dict[tuple[str, str | None], int] = {}
    for update in sandbox.history():
        if update.request in answered:
            key = (update.identifier, update.warehouse)
            accepted[key] = max(accepted.get(key, 0), update.stock // 10)
    return accepted


def _record(row: AnyRow) -> bytes:
    """Write what a row says as a tap does."""
    if isinstance(row, PairRow):
        values: dict[str, Any] = {"id": row.match, "sku": row.identifier and row.identifier[1]}
    elif isinstance(row, PartRow):
        values = {"lot": row.key, **_part(row)}
    elif isinstance(row.other, Complete):
        entries = [{"wh": place, "qty": quantity} for place, quantity in row.levels]
        return _line(_message("lists", {"sku": row.identifier[1], "levels": entries}))
    else:
        ((place, quantity),) = row.levels
        name = "item" if row.stream is LEVELS else "sku"
        values = {name: row.identifier[1], "wh": place, "qty": quantity}
    return _line(_message(row.stream.name, values))


def _part(row: PartRow) -> dict[str, Any]:
    if not row.levels:  # as it was before
        return {"item": "c0", "wh": "A", "qty": 1, "_sdc_deleted_at": "2026-01-14T00:00:00Z"}
    ((identifier, place, quantity),) = row.levels
    name = "sku" if row.stream is BINS else "item"
    return {name: identifier[1], "wh": place, "qty": int(quantity)}


def _message(stream: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": values}


def _schema(stream: str, *columns: str) -> bytes:
    properties: dict[str, Any] = {name: {} for name in columns}
    message = {"type": "SCHEMA", "stream": stream, "schema": {"properties": properties}}
    return _line({**message, "key_properties": []})


def _state(number: int) -> bytes:
    return _line({"type": "STATE", "value": {"bookmarks": {"stock": {"n": number}}}})


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
