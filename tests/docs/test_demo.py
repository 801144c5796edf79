"""`tocobagus demo`: a newcomer sees stock arrive, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main
from target_tocobagus.cli.demo.page import clean_lines
from target_tocobagus.cli.demo.processes import Said, read_log
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.config.validation import CREDENTIALS
from target_tocobagus.mapping import compile_mapping
from tests.e2e.command import encode, row, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

TOCOBAGUS: Final = [sys.executable, "-c", "from target_tocobagus.cli import main; main()"]
STREAMS: Final = Path(__file__).parents[1] / "data" / "streams"
DATA: Final = resources.files("target_tocobagus.cli.demo").joinpath("data")
FAKE: Final = dict.fromkeys(CREDENTIALS, "x")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder for temporary files, seen to be empty in the end."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def demo(scratch: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, where stdout is no terminal."""
    given = {**os.environ, "TMPDIR": str(scratch), "COLUMNS": "100", **env}
    command = [*TOCOBAGUS, "demo", *arguments]
    done = subprocess.run(command, env=given, check=False, capture_output=True, text=True)
    assert list(scratch.iterdir()) == []
    return done


def cells(text: str) -> list[list[str]]:
    """Split what was shown into lines of words."""
    return [line.split() for line in text.splitlines()]


def test_it_shows_what_two_real_taps_sent(scratch: Path) -> None:
    """Commands, the stock that arrived, rejected rows with their reasons, STATE: all are shown."""
    done = demo(scratch)

    assert (done.returncode, done.stderr) == (0, "")
    shown = cells(done.stdout)
    assert "target-tocobagus --config tap-csv.json < tap-csv.singer" in done.stdout
    assert "target-tocobagus --config tap-postgres.json < tap-postgres.singer" in done.stdout
    assert ["KOPI-ARB-250", "WH-JKT", "12", "→", "wh_jakarta", "12"] in shown
    assert ["TEH-HIJAU-100", "WH-JKT", "→", "skipped"] in shown
    assert ["GULA-1KG", "WH-SBY", "1.250,00", "→", "wh_surabaya", "rejected"] in shown
    assert ["KOPI-ARB-250", "WH-JKT", "12.000", "2", "→", "wh_jakarta", "later:", "12"] in shown
    assert shown.count(["GULA-1KG", "wh_bandung", "0"]) == 2
    assert shown.count(["GULA-1KG", "wh_surabaya", "1000000"]) == 1
    assert any(line[:3] == ["KOPI-ARB-250", "wh_bandung", "BAD_QUANTITY"] for line in shown)
    assert any(line[:3] == ["MADU-500", "wh_bandung", "INV_001"] for line in shown)
    assert ['"bookmarks":', "{"] in shown
    assert ['"stock_long":', "{},"] in shown
    assert done.stdout.count('"batchIds":') == 2
    assert "\x1b" not in done.stdout


def test_it_shows_a_stream_of_the_reader(scratch: Path, tmp_path: Path) -> None:
    """Without a configuration, what was recognised is said; what arrived is shown as it is."""
    stream = tmp_path / "stream.singer"
    stream.write_bytes(
        encode([schema("stock", "sku", "stock"), row("stock", sku="KOPI-ARB-250", stock=12)])
    )
    done = demo(scratch, str(stream))

    assert done.returncode == 0
    assert "Stream 'stock' is recognised" in done.stdout
    assert ["KOPI-ARB-250", "all", "warehouses", "12"] in cells(done.stdout)


def test_a_limit_says_how_many_rows_are_left(scratch: Path, tmp_path: Path) -> None:
    """Each level has a line, and only so many are shown."""
    record = {"sku": "A\x1b[2J", **{f"place_{number:02d}": number for number in range(30)}}
    config = {
        "stream": "stock",
        "sku": "sku",
        "warehouse_columns": [
            {"column": f"place_{number:02d}", "client_id": f"wh_{number:02d}"}
            for number in range(30)
        ],
    }
    stream = tmp_path / "stream.singer"
    stream.write_bytes(encode([schema("stock", *record), row("stock", **record)]))
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps({"streams": [config]}))

    done = demo(scratch, str(stream), "--config", str(settings), "--limit", "3")

    assert ["A\\x1b[2J", "wh_02", "2"] in cells(done.stdout)
    assert "wh_03" not in done.stdout
    assert "3 of 30" in done.stdout
    assert "None came out." in done.stdout


def test_the_readers_settings_never_reach_the_real_api(scratch: Path, tmp_path: Path) -> None:
    """Address, credentials, rejects file and dry run of the reader's config are put aside."""
    own = tmp_path / "own.singer"
    settings = tmp_path / "config.json"
    config = {
        **FAKE,
        "api_url": "https://example.invalid",
        "signature_prefix": "",
        "dry_run": True,
        "rejects_path": str(own),
        "streams": [{"stream": "stock_long", "sku": "sku", "stock": "qty", "warehouse": None}],
    }
    settings.write_text(json.dumps(config))

    proxies = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    stream = str(STREAMS / "tap-csv-long+wide.singer")
    done = demo(scratch, stream, "--config", str(settings), **proxies)

    assert done.returncode == 0
    assert ["KOPI-ARB-250", "all", "warehouses", "0"] in cells(done.stdout)
    assert not own.exists()


@pytest.mark.parametrize(
    ("stream", "config", "said"),
    [
        ("mysql-full.singer", {}, "No stream is recognised"),
        ("mysql-full.singer", {"streams": [{"stream": "stok", "stok": "x"}]}, "unknown key 'stok'"),
    ],
)
def test_a_run_that_fails_says_why(
    scratch: Path, tmp_path: Path, stream: str, config: dict[str, Any], said: str
) -> None:
    """What the target said is shown, and the exit code is 1."""
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps(config))

    done = demo(scratch, str(STREAMS / stream), "--config", str(settings))

    assert done.returncode == 1
    assert said in done.stdout
    assert "Nothing has arrived." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", __file__], "--config is for a FILE of your own"),
        ([__file__, "--config", __file__], "is not JSON"),
        (["missing.singer"], "does not exist"),
    ],
)
def test_a_wrong_call_is_refused(arguments: list[str], said: str) -> None:
    """Nothing is started for it."""
    result = CliRunner().invoke(main, ["demo", *arguments])

    assert result.exit_code in {1, 2}
    assert said in result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(
    scratch: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C, or a SIGTERM, ends both children and removes the temporary files."""
    silent = tmp_path / "silent"
    os.mkfifo(silent)
    given = {**os.environ, "TMPDIR": str(scratch)}
    command = [*TOCOBAGUS, "demo", str(silent)]
    with (
        subprocess.Popen(
            command,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=take_ctrl_c,  # noqa: PLW1509  # no thread of ours forks meanwhile
        ) as process,
        held_open(silent),
    ):
        children = until_two_run(process.pid)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does, to all of the foreground
        else:
            process.send_signal(number)
        process.communicate(timeout=20)

    assert process.returncode in {1, 128 + number}
    assert not [child for child in children if is_running(child)]
    assert list(scratch.iterdir()) == []


def take_ctrl_c() -> None:
    """Be as a terminal starts a program: a shell's background job would ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def held_open(fifo: Path) -> Iterator[None]:
    """Be the tap that says nothing."""
    descriptor = os.open(fifo, os.O_RDWR)
    try:
        yield
    finally:
        os.close(descriptor)


def until_two_run(pid: int) -> list[str]:
    """Wait for the sandbox and the target, and give their process ids."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.parent.exists():
        pytest.skip("this system does not list a process's children")
    for _ in range(1000):
        children = listed.read_text().split()
        commands = [Path(f"/proc/{child}/cmdline").read_text() for child in children]
        if any("--config" in command for command in commands):
            return children
        time.sleep(0.02)
    pytest.fail("the sandbox and the target did not start")


def is_running(pid: str) -> bool:
    """Tell whether a process is there and is more than an entry that nobody has collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_bundled_streams_are_the_recorded_ones() -> None:
    """They are what real taps wrote, byte for byte, and their mappings are valid."""
    for name, recorded in {"tap-csv": "tap-csv-long+wide", "tap-postgres": "pgml-full"}.items():
        bundled = DATA.joinpath(f"{name}.singer").read_bytes()
        assert bundled == (STREAMS / f"{recorded}.singer").read_bytes()
        settings = parse_settings({**FAKE, **json.loads(DATA.joinpath(f"{name}.json").read_text())})
        assert settings.streams
        for mapping in settings.streams:
            compile_mapping(mapping, settings.policy)


def test_the_log_is_read_message_by_message() -> None:
    """Lines without a head belong to the message before; what has none is an error."""
    text = (
        "Traceback\n2026-11-23 19:03:07,389 | INFO     | target-tocobagus   | one\n  two\n\n"
        "2026-11-23 19:03:07,389 | WARNING  | target-tocobagus.rejects | three\n"
    )

    assert list(read_log(text)) == [
        Said("ERROR", "", "Traceback"),
        Said("INFO", "target-tocobagus", "one\n  two\n"),
        Said("WARNING", "target-tocobagus.rejects", "three"),
    ]
    assert list(read_log("\n")) == []


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    """Escape sequences in a stream's values stay texts."""
    assert clean_lines("a\x1b[2Jb\r\n咖啡") == "a\\x1b[2Jb\\r\n咖啡"
