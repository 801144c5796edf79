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
from contextlib import suppress
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from target_tocobagus.ledger.database.database import open_engine, read_url
from target_tocobagus.ledger.database.schema import level
from tests.environment import clean_environment
from tests.laws.crash_sources import Rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.laws.crash_sources import Kind
    from tests.laws.sources import Place
    from tests.local_sandbox import Sandbox

LATENCY_MS: Final = 8
PATIENCE: Final = 30.0
READY_SECONDS: Final = 15.0
REACH_SECONDS: Final = 1.8
"""How long a process may live after its first request if the instant of its death does not come."""
_PACE_SECONDS: Final = 0.004
_LOOK_SECONDS: Final = 0.004
_STEP_MS: Final = 150
_LATER_MS: Final = 21 * 3_600_000
"""How far the API's clock is ahead in the last life of a ledger: what was refused comes again."""
_SIGNAL_IS_HEARD_MS: Final = 350
_BESIDE_A_LEDGER_MS: Final = 1000
"""A signal is also heard between two steps of a ledger, each of which waits for the disk."""


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


class Life:
    """One process of the target, from its start to its end.

    Attributes:
        states: The bookmarks that it emitted.
        began: When it was started, by the monotonic clock.
        known: The levels that the ledger knew to be in stock before.
    """

    def __init__(self, chain: Chain) -> None:
        """Start it, and give it the stream's head."""
        self._chain = chain
        self._lines = chain.source.lines(chain.bookmark)
        self.known = chain.known()
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
        """Wait until it has begun, so that the rest of the stream does not come at once."""
        until = time.monotonic() + READY_SECONDS
        while not self._stopped.wait(_LOOK_SECONDS) and time.monotonic() < until:
            if self._has_begun():
                return

    def _has_begun(self) -> bool:
        """Whether it has made a request; with a ledger its first rows may need none."""
        if self._chain.kind.ends_input:
            return self.log.stat().st_size > 0
        has_sent: bool = self._chain.sandbox.health()["requests"] > self.seen_before
        return has_sent

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
        self, number: str, directory: Path, sandbox: Sandbox, kind: Kind, ledger: str = ""
    ) -> None:
        """Prepare a chain.

        Args:
            number: The seed of everything that is left to chance.
            directory: Where its files are.
            sandbox: The API.
            kind: What its tap reads, and how.
            ledger: The URL of one on a server, made already; else there is a file.
        """
        self.rng = random.Random(number)  # noqa: S311  # repeatable, not secret
        self.directory = directory
        self.sandbox = sandbox
        self.kind = kind
        self.source = kind.source(self.rng)
        self.lives: list[Life] = []
        self.bookmark = 0
        self.reached: list[str] = []
        self.problems: list[str] = []
        self.rejects = directory / "rejects.singer"
        self._file = directory / "ledger.db"
        self._ledger = ledger or str(self._file)
        self.config = directory / "config.json"
        self._settings = {
            "api_url": sandbox.api_url,
            **sandbox.credentials,
            "streams": self.source.mappings,
            "batch_size_rows": self.rng.choice([1, 2, 3]),
            "batch_wait_seconds": 0,
            "max_in_flight": self.rng.choice([1, 2, 4]),
            "rejects_path": str(self.rejects),
            **({"ledger": self._ledger} if kind.remembers else {}),
        }
        self._configure(kind.settings)

    def _configure(self, changes: Mapping[str, Any]) -> None:
        self.config.write_text(json.dumps({**self._settings, **changes}), encoding="utf-8")

    def known(self) -> set[Place]:
        """Read which levels the ledger knows to be in stock."""
        if self._ledger == str(self._file) and not self._file.exists():
            return set()
        keys = select(level.c.kind, level.c.identifier, level.c.location)
        engine = open_engine(read_url(self._ledger))
        with engine.connect() as ledger, suppress(OperationalError):
            found = ledger.execute(keys.where(level.c.quantity > 0))
            return {((kind, text), place or None) for kind, text, place in found}
        return set()  # its tables are not there yet

    def go(self, instants: list[Instant]) -> None:
        """Live and die, and live to the end."""
        if self.kind.begins_well:
            self._live()
        for instant in instants:
            self._change()
            self._live_until(instant)
            if self.kind.lives_between:
                self._change()
                self._live()
        self._configure(self.kind.at_last)
        self._live(skew_ms=_LATER_MS if self.kind.remembers else 0, is_last=True)

    def _change(self) -> None:
        """Let the source change; what was rejected before it began anew does not count."""
        before, self.bookmark = self.bookmark, self.source.change(self.bookmark)
        if self.bookmark < before:
            self.rejects.unlink(missing_ok=True)

    def _live_until(self, instant: Instant) -> None:
        step = instant.step
        self.sandbox.set_scenario(self._scenario(step))
        life = Life(self)
        self.lives.append(life)
        draining = step == "while draining"
        ends = draining or self.kind.ends_input
        life.speak(0 if draining else _PACE_SECONDS, and_end=ends)
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

    def _live(self, skew_ms: int = 0, *, is_last: bool = False) -> None:
        self.sandbox.set_scenario({"latency_ms": LATENCY_MS, "skew_ms": skew_ms})
        life = Life(self)
        self.lives.append(life)
        life.speak(0, and_end=True)
        code = life.end()
        if code:
            self._complain(life, f"the last process ended with {code}")
        self._check_state(life, "lived", is_last=is_last)
        if self.bookmark != self.source.last:
            self._complain(life, f"the last STATE is {self.bookmark}")
        for problem in self.source.differences(self.sandbox.stock(), self._rejected()):
            self._complain(life, problem)

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
        nth = rng.randint(1, 15 if self.kind.ends_input else 6)
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
        if self.kind.ends_input and step == "at random":  # its first rows may need no request
            return lambda: len(life.requests()) >= nth
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
        allowed = {0, *self.kind.codes, -number if number == signal.SIGKILL else 128 + number}
        if number == signal.SIGTERM and not life.requests():
            allowed.add(-number)
        if code not in allowed:
            self._complain(life, f"{instant} ended it with {code}")
        text = life.log.read_text(encoding="utf-8", errors="replace")
        if "Traceback" in text or "bug of target-tocobagus" in text:
            self._complain(life, f"{instant} ended it badly: {text[-2000:]}")

    def _check_nothing_began(self, instant: Instant, life: Life, heard_ms: float) -> None:
        """After a signal was heard, no request begins."""
        heard_ms += _BESIDE_A_LEDGER_MS if self.kind.remembers else _SIGNAL_IS_HEARD_MS
        late = [
            visit["arrivedMs"] - heard_ms
            for visit in life.requests()
            if visit["arrivedMs"] > heard_ms
        ]
        if late:
            self._complain(life, f"requests began {late} ms after {instant}")

    def _check_state(self, life: Life, how: str, *, is_last: bool = False) -> None:
        """What the last emitted STATE covers was accepted, or written down as rejected."""
        if life.states != sorted(life.states):
            self._complain(life, f"STATE went back: {life.states}")
        self.bookmark = life.states[-1] if life.states else self.bookmark
        lost = self.source.lost(self.bookmark, self.sandbox, self._rejected())
        watched = () if is_last else self.source.watch(life.known, self.sandbox.history())
        for problem in chain(lost, watched):
            self._complain(life, f"{how}: {problem}")

    def _rejected(self) -> Rejects:
        """Read what was rejected, if the records have numbers."""
        newest: dict[tuple[str, str | None], int] = {}
        named: set[int] = set()
        for line in self._reject_lines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                n = message["record"].get("n", 0)
                named.add(n)
                for update in message["tocobagus"]["updates"]:
                    key = (update["identifier"]["sku"], update["warehouse"])
                    newest[key] = max(newest.get(key, 0), n)
        return Rejects(newest, named)

    def _reject_lines(self) -> list[bytes]:
        """Read the whole lines of the file of rejected rows; a death may have torn the last."""
        if not self.rejects.exists():
            return []
        return self.rejects.read_bytes().split(b"\n")[:-1]

    def _count_rejects(self) -> int:
        return len(self._reject_lines())

    def _complain(self, life: Life, problem: str) -> None:
        self.problems.append(f"life {self.lives.index(life) + 1}: {problem}")


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe:
            pipe.close()
    except OSError:
        # What was still to be written has no reader any more.
        return
