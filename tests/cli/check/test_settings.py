"""`tocobagus check` on this machine: settings, mappings, the file of rejected rows."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from click.testing import CliRunner

from target_tocobagus.cli import main
from target_tocobagus.cli.check import settings
from target_tocobagus.cli.check.catalogue import Setup
from target_tocobagus.cli.check.ledger import check_ledger
from target_tocobagus.cli.configuration import Given
from target_tocobagus.config.settings import (
    Credentials,
    StockPolicy,
    parse_settings,
    stream_mapping,
)
from target_tocobagus.core.model import Stream
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.database.run_lock import lock_path
from target_tocobagus.ledger.opening import open_ledger
from target_tocobagus.mapping import compile_mapping
from tests.cli.check.bench import Checked, assert_found, check, run
from tests.delivery.scripted_run import make_settings
from tests.e2e.command import encode, row, schema
from tests.ledger.world import PartRow, World
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.cli.check.page import Finding
    from tests.local_sandbox import Sandbox

STORE: Final = "2000000000000000000002"
"""The sandbox's."""

STREAMS: Final = Path(__file__).parents[2] / "data" / "streams"
CSV: Final = STREAMS / "tap-csv-long+wide.singer"
POSTGRES: Final = STREAMS / "pgml-full.singer"
LONG: Final = {"stream": "stock_long", "sku": "sku", "stock": "qty", "warehouse": "warehouse_code"}
GLOBAL: Final = {"stream": "stock", "sku": "sku", "stock": "qty"}
CATALOG: Final = {
    "streams": [
        {
            "stream": "stock",
            "tap_stream_id": "stock",
            "schema": {"properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}}},
        }
    ]
}


def lines(*records: dict[str, Any], columns: tuple[str, ...] = ("sku", "qty")) -> str:
    """Write a stream `stock` with these records."""
    rest = [row("stock", **record) for record in records]
    return encode([schema("stock", *columns), *rest]).decode()


GOOD: Final = lines({"sku": "A", "qty": 1})


class Case(NamedTuple):
    """A configuration with files, and what is found.

    Attributes:
        files: Their contents; each is given by an option, a catalog by its own.
        told: Words that stand in the finding, or below it.
    """

    found: Setup
    config: dict[str, Any] = {}  # noqa: RUF012  # never changed
    files: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


MAPPED: Final = {"streams": [GLOBAL]}
LOTS: Final = {**LONG, "stream": "lots", "combine": "sum", "part": "lot"}
SUMMED: Final = {"streams": [LOTS]}
CASES: Final = (
    Case(Setup.SETTINGS_VALID, told=("5 settings, all valid",)),
    Case(
        Setup.SETTINGS_DOUBTFUL,
        {"stock_bufer": 3},
        told=("Unknown setting 'stock_bufer' is ignored; did you mean 'stock_buffer'?",),
    ),
    Case(Setup.SETTINGS_DOUBTFUL, {"dry_run": True}, told=("dry_run is set",)),
    Case(Setup.SETTINGS_INVALID, {"store_token": None}, told=("store_token: is required",)),
    Case(Setup.SETTINGS_INVALID, {"store_token": "MARKER "}, told=("store_token: has white",)),
    Case(Setup.SETTINGS_INVALID, {"batch_size_rows": 0}, told=("must be at least 1",)),
    Case(Setup.SETTINGS_INVALID, {"api_url": "http://example.org"}, told=("plain http",)),
    Case(Setup.SETTINGS_INVALID, {"rounding": "MARKER"}, told=("rounding: must be one of",)),
    Case(Setup.MAPPINGS_VALID, told=("--stream FILE or --catalog FILE",)),
    Case(Setup.MAPPINGS_VALID, MAPPED, told=("`streams`: 1 mapping, all valid. --stream",)),
    Case(
        Setup.MAPPINGS_INVALID,
        {"streams": [{**GLOBAL, "stock": "qty["}]},
        told=("mapping of stream 'stock': stock:",),
    ),
    Case(
        Setup.MAPPINGS_DOUBTFUL,
        {"streams": [{**GLOBAL, "id": "id"}]},
        told=("falls back from sku to id",),
    ),
    Case(
        Setup.FILE_MAPPED,
        MAPPED,
        (GOOD,),
        told=("stock: 1 record read: 1 row mapped, 0 rejected, 0 skipped.",),
    ),
    Case(
        Setup.FILE_MAPPED,
        {},
        (lines({"sku": "A", "stock": 1}, columns=("sku", "stock")),),
        told=("stock: Recognised:",),
    ),
    Case(Setup.FILE_MAPPED, MAPPED, (json.dumps(CATALOG),), told=("stock: a mapping matches it.",)),
    Case(
        Setup.FILE_DOUBTFUL,
        MAPPED,
        (lines({"sku": "A", "qty": "many"}, {"sku": "B", "qty": None}),),
        told=("1 BAD_QUANTITY, first in record 1: 'many' is not a number.", "tocobagus map "),
    ),
    Case(
        Setup.FILE_BROKEN,
        MAPPED,
        (f"{GOOD}not JSON\n",),
        told=("Line 3 is not JSON; a run ends there.",),
    ),
    Case(
        Setup.FILE_DOUBTFUL,
        MAPPED,
        (GOOD + '{"type": "BATCH", "stream": "stock"}\n',),
        told=("Line 3 is a BATCH, whose files are not read.",),
    ),
    Case(
        Setup.FILE_DOUBTFUL,
        {"streams": [{**GLOBAL, "stream": "sto*", "stock": "quantity"}]},
        (GOOD,),
        told=("The mapping needs columns that were not seen: 'quantity'.",),
    ),
    Case(
        Setup.FILE_FAILS,
        {"streams": [{**GLOBAL, "stock": "quantity"}]},
        (GOOD,),
        told=("columns that were not seen: 'quantity'; a run fails without them.",),
    ),
    Case(
        Setup.FILE_FAILS,
        MAPPED,
        (lines({"sku": "A", "qty": 1, "warehouse": "W"}, columns=("sku", "qty", "warehouse")),),
        told=("A run stops here: warehouse: is not set",),
    ),
    Case(
        Setup.FILE_FAILS,
        {},
        (lines({}, columns=("sku", "stock", "available")),),
        told=("A run without `streams` does not send it",),
    ),
    Case(
        Setup.FILE_FAILS,
        {},
        (GOOD + lines({}, columns=("sku", "qty", "warehouse")).replace('"stock"', '"stock_at"'),),
        told=("A run without `streams` does not send it",),
    ),
    Case(
        Setup.FILE_UNMAPPED,
        {"streams": [{**GLOBAL, "stream": "other"}]},
        (GOOD,),
        told=("stock: Ignored: no entry of `streams` matches it.", " --all"),
    ),
    Case(Setup.FILE_UNMAPPED, {}, (lines({}, columns=("name",)),), told=("stock: Ignored:",)),
    Case(
        Setup.MAPPING_UNUSED,
        {"streams": [GLOBAL, {**GLOBAL, "stream": "other"}, {**GLOBAL, "stream": "third"}]},
        (GOOD, GOOD.replace('"stock"', '"third"')),
        told=("streams[1] ('other') is not used by any stream here",),
    ),
    Case(Setup.FILE_EMPTY, MAPPED, ("nothing\n",), told=("has no SCHEMA",)),
    Case(Setup.FILE_MAPPED, {"streams": [{**GLOBAL, "stream": "*"}]}, ("sku,qty\nA,1\n",)),
    Case(Setup.FILE_EMPTY, MAPPED, ("sku,qty\nA,1,2\n",), told=("It has more cells than its",)),
    Case(Setup.REJECTS_UNSET),
    Case(Setup.REJECTS_USABLE, {"rejects_path": "<folder>/there"}),
    Case(Setup.REJECTS_USABLE, {"rejects_path": "<folder>/new"}),
    Case(Setup.REJECTS_USABLE, {"rejects_path": "<folder>/link"}),
    Case(Setup.REJECTS_BUSY, {"rejects_path": "<folder>/busy"}),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": __file__}),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": "<folder>"}),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": "/dev/null"}),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": "<folder>/pipe"}),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": "<folder>/none/new"}, told=("No such file",)),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": "<folder>/there/new"}, told=("Not a dir",)),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": "<folder>/a\0b"}, told=("null byte",)),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": os.path.realpath(sys.executable)}),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": "<folder>/lost"}, told=("No such file",)),
    Case(Setup.LEDGER_USABLE, {"ledger": "<folder>/new.db"}, told=("and a run creates it",)),
    Case(Setup.LEDGER_USABLE, {"ledger": "sqlite:///<folder>/empty.db"}, told=("is empty",)),
    Case(Setup.LEDGER_USABLE, {"ledger": "<folder>/ledger.db"}, told=("ledger.db exists.",)),
    Case(Setup.LEDGER_BUSY, {"ledger": "<folder>/busy.db"}, told=("process 1 on a host",)),
    Case(Setup.LEDGER_USABLE, {"ledger": "<folder>/parts.db", **SUMMED}, told=("exists.",)),
    Case(Setup.LEDGER_USABLE, {"ledger": "<folder>/parts.db"}, told=("exists.",)),
    Case(Setup.LEDGER_USABLE, {"ledger": "<folder>/parts.db", **MAPPED}, told=("exists.",)),
    Case(
        Setup.LEDGER_OTHER_PARTS,
        {"ledger": "<folder>/parts.db", "streams": [{**LOTS, "stream": "lo*"}]},
        told=("stream 'lots': its mapping or warehouse_map has changed", "--parts lots --config /"),
    ),
    Case(
        Setup.LEDGER_OTHER_PARTS,
        {
            "ledger": "<folder>/parts.db",
            **SUMMED,
            "warehouse_map": [{"code": "A", "client_id": "W"}, {"code": "B", "client_id": "W"}],
        },
        told=("stream 'lots': its mapping or warehouse_map has changed",),
    ),
    Case(Setup.LEDGER_UNUSABLE, {"ledger": "<folder>/there"}, told=("is not a ledger",)),
    Case(Setup.LEDGER_UNUSABLE, {"ledger": "<folder>/none/new.db"}, told=("No such file",)),
    Case(Setup.LEDGER_UNUSABLE, {"ledger": "<folder>"}, told=("Is a directory",)),
    Case(Setup.LEDGER_UNUSABLE, {"ledger": "<folder>/a\0b"}, told=("null",)),
    Case(Setup.LEDGER_UNUSABLE, {"ledger": "mysql://a:MARKER@b/c"}, told=("only sqlite and",)),
    Case(
        Setup.LEDGER_UNUSABLE,
        {"ledger": "postgresql://user:MARKER@127.0.0.1:1/db"},
        told=("PostgreSQL at 127.0.0.1:1, database db: the ledger cannot be used", "refused"),
    ),
    Case(Setup.REJECTS_UNUSABLE, {"rejects_path": f"<folder>/{'x' * 999}"}, told=("too long",)),
)
KEPT: Final = '{"type": "SCHEMA"}\n{"half a li'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all that is checked here."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a ledger."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    World(str(path)).run([])
    return path.read_bytes()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> bytes:
    """The file of a ledger of the sandbox's store that holds a part, read by `SUMMED`."""
    compiled = compile_mapping(stream_mapping(LOTS), StockPolicy())
    assert compiled.summing is not None
    stream = Stream("lots", b'{"type":"SCHEMA"}', entry=compiled.entry)
    path = tmp_path_factory.mktemp("parts") / "ledger.db"
    lot = PartRow("L1", ((("sku", "A"), "W", "1"),), stream=stream)
    sums = {stream: compiled.summing}
    World(str(path)).run([lot], store=STORE, sums=sums, api_url=sandbox.api_url)
    return path.read_bytes()


@pytest.fixture
def folder(tmp_path: Path, sandbox: Sandbox, ledger: bytes, parts: bytes) -> Iterator[Path]:
    """A folder with files that rejected rows may be written to or not, and with ledgers."""
    for name in ("there", "busy"):
        (tmp_path / name).write_text(KEPT)
    (tmp_path / "link").symlink_to(tmp_path / "new")
    (tmp_path / "lost").symlink_to(tmp_path / "none" / "new")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.db").touch()
    for name in ("ledger.db", "busy.db"):
        (tmp_path / name).write_bytes(ledger)
    (tmp_path / "parts.db").write_bytes(parts)
    lock = lock_path(str(tmp_path / "busy.db"), store_key(sandbox.api_url, STORE))
    lock.write_text("process 1 on a host, since then\n")
    with (tmp_path / "busy").open() as held, lock.open() as locked:
        fcntl.flock(held, fcntl.LOCK_EX)
        fcntl.flock(locked, fcntl.LOCK_EX)
        yield tmp_path


def checked(case: Case, folder: Path, sandbox: Sandbox) -> Checked:
    """Check a case's configuration."""
    options = []
    for number, content in enumerate(case.files):
        path = folder / f"{number}.txt"
        path.write_text(content)
        options += ["--catalog" if content.startswith('{"streams"') else "--stream", str(path)]
    given = {"api_url": sandbox.api_url, **sandbox.credentials, **case.config}
    return check(
        json.loads(json.dumps(given).replace("<folder>", str(folder))), folder, {}, *options
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.found.name)
def test_what_is_wrong_on_this_machine_is_found(case: Case, folder: Path, sandbox: Sandbox) -> None:
    """Each has a finding of its own; the exit code follows, and no value is shown."""
    done = checked(case, folder, sandbox)
    assert_found(done, case.found, case.told)


def test_all_that_can_be_found_on_this_machine_has_a_case() -> None:
    """No row of the table is without a test."""
    assert {case.found for case in CASES} == set(Setup)


def check_rejects(path: str | None) -> Finding:
    """Check a file of rejected rows by itself."""
    return settings.check_rejects(Given("", {"rejects_path": path}, ()))


def state_of(folder: Path) -> dict[str, Any]:
    """Give what can be seen of a folder's files."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.name not in {"config.json", "0.txt"}:
            status = path.lstat()
            text = path.read_bytes() if path.is_file() else b""
            found[path.name] = (status.st_mode, status.st_size, status.st_mtime_ns, text)
    return found


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.found.name.startswith("REJECTS")], ids=str
)
def test_the_file_of_rejected_rows_is_left_as_it_is(case: Case, folder: Path) -> None:
    """None is made, and one that is there keeps its content, a torn last line too."""
    given = case.config.get("rejects_path", "").replace("<folder>", str(folder))
    before = state_of(folder)
    check_rejects(given or None)

    assert state_of(folder) == before


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.found.name.startswith("LEDGER")], ids=str
)
def test_the_ledger_is_left_as_it_is(case: Case, folder: Path, sandbox: Sandbox) -> None:
    """No file is made, not even for a moment under a name, and none is changed."""
    given = json.loads(json.dumps(case.config).replace("<folder>", str(folder)))
    values = {"api_url": sandbox.api_url, "store_client_id": STORE, **given}
    mapping = {"dry_run": True, "streams": given.get("streams"), "ledger": given["ledger"]}
    before = state_of(folder)
    found = list(check_ledger(Given("", values, ()), parse_settings(mapping), []))

    assert [finding.check for finding in found] == ["ledger"]
    assert state_of(folder) == before


def test_a_run_under_way_is_not_disturbed(folder: Path, sandbox: Sandbox) -> None:
    """It is named beside the parts of another mapping, and goes on."""
    own = Credentials("p", "secret", STORE, "token")
    place = {"ledger": str(folder / "parts.db"), "api_url": sandbox.api_url}
    run = open_ledger(make_settings(**place, credentials=own), lambda: 1_800_000_000_000)
    assert run is not None
    try:
        case = Case(Setup.LEDGER_BUSY, {**place, "streams": [{**LOTS, "part": "id"}]})
        done = checked(case, folder, sandbox)
        assert_found(done, Setup.LEDGER_BUSY)
        assert_found(done, Setup.LEDGER_OTHER_PARTS)
        run.end({}, None, {})
    finally:
        run.close()


def test_a_ledger_that_is_not_set_is_not_mentioned(folder: Path, sandbox: Sandbox) -> None:
    """Most configurations have none; an invalid one is the settings' matter."""
    unset = checked(Case(Setup.SETTINGS_VALID), folder, sandbox)
    invalid = checked(Case(Setup.SETTINGS_INVALID, {"ledger": 5}), folder, sandbox)

    assert "ledger" not in unset.results
    assert invalid.results["ledger"] == "not tried"


def test_a_run_that_starts_meanwhile_is_not_refused(folder: Path) -> None:
    """The lock is given back at once."""
    check_rejects(str(folder / "there"))
    with (folder / "there").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
@pytest.mark.parametrize("name", ["there", "new"])
def test_a_file_that_may_not_be_written_is_found(name: str, folder: Path) -> None:
    """The file's own mode or its folder's forbids it."""
    (folder / "there").chmod(0o400)
    folder.chmod(0o500)
    finding = check_rejects(str(folder / name))
    folder.chmod(0o700)

    assert finding.check == "rejects"
    assert "Permission denied" in finding.found


def test_a_relative_path_is_shown_as_a_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run resolves it by where it runs, which is not always where one thinks."""
    monkeypatch.chdir(folder)

    assert check_rejects("new").found.startswith(f"{folder}/new does not exist yet")


def test_one_wrong_setting_does_not_hide_the_rest(folder: Path, sandbox: Sandbox) -> None:
    """What a connection needs is good, so it is made; what a mapping needs as well."""
    bad_policy = checked(Case(Setup.SETTINGS_INVALID, {"rounding": "up"}), folder, sandbox)
    bad_token = checked(
        Case(Setup.SETTINGS_INVALID, {"store_token": None, **MAPPED}), folder, sandbox
    )
    bad_url = checked(Case(Setup.SETTINGS_INVALID, {"api_url": "ftp://x"}), folder, sandbox)

    assert bad_policy.results["rejects"] == "ok"
    assert bad_policy.results["mappings"] == "not tried"
    assert bad_policy.results["signature"] == "ok"
    assert bad_token.results["mappings"] == "ok"
    assert bad_token.results["connection"] == "ok"
    assert bad_token.results["signature"] == "not tried"
    assert bad_url.results["mappings"] == "ok"
    assert {bad_url.results[name] for name in ("name", "connection", "signature")} == {"not tried"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"store_token": "MARKER",\n}', "is not JSON (line 2, column 1: "),
        (b'["MARKER"]', "is not a JSON object"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
    ids=["comma", "list", "bytes", "deep"],
)
def test_a_configuration_that_cannot_be_read_is_told_without_its_content(
    content: bytes, told: str, tmp_path: Path
) -> None:
    """No server is asked, because what is missing might have named another one."""
    path = tmp_path / "config.json"
    path.write_bytes(content)
    shown = run("--config", path)

    assert shown.code == 1
    assert told in shown.of("settings").more
    assert {each.result for each in shown.shown[1:]} == {"not tried"}
    assert [each.check for each in shown.shown[-2:]] == ["signature", "rejects"]
    assert "MARKER" not in shown.output


@pytest.mark.parametrize("path", [5, ""])
def test_a_path_that_is_none_is_not_tried(path: Any, folder: Path, sandbox: Sandbox) -> None:
    """An invalid path is a problem of the settings, and not treated as if it were not set."""
    done = checked(Case(Setup.SETTINGS_INVALID, {"rejects_path": path}), folder, sandbox)

    assert done.results["settings"] == "wrong"
    assert done.of("rejects").found == "because the settings are not valid."


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no such file here")
def test_a_configuration_that_the_system_cannot_read_is_told() -> None:
    """The finding holds the system's own error."""
    result = CliRunner(env={"COLUMNS": "5000"}).invoke(
        main, ["check", "--config", "/proc/self/mem"]
    )

    assert result.exit_code == 1
    assert "/proc/self/mem cannot be read (Input/output error)" in result.stdout


def test_settings_come_from_the_environment_as_the_target_takes_them(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """They win over a file's, lists are JSON, and what cannot be read names its variable."""
    config = {"api_url": sandbox.api_url, **sandbox.credentials}
    env = {f"TARGET_TOCOBAGUS_{key.upper()}": value for key, value in config.items()}
    env["TARGET_TOCOBAGUS_STREAMS"] = json.dumps([LONG])
    (tmp_path / "config.json").write_text(json.dumps({"api_url": "https://127.0.0.1:1"}))
    good = run("--config=ENV", "--config", tmp_path / "config.json", "--stream", CSV, **env)
    bad = run("--config=ENV", **env, TARGET_TOCOBAGUS_STOCK_BUFFER="MARKER")

    assert good.of("settings").found.startswith(f"the environment and {tmp_path}/config.json: 6")
    assert good.results["signature"] == "ok"
    assert f"tocobagus map {CSV} --config {tmp_path}/config.json" in good.of("mappings").more
    assert "TARGET_TOCOBAGUS_STOCK_BUFFER must be an integer" in bad.of("settings").more
    assert bad.results["signature"] == "not tried"
    for secret in ("MARKER", config["store_token"], config["partner_secret"]):
        assert secret not in good.output + bad.output


def test_recorded_streams_of_real_taps_are_looked_through(folder: Path, sandbox: Sandbox) -> None:
    """One mapping for each of two taps: each is used by one, and none is idle."""
    mappings = [LONG, {"stream": "public-stock_totals", "sku": "sku", "stock": "qty"}]
    config = {"api_url": sandbox.api_url, **sandbox.credentials, "streams": mappings}
    options = ["--stream", str(CSV), "--stream", str(POSTGRES)]
    done = check(config, folder, {}, *options)
    told = [each for each in done.shown if each.check == "mappings"]

    assert not done.finds(Setup.MAPPING_UNUSED)
    assert [str(path) in each.found for path, each in zip((CSV, POSTGRES), told[1:], strict=True)]
    assert "stock_long: 9 records read" in told[1].more
