"""Runs the target as its command does, and says what each stage took of the processor's time.

The stages are timed by their threads' own clocks, so what a thread waits for another, or for the
API, is in none of them. A stage is charged without what it calls of the stages below it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus import __main__
from target_tocobagus.api import client, signing
from target_tocobagus.delivery import worker
from target_tocobagus.delivery.reply_handler import ReplyHandler
from target_tocobagus.pipeline.poller import Poller
from target_tocobagus.singer.fast_path import FastPath
from target_tocobagus.singer.reader import MessageReader
from target_tocobagus.window.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES: Final[dict[str, list[tuple[Any, str]]]] = {
    "reading: bytes to lines": [(MessageReader, "process_lines")],
    "fast path: decoding, mapping": [(FastPath, "read")],
    "the general way: SCHEMA, STATE": [(MessageReader, "_handle")],
    "window: taking in": [(Window, "put")],
    "state: emitting STATE": [(Poller, "emit_safe")],
    "window: picking, encoding": [(Window, "pick")],
    "encoding: the body": [(worker, "encode_body")],
    "signing": [(signing, "base_string"), (signing, "signature"), (signing, "signed_headers")],
    "client: the request": [(client.Client, "send")],
    "client: decoding the reply": [(client, "read_reply")],
    "settling, releasing": [(ReplyHandler, "conclude")],
    "delivery: the workers' rest": [(worker.Workers, "_work")],
}

TABLE_BEGINS: Final = "-- stages"


class Spent:
    """Seconds of processor by stage; each thread's nesting is its own."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._nested = threading.local()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that its time is charged to a stage."""

        @wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(self._nested, "seconds", 0.0)
            self._nested.seconds = 0.0
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.thread_time() - began
                self.seconds[stage] += spent - self._nested.seconds
                self._nested.seconds = outer + spent

        return measured


def main() -> None:
    """Run the command, and write the table to stderr."""
    spent = Spent()
    for stage, functions in STAGES.items():
        for owner, name in functions:
            setattr(owner, name, spent.timed(stage, getattr(owner, name)))
    try:
        __main__.main()
    finally:
        for thread in threading.enumerate():
            if thread.name.startswith("worker"):
                thread.join(1)
        whole = time.process_time()
        spent.seconds["starting and ending"] = whole - sum(spent.seconds.values())
        print(TABLE_BEGINS, file=sys.stderr)
        for stage in [*STAGES, "starting and ending"]:
            seconds = spent.seconds[stage]
            print(f"{stage:<34}{seconds:>8.2f} s{seconds / whole:>8.0%}", file=sys.stderr)


if __name__ == "__main__":
    main()
