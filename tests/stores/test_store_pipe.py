"""A pipe of two programs: here of shells, which do what taps and targets may do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import store_pipe
from store_pipe import run_pipe

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 30.0
WAITS: Final = "echo $$ >> pids; exec sleep 600"
"""A program that never ends by itself."""

CHILD: Final = f"sh -c '{WAITS}' > /dev/null 2>&1 &"
READY: Final = "until [ -s pids ]; do sleep 0.01; done"
"""Waits until another one has written down its process id."""

ALONE: Final = """
import sys
from pathlib import Path
from store_pipe import run_pipe
first, second = (["sh", "-c", script] for script in sys.argv[1:])
run_pipe((first, second), {}, Path("kept").write_text, (print, print))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the programs run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(
    first: str, second: str, keep: Callable[[str], None] = print, said: list[str] | None = None
) -> tuple[int, int]:
    """Run two shells."""
    say = (said if said is not None else []).append
    commands = (["sh", "-c", first], ["sh", "-c", second])
    return run_pipe(commands, dict(os.environ), keep, (say, say))


def all_gone(folder: Path) -> bool:
    """Wait for the end of the programs that have written down their process ids."""
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    until = time.monotonic() + PATIENCE
    while any(map(is_running, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(is_running, pids))


def is_running(pid: int) -> bool:
    """Tell whether a process, which may be nobody's child, has not ended."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_lines_go_through_and_both_codes_come_back() -> None:
    """What the first writes the second reads; stderr of both is handed on."""
    kept: list[str] = []
    said: list[str] = []
    codes = run("echo a; echo b; echo x >&2; exit 3", "cat; echo y >&2; exit 4", kept.append, said)
    assert codes == (3, 4)
    assert (kept, sorted(said)) == (["a", "b"], ["x", "y"])


def test_a_signal_is_told_as_a_shell_tells_it() -> None:
    """128 and its number."""
    assert run("kill -9 $$", "cat >&2") == (137, 0)


def test_the_first_is_ended_when_the_second_has_failed(folder: Path) -> None:
    """There is nobody to read what it would still say."""
    assert run(WAITS, f"{READY}; exit 2") == (143, 2)
    assert all_gone(folder)


def test_what_does_not_end_is_killed_with_its_children(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a good run too: the first has some time, and no more."""
    monkeypatch.setattr(store_pipe, "PATIENCE", 0.5)
    first = f"trap '' TERM; exec > /dev/null; {CHILD} wait"
    assert run(first, "cat") == (137, 0)
    assert all_gone(folder)


def test_an_end_leaves_no_child(folder: Path) -> None:
    """What the first leaves behind ends with it."""
    assert run(f"{CHILD} {READY}", "cat") == (0, 0)
    assert all_gone(folder)


def test_a_line_that_cannot_be_kept_ends_both(folder: Path) -> None:
    """The error comes through."""

    def refuse(_: str) -> None:
        message = "full"
        raise OSError(message)

    with pytest.raises(OSError, match="full"):
        run(WAITS, f"{READY}; echo a; {WAITS}", refuse)
    assert all_gone(folder)


def test_a_sigterm_ends_both_and_keeps_what_comes_out_last(folder: Path) -> None:
    """The process that runs them is told by SystemExit, and may be told so again later."""
    kept: list[str] = []

    def keep(line: str) -> None:
        kept.append(line)
        if line == "first":
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    last = f"trap 'echo last; exit 143' TERM; {READY}; echo first; while :; do sleep 0.02; done"
    with pytest.raises(SystemExit) as stopped:
        run(WAITS, last, keep)
    assert stopped.value.code == 143
    assert kept == ["first", "last"]
    assert signal.getsignal(signal.SIGTERM) == before
    assert all_gone(folder)


@pytest.mark.skipif(not shutil.which("setpriv"), reason="this system has no setpriv")
def test_both_end_when_the_process_that_runs_them_is_killed(folder: Path) -> None:
    """Although no handler of it can run."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ALONE, WAITS, f"{READY}; echo a; {WAITS}"]
    with subprocess.Popen(command, env=env) as process:
        until = time.monotonic() + PATIENCE
        while not (folder / "kept").exists() and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
    assert (folder / "kept").read_text() == "a"
    assert all_gone(folder)


def test_a_thread_may_run_a_pipe() -> None:
    """Only the main thread may say what happens at a signal, and the pipe does without."""
    codes: list[tuple[int, int]] = []
    thread = threading.Thread(target=lambda: codes.append(run("exit 0", "cat")))
    thread.start()
    thread.join(PATIENCE)
    assert codes == [(0, 0)]
