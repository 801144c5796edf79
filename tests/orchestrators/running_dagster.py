"""A Dagster with a database of its own, as its users run it: a daemon, and a process a run."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.docs.documents import ROOT, environment
from tests.orchestrators.processes import PATIENCE, processes, until
from tests.orchestrators.shops import AT_ONCE, EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.orchestrators.processes import Processes
    from tests.orchestrators.shops import Shops
    from tests.postgres import Database

DEFINITIONS: Final = EXAMPLES / "dagster" / "definitions.py"
_UNFINISHED: Final = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}


class Dagster:
    """A running Dagster.

    Attributes:
        started: Its processes.
        home: Where its logs are.
    """

    def __init__(self, binaries: Path, started: Processes, shops: Shops, home: Path) -> None:
        self.started = started
        self.home = home
        self._binaries = binaries
        self._shops = shops

    def start_daemon(self, logins: Mapping[str, tuple[str, str]]) -> None:
        """Start the daemon, whose runs get these credentials in their environment."""
        for name, (login, password) in logins.items():
            variable = name.upper()
            self.started.env |= {f"{variable}_LOGIN": login, f"{variable}_PASSWORD": password}
        self.started.start("daemon", self._binaries / "dagster-daemon", "run", "-f", DEFINITIONS)

    def begin(self) -> None:
        """Let the schedules tick once, which queues a run of each store."""
        before = len(self.facts()["runs"])
        for partner in self._partners:
            self._ask("schedule", "start", f"each_of_stock_{partner}")
        count = before + len(self._shops.names)
        until(lambda: len(self.facts()["runs"]) >= count, "the schedules' ticks")
        for partner in self._partners:
            self._ask("schedule", "stop", f"each_of_stock_{partner}")

    def check(self) -> None:
        """Queue the checks of each partner."""
        for partner in self._partners:
            self._ask("job", "launch", "-j", f"check_stock_{partner}")

    def facts(self) -> dict[str, Any]:
        """Give runs, oldest first, and STATEs; see dagster_facts.py."""
        stores = [f"stock_{of}/{name}" for name, of in self._shops.partner.items()]
        script = Path(__file__).with_name("dagster_facts.py")
        facts: dict[str, Any] = json.loads(
            self.started.run(self._binaries / "python", script, *stores)
        )
        return facts

    def end(self, met: Callable[[dict[str, Any]], object] = lambda _: True) -> dict[str, Any]:
        """Wait until no run is left and a condition is met, and give the facts then."""
        last: dict[str, Any] = {}

        def is_over() -> bool:
            last.update(self.facts())
            self.started.check()
            return bool(not {run["status"] for run in last["runs"]} & _UNFINISHED and met(last))

        until(is_over, "the end of Dagster's runs", 10 * PATIENCE)
        return last

    @property
    def _partners(self) -> list[str]:
        return sorted(set(self._shops.partner.values()))

    def _ask(self, what: str, how: str, *options: str) -> None:
        self.started.run(self._binaries / "dagster", what, how, "-f", DEFINITIONS, *options)


@contextmanager
def running_dagster(
    binaries: Path, database: Database, folder: Path, shops: Shops, env: Mapping[str, str]
) -> Iterator[Dagster]:
    """Run a Dagster with the example's instance and definitions, its pools set.

    Args:
        binaries: Where its commands are.
        database: Its server gets a database for it.
        folder: Its home and its logs.
        shops: The stores.
        env: What its runs get.
    """
    database.execute("CREATE DATABASE dagster")
    folder.mkdir()
    shutil.copy(EXAMPLES / "dagster" / "dagster.yaml", folder)
    own = {
        "DAGSTER_HOME": str(folder),
        "DAGSTER_POSTGRES_URL": database.url("dagster").replace("psycopg:", "psycopg2:"),
        "PYTHONPATH": str(EXAMPLES / "stores"),
        "PATH": os.pathsep.join([*map(str, _commands(binaries)), os.environ["PATH"]]),
    }
    with processes(folder, {**environment(), **own, **env}) as started:
        for partner, at_once in AT_ONCE.items():
            limit = ("instance", "concurrency", "set", f"tocobagus_{partner}", str(at_once))
            started.run(binaries / "dagster", *limit)
        yield Dagster(binaries, started, shops, folder)


def _commands(binaries: Path) -> list[Path]:
    return [binaries, ROOT / ".venv" / "bin", ROOT / ".venv" / "tap-postgres" / "bin"]
