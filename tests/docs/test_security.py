"""docs/security.md is true: the tests that it names are there, and here are those of its own."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import singer_sdk

from target_tocobagus.config.settings import SCHEMA
from target_tocobagus.config.validation import CREDENTIALS
from target_tocobagus.target import TargetTocobagus
from tests.docs.documents import ROOT, environment
from tests.local_sandbox import Limits, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.local_sandbox import Sandbox

SECURITY: Final = (ROOT / "docs" / "security.md").read_text("utf-8")
STORE: Final = "2000000000000000000009"
MAPPING: Final = {"stream": "stock", "sku": "sku", "stock": "qty"}
LINES: Final[list[dict[str, Any]]] = [
    {"type": "SCHEMA", "stream": "stock", "schema": {"properties": {"sku": {}, "qty": {}}}},
    {"type": "RECORD", "stream": "stock", "record": {"sku": "A", "qty": 1}},
    {"type": "RECORD", "stream": "stock", "record": {"sku": "B", "qty": "x"}},
    {"type": "STATE", "value": {"bookmarks": {"stock": 1}}},
]
WATCHED: Final = """
import json, os, sys
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT
STARTING = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
MAKING = {"os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink"}
said = os.fdopen(int(sys.argv.pop(1)), "w", buffering=1)

def watch(event, arguments):
    if event == "open" and (arguments[2] or 0) & WRITING:
        said.write(json.dumps(["written", str(arguments[0])]) + "\\n")
    elif event == "socket.connect":
        said.write(json.dumps(["asked", list(arguments[1][:2])]) + "\\n")
    elif event in STARTING | MAKING:
        said.write(json.dumps([event, repr(arguments)]) + "\\n")

sys.addaudithook(watch)
from target_tocobagus.__main__ import main
main()
"""
"""The target, with an audit hook that tells of each file written and each place connected to."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The API's stand-in, which keeps what it was sent."""
    with running(limits=Limits(bodies=True)) as handle:
        yield handle


def variables(settings: Mapping[str, Any]) -> dict[str, str]:
    """Write settings as the environment holds them, and leave coverage and caches out of it."""
    given = {
        f"TARGET_TOCOBAGUS_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }
    kept = {name: value for name, value in environment().items() if "COVERAGE" not in name}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **given}


def run(
    folder: Path, settings: Mapping[str, Any], *command: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the target, or another command, configured by the environment."""
    return subprocess.run(
        command or (sys.executable, "-m", "target_tocobagus", "--config=ENV"),
        input="".join(json.dumps(line) + "\n" for line in LINES),
        env=variables({"streams": [MAPPING], **settings}) | options.pop("env", {}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def watched(
    folder: Path, sandbox: Sandbox, **settings: Any
) -> tuple[subprocess.CompletedProcess[str], list[Any]]:
    """Run the target under the audit hook, and give what it told."""
    place = folder.parent / "told"
    with place.open("w") as told:
        number = told.fileno()
        command = (sys.executable, "-c", WATCHED, str(number), "--config=ENV")
        given = {"api_url": sandbox.api_url, **sandbox.credentials, **settings}
        done = run(folder, given, *command, pass_fds=[number])
    return done, [json.loads(line) for line in place.read_text("utf-8").splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to run in."""
    place = tmp_path / "here"
    place.mkdir()
    return place


def test_every_test_that_is_named_is_there() -> None:
    """Each claim's test stands in the file that the document names."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", SECURITY))

    assert len(named) >= 20
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in tests, f"{path}::{name}"


def test_every_test_here_is_named() -> None:
    """What is tested for the document's sake is told in it; the two about the document apart."""
    tests = {name for name in globals() if name.startswith("test_")}
    named = set(re.findall(r"test_security\.py::(\w+)", SECURITY))

    assert tests - named == {
        "test_every_test_that_is_named_is_there",
        "test_every_test_here_is_named",
    }


def test_the_password_of_a_ledger_is_not_shown(folder: Path, sandbox: Sandbox) -> None:
    """It is hidden when its server refuses and when a tap repeats it, and so is the whole URL."""
    pytest.importorskip("psycopg")
    url = "postgresql://someone:MARKER-pass@127.0.0.1:1/stock"
    given = {"api_url": sandbox.api_url, **sandbox.credentials, "ledger": url}
    mapping = {"stream": "MARKER-pass", "sku": "sku", "stock": f"[{url}"}
    check = (str(Path(sys.executable).parent / "tocobagus"), "check", "--config=ENV")
    for settings, told in (
        (given, "the ledger cannot be used"),
        ({**given, "streams": [mapping]}, "mapping"),
    ):
        for command in ((), check):
            done = run(folder, settings, *command, env={"LOGLEVEL": "DEBUG", "COLUMNS": "999"})
            assert done.returncode in {1, 2}
            assert told in done.stdout + done.stderr
            assert "MARKER" not in done.stdout + done.stderr
            assert "someone" not in done.stdout + done.stderr
    assert sandbox.batches() == []


def test_the_partners_secret_is_not_sent(folder: Path, sandbox: Sandbox) -> None:
    """It is in no header or body, and the signature that is made with it is accepted."""
    assert run(folder, {"api_url": sandbox.api_url, **sandbox.credentials}).returncode == 0
    (request,) = sandbox.requests()

    assert request["accepted"] == 1
    assert sandbox.credentials["partner_secret"] not in json.dumps(request)
    assert sandbox.credentials["partner_client_id"] in json.dumps(request)


def test_a_run_asks_the_api_and_nobody_else(folder: Path, sandbox: Sandbox) -> None:
    """The only connection is to the API's host and port, and no other program is started."""
    done, told = watched(folder, sandbox)

    assert done.returncode == 0, done.stderr
    host, port = sandbox.url.removeprefix("http://").split(":")
    assert told == [["asked", [host, int(port)]]]


def test_a_run_writes_the_rejects_file_and_no_other(folder: Path, sandbox: Sandbox) -> None:
    """No file is opened for writing, made, moved or removed but the one in `rejects_path`."""
    done, told = watched(folder, sandbox, rejects_path="rejects.singer")

    assert done.returncode == 0, done.stderr
    assert [entry for entry in told if entry[0] != "asked"] == [["written", "rejects.singer"]]
    assert [path.name for path in folder.iterdir()] == ["rejects.singer"]


def test_no_option_takes_a_secret() -> None:
    """Of the settings only `dry_run` has an option, and each can be a variable."""
    options = {param.name for param in TargetTocobagus.cli.params}

    assert options & set(SCHEMA["properties"]) == {"dry_run"}
    assert options >= {"config", "about"}
    assert {name for name, schema in SCHEMA["properties"].items() if schema.get("secret")} <= {
        *CREDENTIALS,
        "ledger",
    }


def test_no_dotenv_is_read(folder: Path, sandbox: Sandbox) -> None:
    """No `.env` is read, in the working directory or, as the SDK would, above its own folder."""
    library = folder.parent / "venv" / "lib"
    shutil.copytree(Path(singer_sdk.__file__).parent, library / "singer_sdk")
    given = {"api_url": sandbox.api_url, **sandbox.credentials, "max_stock": 5}
    path = {"env": {"PYTHONPATH": str(library)}}
    for place in (folder, folder.parent):
        (place / ".env").write_text("TARGET_TOCOBAGUS_MAX_STOCK=0\n")
        assert run(folder, given, **path).returncode == 0
        assert sandbox.stock() == {("sku", "A"): {None: 1}}


def test_a_withdrawn_token_loses_nothing(folder: Path, sandbox: Sandbox) -> None:
    """The run with the old one fails and rejects nothing; with the new one, all of it is sent."""
    given = {
        "api_url": sandbox.api_url,
        **sandbox.credentials,
        "store_client_id": STORE,
        "rejects_path": "rejects.singer",
        "streams": [{**MAPPING, "where": "sku == 'A'"}],
    }
    sandbox.set_scenario({"stores": [{"client_id": STORE, "token": "the-new-token"}]})

    old = run(folder, {**given, "store_token": "the-old-token"})
    assert (old.returncode, old.stdout) == (2, "")
    assert "does not accept the credentials" in old.stderr
    assert (folder / "rejects.singer").read_text("utf-8") == ""
    assert sandbox.stock(STORE) == {}

    new = run(folder, {**given, "store_token": "the-new-token"})
    assert new.returncode == 0, new.stderr
    assert sandbox.stock(STORE) == {("sku", "A"): {None: 1}}
