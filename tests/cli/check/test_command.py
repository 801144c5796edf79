"""`tocobagus check` as a command: its options, its exit code, its page, and what it sends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main
from tests.cli.check.bench import only_read, run
from tests.environment import clean_environment
from tests.local_sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local_sandbox import Sandbox

COLOUR: Final = re.compile(r"\x1b\[(?:\d+;)*3\d")
TARGET: Final = [sys.executable, "-m", "target_tocobagus"]
RECORDED: Final = [
    {"type": "SCHEMA", "stream": "s", "schema": {"properties": {"sku": {}, "stock": {}}}},
    {"type": "RECORD", "stream": "s", "record": {"sku": "A", "stock": 1}},
]
MAPPED: Final = [{"stream": "s", "sku": "sku", "stock": "stock"}]


def written(sandbox: Sandbox, folder: Path, **config: Any) -> Path:
    """Write a configuration for a sandbox."""
    path = folder / "config.json"
    values = {"api_url": sandbox.api_url, **sandbox.credentials, **config}
    path.write_text(json.dumps(values))
    return path


def test_all_is_well(tmp_path: Path) -> None:
    """It exits with 0; each check has a line, without colours in a pipe, and one read is made."""
    with running() as sandbox:
        done = run("--config", written(sandbox, tmp_path))

        assert only_read(sandbox)
        assert len(sandbox.requests()) == 1
    assert done.code == 0
    assert "\x1b" not in done.output
    assert [each.check for each in done.shown if each.result == "ok"] == [
        "settings",
        "mappings",
        "name",
        "connection",
        "certificate",
        "answer",
        "clock",
        "signature",
        "rejects",
    ]
    assert done.output.endswith("\nAll is well.\n")


def test_not_all_is_well(tmp_path: Path) -> None:
    """It exits with 1, and the last line counts what is to be done."""
    with running({"skew_ms": 60_000}) as sandbox:
        config = written(sandbox, tmp_path, rejects_path=str(tmp_path), store_token="other")  # noqa: S106  # a wrong one
        done = run("--config", config)

    assert done.code == 1
    assert done.output.endswith("\nNot all is well: 2 wrong, 1 attention.\n")


def test_what_deserves_attention_keeps_no_run_from_working(tmp_path: Path) -> None:
    """It exits with 0, and the last line says that there is something to see."""
    with running({"skew_ms": 60_000}) as sandbox:
        done = run("--config", written(sandbox, tmp_path))

    assert done.code == 0
    assert done.output.endswith("\nA run would work. See above: 1 attention.\n")


@pytest.mark.parametrize("width", [30, 80, 120])
def test_the_page_is_no_broader_than_the_terminal(width: int, tmp_path: Path) -> None:
    """Texts are broken between words, and no line ends with white space."""
    refused = {"status": 401, "code": "AUTH_099", "message": "Invalid store token"}
    with running({"rules": [{"fault": refused}], "skew_ms": 60_000}) as sandbox:
        config = written(sandbox, tmp_path, store_token="other", stock_bufer=1)  # noqa: S106  # a wrong one
        done = run("--config", config, COLUMNS=str(width))
    lines = done.output.splitlines()
    wrapped = [line for line in lines if not re.match(r"    (x-|/|[0-9a-f]{64}$)", line)]

    assert max(map(len, wrapped)) <= width
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--config", "<folder>/none.json"],
        ["--config", "<folder>"],
        ["--config", "ENV", "--stream", "<folder>/none.singer"],
        ["--config", "ENV", "--catalog", "<folder>"],
        ["--config", "ENV", "--nonsense"],
        ["--config", "ENV", "surplus"],
    ],
    ids=str,
)
def test_a_wrong_use_is_told_as_click_does(arguments: list[str], tmp_path: Path) -> None:
    """It exits with 2, and nothing is checked."""
    given = [each.replace("<folder>", str(tmp_path)) for each in arguments]
    result = CliRunner().invoke(main, ["check", *given])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: " in result.stderr


def test_the_help_says_what_is_done_and_what_is_not() -> None:
    """It names what is not written, how long an attempt may take, and when the exit code is 0."""
    text = " ".join(CliRunner().invoke(main, ["check", "--help"]).stdout.split())

    assert "Nothing is written to the API" in text
    assert "at most 10 seconds" in text
    assert "0 if a run would work" in text


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=str)
def test_colours_are_for_those_who_want_them(env: dict[str, str], tmp_path: Path) -> None:
    """`NO_COLOR` takes the colours away, also where a terminal could show them."""
    (tmp_path / "config.json").write_text("[]")
    wanted = {"TERM": "xterm", "FORCE_COLOR": "1"}
    done = run("--config", tmp_path / "config.json", **wanted, **env)

    assert bool(COLOUR.search(done.output)) is not bool(env)
    assert "Not all is well" in done.output


def test_what_is_sent_is_what_a_run_sends(tmp_path: Path) -> None:
    """Its headers are a run's, but for those of a body, and nothing of `~/.netrc` is among them."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    with running() as sandbox:
        config = written(sandbox, tmp_path, streams=MAPPED)
        run("--config", config, HOME=str(tmp_path))
        lines = "".join(f"{json.dumps(message)}\n" for message in RECORDED)
        env = {**clean_environment(), "HOME": str(tmp_path)}
        command = [*TARGET, "--config", str(config)]
        subprocess.run(command, input=lines.encode(), check=True, capture_output=True, env=env)
        read, sent = (request["headers"] for request in sandbox.requests())
    of_body = {"content-type", "content-length"}
    of_moment = {"x-timestamp", "x-signature"}

    assert read.keys() == sent.keys() - of_body
    assert {key: read[key] for key in read.keys() - of_moment} == {
        key: sent[key] for key in read.keys() - of_moment
    }
    assert "authorization" not in read
