"""Runs one after the other on one ledger, against shops in memory, with faults and deaths.

The process is not killed: it *dies* when its ledger and its API stop to answer in the middle of a
step, which leaves the ledger as a kill would. `tests/laws/test_crash.py` kills real processes.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import suppress
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_tocobagus.api.client import Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.completion.moved import read_moved
from target_tocobagus.core.errors import LedgerError, Stopped, TocobagusError
from target_tocobagus.core.model import NoReply, Part, Reply, Skipped, Stock, Stream
from target_tocobagus.mapping.looking_up import Pair
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire, wire_again
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.singer.rejected_again import SecondPass
from tests.delivery.scripted_api import read_rows
from tests.delivery.scripted_run import make_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from target_tocobagus.config.settings import Settings
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.core.model import Outcome as Mapped
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.ledger.levels.rejections import Due
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.mapping.summing import Summing
    from target_tocobagus.pipeline.stages import Stages
    from target_tocobagus.report.totals import Totals

STREAM: Final = Stream("stock", b'{"type":"SCHEMA"}', entry="e")
LOTS: Final = Stream("lots", b'{"type":"SCHEMA"}', entry="lots")
BINS: Final = Stream("bins", b'{"type":"SCHEMA"}', entry="bins")
ITEMS: Final = Stream("items", b'{"type":"SCHEMA"}')
HOUR: Final = 3_600_000
_STATE_EVERY: Final = 3
"""After how many rows a STATE comes."""
_HEARD_SECONDS: Final = 0.003
_NO_FLUSH_SECONDS: Final = 0.03


class Row(NamedTuple):
    """One record that the tap gives: the stock of an item at some places (``None``: global).

    Attributes:
        broadcast: All places get the same.
        other: What its record is mapped to in place of stock.
    """

    identifier: Identifier
    levels: tuple[tuple[str | None, int], ...]
    version: str = ""
    stream: Stream = STREAM
    rejected_at: int = 0
    broadcast: bool = False
    other: Mapped | None = None


class PartRow(NamedTuple):
    """One record that is a part of stocks which are added up.

    Attributes:
        key: Tells it from the other parts of its stream.
        levels: Item, location and quantity of each of its stocks; none if it is deleted.
    """

    key: str
    levels: tuple[tuple[Identifier, str | None, str], ...]
    version: str = ""
    stream: Stream = LOTS


class PairRow(NamedTuple):
    """One record of the stream that rows look up.

    Attributes:
        identifier: What rows with this match stand for; ``None`` if they are skipped.
    """

    match: str
    identifier: Identifier | None
    stream: Stream = ITEMS


class Fault(NamedTuple):
    """What happens to one request.

    Attributes:
        kind: How it is answered; see `Shop.send`.
        effect: ``none``, ``now`` or ``late``: whether its rows are applied if the answer is lost.
        rows: Which rows a refusal or an omission is about.
        answered: After how many ms the answer comes; below 0, in the midst of a later flush, when
            the ledger is read that many times.
    """

    kind: str = ""
    effect: str = "now"
    rows: int = 0
    answered: int = 0


KINDS: Final = ("", "lost", "unsent", "500", "408", "429", "refused", "unlisted", "omitted", "400")
UNKNOWN: Final = frozenset({"lost", "500", "408"})


class DiskIsFull(LedgerError):  # noqa: N818  # what happens in it
    """The ledger cannot be written any more, and the process goes on."""


class Died(LedgerError):  # noqa: N818  # what happens in it
    """The process is dead: nothing that it does has an effect any more."""


class Shop:
    """The API's side of one store.

    Attributes:
        stock: Of each item the global stock (``None``), and what warehouses have instead.
        sent: The rows of all requests.
        late: What arrives only after the answer was lost.
        takes_always: Items that it never refuses, and always answers for by row.
        deleted: Items that were deleted and made again, each with the places refused then.
    """

    def __init__(self) -> None:
        self.stock: dict[Identifier, dict[str | None, int]] = {}
        self.sent: list[tuple[Identifier, dict[str | None, int]]] = []
        self.late: list[tuple[Identifier, dict[str | None, int]]] = []
        self.takes_always: Collection[Identifier] = ()
        self.deleted: dict[Identifier, Collection[str | None]] = {}
        self.lock = threading.Lock()

    def delete(self, identifier: Identifier, refused: Collection[str | None]) -> None:
        """Delete an item, which is made again once some of its levels are refused."""
        self.stock.pop(identifier, None)
        self.deleted[identifier] = refused

    def apply(self, identifier: Identifier, levels: dict[str | None, int]) -> None:
        """Take rows on."""
        if None in levels:
            self.stock[identifier] = {}
        self.stock.setdefault(identifier, {}).update(levels)

    def arrive_late(self) -> None:
        """Let everything that was under way arrive."""
        with self.lock:
            for row in self.late:
                self.apply(*row)
            self.late.clear()

    def holds(self, identifier: Identifier, place: str | None) -> int | None:
        """Return what a customer sees."""
        levels = self.stock.get(identifier, {})
        return levels.get(place, levels.get(None))

    def answer(self, body: bytes, fault: Fault) -> Reply | NoReply:
        """Answer a request."""
        rows = read_rows(body)
        with self.lock:
            self.sent += rows
            if fault.kind in UNKNOWN and fault.effect == "late":
                self.late += rows
            is_taken = fault.kind == "400" and all(row[0] in self.takes_always for row in rows)
            if fault.kind in {"unsent", "429", "400"} and not is_taken:
                return _REFUSALS[fault.kind]
            if fault.kind in UNKNOWN:
                for row in rows if fault.effect == "now" else ():
                    self.apply(*row)
                return _REFUSALS[fault.kind]
            return self._by_row(rows, fault)

    def _by_row(self, rows: list[tuple[Identifier, dict[str | None, int]]], fault: Fault) -> Reply:
        wrong = fault.rows % len(rows) if fault.kind in {"refused", "unlisted", "omitted"} else -1
        accepted, errors = [], []
        for index, row in enumerate(rows):
            if index != wrong or row[0] in self.takes_always:
                self.apply(*row)
                accepted.append({"rowIndex": index})
            elif fault.kind == "omitted":
                if fault.effect == "now":
                    self.apply(*row)
                elif fault.effect == "late":
                    self.late.append(row)
            else:
                code = "INV_001" if fault.kind == "unlisted" else "INV_009"
                if code == "INV_001":
                    self.delete(*row)
                errors.append({"rowIndex": index, "code": code, "message": "no"})
        data = {"acceptedRows": accepted, "errors": errors, "batchId": f"b{len(self.sent)}"}
        return Reply(200, {"success": True, "requestId": f"r{len(self.sent)}", "data": data})


_REFUSALS: Final[dict[str, Reply | NoReply]] = {
    "unsent": NoReply(timed_out=False, cause="refused connection", sent=False),
    "lost": NoReply(timed_out=False, cause="lost"),
    "500": Reply(500, {"success": False, "error": {"code": "SYS_500", "message": "no"}}),
    "408": Reply(408, None),
    "429": Reply(429, None),
    "400": Reply(400, {"success": False, "error": {"code": "REQ_001", "message": "no"}}),
}


class Ending(NamedTuple):
    """What ends a run early.

    Attributes:
        dies_at: The step before which the process dies.
        full_at: How many writes to the ledger the disk has room for.
        stops: A signal comes when all rows are read.
        torn: The tap dies after its last row: no STATE comes, and the input ends.
    """

    dies_at: int | None = None
    full_at: int | None = None
    stops: bool = False
    torn: bool = False


WELL: Final = Ending()


class Life:
    """When a process dies: at the n-th step that has an effect outside of it."""

    def __init__(self, ending: Ending) -> None:
        self._left = ending.dies_at
        self._room = ending.full_at
        self._lock = threading.Lock()
        self.dead = False

    def write(self) -> None:
        """Write something to the disk, which may be full from then on.

        Raises:
            DiskIsFull: It is.
        """
        with self._lock:
            if self._room is not None:
                self._room -= 1
                if self._room < 0:
                    raise DiskIsFull

    def step(self) -> None:
        """Take a step, or die before it.

        Raises:
            Died: The process is dead.
        """
        with self._lock:
            if self._left is not None:
                self._left -= 1
                self.dead |= self._left < 0
            if self.dead:
                raise Died


class Answers:
    """When answers come: after some time, or while the thread that reads rows asks the ledger."""

    def __init__(self) -> None:
        self._readings = 0
        self._waiting = 0
        self._read = threading.Condition()

    def wait(self, answered: int) -> None:
        """Wait until an answer is due; see `Fault`."""
        if answered >= 0:
            time.sleep(answered / 1000)
            return
        with self._read:
            due = self._readings - answered
            self._waiting += 1
            self._read.wait_for(lambda: self._readings >= due, _NO_FLUSH_SECONDS)
            self._waiting -= 1

    def let_come(self, reading: Any) -> Any:
        """Let answers come before the ledger is read in this thread."""
        me = threading.get_ident()

        def read() -> Any:
            if threading.get_ident() == me:
                with self._read:
                    self._readings += 1
                    self._read.notify_all()
                    waiting = self._waiting
                time.sleep(_HEARD_SECONDS * bool(waiting))
            return reading()

        return read


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        covered: The number of rows that the last STATE covers.
    """

    pipeline: Pipeline
    error: TocobagusError | None
    covered: int


class World:
    """A ledger, and the shops that are fed from it.

    Attributes:
        now_ms: The API's time, which only moves when it is set.
    """

    def __init__(self, ledger: str, name: str = "") -> None:
        """Use a ledger.

        Args:
            ledger: A path or a URL; several worlds may use it.
            name: What the names of this world's stores begin with.
        """
        self.ledger = ledger
        self._name = name
        self.shops: dict[str, Shop] = {}
        self.now_ms = 1_800_000_000_000

    def shop(self, store: str = "s") -> Shop:
        """Return the shop of a store."""
        return self.shops.setdefault(store, Shop())

    def store_id(self, store: str = "s") -> str:
        """Return the client id of a store."""
        return self._name + store

    def run(
        self,
        rows: Iterable[Row | PartRow | PairRow],
        *,
        store: str = "s",
        faults: Iterable[Fault] = (),
        ending: Ending = WELL,
        sums: Mapping[Stream, Summing] = MappingProxyType({}),
        lookups: Iterable[CompiledMapping] = (),
        **changes: Any,
    ) -> Outcome:
        """Run once, to the end or to its death; then what was late arrives.

        Args:
            rows: What the tap gives; a STATE comes after every few rows.
            store: Whose run it is.
            faults: What happens to its requests, one after the other.
            ending: What ends it early.
            sums: How the rows of streams are added up.
            lookups: Mappings whose rows look up the stream of pairs.
            changes: Settings.
        """
        shop, life, answers, script = self.shop(store), Life(ending), Answers(), iter(faults)

        def send(body: bytes) -> Reply | NoReply:
            life.step()
            with shop.lock:
                fault = next(script, Fault())
            reply = shop.answer(body, fault)
            answers.wait(fault.answered)
            life.step()
            return reply

        clock = Clock()
        clock.now_ms = lambda: self.now_ms  # type: ignore[method-assign]  # a clock that stands
        states: list[str] = []
        wakeup = WakeUp()
        settings = _settings(self.ledger, self.store_id(store), **changes)
        outside = Dependencies(clock, send, jitter=lambda: 0.0, state_seconds=0.0)
        pipeline = Pipeline(wire(settings, wakeup, emit=states.append, outside=outside))
        pipeline.maps_nothing = False
        lookups = list(lookups)
        pipeline.send_again = lambda: _send_again(pipeline.stages, sums, lookups)
        ledger = pipeline.stages.ledger
        error = None
        try:
            if ledger is not None:
                _let_die(ledger, life, answers)
            for mapping in lookups:
                pipeline.completion.lookups.register(mapping)
            for stream, summing in sums.items():
                pipeline.completion.begin(stream, summing, looks_up=False)
            rows = list(rows)
            for stream in {row.stream for row in rows if isinstance(row, Row)} if sums else ():
                pipeline.completion.begin(stream, None, looks_up=False)
            _feed(pipeline, rows, torn=ending.torn)
            if ending.stops:
                raise Stopped(signal.SIGTERM)  # as the reader does
            pipeline.finish()
        except TocobagusError as caught:
            error = caught
            with suppress(TocobagusError):
                pipeline.abort(caught)
        finally:
            if ledger is not None:
                type(ledger).close(ledger)
            _join()
            wakeup.close()
        shop.arrive_late()
        shared = pipeline.stages.shared
        left = shared.window.unsettled() + shared.outcomes.undecided
        left += pipeline.completion.unsettled
        assert pipeline.totals.unsettled == left, "the totals do not add up"
        covered = json.loads(states[-1])["bookmark"] if states else 0
        return Outcome(pipeline, error, covered)


def _send_again(
    stages: Stages, sums: Mapping[Stream, Summing], lookups: Iterable[CompiledMapping]
) -> Totals | None:
    """Send rejected rows again, as the target does, by a mapping that is as it was."""
    assert stages.ledger is not None
    due = stages.ledger.due_rejections()
    first = next(due, None)
    if first is None:
        return None
    second = SecondPass(wire_again(stages))
    failed: Exception | None = None
    try:
        for mapping in lookups:
            second.completion.lookups.register(mapping)
        for stream, summing in sums.items():
            second.completion.begin(stream, summing, looks_up=False)
        for rows in chain([first], due):
            for row in rows:
                _map_again(second, row, sums)
            second.service()
    except TocobagusError as error:
        failed = error
    second.settle(failed)
    return second.totals


def _map_again(second: SecondPass, row: Due, sums: Iterable[Stream]) -> None:
    message = json.loads(row.record)
    level = (row.identifier, row.location)
    line = row.record.encode()
    second.position += 1
    if moved := read_moved(message, row.schema.encode(), level):
        second.take([moved[0]], moved[1], line, row.opened_at)
        return
    second.yielded.clear()
    if "key" in message or "entry" not in message:
        (stream,) = [each for each in sums if each.name == message["stream"]]
        part = Part(message.get("key", ""), (), again=(level,))
        second.take([part], stream, line, row.opened_at)
        return
    place = "null" if row.location is None else row.location
    quantity = message["record"].get(place, 0)  # a complete list has left it out
    named: Identifier = tuple(message["identifier"])
    stock = Stock(named, row.location, quantity, version=message["version"])
    stream = Stream(message["stream"], row.schema.encode(), entry=message["entry"])
    second.take([stock], stream, line, row.opened_at)
    if level not in second.yielded:
        second.overtake(*level)


def _feed(
    pipeline: Pipeline, rows: Iterable[Row | PartRow | PairRow], *, torn: bool = False
) -> None:
    for row in rows:
        pipeline.position += 1
        rejected_at = row.rejected_at if isinstance(row, Row) else 0
        outcomes, line = _OUTCOMES[type(row)](pipeline, row)
        pipeline.take(outcomes, row.stream, json.dumps(line).encode(), rejected_at)
        if pipeline.position % _STATE_EVERY == 0 and not torn:
            pipeline.checkpoint({"bookmark": _raw(pipeline.position)})
            pipeline.service()
    if not torn:
        pipeline.checkpoint({"bookmark": _raw(pipeline.position)})
    pipeline.flush()


def _pair(pipeline: Pipeline, row: PairRow) -> tuple[list[Mapped], dict[str, Any]]:
    for reader in pipeline.completion.lookups.readers(row.stream.name):
        pipeline.completion.pairs.note(reader, Pair(row.match, row.identifier), pipeline.position)
    return [Skipped("a pair of a lookup")], {}


def _stock(_: Pipeline, row: Row) -> tuple[list[Mapped], dict[str, Any]]:
    stock: list[Mapped] = [
        Stock(row.identifier, place, quantity, row.broadcast, row.version)
        for place, quantity in row.levels
    ]
    stock += [] if row.other is None else [row.other]
    line = {
        "stream": row.stream.name,
        "entry": row.stream.entry,
        "identifier": row.identifier,
        "record": dict(row.levels),
        "version": row.version,
    }
    return stock, line


def _part(_: Pipeline, row: PartRow) -> tuple[list[Mapped], dict[str, Any]]:
    part = Part(row.key, row.levels, version=row.version)
    return [part], {"stream": row.stream.name, "record": {}, "key": row.key}


_OUTCOMES: Final[dict[type, Any]] = {Row: _stock, PartRow: _part, PairRow: _pair}


def _raw(number: int) -> Any:
    return msgspec.Raw(str(number).encode())


def _let_die(ledger: Ledger, life: Life, answers: Answers) -> None:
    """Let the process die around each step that writes, and answers come while it reads."""
    connections: Any = ledger._connections  # noqa: SLF001  # for its readings
    connections.reading = answers.let_come(connections.reading)

    def mortal(write: Any) -> Any:
        def step(*args: Any, **named: Any) -> Any:
            life.step()
            life.write()
            result = write(*args, **named)
            life.step()
            return result

        return step

    for name in ("mark", "record", "leave", "note_unsent", "end"):
        setattr(ledger, name, mortal(getattr(ledger, name)))
    ledger.named_days.name = mortal(ledger.named_days.name)  # type: ignore[method-assign]  # it dies
    for name in ("fold", "leave_out_unnamed"):
        setattr(ledger.parts, name, mortal(getattr(ledger.parts, name)))
    for name in ("learn", "change", "keep_rejected"):
        setattr(ledger.pairs, name, mortal(getattr(ledger.pairs, name)))


def _join() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith(("worker-", "rejects")):
            thread.join(10)


@cache
def _base() -> Settings:
    return make_settings(
        batch_size_rows=2, batch_wait_seconds=0.01, max_in_flight=3, max_retry_seconds=0.3
    )


def _settings(ledger: str, store: str, **changes: Any) -> Settings:
    base = _base()
    assert base.credentials is not None
    credentials = msgspec.structs.replace(base.credentials, store_client_id=store)
    return msgspec.structs.replace(base, ledger=ledger, credentials=credentials, **changes)


def source_of(rows: Iterable[Row]) -> dict[tuple[Identifier, str | None], int]:
    """Tell what a customer should see after these rows, the last one counting."""
    seen: dict[Identifier, dict[str | None, int]] = {}
    for row in rows:
        for place, quantity in row.levels:
            if place is None:
                seen[row.identifier] = {}
            seen.setdefault(row.identifier, {})[place] = quantity
    return {
        (identifier, place): quantity
        for identifier, levels in seen.items()
        for place, quantity in levels.items()
    }
