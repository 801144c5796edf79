"""docs/scheduling.md is true: its commands run, and its script keeps failures and STATE.

The tap is a stand-in that writes what the real tap-postgres wrote; Meltano's part of the document
is run by `make meltano`, with the real one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.docs.documents import ROOT, Reader, blocks, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local_sandbox import Sandbox

SCHEDULING: Final = ROOT / "docs" / "scheduling.md"
SET_UP, RUN = blocks(SCHEDULING, heading="From cron")
RECORDED: Final = ROOT / "tests" / "data" / "streams" / "pgml-full.singer"
CRON: Final = {"PATH": "/usr/bin:/bin", "HOME": "/", "SHELL": "/bin/sh"}
"""All that cron gives its commands."""
PATIENCE: Final = 30.0

pytestmark = pytest.mark.skipif(not shutil.which("flock"), reason="this system has no flock")


@pytest.fixture
def reader(tmp_path: Path, sandbox: Sandbox) -> Reader:
    """A reader who has set up the document's store, and has a tap for it."""
    reader = Reader(tmp_path / "clone", sandbox)
    done = reader.paste(SET_UP)
    assert (done.returncode, done.stderr) == (0, "")
    tap_that(reader, "exit 0")
    return reader


def tap_that(reader: Reader, ends: str) -> None:
    """Let the tap write the recorded stream, remember how it was called, and end in some way."""
    tap = reader.bin / "tap-postgres"
    tap.write_text(f'#!/bin/sh\necho "$@" > called\ncat {RECORDED}\n{ends}\n')
    tap.chmod(0o755)


def store(reader: Reader, name: str) -> str:
    """Read a file of the store."""
    return (reader.clone / "stores" / "jakarta" / name).read_text()


def state(reader: Reader) -> dict[str, Any]:
    """Read the STATE that is kept."""
    value: dict[str, Any] = json.loads(store(reader, "state.json"))
    return value


def test_the_commands_of_the_document_run(reader: Reader, sandbox: Sandbox) -> None:
    """A store is set up and synchronised, and its STATE kept for the tap's next run."""
    first = reader.paste(RUN)

    assert first.returncode == 0, first.stderr
    assert sandbox.stock()[("sku", "KOPI-ARB-250")] == {"WH-JKT": 12, "WH-SBY": 0}
    assert json.loads(first.stdout) == state(reader)
    assert state(reader)["tocobagus"]["batchIds"] == [sandbox.batches()[-1]["batchId"]]
    assert store(reader, "called") == "--config tap.json --catalog catalog.json\n"

    assert reader.paste(RUN).returncode == 0
    assert store(reader, "called").endswith("--catalog catalog.json --state state.json\n")
    assert state(reader)["tocobagus"]["batchIds"] == [sandbox.batches()[-1]["batchId"]]
    assert (reader.clone / "stores" / "jakarta" / "store.env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("ends", "token", "code"),
    [("exit 0", "stkn_sandbox", 0), ("exit 3", "stkn_sandbox", 3), ("exit 0", "wrong", 2)],
    ids=["success", "a dead tap", "a failed target"],
)
def test_cron_hears_of_a_failure(
    reader: Reader, sandbox: Sandbox, ends: str, token: str, code: int
) -> None:
    """With cron's poor environment it runs; a failure is said in one line, the log kept apart."""
    tap_that(reader, ends)
    place = reader.clone / "stores" / "jakarta" / "store.env"
    place.write_text(place.read_text().replace("stkn_sandbox", token))
    (table,) = re.findall(
        r"^(?:\S+ ){5}(.*jakarta.*)$", blocks(SCHEDULING, "crontab")[0], re.MULTILINE
    )

    done = reader.paste(table.replace("/srv/stock", str(reader.clone)), interpreter="sh", env=CRON)

    assert done.stderr == ""
    assert done.stdout == (f"jakarta: exit {code}\n" if code else "")
    assert "Summary" in store(reader, "log")
    assert bool(sandbox.stock()) == (code != 2)


def test_a_failed_run_never_takes_the_state_away(reader: Reader) -> None:
    """Where nothing came out, the STATE of an earlier run stays; what a dead tap gave is kept."""
    tap_that(reader, "exit 3")
    assert reader.paste("./sync-stock jakarta").returncode == 3
    before = state(reader)

    wrong = reader.paste(
        "sed -i s/stkn_sandbox/wrong/ stores/jakarta/store.env; ./sync-stock jakarta"
    )

    assert wrong.returncode == 2
    assert "AUTH" in wrong.stderr
    assert state(reader) == before


def test_a_store_is_synchronised_once_at_a_time(reader: Reader, sandbox: Sandbox) -> None:
    """While a run holds the lock, another ends with 75 and has sent nothing."""
    with (reader.clone / "stores" / "jakarta" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = reader.paste("./sync-stock jakarta")

    assert (done.returncode, done.stderr) == (75, "jakarta: its last run is not over yet\n")
    assert sandbox.requests() == []
    assert reader.paste("./sync-stock jakarta").returncode == 0


def test_a_stopped_run_keeps_its_last_state(reader: Reader) -> None:
    """A SIGTERM to all of it, as of `timeout` or a service manager: exit 143, and STATE is kept."""
    with waiting_for_its_tap(reader) as process:
        os.killpg(process.pid, signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE)

    assert process.returncode == 143, log
    assert state(reader)["tocobagus"]["accepted"] > 0
    assert store(reader, "states").splitlines()[-1] == store(reader, "state.json").strip()


def test_a_killed_script_keeps_the_lock_while_its_target_lives(reader: Reader) -> None:
    """The next run waits for the last process of the run, and then needs no repair."""
    with waiting_for_its_tap(reader) as process:
        process.kill()
        process.wait(PATIENCE)
        refused = reader.paste("./sync-stock jakarta")
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=PATIENCE)  # until no process of the run holds the log

    assert refused.returncode == 75
    tap_that(reader, "exit 0")
    assert reader.paste("./sync-stock jakarta").returncode == 0


@contextmanager
def waiting_for_its_tap(reader: Reader) -> Iterator[subprocess.Popen[bytes]]:
    """Start a run, as the leader of its processes, whose tap says no more after a STATE is out."""
    tap_that(reader, "exec sleep 60")
    states = reader.clone / "stores" / "jakarta" / "states"
    env = {**environment(), "TARGET_TOCOBAGUS_BATCH_WAIT_SECONDS": "1"}
    command = [str(reader.clone / "sync-stock"), "jakarta"]
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        until = time.monotonic() + PATIENCE
        while not (states.exists() and states.stat().st_size) and time.monotonic() < until:
            time.sleep(0.02)
        yield process
