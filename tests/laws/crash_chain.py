"""One sandbox, one tap and many deaths: the target is killed and started again until it is done.

A chain is a stream of records from a seed. Each process of the target reads it from the last STATE
that its predecessor emitted, the record at the bookmark included, and is killed at an instant that
can be seen from outside. The last one lives. What must hold is looked up after every death.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from tests.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.local_sandbox import Sandbox

RECORDS: Final = 400
SKUS: Final = tuple(f"sku-{number}" for number in range(10))
WAREHOUSES: Final = ("A", "B")
GHOST: Final = "ghost"
"""A SKU that the sandbox does not know."""
CATALOGUE: Final = {"sku": SKUS}
QUANTITIES: Final = (0, 2**31)

LATENCY_MS: Final = 8
PATIENCE: Final = 30.0
READY_SECONDS: Final = 15.0
REACH_SECONDS: Final = 1.8
"""How long a process may live after its first request if the instant of its death does not come."""
_PACE_SECONDS: Final = 0.004
_LOOK_SECONDS: Final = 0.004
_STEP_MS: Final = 150
_SIGNAL_IS_HEARD_MS: Final = 350

_SCHEMA: Final = {
    "type": "SCHEMA",
    "stream": "stock",
    "schema": {"properties": {"n": {}, "sku": {}, "wh": {}, "qty": {}}},
    "key_properties": [],
}
_MAPPING: Final = {"stream": "stock", "sku": "sku", "warehouse": "wh", "stock": "qty"}


class Instant(NamedTuple):
    """When and how a process dies.

    Attributes:
        step: A name of `STEPS`.
        number: SIGKILL or SIGTERM.
    """

    step: str
    number: signal.Signals


STEPS: Final = (
    "at start",
    "a request arrived",
    "applied, not answered",
    "answered",
    "during a back-off",
    "after a STATE line",
    "after a reject line",
    "while draining",
    "at random",
)


class Record(NamedTuple):
    """A record of the tap.

    Attributes:
        qty: The quantity, if it is readable. Without a ledger each is unique, and says which record
            it came from; with one they come back.
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


class Tap:
    """A stream that can be read again from any bookmark."""

    def __init__(self, rng: random.Random, *, comes_back: bool) -> None:
        """Invent the stream; its quantities come back, or are unique."""
        stock = {(sku, wh): rng.choice(QUANTITIES) for sku in (*SKUS, GHOST) for wh in WAREHOUSES}
        self.records = [
            Record(n, sku, wh, rng.random() > 0.08, stock[sku, wh] if comes_back else n * 10)
            for n in range(1, RECORDS + 1)
            for sku in [GHOST if rng.random() < 0.08 else rng.choice(SKUS)]
            for wh in [rng.choice(WAREHOUSES)]
        ]
        self._states = {n for n in range(1, RECORDS + 1) if rng.random() < 0.4} | {RECORDS}

    def lines(self, bookmark: int) -> Iterator[bytes]:
        """Read from a bookmark on, its record included."""
        yield _line(_SCHEMA)
        for record in self.records:
            if record.n >= bookmark:
                yield _line(record.line())
                if record.n in self._states:
                    value = {"bookmarks": {"stock": {"n": record.n}}}
                    yield _line({"type": "STATE", "value": value})


class Life:
    """One process of the target, from its start to its end.

    Attributes:
        states: The bookmarks that it emitted.
        began: When it was started, by the monotonic clock.
    """

    def __init__(self, chain: Chain) -> None:
        """Start it, and give it the stream's head."""
        self._chain = chain
        self._lines = chain.tap.lines(chain.bookmark)
        self.states: list[int] = []
        self.seen_before = chain.sandbox.health()["requests"]
        self.log = chain.directory / f"{len(chain.lives)}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "target_tocobagus", "--config", str(chain.config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=clean_environment(),
            )
        self.began = time.monotonic()
        self._stopped = threading.Event()
        self._ear = threading.Thread(target=self._listen, args=(self.process.stdout,))
        self._ear.start()
        self._mouth: threading.Thread | None = None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    def requests(self) -> list[dict[str, Any]]:
        """Give the requests that it has made."""
        return [
            visit for visit in self._chain.sandbox.requests() if visit["number"] > self.seen_before
        ]

    def speak(self, pace: float, *, and_end: bool) -> None:
        """Begin to write the stream to it, with so many seconds between two lines."""
        self._mouth = threading.Thread(target=self._write, args=(pace, and_end))
        self._mouth.start()

    def end(self) -> int:
        """Wait for its end, and close what was open.

        Returns:
            Its exit code, negative for a signal.
        """
        code = self.process.wait(PATIENCE)
        self._stopped.set()
        if self._mouth:
            self._mouth.join(PATIENCE)
        self._ear.join(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout):
            _close(pipe)
        return code

    def _write(self, pace: float, and_end: bool) -> None:  # noqa: FBT001  # a thread's argument
        assert self.process.stdin
        try:
            for number, line in enumerate(self._lines):
                self.process.stdin.write(line)
                self.process.stdin.flush()
                if number == 2 and pace:
                    self._until_it_reads()
                if pace and self._stopped.wait(pace):
                    return
            if and_end:
                self.process.stdin.close()
        except OSError:
            # It is dead.
            return

    def _until_it_reads(self) -> None:
        """Wait for its first request, so that the rest of the stream does not come at once."""
        until = time.monotonic() + READY_SECONDS
        while not self._stopped.wait(_LOOK_SECONDS) and time.monotonic() < until:
            if self._chain.sandbox.health()["requests"] > self.seen_before:
                return

    def _listen(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            if line.endswith(b"\n"):
                self.states.append(json.loads(line)["bookmarks"]["stock"]["n"])


class Chain:
    """The lives that one stream takes.

    Attributes:
        reached: The steps at which a process died as planned.
        problems: What was promised and did not hold.
    """

    def __init__(
        self, number: str, directory: Path, sandbox: Sandbox, *, remembers: bool = False
    ) -> None:
        """Prepare a chain.

        Args:
            number: The seed of everything that is left to chance.
            directory: Where its files are.
            sandbox: The API.
            remembers: Its lives have a ledger.
        """
        self.rng = random.Random(number)  # noqa: S311  # repeatable, not secret
        self.directory = directory
        self.sandbox = sandbox
        self.remembers = remembers
        self.tap = Tap(self.rng, comes_back=remembers)
        self.lives: list[Life] = []
        self.bookmark = 0
        self.reached: list[str] = []
        self.problems: list[str] = []
        self.rejects = directory / "rejects.singer"
        self.config = directory / "config.json"
        config = {
            "api_url": sandbox.api_url,
            **sandbox.credentials,
            "streams": [_MAPPING],
            "batch_size_rows": self.rng.choice([1, 2, 3]),
            "batch_wait_seconds": 0,
            "max_in_flight": self.rng.choice([1, 2, 4]),
            "rejects_path": str(self.rejects),
            **({"ledger": str(directory / "ledger.db")} if remembers else {}),
        }
        self.config.write_text(json.dumps(config), encoding="utf-8")

    def go(self, instants: list[Instant]) -> None:
        """Live and die, and live to the end.

        With a ledger each life reads a whole table, as it is then; and after each death one lives,
        so that a value that was there before can come back.
        """
        for instant in instants:
            self._change()
            self._live_until(instant)
            if self.remembers:
                self._change()
                self._live()
        self._live()

    def _change(self) -> None:
        if self.remembers:
            self.tap = Tap(self.rng, comes_back=True)
            self.bookmark = 0
            self.rejects.unlink(missing_ok=True)

    def _live_until(self, instant: Instant) -> None:
        step = instant.step
        self.sandbox.set_scenario(self._scenario(step))
        life = Life(self)
        self.lives.append(life)
        draining = step == "while draining"
        life.speak(0 if draining else _PACE_SECONDS, and_end=draining)
        has_come = self._condition(step, life)
        come = False
        until = READY_SECONDS
        while not come and life.age < until and life.process.poll() is None:
            if until == READY_SECONDS and self.sandbox.health()["requests"] > life.seen_before:
                until = life.age + REACH_SECONDS
            come = bool(has_come())
            if not come:
                time.sleep(_LOOK_SECONDS)
        heard_ms = time.time() * 1000
        life.process.send_signal(instant.number)
        code = life.end()
        self.reached += [f"{step}, {instant.number.name}"] if come else []
        self._await_quiet()
        self._check_code(instant, life, code)
        self._check_nothing_began(instant, life, heard_ms)
        self._check_state(life, f"killed {step} by {instant.number.name}")

    def _live(self) -> None:
        self.sandbox.set_scenario({"latency_ms": LATENCY_MS})
        life = Life(self)
        self.lives.append(life)
        life.speak(0, and_end=True)
        code = life.end()
        if code:
            self._complain(life, f"the last process ended with {code}")
        self._check_state(life, "lived")
        if self.bookmark != RECORDS:
            self._complain(life, f"the last STATE is {self.bookmark}")
        self._compare(life)

    def _scenario(self, step: str) -> dict[str, Any]:
        """Let things go wrong now and then, and one request so that the step can be seen."""
        rules: list[dict[str, Any]] = [
            {"when": {"share": 0.1}, "fault": {"reject": [{"rows": [0], "code": "SBX_7"}]}},
            {"when": {"share": 0.05}, "fault": {"drop_after": "rst"}},
            {"when": {"share": 0.05}, "fault": {"status": 503, "apply": True}},
        ]
        chosen = {
            "a request arrived": {"apply_late_ms": _STEP_MS},
            "applied, not answered": {"latency_ms": _STEP_MS},
            "during a back-off": {"status": 503, "retry_after": 1},
            "while draining": {"latency_ms": 40},
        }
        if step in chosen:
            numbers = "1-" if step == "while draining" else self.rng.randint(1, 6)
            rules.insert(0, {"when": {"requests": numbers}, "fault": chosen[step]})
        return {
            "seed": self.rng.randint(0, 1 << 30),
            "latency_ms": LATENCY_MS,
            "rules": rules,
        }

    def _condition(self, step: str, life: Life) -> Callable[[], object]:
        """Make what tells that the instant has come."""
        rng = self.rng
        moment = rng.uniform(0.0, 0.7) if step == "at start" else rng.uniform(0.4, 1.5)
        nth = rng.randint(1, 6)
        rejected = self._count_rejects()
        faults = {
            "a request arrived": "apply_late_ms",
            "applied, not answered": "latency_ms",
            "during a back-off": "status",
        }

        def met() -> bool:
            visits = [visit for visit in life.requests() if faults[step] in visit["faults"]]
            if step == "during a back-off":
                return any(visit["status"] == 503 for visit in visits)
            return any(visit["answeredMs"] is None for visit in visits)

        def drains() -> bool:
            answered = [visit for visit in life.requests() if visit["answeredMs"] is not None]
            return len(answered) >= min(nth, 3)

        conditions: dict[str, Callable[[], object]] = {
            **dict.fromkeys(faults, met),
            "answered": lambda: sum(visit["status"] == 200 for visit in life.requests()) >= nth,
            "after a STATE line": lambda: life.states,
            "after a reject line": lambda: self._count_rejects() > rejected,
            "while draining": drains,
        }
        return conditions.get(step, lambda: life.age >= moment)

    def _await_quiet(self) -> None:
        """Wait until the sandbox is done with what the dead process has sent."""
        until = time.monotonic() + PATIENCE
        time.sleep(0.01)
        while self.sandbox.health()["inFlight"] and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)

    # What must hold

    def _check_code(self, instant: Instant, life: Life, code: int) -> None:
        """It dies of the signal, as the contract says; or it was done before, or not yet ready."""
        number = instant.number
        allowed = {0, -number} if number == signal.SIGKILL else {0, 128 + number}
        if number == signal.SIGTERM and not life.requests():
            allowed.add(-number)
        if code not in allowed:
            self._complain(life, f"{instant} ended it with {code}")
        text = life.log.read_text(encoding="utf-8", errors="replace")
        if "Traceback" in text or "bug of target-tocobagus" in text:
            self._complain(life, f"{instant} ended it badly: {text[-2000:]}")

    def _check_nothing_began(self, instant: Instant, life: Life, heard_ms: float) -> None:
        """After a signal was heard, no request begins."""
        late = [
            visit["arrivedMs"] - heard_ms
            for visit in life.requests()
            if visit["arrivedMs"] > heard_ms + _SIGNAL_IS_HEARD_MS
        ]
        if late:
            self._complain(life, f"requests began {late} ms after {instant}")

    def _check_state(self, life: Life, how: str) -> None:
        """What the last emitted STATE covers was accepted, or written down as rejected."""
        if life.states != sorted(life.states):
            self._complain(life, f"STATE went back: {life.states}")
        self.bookmark = life.states[-1] if life.states else self.bookmark
        if self.remembers:
            return  # a quantity does not say which record it came from
        accepted = self._accepted()
        rejected, named = self._rejected()
        for record in self.tap.records[: self.bookmark]:
            key = (record.sku, record.wh)
            settled = max(accepted.get(key, 0), rejected.get(key, 0)) >= record.n
            if not (settled if record.readable else record.n in named):
                self._complain(life, f"{how}: STATE {self.bookmark} covers {record}, not settled")

    def _compare(self, life: Life) -> None:
        """The remote is the source, or the newest value is a named reject."""
        _, named = self._rejected()
        newest = {(each.sku, each.wh): each for each in self.tap.records if each.readable}
        stock = self.sandbox.stock()
        for (sku, wh), record in newest.items():
            remote = stock.get(("sku", sku), {}).get(wh)
            if remote != record.qty and record.n not in named:
                self._complain(life, f"{sku} at {wh} is {remote} and not {record.qty}")

    def _accepted(self) -> dict[tuple[str, str | None], int]:
        """Tell the newest record that the API has answered for, by SKU and warehouse."""
        answered = {visit["number"] for visit in self.sandbox.requests() if visit["status"] == 200}
        accepted: dict[tuple[str, str | None], int] = {}
        for update in self.sandbox.history():
            if update.request in answered:
                key = (update.identifier, update.warehouse)
                accepted[key] = max(accepted.get(key, 0), update.stock // 10)
        return accepted

    def _rejected(self) -> tuple[dict[tuple[str, str | None], int], set[int]]:
        """Tell the newest rejected record by SKU and warehouse, and the numbers of all."""
        newest: dict[tuple[str, str | None], int] = {}
        named: set[int] = set()
        for line in self._reject_lines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                n = message["record"]["n"]
                named.add(n)
                for update in message["tocobagus"]["updates"]:
                    key = (update["identifier"]["sku"], update["warehouse"])
                    newest[key] = max(newest.get(key, 0), n)
        return newest, named

    def _reject_lines(self) -> list[bytes]:
        """Read the whole lines of the file of rejected rows; a death may have torn the last."""
        if not self.rejects.exists():
            return []
        return self.rejects.read_bytes().split(b"\n")[:-1]

    def _count_rejects(self) -> int:
        return len(self._reject_lines())

    def _complain(self, life: Life, problem: str) -> None:
        self.problems.append(f"life {self.lives.index(life) + 1}: {problem}")


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe:
            pipe.close()
    except OSError:
        # What was still to be written has no reader any more.
        return
