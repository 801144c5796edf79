"""One run of one store, `tap | target`, for every orchestrator the same.

Invariants:
    Each STATE is kept as soon as it comes, so a run that is killed has kept its last one.
    A secret is in the environment of the target, or in a file that only this user can read.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from store_pipe import run_pipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stock_stores import Store

A_PERSON_MUST_ACT: Final = 2
NOT_FOUND: Final = 127
"""As a shell says it of a command that is not there."""

_LOG_AS_JSON: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"singer_sdk.metrics": {"level": "WARNING"}},
    "root": {"level": "INFO", "handlers": ["err"]},
}


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
    logins, told = _logins(store, login), _Log(say)
    with tempfile.TemporaryDirectory(prefix="store-") as folder:
        commands = _commands(store, logins.get("tap"), state, Path(folder))
        missing = [command[0] for command in commands if not shutil.which(command[0])]
        if missing:
            error = f"there is no command {missing[0]!r} on PATH"
            return Outcome(NOT_FOUND, needs_person=True, summary={}, error=error)
        log = _write(Path(folder) / "log.yaml", json.dumps(_LOG_AS_JSON))
        environment = {**_environment(logins), "SINGER_SDK_LOG_CONFIG": log}
        tap, target = run_pipe(commands, environment, keep, (say, told.take))
        return told.outcome(target, tap)


def ask_ledger(store: Store, login: Callable[[str], Login]) -> dict[str, Any]:
    """Ask the ledger about a store, as `tocobagus report --json` does; a run may be under way.

    Raises:
        subprocess.CalledProcessError: It cannot be asked; the reason is on stderr.
    """
    report = ["tocobagus", "report", "--config", "ENV", "--json"]
    done = subprocess.run(
        report, env=_environment(_logins(store, login)), stdout=subprocess.PIPE, check=True
    )
    fields: dict[str, Any] = json.loads(done.stdout)
    return fields


def _commands(
    store: Store, login: Login | None, state: str | None, folder: Path
) -> tuple[list[str], list[str]]:
    """Write the files of tap and target, and give their command lines."""
    config = json.loads(json.dumps(store.tap.get("config", {})).replace("{store}", store.store))
    if login:
        config |= {"user": login.login, "password": login.password}
    files = {"config": json.dumps(config)}
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


def _logins(store: Store, login: Callable[[str], Login]) -> dict[str, Login]:
    return {whose: login(name) for whose, name in store.credentials.items()}


def _environment(logins: Mapping[str, Login]) -> dict[str, str]:
    partner, store = logins["partner"], logins["store"]
    return {
        **os.environ,
        "TARGET_TOCOBAGUS_PARTNER_CLIENT_ID": partner.login,
        "TARGET_TOCOBAGUS_PARTNER_SECRET": partner.password,
        "TARGET_TOCOBAGUS_STORE_CLIENT_ID": store.login,
        "TARGET_TOCOBAGUS_STORE_TOKEN": store.password,
    }


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
