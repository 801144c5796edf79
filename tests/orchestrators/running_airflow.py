"""An Airflow with a database of its own, as its users run it: each part is a process."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from tests.docs.documents import ROOT, environment
from tests.orchestrators.processes import PATIENCE, free_port, processes, until
from tests.orchestrators.shops import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.orchestrators.processes import Processes
    from tests.postgres import Database

DAG: Final = "tocobagus_stock"
WORKERS: Final = ("worker-1", "worker-2")
_API: Final = "/api/v2"


class Airflow:
    """A running Airflow, asked by its public API.

    Attributes:
        started: Its processes.
        home: Where its logs are.
    """

    def __init__(self, url: str, started: Processes, home: Path) -> None:
        self.started = started
        self.home = home
        self._url = url
        self._open = build_opener(ProxyHandler({})).open
        self._token = ""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a request, with JSON both ways, while all of Airflow runs."""
        self.started.check()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data, headers, method=method)  # noqa: S310  # loopback
        with self._open(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def wait(self) -> None:
        """Wait until it serves, and knows the DAG."""
        until(self._log_in, "Airflow's API")
        until(lambda: self._has(f"{_API}/dags/{DAG}"), "the DAG")

    def connect(self, logins: Mapping[str, tuple[str, str]]) -> None:
        """Write connections."""
        for name, (login, password) in logins.items():
            body = {
                "connection_id": name,
                "conn_type": "generic",
                "login": login,
                "password": password,
            }
            if self._has(f"{_API}/connections/{name}"):
                self.ask("PATCH", f"{_API}/connections/{name}", body)
            else:
                self.ask("POST", f"{_API}/connections", body)

    def state(self, store: str | None) -> dict[str, Any] | None:
        """Give the STATE that is kept of a store."""
        path = f"{_API}/variables/tocobagus_state_{store}"
        if not self._has(path):
            return None
        state: dict[str, Any] = json.loads(self.ask("GET", path)["value"])
        return state

    def begin(self) -> str:
        """Begin a round, and give its id."""
        begun = self.ask("POST", f"{_API}/dags/{DAG}/dagRuns", {"logical_date": None})
        return str(begun["dag_run_id"])

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """Give the tasks of a round by their stores."""
        path = f"{_API}/dags/{DAG}/dagRuns/{run}/taskInstances?limit=500"
        return {
            each["rendered_map_index"]: each for each in self.ask("GET", path)["task_instances"]
        }

    def tries(self, task: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Give all tries of a task."""
        path = f"{_API}/dags/{DAG}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        tries: list[dict[str, Any]] = self.ask("GET", f"{path}/{task['map_index']}/tries")[
            "task_instances"
        ]
        return tries

    def summary(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Give the summary that a successful task has left."""
        path = f"{_API}/dags/{DAG}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        query = f"xcomEntries/return_value?map_index={task['map_index']}"
        value = self.ask("GET", f"{path}/{query}")["value"]
        summary: dict[str, Any] = value if isinstance(value, dict) else json.loads(value)
        return summary

    def end(self, run: str, seconds: float = 10 * PATIENCE) -> str:
        """Wait for the end of a round, and give its state."""
        path = f"{_API}/dags/{DAG}/dagRuns/{run}"
        until(lambda: self.ask("GET", path)["state"] in {"success", "failed"}, run, seconds)
        return str(self.ask("GET", path)["state"])

    def _log_in(self) -> bool:
        try:
            self._token = self.ask("GET", "/auth/token")["access_token"]
        except (URLError, ConnectionError):
            return False
        return True

    def _has(self, path: str) -> bool:
        try:
            self.ask("GET", path)
        except HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True


@contextmanager
def running_airflow(
    binaries: Path, executor: str, database: Database, folder: Path, env: Mapping[str, str]
) -> Iterator[Airflow]:
    """Run an Airflow whose DAGs are the example's, on free ports.

    Args:
        binaries: Where its commands are.
        executor: ``LocalExecutor``, or ``CeleryExecutor`` with two workers and a Redis.
        database: Its server gets a database for it.
        folder: Its home and its logs.
        env: What its tasks get.
    """
    database.execute("CREATE DATABASE airflow")
    folder.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = _settings(executor, url, database, folder)
    with processes(folder, {**environment(), **settings, **env, **_paths(binaries)}) as started:
        command = binaries / "airflow"
        started.run(command, "db", "migrate")
        pools = started.run(
            binaries / "python", EXAMPLES / "stores" / "stock_stores.py", env["TOCOBAGUS_STORES"]
        )
        (folder / "pools.json").write_text(pools)
        started.run(command, "pools", "import", "pools.json")
        started.start("api-server", command, "api-server", "--port", str(port), "--workers", "1")
        if executor == "CeleryExecutor":
            _start_celery(started, command, free_port())
        started.start("dag-processor", command, "dag-processor")
        started.start("scheduler", command, "scheduler", "--skip-serve-logs")
        airflow = Airflow(url, started, folder)
        airflow.wait()
        yield airflow


def _start_celery(started: Processes, command: Path, port: int) -> None:
    options = ("--bind", "127.0.0.1", "--save", "", "--port", str(port))
    started.env |= {
        "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{port}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"redis://127.0.0.1:{port}/1",
    }
    started.start("redis", "redis-server", *options)
    for worker in WORKERS:
        started.start(
            worker,
            command,
            "celery",
            "worker",
            "--celery-hostname",
            f"{worker}@%h",
            "--concurrency",
            "4",
            "--skip-serve-logs",
        )


def _settings(executor: str, url: str, database: Database, folder: Path) -> dict[str, str]:
    settings = {
        "CORE__EXECUTOR": executor,
        "CORE__DAGS_FOLDER": str(EXAMPLES / "airflow"),
        "CORE__LOAD_EXAMPLES": "false",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "CORE__PARALLELISM": "8",
        "CORE__FERNET_KEY": urlsafe_b64encode(os.urandom(32)).decode(),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "true",
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "API__SECRET_KEY": secrets.token_hex(32),
        "API__HOST": "127.0.0.1",
        "API__BASE_URL": url,
        "DATABASE__SQL_ALCHEMY_CONN": database.url("airflow").replace("psycopg:", "psycopg2:"),
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        # How soon a worker that is gone is noticed, which would take 300 s and 600 s.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
        "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
        "USAGE_DATA_COLLECTION__ENABLED": "false",
    }
    return {"AIRFLOW_HOME": str(folder)} | {
        f"AIRFLOW__{name}": value for name, value in settings.items()
    }


def _paths(binaries: Path) -> dict[str, str]:
    """Let tasks find the shared modules, and tap and target, each in an environment of its own."""
    commands = [binaries, ROOT / ".venv" / "bin", ROOT / ".venv" / "tap-postgres" / "bin"]
    modules = [EXAMPLES / "stores", EXAMPLES / "airflow"]
    return {
        "PATH": os.pathsep.join([*map(str, commands), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(map(str, modules)),
    }
