"""The real command as a child process, with pipes, and the lines that a tap would write to it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from tests.e2e.fork_server import Forked
from tests.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tests.local_sandbox import Sandbox

Process: TypeAlias = "subprocess.Popen[bytes] | Forked"

PATIENCE: Final = 30.0
"""Seconds after which a child that should have said something is given up."""

STOCK: Final[dict[str, Any]] = {"stream": "stock", "sku": "sku", "stock": "qty"}
"""A mapping for the stream `stock` of `schema` and `record`: global stock by SKU."""

LEVELS: Final[dict[str, Any]] = {**STOCK, "stream": "levels", "warehouse": "wh"}
"""The same for a stream `levels` of stock by SKU and warehouse."""

_SUM: Final = re.compile(
    r"(\d+) updates? = (\d+) (?:accepted|mapped)(?: \+ \d+ unchanged \+ \d+ stale)?"
    r" \+ (\d+) superseded \+ (\d+) skipped \+ (\d+) rejected \+ (\d+) unsettled"
)
_KNOWN: Final = re.compile(r"\+ (\d+) unchanged \+ (\d+) stale")


def schema(stream: str = "stock", *columns: str, **more: Any) -> dict[str, Any]:
    """Make a SCHEMA message whose columns may hold anything."""
    names = columns or (("sku", "wh", "qty") if stream == "levels" else ("sku", "qty"))
    properties: dict[str, Any] = {name: {} for name in names}
    message = {"type": "SCHEMA", "stream": stream, "schema": {"properties": properties}}
    return {**message, "key_properties": [], **more}


def row(stream: str, **values: Any) -> dict[str, Any]:
    """Make a RECORD message of any columns."""
    return {"type": "RECORD", "stream": stream, "record": values}


def record(sku: Any, qty: Any, stream: str = "stock", **more: Any) -> dict[str, Any]:
    """Make a RECORD message."""
    return row(stream, sku=sku, qty=qty, **more)


def level(sku: Any, wh: Any, qty: Any) -> dict[str, Any]:
    """Make a RECORD message of the stream `levels`."""
    return record(sku, qty, "levels", wh=wh)


def state(number: int, **more: Any) -> dict[str, Any]:
    """Make a STATE message that can be told from others."""
    return {"type": "STATE", "value": {"bookmarks": {"stock": {"n": number}}, **more}}


def encode(lines: Iterable[dict[str, Any] | str | bytes]) -> bytes:
    """Write messages as a tap would; text and bytes go as they are, with a line's end."""
    return b"".join(_encode(line) + b"\n" for line in lines)


def _encode(line: dict[str, Any] | str | bytes) -> bytes:
    if isinstance(line, dict):
        return json.dumps(line).encode()
    return line.encode() if isinstance(line, str) else line


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until a condition holds.

    Returns:
        What the condition gave.

    Raises:
        TimeoutError: It never held.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.01)
    message = "this never came to be"
    raise TimeoutError(message)


class Sums(NamedTuple):
    """Promise 3's equation, as the summary says it."""

    updates: int
    accepted: int
    superseded: int
    skipped: int
    rejected: int
    unsettled: int


class Ended(NamedTuple):
    """What is left of a run: its exit code and all that it wrote."""

    code: int
    stdout: list[str]
    stderr: str

    @property
    def states(self) -> list[dict[str, Any]]:
        """The STATE values that came out."""
        return [json.loads(line) for line in self.stdout]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the STATEs that came out; see `state`."""
        return [value["bookmarks"]["stock"]["n"] for value in self.states]

    @property
    def sums(self) -> Sums:
        """The equation of the summary; it is checked that it is one."""
        found = _SUM.search(self.stderr)
        assert found, self.stderr
        sums = Sums(*map(int, found.groups()))
        assert sums.updates == sum(sums[1:]) + self.unchanged + self.stale
        return sums

    @property
    def unchanged(self) -> int:
        """The updates that needed no request, by the ledger; 0 without one."""
        return self._known[0]

    @property
    def stale(self) -> int:
        """The updates of which a newer version was known; 0 without a ledger."""
        return self._known[1]

    @property
    def _known(self) -> tuple[int, int]:
        found = _KNOWN.search(self.stderr)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def without_traceback(self, code: int) -> Ended:
        """Check the exit code, and that what went wrong was told to a user and not a developer."""
        assert self.code == code, self.stderr
        assert "Traceback" not in self.stderr, self.stderr
        return self


class Talk:
    """A run whose stdin stays open."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._stdout: list[str] = []
        self._stderr = bytearray()
        self._listeners = [
            threading.Thread(target=self._listen, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._gather, args=(process.stderr,), daemon=True),
        ]
        for listener in self._listeners:
            listener.start()

    @property
    def stderr(self) -> str:
        """What it has logged so far."""
        return self._stderr.decode()

    def say(self, *lines: dict[str, Any] | str | bytes) -> None:
        """Write lines to its stdin."""
        self.say_bytes(encode(lines))

    def say_bytes(self, data: bytes) -> None:
        """Write bytes to its stdin, with no line's end added."""
        assert self._process.stdin
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def next_line(self, seconds: float = PATIENCE) -> str:
        """Wait for its next line on stdout.

        Raises:
            queue.Empty: None came in time.
        """
        line = self._lines.get(timeout=seconds)
        assert line is not None, f"stdout has ended:\n{self.stderr}"
        return line

    def next_state(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait for its next STATE."""
        value: dict[str, Any] = json.loads(self.next_line(seconds))
        return value

    def has_said_nothing(self) -> bool:
        """Tell whether no line waits on stdout."""
        return self._lines.empty()

    def until_logged(self, text: str) -> None:
        """Wait until its log holds a text."""
        eventually(lambda: text in self.stderr)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def close_stdin(self) -> None:
        """Let the input end; the run may have ended before it."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def end(self, seconds: float = PATIENCE) -> Ended:
        """Close its stdin and wait until it has ended."""
        self.close_stdin()
        return self.ended(seconds)

    def ended(self, seconds: float = PATIENCE) -> Ended:
        """Wait until it has ended by itself."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            raise AssertionError(self.stderr) from None
        for listener in self._listeners:
            listener.join(PATIENCE)
        return Ended(code, self._stdout, self.stderr)

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self.ended()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                _close(pipe)

    def _listen(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            text = line.decode().rstrip("\n")
            self._stdout.append(text)
            self._lines.put(text)
        self._lines.put(None)

    def _gather(self, pipe: IO[bytes]) -> None:
        while data := os.read(pipe.fileno(), 1 << 16):
            self._stderr += data


class Command:
    """Starts the command, in a directory and with a home of the test's own."""

    def __init__(self, directory: Path, api: Mapping[str, str]) -> None:
        self.directory = directory
        self.api = dict(api)
        self._talks: list[Talk] = []
        (directory / "home").mkdir(exist_ok=True)

    def run(
        self,
        lines: Iterable[dict[str, Any] | str | bytes] | bytes = (),
        arguments: Iterable[str] | None = None,
        env: Mapping[str, str] | None = None,
        **config: Any,
    ) -> Ended:
        """Run it to its end.

        Args:
            lines: What the tap writes, as messages or as raw bytes.
            arguments: Of the command line; without them, a file with the configuration.
            env: Added to its environment.
            config: Settings beside the credentials.
        """
        talk = self.talk(arguments, env, **config)
        with contextlib.suppress(BrokenPipeError):  # it may end without reading all
            talk.say_bytes(lines if isinstance(lines, bytes) else encode(lines))
        ended = talk.end()
        talk.close()
        return ended

    def talk(
        self,
        arguments: Iterable[str] | None = None,
        env: Mapping[str, str] | None = None,
        **config: Any,
    ) -> Talk:
        """Start it, and leave its stdin open; see `run`."""
        if arguments is None:
            arguments = ["--config", str(self.write_config(**config))]
        talk = Talk(self._started(arguments, env or {}))
        self._talks.append(talk)
        return talk

    def _started(self, arguments: Iterable[str], env: Mapping[str, str]) -> Process:
        if not any(name.startswith("PYTHON") for name in env):
            return Forked([*arguments], self.env(env), self.directory)
        return subprocess.Popen(
            self.line(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env(env),
            cwd=self.directory,
        )

    def close(self) -> None:
        """End what still runs."""
        for talk in self._talks:
            talk.close()

    def write_config(self, name: str = "config.json", **config: Any) -> Path:
        """Write a configuration with the credentials; a setting of ``None`` is left out."""
        values = {**self.api, "streams": [STOCK, LEVELS], **config}
        kept = {key: value for key, value in values.items() if value is not None}
        path = self.directory / name
        path.write_text(json.dumps(kept), encoding="utf-8")
        return path

    @staticmethod
    def line(arguments: Iterable[str]) -> list[str]:
        """Give the whole command line."""
        return [sys.executable, "-m", "target_tocobagus", *arguments]

    def env(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give its environment: this process's, without what would configure it, and this."""
        return {**clean_environment(), "HOME": str(self.directory / "home"), **(env or {})}


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        # What was still to be written has no reader any more.
        return


def stock_of(sandbox: Sandbox) -> dict[str, dict[str | None, int]]:
    """Give the stock that arrived, by SKU and warehouse."""
    return {
        identifier: dict(levels)
        for (kind, identifier), levels in sandbox.stock().items()
        if kind == "sku"
    }
