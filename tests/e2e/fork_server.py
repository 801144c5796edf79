"""Starts the target from a process that has imported it, which saves half a second for each run.

A worker of pytest keeps one server. For each run the server forks a waiter, and that the target,
which has then what ``python -m target_tocobagus`` would have: pipes, signals, arguments,
environment and working directory of its own. The waiter reports its process id and its exit code.

What an interpreter reads only when it starts (``PYTHON…``) needs a start of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PACKAGE: Final = "target_tocobagus"
LENGTH_BYTES: Final = 8


class Forked:
    """A run of the target, used like a ``subprocess.Popen`` with three pipes."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        pipes = [os.pipe() for _ in range(4)]
        (stdin, self._stdin), (self._stdout, stdout), (self._stderr, stderr), (told, tell) = pipes
        theirs = (stdin, stdout, stderr, tell)
        wanted = json.dumps([list(arguments), dict(env), str(cwd)]).encode()
        server = _server()
        socket.send_fds(server, [len(wanted).to_bytes(LENGTH_BYTES, "big")], theirs)
        server.sendall(wanted)
        for descriptor in theirs:
            os.close(descriptor)
        self.stdin = os.fdopen(self._stdin, "wb")
        self.stdout = os.fdopen(self._stdout, "rb")
        self.stderr = os.fdopen(self._stderr, "rb")
        self._reports = os.fdopen(told, "rb")
        self.pid = int(self._reports.readline())
        self._code: int | None = None

    def poll(self) -> int | None:
        """Give its exit code, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._code

    def wait(self, timeout: float) -> int:
        """Wait until it has ended; its exit code is negative after a signal.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if self._code is None:
            poll = select.poll()  # which takes any descriptor, of however many are open
            poll.register(self._reports, select.POLLIN)
            if not poll.poll(timeout * 1000):
                raise subprocess.TimeoutExpired(PACKAGE, timeout)
            self._code = int(self._reports.readline())
            self._reports.close()
        return self._code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


@functools.cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair()
    command = [sys.executable, __file__, str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(control: socket.socket) -> None:
    """Fork for whatever is asked, until the worker is gone; it returns in each target too."""
    import importlib
    import pkgutil
    import signal

    import target_tocobagus

    for room in pkgutil.walk_packages(target_tocobagus.__path__, "target_tocobagus."):
        if room.name.split(".")[1:2] not in (["cli"], ["sandbox"]) and not room.name.endswith(
            ("__main__", "migrations.env")  # which only run
        ):
            importlib.import_module(room.name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a waiter
    while True:
        head, descriptors, _, _ = socket.recv_fds(control, LENGTH_BYTES, 4)
        if not head:
            sys.exit()
        wanted = control.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            _fork_and_wait(json.loads(wanted), *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _fork_and_wait(wanted: Any, stdin: int, stdout: int, stderr: int, tell: int) -> None:
    if pid := os.fork():
        for descriptor in (0, 1, 2, stdin, stdout, stderr):
            os.close(descriptor)
        os.write(tell, b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        os.write(tell, b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    for number, descriptor in enumerate((stdin, stdout, stderr)):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    sys.argv[1:], env, cwd = wanted
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[0] = cwd


if __name__ == "__main__":
    import runpy

    serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module(PACKAGE, run_name="__main__", alter_sys=True)
