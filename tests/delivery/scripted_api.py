"""The API in memory, at the seam where one attempt is made: it plays a script of faults.

It answers as the documentation says, keeps what it is sent, tells a witness what it does, and
notes what a client must never do: hold an identifier in two requests at once, or let it move on
while nobody knows what became of its last value.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from target_tocobagus.api.client import Clock
from target_tocobagus.core.model import NoReply, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.core.model import Identifier
    from tests.delivery.witness import Witness

Row: TypeAlias = "tuple[Identifier, dict[str | None, int]]"

UNANSWERED: Final = ("drop", "drop applied", "hang", "hang applied", "500", "503 applied", "html")
"""What leaves it open whether the rows were taken on."""
DISTORTED: Final = ("omit", "twice", "both", "extra")
FAULTS: Final = (*UNANSWERED, "429", *DISTORTED)

_WINDOW_MS: Final = 300_000


class Act(NamedTuple):
    """What happens to one request.

    Attributes:
        fault: One of `FAULTS`, or empty.
        delay: Seconds before the answer, so that answers overtake each other.
        rows: Which rows a distorted answer is wrong about.
    """

    fault: str = ""
    delay: float = 0.0
    rows: tuple[int, ...] = ()


class Rules(NamedTuple):
    """What the API refuses, whenever it is sent.

    Attributes:
        refused: Quantities that it refuses with an error of their row.
        poison: Quantities for which it refuses the whole request, without naming a row.
        poisoned: Items for which it does so, whatever their quantity.
        status: With which it does so.
        closed_after: How many requests it answers before it refuses all of them so.
        failing: Quantities on which it fails (500).
        single: Identifiers that it takes for one warehouse at a time only.
        most_bytes: Of a body; larger ones are 413.
        skews_ms: What its clock is ahead; of several servers that take turns, each one's.
    """

    refused: frozenset[int] = frozenset()
    poison: frozenset[int] = frozenset()
    poisoned: frozenset[Identifier] = frozenset()
    status: int = 400
    closed_after: int | None = None
    failing: frozenset[int] = frozenset()
    single: frozenset[Identifier] = frozenset()
    most_bytes: int | None = None
    skews_ms: tuple[int, ...] = (0,)


class ScriptedApi:
    """One run's API; `send` is what the target is given.

    Attributes:
        clock: The client's idea of the server's clock.
        stock: What was applied last, by identifier and warehouse.
        in_flight: Identifiers that a request holds at this moment.
        bodies: The rows of each request, in the order of arrival.
        batches: Ids of the batches of which a row was accepted, by the thread that was told.
        happened: How often each fault, and other things worth counting, came to pass.
        blamed: Levels that stood alone in a refused request since a row was last accepted.
    """

    def __init__(self, script: Iterable[Act], rules: Rules, witness: Witness) -> None:
        """Play a script, one act a request; after its end all goes well."""
        self.clock = Clock()
        self.stock: dict[Identifier, dict[str | None, int]] = defaultdict(dict)
        self.in_flight: set[Identifier] = set()
        self.bodies: list[list[Row]] = []
        self.batches: dict[str, list[str]] = defaultdict(list)
        self.happened: Counter[str] = Counter()
        self.blamed: list[tuple[Identifier, str | None, int]] = []
        self.witness = witness
        self.lock = threading.Lock()
        self._script = iter(script)
        self._rules = rules
        self._open: dict[Identifier, dict[str | None, int]] = {}
        self._forgotten: Counter[tuple[Identifier, str | None]] = Counter()
        self._told: dict[Identifier, dict[str | None, int]] = {}

    def send(self, body: bytes) -> Reply | NoReply:
        """Make one attempt, as `client.Client.send` does."""
        setting = self.clock.setting
        signed_ms = self.clock.now_ms()
        rows = read_rows(body)
        with self.lock:
            skew_ms = self._rules.skews_ms[len(self.bodies) % len(self._rules.skews_ms)]
            act = next(self._script, Act())
            self._arrive(rows)
        time.sleep(act.delay)
        late = abs(int(time.time() * 1000) + skew_ms - signed_ms) > _WINDOW_MS
        with self.lock:
            reply = (
                self._wrong_time(setting, signed_ms, skew_ms)
                if late
                else self._answer(act, rows, len(body))
            )
            self.in_flight.difference_update(identifier for identifier, _ in rows)
        return reply

    def _arrive(self, rows: list[Row]) -> None:
        self.bodies.append(rows)
        ((identifier, levels), *others) = rows
        retested = not others and identifier not in self._open and all(levels.values())
        self.happened["retest"] += retested and self._told.get(identifier) == levels
        for identifier, levels in rows:
            if identifier in self.in_flight:
                self.witness.broken.append(f"{identifier} is in two requests at once")
            unanswered = self._open.setdefault(identifier, dict(levels))
            if not levels.items() <= unanswered.items():
                self.witness.broken.append(
                    f"{identifier} moved on to {levels} while the outcome of {unanswered} was open"
                )
        self.in_flight.update(identifier for identifier, _ in rows)

    def _answer(self, act: Act, rows: list[Row], size: int) -> Reply | NoReply:
        if self._rules.most_bytes is not None and size > self._rules.most_bytes:
            return self._refuse(rows, 413, "REQ_003")
        if act.fault:
            self.happened[act.fault] += 1
        if act.fault in {*UNANSWERED, "429"}:
            return self._fail(act, rows)
        if self._is_poison(rows):
            return self._refuse(rows, self._rules.status, "REQ_001")
        if self._rules.failing.intersection(_quantities(rows)):
            return Reply(500, _failure("SBX_500"))
        return self._settle(act, rows)

    def _is_poison(self, rows: list[Row]) -> bool:
        rules = self._rules
        if rules.closed_after is not None and len(self.bodies) > rules.closed_after:
            return True
        named = rules.poisoned.intersection(identifier for identifier, _ in rows)
        return bool(named or rules.poison.intersection(_quantities(rows)))

    def _wrong_time(self, setting: int, signed_ms: int, skew_ms: int) -> Reply:
        self.happened["AUTH_003"] += 1
        body = _failure("AUTH_003", currentTime=int(time.time() * 1000) + skew_ms)
        return Reply(401, body, clock=setting, signed_ms=signed_ms)

    def _fail(self, act: Act, rows: list[Row]) -> Reply | NoReply:
        if act.fault.endswith("applied"):
            self._apply([row for row in rows if not self._objection(row)])
        if act.fault.startswith(("drop", "hang")):
            timed_out = act.fault.startswith("hang")
            return NoReply(timed_out=timed_out, cause=act.fault, seconds=act.delay)
        if act.fault == "html":
            return Reply(200, None)
        status = int(act.fault[:3])
        headers = {"retry-after": "0"} if status != 500 else {}
        return Reply(status, _failure(f"SBX_{status}"), headers)

    def _refuse(self, rows: list[Row], status: int, code: str) -> Reply:
        """Refuse the request as a whole; a single row of one level is to blame, and rejected."""
        self.happened[str(status)] += 1
        if len(rows) == 1 and len(rows[0][1]) == 1:
            ((identifier, levels),) = rows
            self.blamed += [(identifier, place, level) for place, level in levels.items()]
            self._close(identifier, levels)
        elif len(rows) == 1:
            self._divide(*rows[0])
        return Reply(status, _failure(code))

    def _objection(self, row: Row) -> str:
        identifier, levels = row
        if len(levels) > 1 and identifier in self._rules.single:
            return "INV_009"
        if self._rules.refused.intersection(levels.values()):
            return "INV_001"
        return ""

    def _settle(self, act: Act, rows: list[Row]) -> Reply:
        """Answer row by row, and be wrong about some of the rows if the act says so."""
        wrong = {index % len(rows) for index in act.rows} if act.fault in DISTORTED else set()
        accepted: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        self._apply([row for row in rows if not self._objection(row)])
        for index, row in enumerate(rows):
            code = self._objection(row)
            entry: dict[str, Any] = {"rowIndex": index, **({"code": code} if code else {})}
            told = errors if code else accepted
            if index not in wrong or act.fault == "extra":
                told.append(entry)
                self._tell(row, code)
                continue
            if act.fault != "omit":
                told.append(entry)
                (accepted if act.fault == "twice" and not code else errors).append(entry)
            self._forget(row)
        if act.fault == "extra":
            accepted.append({"rowIndex": len(rows) + 3})
        data: dict[str, Any] = {"acceptedRows": accepted, "errors": errors}
        told_of = {entry["rowIndex"] for entry in accepted} - wrong
        if told_of - {len(rows) + 3}:
            data["batchId"] = f"batch-{len(self.bodies)}-{threading.get_ident()}-{id(data)}"
            self.batches[threading.current_thread().name].append(data["batchId"])
        return Reply(200, {"success": True, "requestId": "r", "data": data})

    def _apply(self, rows: list[Row]) -> None:
        for identifier, levels in rows:
            for place, quantity in levels.items():
                self.witness.applies(identifier, place, quantity)
            if None in levels:
                self.stock[identifier].clear()
            self.stock[identifier].update(levels)

    def _tell(self, row: Row, code: str) -> None:
        """A row is answered for, clearly."""
        identifier, levels = row
        if not code:
            self._told[identifier] = dict(levels)
            self.blamed.clear()
            for place, quantity in levels.items():
                self.witness.accepts(identifier, place, quantity)
        if code == "INV_009":  # to be sent again, a warehouse at a time
            self._divide(identifier, levels)
            return
        self._close(identifier, levels)

    def _divide(self, identifier: Identifier, levels: dict[str | None, int]) -> None:
        """A row will come again a warehouse at a time; each of these may be forgotten once."""
        self.happened["divided"] += 1
        for place in levels:
            self._forgotten.pop((identifier, place), None)

    def _forget(self, row: Row) -> None:
        """A row is not answered for; the second time that is its outcome."""
        identifier, levels = row
        for place, quantity in levels.items():
            self._forgotten[identifier, place] += 1
            if self._forgotten[identifier, place] > 1:
                self._close(identifier, {place: quantity})

    def _close(self, identifier: Identifier, levels: dict[str | None, int]) -> None:
        unanswered = self._open.get(identifier, {})
        for place in levels:
            unanswered.pop(place, None)
            self._forgotten.pop((identifier, place), None)
        if not unanswered:
            self._open.pop(identifier, None)


def read_rows(body: bytes) -> list[Row]:
    """Read a request's body: each item's identifier and levels."""
    return [_read_row(item) for item in json.loads(body)["items"]]


def _read_row(item: dict[str, Any]) -> Row:
    (kind,) = item.keys() & {"sku", "id", "externalId"}
    identifier: Any = (kind, item[kind])
    warehouses = item.get("warehouses")
    if warehouses is None:
        return identifier, {None: item["stock"]}
    if "stock" in item:
        return identifier, dict.fromkeys(warehouses, item["stock"])
    return identifier, {level["clientId"]: level["stock"] for level in warehouses}


def _quantities(rows: list[Row]) -> set[int]:
    return {quantity for _, levels in rows for quantity in levels.values()}


def _failure(code: str, **context: Any) -> dict[str, Any]:
    error = {"code": code, "message": "no", "details": {"context": context}}
    return {"success": False, "requestId": "r", "error": error}
