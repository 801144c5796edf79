"""One run of one store, `tap | target`, for every orchestrator the same.

Invariants:
    Each STATE is kept as soon as it comes, so a run that is killed has kept its last one.
    Tap and target end together, also if the run is stopped; where the system has `setpriv`, even
    if the process that runs this is killed.
    A secret is in the environment of the target, or in a file that only this user can read.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from stock_stores import Store

PATIENCE: Final = 10.0
"""Seconds that tap and target have to end after a SIGTERM; the target needs up to 8."""

A_PERSON_MUST_ACT: Final = 2
NOT_FOUND: Final = 127
"""As a shell says it of a command that is not there."""

# The kernel then sends tap and target a SIGTERM when the process that started them has gone.
_TIED: Final = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
_LOG_AS_JSON: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"singer_sdk.metrics": {"level": "WARNING"}},
    "root": {"level": "INFO", "handlers": ["err"]},
}


_Process = subprocess.Popen[str]


class Login(NamedTuple):
    """Client id and secret of a partner, id and token of a store, or user and password."""

    login: str
    password: str


class Outcome(NamedTuple):
    """How a run has ended.

    Attributes:
        exit_code: The target's or, if that is 0, the tap's; 128 and the signal after a signal.
        needs_person: A retry would only repeat the failure.
        summary: The target's; empty if it wrote none.
        error: The last error that the target has logged; empty without one.
    """

    exit_code: int
    needs_person: bool
    summary: dict[str, Any]
    error: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"exit {self.exit_code}" + (f": {self.error}" if self.error else "")


def login_from_environment(name: str) -> Login:
    """Look up credentials in NAME_LOGIN and NAME_PASSWORD.

    Raises:
        KeyError: One of them is not set.
    """
    prefix = name.upper().replace("-", "_")
    return Login(os.environ[f"{prefix}_LOGIN"], os.environ[f"{prefix}_PASSWORD"])


def run_store(
    store: Store,
    login: Callable[[str], Login],
    state: str | None,
    keep: Callable[[str], None],
    say: Callable[[str], None] = print,
) -> Outcome:
    """Run a store's tap into the target, to the end of both.

    Args:
        store: Which one.
        login: Looks up credentials by their name.
        state: The STATE to start from; None for a first run.
        keep: Is given each STATE, a line of JSON; at most one a second comes.
        say: Is given each line that tap and target log; called from several threads.

    Raises:
        SystemExit: With 143, if this process was sent a SIGTERM meanwhile: both have ended, and
            the last STATE is kept. Anything that `login` and `keep` raise comes through as well.
    """
    logins = {whose: login(name) for whose, name in store.credentials.items()}
    with tempfile.TemporaryDirectory(prefix="store-") as folder, _sigterm_raises():
        commands = _commands(store, logins.get("tap"), state, Path(folder))
        missing = [command[0] for command in commands if not shutil.which(command[0])]
        if missing:
            error = f"there is no command {missing[0]!r} on PATH"
            return Outcome(NOT_FOUND, needs_person=True, summary={}, error=error)
        log = _write(Path(folder) / "log.yaml", json.dumps(_LOG_AS_JSON))
        environment = {**_environment(logins), "SINGER_SDK_LOG_CONFIG": log}
        return _run(commands, environment, keep, say)


def ask_ledger(store: Store, login: Callable[[str], Login]) -> dict[str, Any]:
    """Ask the ledger about a store, as `tocobagus report --json` does; a run may be under way.

    Raises:
        subprocess.CalledProcessError: It cannot be asked; the reason is on stderr.
    """
    logins = {whose: login(name) for whose, name in store.credentials.items()}
    report = ["tocobagus", "report", "--config", "ENV", "--json"]
    done = subprocess.run(report, env=_environment(logins), stdout=subprocess.PIPE, check=True)
    fields: dict[str, Any] = json.loads(done.stdout)
    return fields


def _commands(
    store: Store, login: Login | None, state: str | None, folder: Path
) -> tuple[list[str], list[str]]:
    """Write the files of tap and target, and give their command lines."""
    config = {**store.tap.get("config", {})}
    if login:
        config |= {"user": login.login, "password": login.password}
    files = {"config": json.dumps(config).replace("{store}", store.store)}
    if catalog := store.tap.get("catalog"):
        files["catalog"] = Path(catalog).read_text("utf-8").replace("{store}", store.store)
    if state:
        files["state"] = state
    tap = [*store.tap["command"]]
    for name, text in files.items():
        tap += [f"--{name}", _write(folder / f"{name}.json", text)]
    target = _write(folder / "target.json", json.dumps(store.target))
    return tap, ["target-tocobagus", "--config", target, "--config", "ENV"]


def _write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def _environment(logins: Mapping[str, Login]) -> dict[str, str]:
    partner, store = logins["partner"], logins["store"]
    return {
        **os.environ,
        "TARGET_TOCOBAGUS_PARTNER_CLIENT_ID": partner.login,
        "TARGET_TOCOBAGUS_PARTNER_SECRET": partner.password,
        "TARGET_TOCOBAGUS_STORE_CLIENT_ID": store.login,
        "TARGET_TOCOBAGUS_STORE_TOKEN": store.password,
    }


def _run(
    commands: tuple[list[str], list[str]],
    target_environment: Mapping[str, str],
    keep: Callable[[str], None],
    say: Callable[[str], None],
) -> Outcome:
    log = _Log(say)
    with (
        _start(commands[0], os.environ) as tap,
        _start(commands[1], target_environment, stdin=tap.stdout) as target,
        _reading(tap.stderr, say),
        _reading(target.stderr, log.take),
    ):
        if tap.stdout:
            tap.stdout.close()  # so that the tap notices when the target has gone
        try:
            _each_line(target.stdout, keep)
            failed = target.wait() != 0
            with _ending(tap, by=signal.SIGTERM if failed else None):
                pass
        except BaseException:
            with _ending(tap, target, by=signal.SIGTERM), suppress(Exception):
                _each_line(target.stdout, keep)  # the STATE that comes out last
            raise
    return log.outcome(_exit_code(target), _exit_code(tap))


def _start(
    command: list[str], environment: Mapping[str, str], stdin: IO[str] | None = None
) -> _Process:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*_TIED, *command],
        stdin=stdin or subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env=dict(environment),
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


@contextmanager
def _ending(*processes: _Process, by: signal.Signals | None) -> Iterator[None]:
    """Let processes end while the block runs; kill those that do not, and what they leave."""
    if by:
        _signal(by, *processes)
    timer = threading.Timer(PATIENCE, _signal, (signal.SIGKILL, *processes))
    timer.start()
    try:
        yield
        for process in processes:
            process.wait()
    finally:
        timer.cancel()
        _signal(signal.SIGKILL, *processes)


def _signal(number: signal.Signals, *processes: _Process) -> None:
    """Signal the groups that processes lead, or have led."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Make SystemExit of the first SIGTERM, which by default ends a process without a word."""

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may; it is up to the orchestrator then
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _reading(stream: IO[str] | None, told: Callable[[str], None]) -> Iterator[None]:
    """Read a stream beside the block, to its end."""
    thread = threading.Thread(target=_each_line, args=(stream, told))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _each_line(stream: IO[str] | None, told: Callable[[str], None]) -> None:
    for line in stream or ():
        told(line.rstrip("\n"))


def _exit_code(process: _Process) -> int:
    code = process.returncode
    return 128 - code if code < 0 else code


class _Log:
    """What the target logs: passed on as text, its summary and its last error kept."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._summary: dict[str, Any] = {}
        self._error = ""

    def take(self, line: str) -> None:
        """Pass on a line, which is JSON unless Python itself or a library wrote it."""
        try:
            entry = json.loads(line)
            level, message = entry["level"].upper(), entry["message"]
        except (ValueError, TypeError, KeyError):
            self._say(line)
            return
        self._summary = entry["extra"].get("summary", self._summary)
        if level in {"ERROR", "CRITICAL"}:
            self._error = message
        self._say(f"{level} {message}")

    def outcome(self, target: int, tap: int) -> Outcome:
        """Judge a run by the exit codes of both."""
        error = self._error if target else f"the tap ended with {tap}" if tap else ""
        return Outcome(target or tap, target == A_PERSON_MUST_ACT, self._summary, error)
