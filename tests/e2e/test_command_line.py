"""The command line, and a configuration that cannot be used: told in a line, without a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus import __version__
from tests.e2e.command import STOCK, record, schema, state, stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

SECRET = "s3cr3t-marker"  # noqa: S105  # a marker to be looked for in the output


def test_help_and_version_say_what_it_is(command: Command) -> None:
    """`--help` names the options, `--version` the versions; both end with 0."""
    helped = command.run(arguments=["--help"]).without_traceback(0)
    assert all(option in "".join(helped.stdout) for option in ("--config", "--input", "--about"))
    version = command.run(arguments=["--version"]).without_traceback(0)
    assert version.stdout[0].startswith(f"target-tocobagus v{__version__}, Meltano SDK v")


def test_a_configuration_from_the_environment_is_read_like_one_from_a_file(
    command: Command, sandbox: Sandbox
) -> None:
    """`--config=ENV` reads lists as JSON, integers and booleans; a later source wins."""
    env = {f"TARGET_TOCOBAGUS_{key.upper()}": value for key, value in command.api.items()}
    more = {
        "TARGET_TOCOBAGUS_STREAMS": json.dumps([STOCK]),
        "TARGET_TOCOBAGUS_STOCK_BUFFER": "2",
        "TARGET_TOCOBAGUS_DRY_RUN": "false",
    }
    lines = [schema(), record("A", 5)]
    command.run(lines, ["--config=ENV"], {**env, **more}).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 3}}
    both = ["--config", str(command.write_config(stock_buffer=1)), "--config", "ENV"]
    command.run(lines, both, {"TARGET_TOCOBAGUS_STOCK_BUFFER": "4"}).without_traceback(0)
    assert stock_of(sandbox) == {"A": {None: 1}}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("STOCK_BUFFER", SECRET, "stock_buffer: the environment variable {} must be an integer"),
        ("STREAMS", json.dumps(SECRET), "streams: must be a list"),
        ("ROUNDING", SECRET, "rounding: must be one of 'floor', 'reject'"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named_without_its_value(
    name: str, value: str, wanted: str, command: Command
) -> None:
    """A wrong value in the environment ends the run with the variable's name, and no traceback."""
    variable = f"TARGET_TOCOBAGUS_{name}"
    arguments = ["--config", str(command.write_config()), "--config", "ENV"]
    ended = command.run([schema()], arguments, {variable: value}).without_traceback(2)
    assert wanted.format(variable) in ended.stderr
    assert SECRET not in ended.stderr
    assert ended.stdout == []


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"api_url": "http://example.com/api"}, "api_url: plain http is allowed for loopback"),
        ({"streams": [{"stream": "s", "sku": "a", "stock": "b[?"}]}, "stock: 'b[?' is not a valid"),
        ({"rejects_path": "/nowhere/at/all"}, "rejects_path: cannot be opened"),
        (
            {"stream_maps": {"stock": {"sku": "fernando("}}},
            "stream_maps: stream 'stock': sku: Failed to parse",
        ),
    ],
)
def test_a_mistake_in_the_configuration_is_told_before_anything_is_sent(
    config: dict[str, Any], wanted: str, command: Command, sandbox: Sandbox
) -> None:
    """The message names the setting, the exit code is 2, and nothing is sent or emitted."""
    ended = command.run([schema(), record("A", 1), state(1)], **config).without_traceback(2)
    assert wanted in ended.stderr
    assert command.api["partner_secret"] not in ended.stderr
    assert (ended.stdout, sandbox.requests()) == ([], [])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, "cannot be read (No such file or directory)"),
        ('{"partner_secret":\n "s3cr3t-marker"', "is not JSON (line 2, column 17: "),
        ('["s3cr3t-marker"]', "is not a JSON object"),
        ("[]", "is not a JSON object"),
        ('"s3cr3t-marker"', "is not a JSON object"),
    ],
    ids=["missing", "torn", "a list", "an empty list", "a text"],
)
def test_a_configuration_file_that_cannot_be_read_is_named(
    text: str | None, wanted: str, command: Command
) -> None:
    """A missing or broken file ends the run with its name, and shows nothing of what is in it."""
    path = command.directory / "broken.json"
    if text is not None:
        path.write_text(text)
    good = str(command.write_config())
    arguments = ["--config", good, "--config", str(path)]
    ended = command.run(arguments=arguments).without_traceback(2)
    assert f"--config: {path} {wanted}" in ended.stderr
    assert SECRET not in ended.stderr


def test_an_input_file_that_is_not_there_is_named(command: Command) -> None:
    """A mistyped `--input` is an error of click without a traceback."""
    arguments = ["--config", str(command.write_config()), "--input", "nowhere.singer"]
    assert "nowhere.singer" in command.run(arguments=arguments).without_traceback(2).stderr


def test_a_dry_run_needs_no_credentials_and_sends_and_emits_nothing(
    command: Command, sandbox: Sandbox
) -> None:
    """A mapping can be tried without an account: counted as mapped, rejects told, no STATE."""
    config = command.directory / "dry.json"
    config.write_text(json.dumps({"dry_run": True, "streams": [STOCK]}))
    lines = [schema(), record("A", 1), record("A", 2), record("B", "x"), state(1)]
    ended = command.run(lines, ["--config", str(config)]).without_traceback(0)
    assert "3 updates = 1 mapped + 1 superseded + 0 skipped + 1 rejected" in ended.stderr
    assert "Rejected sku 'B': BAD_QUANTITY" in ended.stderr
    assert "Batch of a dry run, not sent: 1 item, 0 rejected" in ended.stderr
    assert "nothing was sent; 1 batch of 33 bytes would be" in ended.stderr
    assert " request" not in ended.stderr.replace("requestId", "")
    assert (ended.stdout, sandbox.requests()) == ([], [])
    again = command.run(lines, dry_run=True).without_traceback(0)
    assert (again.stdout, sandbox.requests()) == ([], [])


@pytest.mark.parametrize("source", ["file", "environment", "both"])
def test_dry_run_on_the_command_line_wins_over_every_configuration(
    source: str, command: Command, sandbox: Sandbox
) -> None:
    """`--dry-run` sends nothing, whatever a file or the environment says of dry_run."""
    env = {f"TARGET_TOCOBAGUS_{key.upper()}": value for key, value in command.api.items()}
    env |= {"TARGET_TOCOBAGUS_DRY_RUN": "false"} if source != "file" else {}
    file = ["--config", str(command.write_config(dry_run=False))] if source != "environment" else []
    more = ["--config", "ENV"] if source != "file" else []
    lines = [schema(), record("A", 1), state(1)]
    streams = {"TARGET_TOCOBAGUS_STREAMS": json.dumps([STOCK])}
    ended = command.run(lines, [*file, *more, "--dry-run"], {**env, **streams}).without_traceback(0)
    assert "1 update = 1 mapped" in ended.stderr
    assert (ended.stdout, sandbox.requests()) == ([], [])


def test_dry_run_on_the_command_line_needs_no_configuration(command: Command) -> None:
    """It needs no credentials, and `--help` tells of it."""
    command.run([schema(), state(1)], ["--dry-run"]).without_traceback(0)
    assert "--dry-run" in "".join(command.run(arguments=["--help"]).stdout)


def test_a_variable_that_is_not_read_is_warned_about(command: Command, sandbox: Sandbox) -> None:
    """Without `--config=ENV` a `dry_run` in the environment does nothing, and that is said."""
    env = {"TARGET_TOCOBAGUS_DRY_RUN": "true", "TARGET_TOCOBAGUS_STORE_TOKEN": SECRET}
    ended = command.run([schema(), record("A", 1)], env=env).without_traceback(0)
    assert "not read without --config=ENV: TARGET_TOCOBAGUS_STORE_TOKEN, TARGET_" in ended.stderr
    assert SECRET not in ended.stderr
    assert stock_of(sandbox) == {"A": {None: 1}}
    missing = command.run(
        [schema()], ["--config", str(command.write_config(store_token=None))], env
    )
    assert "store_token: is required" in missing.without_traceback(2).stderr
    assert "not read without --config=ENV: TARGET_TOCOBAGUS_STORE_TOKEN" in missing.stderr


def test_an_empty_input_is_a_normal_end(command: Command, sandbox: Sandbox) -> None:
    """A tap that says nothing makes no request, and is no failure."""
    ended = command.run().without_traceback(0)
    assert ended.sums == (0, 0, 0, 0, 0, 0)
    assert (ended.stdout, sandbox.requests()) == ([], [])
