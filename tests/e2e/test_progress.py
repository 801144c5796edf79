"""A run shows how far it is: live on a terminal, in the log elsewhere, on stdout never."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import encode, record, schema, state

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

ERASE = "\r\x1b[K"


def _run(command: Command, environment: dict[str, str]) -> tuple[str, str]:
    """Run the command; returns stdout and what its terminal got."""
    config = str(command.write_config(batch_size_rows=2, max_in_flight=1))
    lines = [line for n in range(4) for line in (record(f"S{n}", n), state(n))]
    ours, theirs = os.openpty()
    seen: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(ours, seen), daemon=True)
    reader.start()
    try:
        ended = subprocess.run(
            command.line(["--config", config]),
            input=encode([schema(), *lines]),
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=command.env(environment),
            check=False,
        )
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    shown = b"".join(seen).decode().replace("\r\n", "\n")
    assert ended.returncode == 0, shown
    return ended.stdout.decode(), shown


def _drain(descriptor: int, seen: list[bytes]) -> None:
    try:
        while chunk := os.read(descriptor, 4096):
            seen.append(chunk)
    except OSError:  # so a terminal ends
        return


@pytest.mark.parametrize("no_color", [{}, {"NO_COLOR": "1"}])
def test_on_a_terminal_a_line_follows_the_run(
    command: Command, sandbox: Sandbox, no_color: dict[str, str]
) -> None:
    """It is written over and over, in no colour, is gone at the end, and never on stdout."""
    sandbox.set_scenario({"latency_ms": 600})
    stdout, seen = _run(command, {"TERM": "xterm", **no_color})
    assert f"{ERASE}4 records · 0 accepted · 0 rejected · 1 in flight · " in seen
    assert " · oldest waits 0 s" in seen
    assert {part[:2] for part in seen.split("\x1b")[1:]} == {"[K"}
    assert "Summary" in seen.rpartition("accepted · ")[2]
    assert seen.endswith("\n")
    assert all(json.loads(line)["tocobagus"] for line in stdout.splitlines())
