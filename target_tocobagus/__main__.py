"""The command `target-tocobagus`, also as `python -m target_tocobagus`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLLECT_AFTER: Final = 50_000
_M_ARENA_MAX: Final = -8
"""The parameter's number in glibc's malloc.h; other C libraries know neither it nor `mallopt`."""


def main() -> None:
    """Run the target; see `target-tocobagus --help`."""
    import gc
    import signal

    # Until the target takes the signals itself, Ctrl-C just ends the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What is imported stays, and rows come and go without cycles: the collector need look neither
    # through the one again and again nor after every few hundred of the others.
    gc.disable()
    from target_tocobagus.singer.sdk import logging_problem
    from target_tocobagus.target import TargetTocobagus

    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    gc.enable()
    _share_one_arena()
    with _queued_log():
        try:
            command = TargetTocobagus.cli  # which sets up logging, from the environment
        except Exception as error:  # noqa: BLE001  # whatever logging lets through
            sys.exit(_say(logging_problem(error, os.environ)))
        command(prog_name="target-tocobagus")


def _say(problem: str) -> int:
    """Tell a problem without logging; the exit code is that of what a person must correct."""
    print(f"target-tocobagus: {problem}", file=sys.stderr)  # noqa: T201  # there is no logging yet
    return 2


@contextmanager
def _queued_log() -> Iterator[None]:
    """Let no thread wait for a stderr that nobody reads."""
    from target_tocobagus.report.log_stream import LogStream

    if (stderr := sys.stderr) is None:
        yield
        return
    try:
        log = LogStream(stderr)
    except RuntimeError:  # the machine allows no thread more: whoever logs writes for himself
        yield
        return
    sys.stderr = log
    try:
        yield
    finally:
        log.finish()
        sys.stderr = stderr


def _share_one_arena() -> None:
    """Let all threads allocate from one arena, where glibc's malloc would give each its own.

    The interpreter's lock lets one thread allocate at a time anyway; and with an arena for each
    worker the process keeps the peaks of all of them, though they never have them together.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


if __name__ == "__main__":
    main()
