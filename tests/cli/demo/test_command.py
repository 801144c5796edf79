"""`tocobagus demo --keep`: the sandbox and its page stay until they are told to go."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from target_tocobagus.sandbox.handle import Sandbox, connect
from target_tocobagus.sandbox.scenario import Credentials

if TYPE_CHECKING:
    from pathlib import Path

DEMO: Final = [sys.executable, "-c", "from target_tocobagus.cli import main; main()", "demo"]
STREAM: Final = (
    {"type": "SCHEMA", "stream": "stock", "schema": {"properties": {"sku": {}, "stock": {}}}},
    {"type": "RECORD", "stream": "stock", "record": {"sku": "A", "stock": 1}},
)


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command, with temporary files in a folder; its stdout is no terminal."""
    env = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "80"}
    pipe = subprocess.PIPE
    return subprocess.Popen([*DEMO, *arguments], env=env, stdout=pipe, stderr=pipe, text=True)


def read_to_the_end(process: subprocess.Popen[str]) -> str:
    """Read what it writes until it waits."""
    assert process.stdout is not None
    written = ""
    while "Ctrl-C ends" not in written:
        line = process.stdout.readline()
        assert line, process.communicate()
        written += line
    return written


def asked(url: str) -> Any:
    """Read the sandbox's page, and the stock that it has."""
    connection = connect(url)
    connection.request("GET", "/")
    with connection.getresponse() as response:
        assert "<title>Tocobagus sandbox</title>" in response.read().decode()
    connection.close()
    return Sandbox(url, Credentials()).stock()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_page_stays_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """Everything is shown before, the exit code is 0, and no file stays."""
    with started(tmp_path, "--keep") as process:
        written = read_to_the_end(process)
        (url,) = re.findall(r"Open (http://\S+)/ in a browser", written)
        assert f"Its page: {url}/\n" in written
        assert written.count("target-tocobagus ended with 0.") == 2
        stock = asked(url)
        process.send_signal(number)
        rest = process.communicate(timeout=20)

    assert (process.returncode, *map(str.strip, rest)) == (0, "", "")
    assert stock["sku", "GULA-1KG"] == {"wh_bandung": 0, "wh_jakarta": 1000, "wh_surabaya": 10**6}
    assert ("sku", "BERAS-5KG") in stock  # of the first stream, which the second has not removed
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        asked(url)


def test_a_run_that_failed_is_a_failure_in_the_end_too(tmp_path: Path) -> None:
    """The page stays, so that one can look."""
    stream = tmp_path / "stream.singer"
    stream.write_bytes(b"\n".join(map(msgspec.json.encode, STREAM)) + b"\n{\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with started(scratch, "--keep", str(stream)) as process:
        read_to_the_end(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert process.returncode == 1


def test_without_keep_the_page_is_gone_with_the_demo(tmp_path: Path) -> None:
    """Its address is told, and how to keep it."""
    with started(tmp_path) as process:
        written, _ = process.communicate(timeout=60)

    (url,) = re.findall(r"Its page: (http://\S+)/, while this runs; --keep keeps it", written)
    with pytest.raises(ConnectionRefusedError):
        asked(url)
