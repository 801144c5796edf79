"""The command `target-tocobagus`, also as `python -m target_tocobagus`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.collector import not_collecting

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLLECT_AFTER: Final = 50_000
_M_ARENA_MAX: Final = -8
"""The parameter's number in glibc's malloc.h; other C libraries know neither it nor `mallopt`."""


def main() -> None:
    """Run the target; see `target-tocobagus --help`."""
    import gc
    import signal

    # Until the target handles signals itself, Ctrl-C just ends the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with not_collecting():
        from target_tocobagus.singer.sdk import logging_problem
        from target_tocobagus.target import TargetTocobagus
    gc.set_threshold(_COLLECT_AFTER)  # rows have no reference cycles, so it may run rarely
    _share_one_arena()
    with _queued_log():
        try:
            command = TargetTocobagus.cli  # which sets up logging, from the environment
        except Exception as error:  # noqa: BLE001  # logging raises errors of any type
            sys.exit(_say(logging_problem(error, os.environ)))
        command(prog_name="target-tocobagus")


def _say(problem: str) -> int:
    """Print a problem without logging; returns the exit code 2: a person must act."""
    print(f"target-tocobagus: {problem}", file=sys.stderr)  # noqa: T201  # there is no logging yet
    return 2


@contextmanager
def _queued_log() -> Iterator[None]:
    """Keep threads from waiting for a stderr that nobody reads."""
    from target_tocobagus.report.log_stream import CLOSE_SECONDS, LogStream

    if (stderr := sys.stderr) is None:
        yield
        return
    try:
        log = LogStream(stderr)
    except RuntimeError:  # the machine allows no more threads: write to stderr directly
        yield
        return
    sys.stderr = log
    try:
        yield
    except Exception as error:  # noqa: BLE001  # a bug; once the log is closed, nothing reports it
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
    finally:
        log.drain(CLOSE_SECONDS)
        sys.stderr = stderr


def _share_one_arena() -> None:
    """Let all threads allocate from one arena; glibc's malloc would give each thread its own.

    The interpreter's lock lets only one thread allocate at a time anyway; and with an arena for
    each worker the process would keep the peak memory of each.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


if __name__ == "__main__":
    main()
