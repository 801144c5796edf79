"""Processes that a test starts: each leads a group, writes a log, and ends with the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PATIENCE: Final = 90.0
"""Seconds after which what was to happen is given up."""

_TO_END: Final = 15.0
_MARK: Final = "STARTED_BY_A_TEST_IN"
"""What all processes have in their environment, also those that are no longer anybody's child."""


class Processes:
    """Processes with an environment in common, and a folder for their logs."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.env = {**env, _MARK: str(folder)}
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._names: dict[int, str] = {}

    def start(self, name: str, *command: str | Path) -> None:
        """Start one, which runs until `end`."""
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=self.env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)
        self._names[process.pid] = name

    def run(self, *command: str | Path) -> str:
        """Run one to its end, and give its stdout.

        Raises:
            AssertionError: It failed; the text is its log.
        """
        done = subprocess.run(
            command, env=self.env, cwd=self._folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self, name: str) -> str:
        """Read what one has logged."""
        return (self._folder / f"{name}.log").read_text("utf-8", "replace")

    def check(self) -> None:
        """See that all that were started still run.

        Raises:
            AssertionError: One has ended; the text is the end of its log.
        """
        for process in self._running:
            assert process.poll() is None, self.log(self._names[process.pid])[-2000:]

    def kill_above(self, pid: int) -> str:
        """Send SIGKILL to the one that a process descends from, and to all that descend from it.

        Returns:
            Its name.

        Raises:
            OSError: The process has ended.
        """
        above = pid
        while above not in self._names:
            above = parent_of(above)
        # By descent: a process that gives itself a title has no environment to be read.
        running = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
        below = [each for each in running if above in line_of(each)]
        for each in [above, *below]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        (killed,) = [each for each in self._running if each.pid == above]
        killed.wait(PATIENCE)
        self._running.remove(killed)
        return self._names[above]

    def end(self) -> None:
        """End all of them, the last first, and kill what is left of their groups."""
        for process in reversed(self._running):
            process.terminate()
        until = time.monotonic() + _TO_END
        for process in reversed(self._running):
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0, until - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()
        for pid in of_environment(f"{_MARK}={self._folder}"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def processes(folder: Path, env: Mapping[str, str]) -> Iterator[Processes]:
    """End with the block what it has started."""
    started = Processes(folder, env)
    try:
        yield started
    finally:
        started.end()


def of_environment(entry: str, named: str = "") -> Iterator[int]:
    """Find the processes that have an entry in their environment, and a name in their command."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            entries = (folder / "environ").read_bytes().split(b"\0")
            if entry.encode() in entries and named.encode() in (folder / "cmdline").read_bytes():
                yield int(folder.name)


def parent_of(pid: int) -> int:
    """Give the process that has started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def line_of(pid: int) -> list[int]:
    """Give a process, the one that has started it, and so on."""
    line = [pid]
    with suppress(OSError):  # it has ended
        while line[-1]:
            line.append(parent_of(line[-1]))
    return line


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until(met: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until a condition is met.

    Raises:
        AssertionError: It took too long.
    """
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"after {seconds:.0f} s still waiting for {what}"
        time.sleep(0.2)


def most_at_once(spans: Sequence[tuple[Any, Any]]) -> int:
    """Count how many spans of time there are at once; times are of any kind that sorts."""
    changes = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
