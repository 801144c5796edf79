"""`tocobagus check` run against real sockets, and its page read back into rows."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import string
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from click.testing import CliRunner
from hypothesis import strategies as st

from target_tocobagus.cli import main
from tests.environment import UNWANTED, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from target_tocobagus.cli.check.page import Diagnosis
    from tests.local_sandbox import Sandbox

PATIENCE: Final = 30.0
SECRETS: Final = st.text(string.ascii_letters + string.digits + "-_=/+.~", min_size=8, max_size=40)
WIDE: Final = 5000
"""Columns; so wide that nothing is broken into lines."""

TOCOBAGUS: Final = [sys.executable, "-c", "from target_tocobagus.cli import main; main()"]
_ROW: Final = re.compile(r"^(\w+) +(ok|attention|wrong|not tried) +(.*)$")


class Shown(NamedTuple):
    """A finding as it was shown.

    Attributes:
        more: All that stands below: what to do, points, commands, what was signed.
    """

    check: str
    result: str
    found: str
    more: str


class Checked(NamedTuple):
    """What came of a check."""

    code: int
    output: str
    shown: list[Shown]

    def of(self, check: str) -> Shown:
        """Give the last finding of a check."""
        return [each for each in self.shown if each.check == check][-1]

    def finds(self, diagnosis: Diagnosis) -> bool:
        """Tell whether something was found, by all that its row says."""
        row = diagnosis.value
        return any(
            (each.check, each.result) == (row.check, row.result)
            and re.fullmatch(_pattern(row.found), each.found)
            and re.search(_pattern(row.todo), each.more, re.DOTALL)
            for each in self.shown
        )

    @property
    def results(self) -> dict[str, str]:
        """How the last finding of each check stands."""
        return {each.check: each.result for each in self.shown}


def _pattern(template: str) -> str:
    parts = string.Formatter().parse(template)
    return "".join(re.escape(text) + (".*" if name else "") for text, name, _, _ in parts).rstrip()


def check(config: Mapping[str, Any], folder: Path, env: Mapping[str, str], *more: str) -> Checked:
    """Run the check on a configuration; its secrets are never in what it says.

    Args:
        config: The settings; one of ``None`` is left out.
        folder: Where the configuration is written to.
        env: Added to a clean environment.
        more: Options.
    """
    path = folder / "config.json"
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
    unset = {name: None for name in os.environ if UNWANTED.fullmatch(name)}
    given = {**unset, "HOME": str(folder), **env, "COLUMNS": str(WIDE)}
    result = CliRunner(env=given).invoke(main, ["check", "--config", str(path), *more])
    assert isinstance(result.exception, (SystemExit, type(None))), result.exc_info
    for secret in (config.get("partner_secret"), config.get("store_token")):
        assert not secret or len(secret) < 4 or secret not in result.output
    return Checked(result.exit_code, result.output, rows(result.stdout))


def run(*arguments: object, **env: str) -> Checked:
    """Run the command as a process of its own, its output piped."""
    given = {**clean_environment(), "COLUMNS": str(WIDE), **env}
    command = [*TOCOBAGUS, "check", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=given, timeout=PATIENCE
    )
    assert done.stderr == ""
    return Checked(done.returncode, done.stdout, rows(done.stdout))


def assert_found(done: Checked, diagnosis: Diagnosis, told: tuple[str, ...] = ()) -> None:
    """Assert a finding with these texts, its exit code, and that no marker is shown."""
    row = diagnosis.value
    found = [each for each in done.shown if (each.check, each.result) == (row.check, row.result)]

    assert done.finds(diagnosis), done.output
    assert all(any(text in each.found + each.more for each in found) for text in told), found
    assert done.code == int(any(each.result not in {"ok", "attention"} for each in done.shown))
    assert row.result != "wrong" or done.code == 1
    assert "MARKER" not in done.output


def rows(output: str) -> list[Shown]:
    """Read a page that was written without breaking lines."""
    shown: list[Shown] = []
    for line in output.splitlines():
        if found := _ROW.match(line):
            shown.append(Shown(found[1], found[2], found[3], ""))
        elif shown and line.startswith(" "):
            last = shown.pop()
            shown.append(last._replace(more=f"{last.more}{line.strip()}\n"))
    return shown


def only_read(sandbox: Sandbox) -> bool:
    """Tell whether nobody did anything but read products."""
    asked = {(each["method"], each["path"][-24:], each["bodyBytes"]) for each in sandbox.requests()}
    return asked <= {("GET", "/partner/stores/products", 0)} and sandbox.stock() == {}


@contextlib.contextmanager
def saying(*words: bytes) -> Iterator[str]:
    """Serve one connection after the other on a free port: read a little, say this, and close.

    Yields:
        Its host and port.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer, args=(listener, b"".join(words)), daemon=True)
        thread.start()
        yield place_of(listener)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


def _answer(listener: socket.socket, words: bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            if connection.recv(1 << 16):
                connection.sendall(words)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass


@contextlib.contextmanager
def closed() -> Iterator[str]:
    """Hold a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield place_of(taken)


def place_of(sock: socket.socket) -> str:
    """Give host and port of a socket."""
    host, port = sock.getsockname()[:2]
    return f"{host}:{port}"


@contextlib.contextmanager
def proxy(folder: Path, *options: str) -> Iterator[str]:
    """Run a real forward proxy (proxy.py) as a process of its own.

    Yields:
        Its host and port.
    """
    told = folder / f"proxy{len(options)}.port"
    alone = ["--num-workers", "1", "--num-acceptors", "1", "--log-level", "ERROR"]
    port = ["--hostname", "127.0.0.1", "--port", "0", "--port-file", str(told)]
    command = [sys.executable, "-m", "proxy", *port, *alone, *options]
    env = {**clean_environment(), "HOME": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env) as process:
        try:
            yield f"127.0.0.1:{_told(told)}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _told(path: Path) -> str:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if path.exists() and (words := path.read_text().split()):
            return words[0]
        time.sleep(0.02)
    message = "the proxy did not start"
    raise TimeoutError(message)
