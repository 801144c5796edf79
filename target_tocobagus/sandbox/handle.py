"""A running sandbox, as tests and the demo use it: over its own port."""

import http.client
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from target_tocobagus.sandbox import BASE_PATH, VIEWS_PATH
from target_tocobagus.sandbox.scenario import Credentials
from target_tocobagus.sandbox.state import Levels, Update

_TIMEOUT_SECONDS = 30


class Sandbox:
    """A sandbox that runs on this machine.

    Attributes:
        url: Its root, for example ``http://127.0.0.1:43123``.
        credentials: By the names of the target's settings.
    """

    def __init__(self, url: str, credentials: Credentials) -> None:
        self.url = url
        self.api_url = url + BASE_PATH
        self.credentials: dict[str, str] = msgspec.to_builtins(credentials)

    def stock(self, store: str | None = None) -> dict[tuple[str, str], Levels]:
        """Return ``{(kind, identifier): {warehouse or None: stock}}`` of a store."""
        store = store or self.credentials["store_client_id"]
        stock: dict[tuple[str, str], Levels] = {}
        for row in self._ask("GET", "/stock"):
            if row["store"] == store:
                levels = stock.setdefault((row["kind"], row["identifier"]), {})
                levels[row["warehouse"]] = row["stock"]
        return stock

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests, oldest first, with the keys of ``visits.Visit`` in camelCase."""
        return list(self._ask("GET", "/requests"))

    def batches(self) -> list[dict[str, Any]]:
        """Return the updates that were answered row by row, oldest first.

        Each has ``batchId``, ``requestId``, ``request``, ``store``, ``atMs``, ``total``,
        ``failed`` and ``pending``.
        """
        return list(self._ask("GET", "/batches"))

    def history(self) -> list[Update]:
        """Return every level that was set, in that order.

        Raises:
            RuntimeError: The sandbox has not kept them all.
        """
        answer = self._ask("GET", "/history")
        if answer["forgotten"]:
            message = f"{answer['forgotten']} updates are no longer remembered"
            raise RuntimeError(message)
        return [Update(*update) for update in answer["updates"]]

    def health(self) -> dict[str, Any]:
        """Return ``status``, ``requests``, ``updates``, ``inFlight`` and ``mostInFlight``."""
        return dict(self._ask("GET", "/health"))

    def reset(self) -> None:
        """Forget everything, and play the first scenario from its start."""
        self._ask("POST", "/reset")

    def set_scenario(self, scenario: Mapping[str, Any]) -> None:
        """Play this scenario from now on; its request numbers start at 1.

        Raises:
            ValueError: It is not a scenario; the text says why.
        """
        self._ask("POST", "/scenario", msgspec.json.encode(scenario))

    def _ask(self, method: str, view: str, body: bytes | None = None) -> Any:
        connection = connect(self.url)
        try:
            headers = {"Content-Type": "application/json"} if method == "POST" else {}
            connection.request(method, VIEWS_PATH + view, body, headers)
            with connection.getresponse() as response:
                answer = msgspec.json.decode(response.read())
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(answer["reason"])
        return answer


def connect(url: str, timeout: float = _TIMEOUT_SECONDS) -> http.client.HTTPConnection:
    """Prepare a connection to a sandbox, opened by the first request; timeout in seconds."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl._create_unverified_context()  # noqa: S323, SLF001  # this process has started the sandbox
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout)


@contextmanager
def spawned(*options: str, folder: Path | None = None) -> Iterator[Sandbox]:
    """Run a sandbox in a process of its own, on a free port, while the block runs.

    Args:
        options: Of its command line; credentials among them are not in the handle's.
        folder: Where it runs.

    Raises:
        click.ClickException: It did not start; the message is its own.
    """
    command = [sys.executable, "-m", "target_tocobagus.sandbox", "--port", "0", *options]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=folder, text=True) as run,  # noqa: S603  # our own program
    ):
        try:
            line = run.stdout.readline() if run.stdout else ""
            if not line:
                log.seek(0)
                last = log.read().strip().rpartition("\n")[2].removeprefix("Error: ")
                raise click.ClickException(last or "the sandbox did not start")
            url = line.removeprefix("listening on ").strip().removesuffix(BASE_PATH)
            yield Sandbox(url, Credentials())
        finally:
            run.terminate()
