"""The sandbox is a command: it says where it listens, and ends when it is told to."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main
from target_tocobagus.sandbox.command import sandbox
from target_tocobagus.sandbox.handle import Sandbox, spawned
from target_tocobagus.sandbox.scenario import Credentials
from tests.sandbox.client import Client

MODULE = [sys.executable, "-m", "target_tocobagus.sandbox"]
VECTOR = Path(__file__).parents[1] / "data" / "signing-vectors" / "documented-payload"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_announces_itself_and_ends_with_0_on_a_signal(number: signal.Signals) -> None:
    """Its stdout has one line for machines, its stderr a config that works as it stands."""
    with subprocess.Popen(
        [*MODULE, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.removeprefix("listening on ").removesuffix("/api/v1\n")
        with Client(Sandbox(url, Credentials())) as client:
            assert client.update({"sku": "A", "stock": 1}).status == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (0, "")
    config = json.loads(err[err.index("{") : err.index("}") + 1])
    assert config == Sandbox(url, Credentials()).credentials | {"api_url": f"{url}/api/v1"}
    assert f"See {url}/ in a browser" in err


def test_files_and_options_say_what_it_does(tmp_path: Path) -> None:
    """Catalogue, scenario (also as YAML), latency and limits all take effect."""
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text('{"sku": ["A"]}')
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("rules: [{when: {requests: 2}, fault: {status: 503}}]\n")
    with (
        spawned(
            *("--catalogue", str(catalogue), "--scenario", str(scenario), "--latency-ms", "1"),
            *("--keep-history", "0", "--keep-bodies"),
        ) as sandbox,
        Client(sandbox) as client,
    ):
        unknown = client.update({"sku": "B", "stock": 1})
        assert unknown.json()["data"]["errors"][0]["code"] == "INV_001"
        assert client.update({"sku": "A", "stock": 1}).status == 503
        sandbox.set_scenario({})
        assert client.update({"sku": "A", "stock": 1}).status == 200
        assert sandbox.stock() == {("sku", "A"): {None: 1}}
        assert '"A"' in sandbox.requests()[-1]["body"]
        with pytest.raises(RuntimeError):
            sandbox.history()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "65536"], "65536"),
        (["--scenario", "nowhere.json"], "nowhere.json"),
        (["--scenario", __file__], "JSON"),
        (["--host", "192.0.2.1", "--port", "0"], "cannot listen on 192.0.2.1:0"),
    ],
)
def test_options_that_cannot_be_are_explained(options: list[str], said: str) -> None:
    """It ends with an error and a message, without a traceback."""
    run = subprocess.run(  # the exit code is what is tested
        [*MODULE, *options], capture_output=True, text=True, check=False, timeout=30
    )
    assert run.returncode != 0
    assert run.stdout == ""
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """With the way out; and a file that is wrong is named."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        taken = CliRunner().invoke(sandbox, ["--port", port])
    assert "it is in use, perhaps by another sandbox; --port 0 takes a free one" in taken.stderr
    catalogue = tmp_path / "known.json"
    catalogue.write_text('["A"]')
    wrong = CliRunner().invoke(sandbox, ["--catalogue", str(catalogue)])
    assert "known.json cannot be used: Expected `object`, got `array`" in wrong.stderr


def test_without_its_extra_it_says_what_to_install() -> None:
    """The command is listed without uvicorn and starlette; running it names the extra."""
    code = (
        "import sys; sys.modules.update(uvicorn=None, starlette=None)\n"
        "from target_tocobagus.sandbox.command import sandbox\n"
        "sandbox(['--port', '0'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert run.returncode == 1
    assert run.stderr == (
        "Error: the sandbox needs its extra: pip install 'target-tocobagus[sandbox]'\n"
    )


def test_a_process_that_does_not_start_is_an_error() -> None:
    """The error is what the process said."""
    with pytest.raises(click.ClickException, match="--no-such-option"), spawned("--no-such-option"):
        pass


def test_the_command_is_the_same_under_both_names() -> None:
    """``tocobagus sandbox`` and ``python -m target_tocobagus.sandbox`` are one command."""
    assert main.get_command(click.Context(main), "sandbox") is sandbox
