"""Opening a ledger: its lock, its files, and what is left alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import text

from target_tocobagus.core.errors import ConfigurationError, LedgerError, LedgerRefused
from target_tocobagus.ledger.database import schema
from target_tocobagus.ledger.database.database import open_engine, read_url, translated
from target_tocobagus.ledger.database.reading import store_key
from target_tocobagus.ledger.opening import open_ledger
from tests.ledger.desk import (
    NOW,
    accept,
    answered,
    item,
    opened,
    rows,
    screen,
    settings_of,
    verdicts,
)
from tests.postgres import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Database

HOLDER: Final = """
import sys, time
from tests.ledger.desk import opened
with opened(sys.argv[1], sys.argv[2]):
    print("has it", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def hold(ledger: str, store: str = "s", seconds: float = 60) -> subprocess.Popen[str]:
    """Open a ledger in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, ledger, store, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://API.Example.COM/api/v1", "https://api.example.com/api/v1"),
        ("https://api.example.com:443/api/v1/", "https://api.example.com/api/v1"),
        ("http://api.example.com:80//", "http://api.example.com"),
        ("HTTPS://api.example.com:8443", "https://api.example.com:8443"),
        ("http://[::1]:80/v1", "http://[::1]/v1"),
        ("http://[::1]:8080/V1", "http://[::1]:8080/V1"),
        (" https://api.example.com:80/ ", "https://api.example.com:80"),
    ],
)
def test_one_api_has_one_name(url: str, key: str) -> None:
    """A store stays the same store, however its API's URL is written."""
    assert store_key(url, "c") == (key, "c")


def test_one_run_of_a_store_at_a_time(ledger: str) -> None:
    """The second is told who has the ledger since when; a killed process has it no longer."""
    with hold(ledger) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(LedgerError, match=f"process {holder.pid} on .*, since 20") as caught:
            opened(ledger).__enter__()
        assert PASSWORD not in str(caught.value)
        with opened(ledger, "another store"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
    with opened(ledger):
        pass


def test_first_runs_of_several_stores_may_begin_together(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One of them makes the tables, and the others wait for it."""
    names = [str(tmp_path / "new.db")]
    if (server := _server(request)) is not None:
        server.execute("CREATE DATABASE new")
        names.append(server.url("new"))
    for ledger in names:
        runs = [hold(ledger, f"store {number}", 0) for number in range(5)]
        assert [run.communicate(timeout=60) and run.returncode for run in runs] == [0] * 5
        assert len(rows(ledger, schema.store)) == 5


def _server(request: pytest.FixtureRequest) -> Database | None:
    try:
        server: Database = request.getfixturevalue("postgres")
    except pytest.skip.Exception:
        return None
    return server


STRANGERS: Final[list[tuple[str, Any]]] = [
    ("a text", lambda path: path.write_bytes(b"sku,stock\n" * 20)),
    ("a byte", lambda path: path.write_bytes(b"x")),
    ("zeros", lambda path: path.write_bytes(bytes(4096))),
    ("another program's database", lambda path: _other_database(path, "DELETE")),
    ("another program's database with a log", lambda path: _other_database(path, "WAL")),
]


def _other_database(path: Path, mode: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("CREATE TABLE tocobagus_level (a)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    "make", [each[1] for each in STRANGERS], ids=[each[0] for each in STRANGERS]
)
def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path, make: Any, dry_run: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    """It is not changed by a byte, and no file appears beside it."""
    path = tmp_path / "file"
    make(path)
    before = photograph(tmp_path)
    with pytest.raises(ConfigurationError, match="is not a ledger"):
        opened(str(path), dry_run=dry_run).__enter__()
    assert photograph(tmp_path) == before


def photograph(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Take down each file of a folder: its bytes, its mode and when it was changed."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }


@pytest.mark.parametrize("is_running", [False, True])
def test_a_dry_run_changes_nothing(empty_file: Path, tmp_path: Path, *, is_running: bool) -> None:
    """It reads what is remembered, and the folder is as it was."""
    path = tmp_path / "50% of #1?.db"
    path.write_bytes(empty_file.read_bytes())
    with opened(str(path)) as one:
        accept(one, item())
        if is_running:
            look(path)
    look(path)


def look(path: Path) -> None:
    """Open a ledger in a dry run, and compare the folder before and after."""
    before = photograph(path.parent)
    with opened(str(path), dry_run=True) as one:
        assert verdicts(one, item()) == {None: "unchanged"}
        assert screen(one, [item()])
        assert one.mark([item()], {}) is None
        one.note_unsent([item()], one.compare([item()]))
        one.end({}, None, {})
    after = photograph(path.parent)
    files = [name for name in before if not name.endswith("-shm")]  # locks of readers
    assert after.keys() == before.keys()
    assert {name: after[name] for name in files} == {name: before[name] for name in files}


def test_a_dry_run_makes_no_ledger(tmp_path: Path) -> None:
    """Where there is none, nothing is remembered."""
    settings = settings_of(str(tmp_path / "new.db"), dry_run=True)
    assert open_ledger(settings, lambda: NOW) is None
    assert not list(tmp_path.iterdir())


def test_only_its_owner_may_read_a_ledger(tmp_path: Path) -> None:
    """Its stock and its records are nobody else's business."""
    with opened(str(tmp_path / "new.db")) as one:
        accept(one, item())
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("name", ["missing/new.db", "", "/proc/new.db"])
def test_a_folder_that_cannot_be_used_is_named_as_a_mistake(tmp_path: Path, name: str) -> None:
    """A person has to act: another run would find the same."""
    with pytest.raises(ConfigurationError, match="ledger: cannot be opened"):
        opened(f"{tmp_path}/{name}").__enter__()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://stock:MARKER@host/db",
        "postgresql://stock:MARKER@host:port/db",
        "postgresql://stock:MARKER@[::1/db",
        "MARKER://",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////dev/null?timeout=MARKER",
        ":memory:",
        "postgresql+asyncpg://stock:MARKER@host/db",
    ],
)
def test_a_wrong_url_is_a_mistake_in_the_configuration(url: str) -> None:
    """And it is not shown, since it may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        open_engine(read_url(url))
    assert "MARKER" not in str(caught.value)


def test_errors_show_no_url_and_no_statement(ledger: str) -> None:
    """Neither a password, nor SQL, nor what was to be written."""
    with (
        open_engine(read_url(ledger)).connect() as connection,
        pytest.raises(LedgerError) as caught,
        translated(),
    ):
        connection.execute(text("SELECT :a FROM missing_table"), {"a": "MARKER-of-a-row"})
    message = str(caught.value)
    assert all(each not in message for each in (PASSWORD, "MARKER", "SELECT", "postgresql+", "\n"))


def test_a_database_that_does_not_answer_is_no_secret_told() -> None:
    """The message says what failed, without the password."""
    with pytest.raises(LedgerError) as caught:
        opened(f"postgresql://stock:{PASSWORD}@127.0.0.1:9/db").__enter__()
    assert PASSWORD not in str(caught.value)


def test_a_ledger_of_a_later_version_is_refused_and_left_alone(ledger: str, tmp_path: Path) -> None:
    """The message names the version that can read it."""
    with open_engine(read_url(ledger)).begin() as connection:
        connection.exec_driver_sql("UPDATE tocobagus_alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("UPDATE tocobagus_written_by SET version = '9.8.7'")
    before = photograph(tmp_path)
    for dry_run in (False, True):
        with pytest.raises(LedgerRefused, match=r"use 9\.8\.7 or later"):
            opened(ledger, dry_run=dry_run).__enter__()
    after = photograph(tmp_path)
    assert {name: one[:2] for name, one in after.items()} == {
        name: one[:2] for name, one in before.items()
    }


def test_after_its_connection_has_broken_a_run_writes_nothing(postgres: Database) -> None:
    """The lock ended with it, and another run may have begun: no second connection is made."""
    postgres.execute("CREATE DATABASE broken TEMPLATE template")
    ledger = postgres.url("broken")
    with opened(ledger) as one:
        flight = one.mark([item()], {})
        assert flight is not None
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'broken'"
        )
        with opened(ledger) as other:
            for _ in range(2):
                with pytest.raises(LedgerError):
                    one.record(flight, answered([item()]), last=True)
                with pytest.raises(LedgerError):
                    one.end({}, None, {})
            assert verdicts(other, item()) == {}


@pytest.mark.parametrize("kept", [100, 1000, 4096, 20_000])
@pytest.mark.parametrize("filled", [False, True])
def test_a_damaged_ledger_is_an_error_and_not_a_new_ledger(
    empty_file: Path, tmp_path: Path, kept: int, *, filled: bool
) -> None:
    """A file that was cut off, or whose pages are lost, is not taken for an empty memory."""
    path = tmp_path / "ledger.db"
    whole = empty_file.read_bytes()
    path.write_bytes(whole[:kept] + (bytes(len(whole) - kept) if filled else b""))
    before = path.read_bytes()
    for dry_run in (True, False):
        with pytest.raises((LedgerError, ConfigurationError)) as caught:
            opened(str(path), dry_run=dry_run).__enter__()
        assert "SELECT" not in str(caught.value)
    assert path.read_bytes() == before
